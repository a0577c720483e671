package server

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
)

// cutTimeout is how long connections that are cut off may take to notice.
const cutTimeout = time.Second

// Server is the daemon's side of the control protocol. Listeners are opened first, while the
// process may; [Server.Serve] then starts to serve connections.
type Server struct {
	shared *shared            // fixed
	cancel context.CancelFunc // of shared.ctx

	mu        sync.Mutex // guards all below
	listeners []*listener
	fifo      *os.File // nil: none
}

// New returns a Server without listeners.
func New(o Options) *Server {
	s := &Server{}
	s.shared, s.cancel = newShared(o)
	return s
}

// Serve starts to serve the connections of the listeners, and returns at once.
func (s *Server) Serve() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.shared.roster.serve() {
		return
	}
	for _, l := range s.listeners {
		s.shared.roster.running.Go(func() { s.shared.accept(l) })
	}
	if s.fifo != nil {
		c := newConn(s.shared, access.FIFO)
		c.input = newInput(s.fifo)
		s.shared.roster.add(c.seat)
	}
}

// Shutdown admits no connection any more, finishes the commands that have arrived, sends their
// answers and closes. When ctx ends before that, it cuts connections off, and leaves those to
// themselves whose command does not end even then. The FIFO stays in the file system: a script that
// finds none there would create an ordinary file.
func (s *Server) Shutdown(ctx context.Context) error {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.closeListeners() // which removes files
		s.shared.roster.running.Wait()
	}()
	defer s.cancel()
	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
	}
	s.cancel()
	go s.shared.roster.abortAll()
	late := time.NewTimer(cutTimeout)
	defer late.Stop()
	select {
	case <-stopped:
	case <-late.C:
	}
	return ctx.Err()
}

func (s *Server) closeListeners() {
	for _, l := range s.stop() {
		if l.remove != nil {
			l.remove() // before the close, so that the file is ours for certain
		}
		l.Close()
	}
}

// stop stops all connections, and returns the listeners that are to be closed, those without a file
// first: removing one may take long.
func (s *Server) stop() []*listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	wasServing := s.shared.roster.stop()
	listeners := s.listeners
	s.listeners = nil
	slices.SortStableFunc(listeners, func(a, b *listener) int {
		switch {
		case a.remove == nil && b.remove != nil:
			return -1
		case a.remove != nil && b.remove == nil:
			return 1
		}
		return 0
	})
	if s.fifo != nil && !wasServing {
		s.fifo.Close()
	}
	s.fifo = nil
	return listeners
}

// addListener adds a listener while that is possible.
func (s *Server) addListener(l *listener) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.shared.roster.isState(rosterOpening) {
		return errors.New("the control server is already serving")
	}
	s.listeners = append(s.listeners, l)
	return nil
}

// SetRights applies r from the next command of every connection on.
func (s *Server) SetRights(r *access.Rights) { s.shared.rules.rights.Store(r) }

// SetAccess applies a to new connections over TLS, and to the next command of those that are open.
func (s *Server) SetAccess(a *access.MutualTLS) { s.shared.rules.mutualTLS.Store(a) }

// HeldBytes returns about how much memory the control connections hold: what is long of unfinished
// commands, and lists that wait to be sent.
func (s *Server) HeldBytes() int64 { return s.shared.unfinished.held() + s.shared.lists.held() }
