package hub

import "time"

// Bounds of unreadEpochs.
const (
	unreadWait = 5 * time.Second // for an epoch to come here as well
	unreadKeep = time.Minute     // after that, it may be one that did
	maxUnread  = 16
)

// unreadEpochs are epochs that clients came with and that are later than the current one: another
// hub may have read of them already. All of it is guarded by Hub.mu.
type unreadEpochs map[string]time.Time // when a client first came with it

// isAwaited notes that a client came with an epoch, and reports whether it may still begin here.
func (u *unreadEpochs) isAwaited(now time.Time, epoch string) bool {
	first, known := (*u)[epoch]
	if !known {
		if !u.makeRoom(now) {
			return false
		}
		if *u == nil {
			*u = make(unreadEpochs)
		}
		first = now
		(*u)[epoch] = now
	}
	return now.Sub(first) < unreadWait
}

// makeRoom drops what is no longer worth keeping, and reports whether there is room.
func (u unreadEpochs) makeRoom(now time.Time) bool {
	for epoch, first := range u {
		if now.Sub(first) >= unreadKeep {
			delete(u, epoch)
		}
	}
	return len(u) < maxUnread
}
