package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// control is a control port that answers what a test says to each line; nothing: it hangs up.
func control(t *testing.T, answer func(line string) string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			for lines := bufio.NewScanner(c); lines.Scan(); {
				text := answer(lines.Text())
				if text == "" {
					break
				}
				if _, err := io.WriteString(c, text+"\n"); err != nil {
					break
				}
			}
			c.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-ended
	})
	return l.Addr().String()
}

// answered waits until the door has had n answers.
func (d *PublishConn) answered(t *testing.T, n uint64) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for d.answers.Load() < n {
		select {
		case <-d.changed:
		case <-d.ended:
			t.Fatal(d.err)
		case <-deadline:
			t.Fatalf("%d answers, want %d", d.answers.Load(), n)
		}
	}
}

func TestPublishConns(t *testing.T) {
	t.Parallel()
	lines := make(chan string, 10)
	address := control(t, func(line string) string {
		lines <- line
		if strings.HasPrefix(line, "{") {
			return `{"jsonrpc":"2.0","id":1,"result":{"id":"e-1","matched":1}}`
		}
		return "ok e-1 1"
	})
	for _, tt := range []struct {
		name string
		dial func(ctx context.Context, network, address string, timeout time.Duration) (*PublishConn, error)
		want []string
	}{
		{"classic", DialClassic, []string{"ack_enable", "a=hello", "b=hello"}},
		{"json", DialJSON, []string{
			`{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":"a","data":"hello"}}`,
			`{"jsonrpc":"2.0","id":2,"method":"send","params":{"to":"b","data":"hello"}}`,
		}},
	} {
		d, err := tt.dial(t.Context(), "tcp", address, 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(d.send("a", []byte("hello")), d.send("b", []byte("hello")), d.Flush()); err != nil {
			t.Fatal(err)
		}
		d.answered(t, 2)
		for _, want := range tt.want {
			if got := <-lines; got != want {
				t.Errorf("%s: line %q, want %q", tt.name, got, want)
			}
		}
		d.Close()
		<-d.ended
	}
}

func TestPublishConnThatIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		dial   func(ctx context.Context, network, address string, timeout time.Duration) (*PublishConn, error)
		answer func(line string) string
		want   string
	}{
		{"classic at once", DialClassic, func(string) string { return "error unknown command" }, "error unknown command"},
		{"classic later", DialClassic, func(line string) string {
			return map[bool]string{true: "ok", false: "error no"}[line == "ack_enable"]
		}, "error no"},
		{"json", DialJSON, func(string) string { return `{"error":{"message":"too large"}}` }, "too large"},
		{"not json", DialJSON, func(string) string { return "what?" }, "invalid character"},
		{"gone", DialJSON, func(string) string { return "" }, "closed the connection"},
	} {
		d, err := tt.dial(t.Context(), "tcp", control(t, tt.answer), 30*time.Second)
		if err == nil {
			if err := errors.Join(d.send("a", []byte("hello")), d.Flush()); err != nil {
				t.Fatal(err)
			}
			<-d.ended
			err = d.err
			d.Close()
		}
		if !errors.Is(err, ErrPublish) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := DialClassic(t.Context(), "unix", t.TempDir()+"/none", time.Second); !errors.Is(err, ErrPublish) {
		t.Errorf("no socket: %v", err)
	}
}

func TestHTTPPublishConn(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	d, err := DialHTTP(t.Context(), s.URL+"/pub?ch={room}", nil, roots, 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if err := d.send("a", fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Flush(); err != nil {
		t.Fatal(err)
	}
	d.answered(t, 10)
	s.mu.Lock()
	if got := strings.Join(s.room("a").events, ""); !strings.HasPrefix(got, "id: 1\ndata: 0\n\nid: 2\ndata: 1\n\n") {
		t.Errorf("published %q", got)
	}
	s.mu.Unlock()
	d.Close()
	<-d.ended

	d, err = DialHTTP(t.Context(), s.URL+"/none?ch={room}", nil, roots, 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := errors.Join(d.send("a", nil), d.Flush()); err != nil {
		t.Fatal(err)
	}
	if <-d.ended; !strings.Contains(d.err.Error(), "status 404") {
		t.Errorf("error %v", d.err)
	}
	if _, err := DialHTTP(t.Context(), s.URL+"/pub?ch={room}", nil, nil, 30*time.Second); !errors.Is(err, ErrPublish) {
		t.Errorf("a server that nobody trusts: %v", err)
	}
}
