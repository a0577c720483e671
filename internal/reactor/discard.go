package reactor

// Discard resets and closes an accepted descriptor that no source of the loop came to own.
func (l *Loop) Discard(fd int) {
	l.owner.check()
	// If this fails the peer sees an ordinary close.
	_ = l.poller.Abortive(fd)
	l.closeDescriptor(fd)
}
