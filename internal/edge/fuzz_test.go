package edge

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/hub"
)

// FuzzConnections drives a server through random events, one per byte or two, and lets it check
// itself after each. In the end every connection must be drained away.
func FuzzConnections(f *testing.F) {
	f.Add([]byte{0, 1, 0, 2, 8, 0, 8, 1, 9, 0, 8, 0, 10, 0, 8, 2})
	f.Add([]byte{0, 0, 1, 1, 2, 0, 1, 1, 1, 2, 5, 0, 1, 8, 8, 8, 5, 1, 12, 13, 12, 13})
	f.Add([]byte{0, 1, 2, 1, 2, 2, 6, 1, 7, 2, 0, 1, 0, 11, 1, 11, 2, 14, 0, 8, 3, 15, 15})
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) > 200 {
			ops = ops[:200]
		}
		w := newTestServer(t, func(s *setup) {
			s.loops = 1 + int(at(ops, 0))%2
			s.reinit = at(ops, 1)%2 == 0
			s.hub.QueueBytes = 1024
			s.hub.Slow = hub.Policy(at(ops, 2) % 3)
			s.edge.Connections = 4
			s.edge.Admission.Connections = 5
			s.edge.HeartbeatInterval = time.Second
			s.edge.StreamAge = 20 * time.Second
		})
		var clients []*client
		for i := 0; i+1 < len(ops); i += 2 {
			op, arg := ops[i], ops[i+1]
			if op%fuzzOps == 0 {
				if len(clients) < 12 {
					clients = append(clients, w.connect())
				}
			} else {
				w.fuzzStep(op%fuzzOps, arg, clients)
			}
			w.turn()
			w.check()
		}
	})
}

func at(ops []byte, i int) byte {
	if i < len(ops) {
		return ops[i]
	}
	return 0
}

const fuzzOps = 16

var fuzzSends = []string{
	"GET /sse?subscribe=a-b&id=x HTTP/1.1\r\nHost: h\r\n\r\n",
	"GET /sse?subscribe=* HTTP/1.0\r\nLast-Event-ID: e-1\r\n\r\n",
	"GET /sse?subscribe=a HTTP/1.1\r\nHost: h\r\nLast-Event-ID: other-1\r\n\r\n",
	"GET /sse?sub", "scribe=a HTTP/1.1\r\nHost", ": h\r\n\r\n", "\r\n\r\n",
	"HEAD /sse?subscribe=b HTTP/1.1\r\nHost: h\r\n\r\n",
	"POST /sse HTTP/1.1\r\nHost: h\r\n\r\n",
	"\x00\x01\x02", string(make([]byte, 9000)),
	"\r", "\n", "\r\nGET /sse?subscribe=a HTTP/1.1\r\nHost: h\r\n",
}

// fuzzStep makes one thing happen to the test server or to one client.
func (w *testServer) fuzzStep(op, arg byte, clients []*client) {
	switch op {
	case 8:
		w.publish("a", fmt.Sprintf("%0*d", int(arg)*4, arg))
		return
	case 9:
		w.publish("*", "all")
		return
	case 10:
		w.kick(Selection{Room: "a"}, time.Duration(arg%2)*time.Second)
		return
	case 11:
		w.advance(time.Duration(arg) * 50 * time.Millisecond)
		return
	case 12:
		w.srv.SetReinit(arg%2 == 0)
		return
	case 13:
		c := w.srv.config().Config
		c.HeartbeatInterval = time.Duration(arg) * 100 * time.Millisecond
		w.srv.Reconfigure(w.kernel.Now(), c)
		return
	}
	if len(clients) == 0 {
		return
	}
	c := clients[int(arg)%len(clients)]
	switch op {
	case 1, 2, 3:
		c.Send([]byte(fuzzSends[(int(arg)+int(op)*5)%len(fuzzSends)]))
	case 4:
		c.SetWindow(0)
	case 5:
		c.SetWindow(1 << 20)
	case 6:
		c.Close()
	case 7:
		c.CloseWrite()
	case 14:
		c.Throttle(int(arg%3), int(arg%5))
	case 15:
		if arg%2 == 0 {
			c.Reset()
		} else {
			c.FailWrites(unix.ETIMEDOUT)
		}
	}
}
