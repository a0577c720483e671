// Bare is the least that a delivery can cost: no TLS, no queue, no event loop, one goroutine (or -threads of them) that
// calls write for each client with bytes that are ready. What a server pays beyond its figure is its own; what it pays
// below is the kernel's.
//
//	GET /sub?ch=ROOM        subscribes, on -listen
//	POST /pub?ch=ROOM       publishes the body, on -publish, in a write of -bytes bytes a client
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// server is the descriptors of each room.
type server struct {
	size    int // of a write
	threads int // that share the clients

	mu    sync.Mutex
	rooms map[string][]int
}

func main() {
	listen := flag.String("listen", "127.0.0.1:8445", "address of the subscribers")
	publish := flag.String("publish", "127.0.0.1:8082", "address of the publishers")
	size := flag.Int("bytes", 158, "bytes that a delivery is padded to, as many as TLS would make of it")
	threads := flag.Int("threads", 1, "how many write at the same time, each to its part of the clients")
	flag.Parse()
	s := &server{size: *size, threads: max(*threads, 1), rooms: map[string][]int{}}
	go func() {
		http.HandleFunc("POST /pub", s.publish)
		fail(http.ListenAndServe(*publish, nil))
	}()
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		fail(err)
	}
	for {
		c, err := l.Accept()
		if err != nil {
			fail(err)
		}
		go s.subscribe(c.(*net.TCPConn))
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bare:", err)
	os.Exit(1)
}

// subscribe answers, and keeps nothing of the connection but its number.
func (s *server) subscribe(c *net.TCPConn) {
	defer c.Close()
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	name := r.URL.Query().Get("ch")
	if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"); err != nil {
		return
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		if own, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); err == nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.rooms[name] = append(s.rooms[name], own)
		}
	})
}

func (s *server) publish(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	frame := s.frame(string(body))
	name := r.URL.Query().Get("ch")
	s.mu.Lock()
	defer s.mu.Unlock()
	clients := s.rooms[name]
	var writing sync.WaitGroup
	for part := range slices.Chunk(clients, max(1, (len(clients)+s.threads-1)/s.threads)) {
		writing.Go(func() { writeTo(part, frame) })
	}
	writing.Wait()
	s.rooms[name] = slices.DeleteFunc(clients, func(fd int) bool { return fd < 0 })
}

// writeTo writes the frame to each client, and -1 in place of those that did not take it: a client that does not take it
// all at once is none that costs the least.
func writeTo(clients []int, frame []byte) {
	for i, fd := range clients {
		if n, err := unix.Write(fd, frame); n != len(frame) || err != nil {
			_ = unix.Close(fd)
			clients[i] = -1
		}
	}
}

// frame is one chunk with the event, padded by a comment.
func (s *server) frame(body string) []byte {
	text := "data: " + body + "\n\n"
	whole := func() string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }
	if missing := s.size - len(whole()); missing > len(":\n") {
		text = ":" + strings.Repeat(" ", missing-len(":\n")) + "\n" + text
	}
	return []byte(whole())
}
