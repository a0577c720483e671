package admin

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/listen"
)

// defaultConnections is how many connections a door has places for, when nothing else is said.
const defaultConnections = 128

// sendBuffer is how much the kernel shall hold of answers for a client of TCP.
const sendBuffer = 128 << 10

// acceptPause is the wait after accept failed, most likely for want of descriptors.
const acceptPause = 100 * time.Millisecond

// cutTimeout is how long connections that are cut off may take to notice.
const cutTimeout = time.Second

// ServerOptions say what a [Server] acts on.
type ServerOptions struct {
	Backend Backend
	Logger  *slog.Logger

	// Answers gets the text of the classic status, clientlist, numberofclients and subscribedclients, one record a
	// line with its text as the attribute "line". hasses logged these at every level, so give it a logger that no level
	// silences. It may wait for as long as its context allows. nil: Logger.
	Answers *slog.Logger

	// Delimiter ends a classic command, besides the newline. 0: ';'.
	Delimiter byte

	// Connections is how many connections each listening door has places for: those of one cannot take the places of
	// another, so that publishers on TCP never lock an administrator out of the Unix socket. 0: 128.
	Connections int

	// Rights are in force until [Server.SetRights]. nil: the Unix socket is for administrators, plain TCP for publishers,
	// and there are no keys.
	Rights *access.Rights

	// Pace is the one in force for each connection; it is asked again and again. nil: none.
	Pace func() Pace

	// Admission decides which networks may begin handshakes at the TLS door, and remembers those that did wrong there. nil:
	// all may.
	Admission *admission.Table

	// HandshakeSlot waits until a handshake of the TLS door may compute; leave gives the processor back. nil: at once.
	HandshakeSlot func(ctx context.Context) (leave func(), err error)

	// HandshakesUnderway is told of each handshake of the TLS door that begins, +1, and ends, -1. nil: nobody wants to know.
	HandshakesUnderway func(change int64)

	// LineBytes is how much the unfinished commands of all connections may hold together, beside the first 64 KiB of each;
	// it is asked again and again. nil: no bound.
	LineBytes func() int64

	// MaxMessage is the bound of a message's bytes in force; it is asked again and again. nil: 64 KiB.
	MaxMessage func() int
}

// Server is the daemon's side of the control protocol. Doors are opened first, while the process may; [Server.Serve]
// then starts to answer.
type Server struct {
	// Fixed after creation.
	backend      Backend
	log          *slog.Logger
	answerLog    *slog.Logger
	delimiter    byte
	places       int // of each listening door
	maxMessage   func() int
	pace         func() Pace
	writeTimeout time.Duration

	handshakeTimeout time.Duration // of the TLS door
	placePatience    time.Duration
	lobbyPatience    time.Duration
	answerTimeout    time.Duration
	listPatience     time.Duration
	began            time.Time
	admission        *admission.Table // nil: none
	handshakeSlot    func(ctx context.Context) (leave func(), err error)
	underway         func(change int64)

	ctx     context.Context // of all that is asked of the Backend; ends when a shutdown loses patience
	cancel  context.CancelFunc
	running sync.WaitGroup // accept loops and connections

	access   atomic.Pointer[access.MutualTLS] // of the TLS door; safe by itself
	rights   atomic.Pointer[access.Rights]    // never nil; safe by itself
	attempts access.AuthAttempts              // safe by itself
	held     held                             // safe by itself

	unfinished lineBudget    // safe by itself
	lists      listings      // safe by itself
	stopping   chan struct{} // closed with serverStopping

	mu        sync.Mutex // guards all below
	state     serverState
	doors     []*listenDoor
	fifo      *os.File // nil: none
	conns     map[*conn]struct{}
	strangers noise                           // in the log: connections that were turned away
	refusals  noise                           // in the log: commands that were
	open      map[access.Endpoint]*doorPlaces // of the listening doors
	lobbies   map[access.Endpoint]*lobby      // of those
	made      uint64                          // connections so far, which numbers them
}

type serverState uint8

const (
	serverOpening  serverState = iota // doors may be opened
	serverServing                     // doors are served
	serverStopping                    // nobody is let in any more; what has arrived is finished
)

