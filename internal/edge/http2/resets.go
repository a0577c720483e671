package http2

import "slices"

// resets are the streams that we reset and whose clients may not know yet, the newest last: frames
// of them may still be on their way. nil are none, as on most connections.
type resets struct{ ids []uint32 }

// mostResets is how many streams that we reset are remembered, so that what their clients sent
// meanwhile is no mistake.
const mostResets = 16

// with returns r with a stream added. Of one whose request was complete only few frames can follow,
// but some can: WINDOW_UPDATE, PRIORITY, RST_STREAM need no memory, trailers do.
func (r *resets) with(id uint32) *resets {
	if r == nil {
		r = new(resets)
	}
	if len(r.ids) >= mostResets {
		r.ids = slices.Delete(r.ids, 0, 1)
	}
	r.ids = append(r.ids, id)
	return r
}

// has reports whether we reset a stream that its client may still be sending on.
func (r *resets) has(id uint32) bool { return r != nil && slices.Contains(r.ids, id) }

// without returns r without a stream, whose client knows.
func (r *resets) without(id uint32) *resets {
	if r == nil {
		return nil
	}
	if r.ids = slices.DeleteFunc(r.ids, func(one uint32) bool { return one == id }); len(r.ids) == 0 {
		return nil
	}
	return r
}
