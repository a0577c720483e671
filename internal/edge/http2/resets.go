package http2

import "slices"

// resets are the streams that we reset and whose clients may not know yet, the newest last: frames
// of them may still be on their way.
type resets struct{ ids []uint32 }

// mostResets is how many streams that we reset are remembered, so that what their clients sent
// meanwhile is no mistake.
const mostResets = 16

// add notes a stream. Of one whose request was complete only few frames can follow, but some can:
// WINDOW_UPDATE, PRIORITY, RST_STREAM need no memory, trailers do.
func (r *resets) add(id uint32) {
	if len(r.ids) >= mostResets {
		r.ids = slices.Delete(r.ids, 0, 1)
	}
	r.ids = append(r.ids, id)
}

// has reports whether we reset a stream that its client may still be sending on.
func (r *resets) has(id uint32) bool { return slices.Contains(r.ids, id) }

// forget drops a stream whose client knows.
func (r *resets) forget(id uint32) {
	r.ids = slices.DeleteFunc(r.ids, func(one uint32) bool { return one == id })
}
