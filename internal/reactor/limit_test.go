package reactor

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// limitedServer, set in its environment, makes the test binary a server with
// few descriptors.
const limitedServer = "REACTOR_TEST_LIMITED_SERVER"

// serverDescriptors is enough for the runtime, a loop and some connections.
const serverDescriptors = 40

// TestKernelDescriptorLimit fills a real process up to its RLIMIT_NOFILE.
func TestKernelDescriptorLimit(t *testing.T) {
	if os.Getenv(limitedServer) != "" {
		if err := serveLimited(t, os.Stdin, os.Stdout); err != nil {
			t.Fatal(err)
		}
		return
	}
	s := startLimited(t)

	// Given more clients than the server has descriptors, then some are served
	// and the others learn at once that they are not.
	const sheds = 5
	var served []net.Conn
	for shed := 0; shed < sheds; {
		if conn := s.dial(); conn != nil {
			served = append(served, conn)
		} else {
			shed++
		}
		if len(served) > serverDescriptors {
			t.Fatalf("%d served with %d descriptors", len(served), serverDescriptors)
		}
	}
	full := s.ask()
	if len(served) == 0 || full.Shed != sheds {
		t.Fatalf("%d served, %d shed; want some and %d", len(served), full.Shed, sheds)
	}
	// The server does not spin: a client or a rest takes a turn or two.
	if limit := 10 * (uint64(len(served)) + full.Shed + full.Rests); full.turns > limit {
		t.Errorf("%d turns for %d clients and %d rests", full.turns, len(served)+sheds, full.Rests)
	}

	// When a client goes, then the next one is served.
	if err := served[0].Close(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); s.ask().open == full.open; {
		if time.Now().After(deadline) {
			t.Fatal("server does not notice that a client has gone")
		}
	}
	again := s.dial()
	if again == nil {
		t.Fatal("not served though a descriptor was free")
	}
	for _, conn := range append(served[1:], again) {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

// limited is the parent's view of the server.
type limited struct {
	t       *testing.T
	address string
	orders  io.Writer
	answers *bufio.Reader
}

type limitedStats struct {
	AcceptStats
	turns uint64
	open  int
}

func startLimited(t *testing.T) *limited {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKernelDescriptorLimit$")
	cmd.Env = append(os.Environ(), limitedServer+"=1")
	cmd.Stderr = os.Stderr
	orders, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = orders.Close()
		if _, err := io.Copy(io.Discard, out); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("server: %v", err)
		}
	})
	s := &limited{t: t, orders: orders, answers: bufio.NewReader(out)}
	if _, err := fmt.Fscanln(s.answers, &s.address); err != nil {
		t.Fatalf("address of the server: %v", err)
	}
	return s
}

// dial connects and waits for the greeting; nil if the server shed it.
func (s *limited) dial() net.Conn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.address)
	if errors.Is(err, unix.ECONNRESET) {
		return nil
	}
	if err != nil {
		s.t.Fatal(err)
	}
	var greeting [1]byte
	if _, err = io.ReadFull(conn, greeting[:]); err == nil {
		return conn
	}
	if !errors.Is(err, unix.ECONNRESET) {
		s.t.Errorf("shed with %v, want a reset", err)
	}
	_ = conn.Close()
	return nil
}

func (s *limited) ask() (stats limitedStats) {
	s.t.Helper()
	if _, err := fmt.Fprintln(s.orders, "stats"); err != nil {
		s.t.Fatal(err)
	}
	if _, err := fmt.Fscanln(s.answers, &stats.Shed, &stats.Rests, &stats.turns, &stats.open); err != nil {
		s.t.Fatal(err)
	}
	return stats
}

// serveLimited greets and keeps every client until it goes, and answers orders
// with its counts.
func serveLimited(t *testing.T, orders io.Reader, answers io.Writer) error {
	turns := uint64(0)
	l, err := New(Options{EndOfTurn: func() bool { turns++; return false }})
	if err != nil {
		return err
	}
	listeners, err := Listen(t.Context(), "127.0.0.1:0", nil)
	if err != nil {
		return err
	}
	var a *Acceptor
	a, err = NewAcceptor(l, listeners[0].FD, func(fd int, _ netip.AddrPort) bool {
		s := new(Source)
		err := l.Add(s, fd, handlerFunc(func(ev Events) {
			if ev&Hangup != 0 {
				s.Close()
			}
		}))
		if err != nil {
			return false
		}
		_, err = s.Write([]byte("+"))
		return err == nil
	})
	if err != nil {
		return err
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: serverDescriptors, Max: serverDescriptors}); err != nil {
		return err
	}
	ended := make(chan error)
	go func() { ended <- l.Run() }()

	if _, err := fmt.Fprintln(answers, listeners[0].Addr); err != nil {
		return err
	}
	for lines := bufio.NewScanner(orders); lines.Scan(); {
		answer := make(chan string)
		if err := l.PostWait(t.Context(), func() {
			s := a.Stats()
			answer <- fmt.Sprintln(s.Shed, s.Rests, turns, l.Sources())
		}); err != nil {
			return err
		}
		if _, err := io.WriteString(answers, <-answer); err != nil {
			return err
		}
	}
	l.Stop()
	return <-ended
}
