package http2

import "slices"

// Owner carries a stream. The methods are called from Receive and AppendFrames, and may call back
// into the Conn.
type Owner interface {
	// Data takes a piece of the request's body, which is only lent; end is true with the last one,
	// which may be empty. What it takes is to be given back by Conn.Consumed.
	Data(p []byte, end bool)
	// Payload appends at most limit bytes of the answer to dst, and reports whether there is more.
	// It is not called before HaveData or End. With a limit of 0 it only reports.
	Payload(dst []byte, limit int) (out []byte, more bool)
	// Window reports that the stream's own window has opened after it had been empty.
	Window()
	// Done reports that the answer has been written to a record, with its end. The stream stays
	// open until the client has ended its request, too: Reset ends it earlier.
	Done()
	// Gone reports that the stream is over before its answer ended: the peer reset it, or broke it.
	// Nothing may be done with the stream afterwards.
	Gone(code ErrCode, byPeer bool)
}

// streamState is the life cycle of a stream (RFC 9113, section 5.1), without what a server does not
// need to tell apart. It only moves forward.
type streamState uint8

const (
	streamIdle       streamState = iota // its request has not come
	streamOpen                          // the request's body is still coming
	streamHalfClosed                    // the request is complete
	streamClosed                        // no longer in its connection
)

// Stream is one request and its answer. It is embedded by value in what carries it.
type Stream struct {
	id         uint32
	sendWindow int32
	state      streamState
	headSent   bool
	ending     bool    // END_STREAM follows the last byte of the payload
	ended      bool    // END_STREAM was sent; the request's body is still coming
	stalled    bool    // has something to send, but its window is empty
	next, prev *Stream // in sender.ready; nil: it is not ready
	body       *body   // of the request; nil: it is complete
	owner      Owner
}

// body is what of a request's body is to come.
type body struct {
	left   int64 // of content-length; -1: not known
	window recvWindow
}

// ID returns the stream's number.
func (s *Stream) ID() uint32 { return s.id }

// Owner returns the stream's owner.
func (s *Stream) Owner() Owner { return s.owner }

// IsOpen reports whether the stream is one of its connection's.
func (s *Stream) IsOpen() bool { return s.state == streamOpen || s.state == streamHalfClosed }

// isReady reports whether the stream is in sender.ready.
func (s *Stream) isReady() bool { return s.next != nil }

func (s *Stream) setState(to streamState) {
	if to <= s.state {
		panic("http2: internal error: a stream goes back to an earlier state")
	}
	s.state = to
	if to != streamOpen {
		s.body = nil
	}
}

// streamList are the open streams of a connection, by number. Numbers only grow, so that new ones
// are appended.
type streamList []*Stream

// search returns where the stream of that number is, or would be.
func (l streamList) search(id uint32) (at int, ok bool) {
	return slices.BinarySearchFunc(l, id, func(s *Stream, id uint32) int { return int(s.id) - int(id) })
}

// find returns the stream of that number, or nil.
func (l streamList) find(id uint32) *Stream {
	at, ok := l.search(id)
	if !ok {
		return nil
	}
	return l[at]
}

// remove takes out a stream, which must be listed.
func (l *streamList) remove(s *Stream) {
	at, _ := l.search(s.id)
	if *l = slices.Delete(*l, at, at+1); len(*l) == 0 {
		*l = nil
	}
}

func (l streamList) clone() streamList { return slices.Clone(l) }
