package http2

// recvWindow is how much the peer may send, of the connection or of one stream.
type recvWindow struct {
	left   int32
	unread int32 // bytes that were consumed and not yet given back
}

// take counts n bytes that have come, and reports whether they were within the window.
func (w *recvWindow) take(n int) bool {
	w.left -= int32(n)
	return w.left >= 0
}

// consumed returns what is to be given back after n more bytes were consumed: nothing, until it is
// worth a frame.
func (w *recvWindow) consumed(n int) (increment int) {
	if w.unread += int32(n); w.unread < initialWindow/2 {
		return 0
	}
	increment = int(w.unread)
	w.left += w.unread
	w.unread = 0
	return increment
}
