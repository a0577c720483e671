package http2

import "github.com/hassesd/hassesd/internal/list"

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
	ending     bool  // END_STREAM follows the last byte of the payload
	ended      bool  // END_STREAM was sent; the request's body is still coming
	isReady    bool  // in Conn.ready
	stalled    bool  // has something to send, but its window is empty
	unread     int32 // bytes of the body that were consumed and not yet given back to the peer's window
	recvWindow int32
	bodyLeft   int64 // of content-length; -1: not known
	owner      Owner
	place      list.Node[Stream] // in Conn.ready
}

// ID returns the stream's number.
func (s *Stream) ID() uint32 { return s.id }

// Owner returns the stream's owner.
func (s *Stream) Owner() Owner { return s.owner }

// IsOpen reports whether the stream is one of its connection's.
func (s *Stream) IsOpen() bool { return s.state == streamOpen || s.state == streamHalfClosed }

func (s *Stream) setState(to streamState) {
	if to <= s.state {
		panic("http2: internal error: a stream goes back to an earlier state")
	}
	s.state = to
}
