package server_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/server"
)

func TestHTTPIsRefused(t *testing.T) {
	for _, request := range []string{
		"POST / HTTP/1.1\r\nHost: 127.0.0.1:9085\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\nroom=hello;",
		"GET /room=hello;*=hello HTTP/1.1\r\nHost: room=hello\r\n\r\n",
		"GET\r\nroom=hello\r\n",
		"PROPFIND /;room=hello; HTTP/1.1\nroom=hello\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nroom=hello\n",
		"OPTIONS * HTTP/1.1\r\nroom=hello\r\n\r\n",
	} {
		onEachSocket(t, func(t *testing.T, b *admintest.Backend, p *peer) {
			p.send(request)
			p.wantClosed()
			if got := b.WaitRefusals(t, 1); len(got) != 1 || got[0] != string(api.RefusedHTTP) {
				t.Errorf("%.20q: refused for %v", request, got)
			}
			if got := b.Sent(); len(got) > 0 {
				t.Errorf("%.20q: published %v", request, got)
			}
		})
	}
}

func TestHTTPClientIsRefused(t *testing.T) {
	b := &admintest.Backend{}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Post("http://"+admintest.Start(t, b).TCP+"/", "text/plain", strings.NewReader("room=hello\n"))
	if err == nil {
		response.Body.Close()
		t.Fatalf("got %s", response.Status)
	}
	for _, reason := range b.WaitRefusals(t, 1) { // the client may try again
		if reason != string(api.RefusedHTTP) {
			t.Errorf("refused for %s", reason)
		}
	}
	if got := b.Sent(); len(got) > 0 {
		t.Errorf("published %v", got)
	}
}

// What a page makes a browser send, over and over, does not fill the log.
func TestRefusedFormsAreLoggedWithinBounds(t *testing.T) {
	const connections = 40
	b, log := &admintest.Backend{}, &records{}
	doors := admintest.StartServer(t, server.Options{Backend: b, Logger: slog.New(slog.NewTextHandler(log, nil))})
	for range connections {
		p := connect(t, "tcp", doors.TCP)
		p.send("GET / HTTP/1.1\r\n\r\n")
		p.wantClosed()
	}
	b.WaitRefusals(t, connections)
	if n := strings.Count(log.String(), "reason=http"); n == 0 || n >= connections {
		t.Errorf("%d records of %d connections", n, connections)
	}
}

func TestHTTPVerbBeforeAPause(t *testing.T) {
	b := &admintest.Backend{}
	p := connect(t, "tcp", admintest.Start(t, b).TCP)
	p.send("POST")
	p.wantClosed()
	b.WaitRefusals(t, 1)
}

func TestRoomsNamedLikeVerbs(t *testing.T) {
	onEachSocket(t, func(t *testing.T, b *admintest.Backend, p *peer) {
		p.send("GET=hello\nPOST-x=hello\nGET / HTTP/1.1\n")
		p.want("error unknown command at column 1")
		wantSent(t, b, "GET=hello", "POST-x=hello")
	})
}

func TestTLSIsRefused(t *testing.T) {
	b := &admintest.Backend{}
	p := connect(t, "tcp", admintest.Start(t, b).TCP)
	if err := tls.Client(p.conn, &tls.Config{ServerName: "localhost"}).Handshake(); err == nil {
		t.Error("the handshake went through")
	}
	if got := b.WaitRefusals(t, 1); got[0] != string(api.RefusedTLS) {
		t.Errorf("refused for %v", got)
	}
}

func TestGarbage(t *testing.T) {
	b := &admintest.Backend{}
	doors := admintest.Start(t, b)
	random := rand.NewChaCha8([32]byte{1})
	for _, begin := range []string{"", "{", "x"} {
		p := connect(t, "unix", doors.Socket)
		discarded := make(chan struct{})
		go func() {
			defer close(discarded)
			_, _ = io.Copy(io.Discard, p.conn) // until the server has closed
		}()
		p.send(begin)
		garbage := make([]byte, 1<<20)
		_, _ = random.Read(garbage)
		if _, err := p.conn.Write(garbage); err == nil {
			p.closeWrite()
		}
		<-discarded
	}
	p := connect(t, "unix", doors.Socket)
	p.send("numberofclients\n")
	p.want("Number of connected clients: 0")
}

// A peer that sends commands and never reads the answers stops itself, and is cut off; what waits
// for it is bounded.
func TestPeerThatDoesNotReadItsAnswers(t *testing.T) {
	clients := make([]api.Client, 1000)
	b := &admintest.Backend{ClientsAnswer: api.Clients{Clients: clients}}
	doors := admintest.StartServer(t, server.Options{Backend: b}, func(s *server.Server) { server.SetWriteTimeout(s, 200*time.Millisecond) })
	p := connect(t, "unix", doors.Socket)
	written := make(chan int, 1)
	go func() {
		n := 0
		for {
			if _, err := io.WriteString(p.conn, `{"jsonrpc":"2.0","id":1,"method":"clients"}`+"\n"); err != nil {
				break
			}
			n++
		}
		written <- n
	}()
	if got := b.WaitRefusals(t, 1); got[0] != string(api.RefusedSlow) {
		t.Errorf("refused for %v", got)
	}
	if n := <-written; n < 100 { // it ends when the connection is closed
		t.Errorf("only %d requests were sent: nothing was tested", n)
	}
	stop(t, doors.Server) // and waits for the last command
	if n := len(b.Queries()); n > 20 {
		t.Errorf("%d answers of 200 KiB were made for a peer that reads none", n)
	}
}

// The peer is gone before its answers are written: its messages are published all the same.
func TestPeerThatIsGoneBeforeItsAnswers(t *testing.T) {
	onEachSocket(t, func(t *testing.T, b *admintest.Backend, p *peer) {
		const n = 500
		var in strings.Builder
		in.WriteString("ack_enable\n")
		for i := range n {
			fmt.Fprintf(&in, "nonsense\nroom=%d\n", i)
		}
		p.send(in.String())
		p.conn.Close()
		for i, got := range b.WaitSent(t, n) {
			if got.Data != fmt.Sprint(i) {
				t.Fatalf("message %d is %s", i, got.Data)
			}
		}
	})
}

func TestDisconnectInsideARequest(t *testing.T) {
	b := &admintest.Backend{}
	doors := admintest.Start(t, b)
	p := connect(t, "unix", doors.Socket)
	p.send(`{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":"a","da`)
	p.conn.Close()
	if got := b.WaitRefusals(t, 1); got[0] != string(api.RefusedSyntax) {
		t.Errorf("refused for %v", got)
	}
	if got := b.Sent(); len(got) > 0 {
		t.Errorf("published %v", got)
	}
}