// NewServer returns a Server without doors.
func NewServer(o ServerOptions) *Server {
	s := &Server{
		backend:      o.Backend,
		log:          o.Logger,
		answerLog:    o.Answers,
		delimiter:    o.Delimiter,
		places:       o.Connections,
		maxMessage:   o.MaxMessage,
		pace:         o.Pace,
		writeTimeout: writeTimeout,

		handshakeTimeout: handshakeTimeout,
		placePatience:    placePatience,
		lobbyPatience:    lobbyPatience,
		answerTimeout:    answerTimeout,
		listPatience:     listPatience,
		began:            time.Now(),
		admission:        o.Admission,
		handshakeSlot:    o.HandshakeSlot,
		underway:         o.HandshakesUnderway,

		unfinished: lineBudget{limit: o.LineBytes, grace: lineGrace, wait: linePatience},

		conns: map[*conn]struct{}{},
		open:  make(map[access.Endpoint]*doorPlaces),

		lobbies: make(map[access.Endpoint]*lobby),

		stopping: make(chan struct{}),
	}
	s.lists.init(s.stopping)
	s.rights.Store(o.Rights)
	if o.Rights == nil {
		s.rights.Store(access.DefaultRights())
	}
	if s.places <= 0 {
		s.places = defaultConnections
	}
	if s.answerLog == nil {
		s.answerLog = s.log
	}
	if s.delimiter == 0 {
		s.delimiter = ';'
	}
	if s.pace == nil {
		s.pace = func() Pace { return Pace{} }
	}
	if s.maxMessage == nil {
		s.maxMessage = func() int { return 64 << 10 }
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// listenDoor is a socket that control connections come in by.
type listenDoor struct {
	kind     access.Endpoint
	listener net.Listener
	remove   func() // takes the socket's file away, if it is still ours; nil: there is none
}

func (s *Server) addDoor(d *listenDoor) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != serverOpening {
		return errors.New("the control server is already serving")
	}
	s.doors = append(s.doors, d)
	return nil
}

// Serve starts to answer at the doors that are open, and returns at once.
func (s *Server) Serve() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != serverOpening {
		return
	}
	s.state = serverServing
	for _, d := range s.doors {
		s.running.Go(func() { s.accept(d) })
	}
	if s.fifo != nil {
		s.start(&conn{principal: access.Principal{Endpoint: access.FIFO}, input: newInput(s.fifo)})
	}
}

// Shutdown lets nobody in any more, finishes the commands that have arrived, sends their answers and closes. When ctx
// ends before that, connections are cut off, and those whose command does not end even then are left to themselves. The
// FIFO stays in the file system: a script that finds none there would create an ordinary file.
func (s *Server) Shutdown(ctx context.Context) error {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.stopDoors() // which removes files
		s.running.Wait()
	}()
	defer s.cancel()
	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
	}
	s.cancel()
	go s.abortAll()
	late := time.NewTimer(cutTimeout)
	defer late.Stop()
	select {
	case <-stopped:
	case <-late.C:
	}
	return ctx.Err()
}

func (s *Server) abortAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.abort()
	}
}

func (s *Server) stopDoors() {
	for _, d := range s.beginStop() {
		if d.remove != nil {
			d.remove() // before the close, so that the file is ours for certain
		}
		d.listener.Close()
	}
}

// beginStop has everybody stop, and returns the doors that are to be closed, those without a file first: removing one may
// take long.
func (s *Server) beginStop() []*listenDoor {
	s.mu.Lock()
	defer s.mu.Unlock()
	served := s.state == serverServing
	if s.state != serverStopping {
		close(s.stopping)
	}
	s.state = serverStopping
	doors := s.doors
	s.doors = nil
	slices.SortStableFunc(doors, func(a, b *listenDoor) int {
		switch {
		case a.remove == nil && b.remove != nil:
			return -1
		case a.remove != nil && b.remove == nil:
			return 1
		}
		return 0
	})
	if s.fifo != nil && !served {
		s.fifo.Close()
	}
	s.fifo = nil
	for c := range s.conns {
		c.input.stop()
	}
	return doors
}

func (s *Server) accept(d *listenDoor) {
	failing := false
	for {
		nc, err := d.listener.Accept()
		switch {
		case err == nil:
			failing = false
			s.admit(d, nc)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			if !failing {
				s.log.Warn("control connections are not accepted", "door", string(d.kind), "err", err)
			}
			failing = true
			select {
			case <-time.After(acceptPause):
			case <-s.ctx.Done():
				return
			}
		}
	}
}

// admit starts a connection, as soon as there is a place for it, or closes it. One without a role needs none, but room in
// the lobby.
func (s *Server) admit(d *listenDoor, nc net.Conn) {
	c := &conn{server: s, queue: newAnswers(), principal: access.Principal{Endpoint: d.kind}}
	s.present(c, nc)
	if d.kind == access.TLS {
		sealed := newSealedConn(nc, s.access.Load(), s.writeTimeout)
		sealed.wire.slot, sealed.wire.underway = s.handshakeSlot, s.underway
		c.input, c.out, c.isStranger = newSealedInput(sealed), sealed, true
	} else {
		src, ok := nc.(descriptor)
		if !ok {
			panic("admin: internal error: a connection that is no socket")
		}
		c.input, c.out = newInput(src), nc
		c.principal.Judge(s.rules(d.kind))
		c.isStranger = c.principal.Role() == api.RoleNone
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.isStranger {
		if reason, ok := s.receive(c); !ok {
			refuseHard(nc)
			if reason != "" {
				s.turnAway(s.log, reason, slog.String("door", string(d.kind)), slog.String("peer", c.source))
			}
			return
		}
		s.start(c)
		return
	}
	if !s.takePlace(d.kind) {
		nc.Close()
		if s.state == serverServing {
			s.turnAway(s.log, api.RefusedConnections, slog.String("door", string(d.kind)), slog.Int("limit", s.places))
		}
		return
	}
	c.hasPlace = true
	s.start(c)
}

// present finds out who is at the other end of a connection, as far as it need not say so.
func (s *Server) present(c *conn, nc net.Conn) {
	switch c.principal.Endpoint {
	case access.Unix:
		peer, err := listen.Peer(nc)
		if err != nil {
			return // whoever it is, it has no role
		}
		c.principal.Peer = peer
		c.source = "uid " + strconv.FormatUint(uint64(peer.Uid), 10)
		c.origin = c.source
	case access.TCP, access.TLS: // there a certificate will tell more
		c.source = hostOf(nc.RemoteAddr())
		c.origin, c.address = originOf(nc.RemoteAddr())
		if tcp, ok := nc.(*net.TCPConn); ok {
			_ = tcp.SetWriteBuffer(sendBuffer) // the kernel would take megabytes that are not read
		}
	case access.FIFO:
	}
}

// hostOf is an address without its port.
func hostOf(a net.Addr) string {
	host, _, err := net.SplitHostPort(a.String())
	if err != nil {
		return a.String()
	}
	return host
}

// turnAway counts a connection that was not let in, and logs it unless there are too many of them. The caller holds s.mu.
func (s *Server) turnAway(log *slog.Logger, reason api.Refusal, attrs ...slog.Attr) {
	s.backend.CountCommandError(string(reason))
	level, missing := s.strangers.level(time.Now())
	attrs = append(attrs, slog.String("reason", string(reason)))
	log.LogAttrs(context.Background(), level, "control connection refused", append(attrs, missing...)...)
}

// loud says at which level the next refused command is logged, with what belongs to the record besides.
func (s *Server) loud() (slog.Level, []slog.Attr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refusals.level(time.Now())
}

// evictStranger frees the place of a connection that has lost its role, the oldest of them: whoever may do nothing any more
// does not keep others out. It returns false when there is none. The caller holds s.mu.
func (s *Server) evictStranger(kind access.Endpoint) bool {
	var oldest *conn
	for c := range s.conns {
		if c.principal.Endpoint == kind && c.isStranger && c.hasPlace && (oldest == nil || c.number < oldest.number) {
			oldest = c
		}
	}
	if oldest == nil {
		return false
	}
	s.leave(oldest)
	oldest.isEvicted = true
	oldest.abort()
	return true
}

// SetRights puts r in force, for the next command of every connection.
func (s *Server) SetRights(r *access.Rights) { s.rights.Store(r) }

// SetAccess puts a in force, for new connections of the TLS door and for the next command of those that are open.
func (s *Server) SetAccess(a *access.MutualTLS) { s.access.Store(a) }

// start runs a connection. The caller holds s.mu.
func (s *Server) start(c *conn) {
	s.made++
	c.server = s
	c.number = s.made
	c.log = s.log.With(append([]any{"door", string(c.principal.Endpoint), "control", s.made}, peerAttrs(c.out)...)...)
	c.line = c.newLineHold()
	c.log.Debug("control connection opened")
	s.conns[c] = struct{}{}
	s.running.Go(func() {
		isRun := c.principal.Endpoint != access.TLS || c.identify()
		if isRun {
			c.run()
		}
		s.mu.Lock()
		if isRun && c.isEvicted {
			s.logEvicted(c)
		}
		delete(s.conns, c)
		s.leave(c)
		s.leaveLobby(c)
		s.mu.Unlock()
		c.log.Debug("control connection closed")
	})
}
