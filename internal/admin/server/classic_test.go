package server_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/server"
)

// wantSent waits for the messages, each written as in the classic form.
func wantSent(t *testing.T, b *admintest.Backend, want ...string) {
	t.Helper()
	got := b.WaitSent(t, len(want))
	if len(got) != len(want) {
		t.Fatalf("%d messages were published, want %d", len(got), len(want))
	}
	for i, p := range got {
		text := strings.Join(p.To, ",")
		if p.Except != "" {
			text += "-" + p.Except
		}
		if text += "=" + p.Data; text != want[i] {
			t.Errorf("message %d: got %.80q, want %.80q", i, text, want[i])
		}
	}
}

func TestMessageOfAClientThatWaits(t *testing.T) {
	onEachSocket(t, func(t *testing.T, b *admintest.Backend, p *peer) {
		p.send("room624=hello")
		wantSent(t, b, "room624=hello")
		p.send("room624-x=a=b")
		wantSent(t, b, "room624=hello", "room624-x=a=b")
	})
}

func TestMessageOfAClientThatShutsDown(t *testing.T) {
	onEachSocket(t, func(t *testing.T, b *admintest.Backend, p *peer) {
		p.send("room624=hello")
		p.closeWrite()
		wantSent(t, b, "room624=hello")
		p.wantClosed()
	})
}

func TestMessageOfAClientThatIsGoneAtOnce(t *testing.T) {
	onEachSocket(t, func(t *testing.T, b *admintest.Backend, p *peer) {
		p.send("ack_enable\nstatus\na=1\nb=2;*=3")
		p.conn.Close()
		wantSent(t, b, "a=1", "b=2", "*=3")
	})
}

func TestCommandsInOneSegment(t *testing.T) {
	onEachSocket(t, func(t *testing.T, b *admintest.Backend, p *peer) {
		p.send("a=1\nroom6*-x=2;*=3\r\nnonsense\nb=4\n")
		p.want("error unknown command at column 1")
		wantSent(t, b, "a=1", "room6*-x=2", "*=3", "b=4")
		if got := b.WaitRefusals(t, 1); got[0] != string(api.RefusedSyntax) {
			t.Errorf("refused for %v", got)
		}
	})
}

// A second part that comes within the pause belongs to the first. The answer to another
// connection's command, which is asked for in between, shows that the first part has been read,
// without waiting for the pause.
func TestMessageInTwoSegments(t *testing.T) {
	b := &admintest.Backend{}
	doors := admintest.Start(t, b)
	for attempt := 0; ; attempt++ {
		p := connect(t, "tcp", doors.TCP)
		begin := time.Now()
		p.send("room624=hel")
		other := connect(t, "unix", doors.Socket)
		other.send("numberofclients\n")
		other.line()
		p.send("lo\n")
		quick := time.Since(begin) < 40*time.Millisecond
		got := b.WaitSent(t, attempt+1)[attempt].Data
		switch {
		case got == "hello":
			return
		case quick:
			t.Fatalf("got the message %q, want hello", got)
		case attempt == 50:
			t.Fatal("this machine is too slow for the test")
		}
	}
}

func TestLargeMessages(t *testing.T) {
	for _, size := range []int{64 << 10, 1 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			b := &admintest.Backend{MessageBytes: size}
			doors := admintest.StartServer(t, server.Options{Backend: b, MaxMessage: func() int { return size }})
			text := strings.Repeat("x", size)
			p := connect(t, "unix", doors.Socket)
			p.send("a=" + text + "\n" + "b=" + text + "\n" + "c=" + text + "y\nd=4\n")
			p.want(fmt.Sprintf("error the message has %d bytes and the limit is %d", size+1, size))
			wantSent(t, b, "a="+text, "b="+text, "d=4")

			p.send("e=" + text + text + "\nf=5\n")
			p.want(fmt.Sprintf("error the command is too large at column %d", size+1024+1))
			wantSent(t, b, "a="+text, "b="+text, "d=4", "f=5")
			for _, reason := range b.WaitRefusals(t, 2) {
				if reason != string(api.RefusedTooLarge) {
					t.Errorf("refused for %s", reason)
				}
			}
		})
	}
}

func TestBurst(t *testing.T) {
	onEachSocket(t, func(t *testing.T, b *admintest.Backend, p *peer) {
		const n = 1700
		var in strings.Builder
		var want []string
		for i := range n {
			want = append(want, fmt.Sprintf("room%d=message %d", i%7, i))
			in.WriteString(want[i] + ";")
		}
		p.send(in.String())
		p.conn.Close()
		wantSent(t, b, want...)
	})
}

// A publisher with megabytes waiting is held back while the Backend is behind, and loses nothing.
func TestPublisherIsHeldBack(t *testing.T) {
	const n, size = 300, 32 << 10
	gate := make(chan struct{})
	b := &admintest.Backend{OnPublish: func(ctx context.Context, _ api.SendParams) error {
		select {
		case <-gate:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	p := connect(t, "unix", admintest.Start(t, b).Socket)
	text := strings.Repeat("x", size)
	written := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < n && err == nil; i++ {
			_, err = fmt.Fprintf(p.conn, "room=%s%d\n", text, i)
		}
		written <- err
	}()
	gate <- struct{}{} // the first message has arrived
	select {
	case err := <-written:
		t.Fatalf("all was taken at once (%v): nothing holds the publisher back", err)
	default:
	}
	close(gate)
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	for i, got := range b.WaitSent(t, n) {
		if got.Data != fmt.Sprintf("%s%d", text, i) {
			t.Fatalf("message %d is %.20q… of %d bytes", i, got.Data, len(got.Data))
		}
	}
}

func TestAcknowledgements(t *testing.T) {
	onEachSocket(t, func(t *testing.T, b *admintest.Backend, p *peer) {
		b.Matches = 3
		p.send("a=silent\nack_enable\na=1\nb=2\nroom=\nc=3\nnumberofclients\nd=4\n")
		p.want("ok\nok e-2 3\nok e-3 3\nerror the message is missing at column 6\nok e-4 3\nNumber of connected clients: 0\nok e-5 3\n")
	})
}

func TestAcknowledgementThatComesLate(t *testing.T) {
	late := make(chan struct{})
	b := &admintest.Backend{Matches: 1, OnMatched: firstAfter(late)}
	p := connect(t, "unix", admintest.Start(t, b).Socket)
	p.send("ack_enable\na=1\nb=2\nreinit_enable\n")
	p.want("ok")
	wantSent(t, b, "a=1", "b=2") // the second is on its way though the first has no answer yet
	close(late)
	p.want("ok e-1 1\nok e-2 1\nok")
}

func TestErrorsOfTheBackend(t *testing.T) {
	b := &admintest.Backend{
		OnPublish: func(_ context.Context, p api.SendParams) error {
			switch p.To[0] {
			case "busy":
				return &api.Error{Code: api.CodeOverloaded, Message: "the loops\nare behind", Hint: "try again"}
			case "slow":
				return context.DeadlineExceeded
			}
			return nil
		},
		OnMatched: func(_ context.Context, id string) error { return context.DeadlineExceeded },
		Errors:    map[string]error{api.MethodStatus: os.ErrClosed},
	}
	p := connect(t, "unix", admintest.Start(t, b).Socket)
	p.send("busy=1\nslow=1\nack_enable\nok=1\nstatus\ntcpstatus\n")
	p.want(`error the loops\x0Aare behind
error the daemon did not get to it in time
ok
error message e-1 was taken, but its streams were not counted in time
error file already closed
error file already closed
`)
	want := []string{"overloaded", "overloaded", "internal", "internal"}
	if got := b.WaitRefusals(t, 4); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("refused for %v, want %v", got, want)
	}
}

func TestLevelAndReinit(t *testing.T) {
	onEachSocket(t, func(t *testing.T, b *admintest.Backend, p *peer) {
		p.send("loglevel_debug\nreinit_enable\n")
		p.want("ok\nok")
		level, _ := b.LogLevel(t.Context(), "")
		reinit, _ := b.Reinit(t.Context(), nil)
		if level != "debug" || !reinit {
			t.Errorf("level %s, reinit %t", level, reinit)
		}
		p.send("loglevel_quiet\nloglevel_normal\nreinit_disable\n")
		p.want("ok\nok\nok")
		level, _ = b.LogLevel(t.Context(), "")
		reinit, _ = b.Reinit(t.Context(), nil)
		if level != "normal" || reinit {
			t.Errorf("level %s, reinit %t", level, reinit)
		}
	})
}

// records collects a log.
type records struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	more chan struct{} // not nil: it is closed by the next Write
}

func (r *records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.more != nil {
		close(r.more)
		r.more = nil
	}
	return r.buf.Write(p)
}

// count returns how many records have text.
func (r *records) count(text string) int { return strings.Count(r.String(), text) }

// written returns a channel that is closed when something was written after this call.
func (r *records) written() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.more == nil {
		r.more = make(chan struct{})
	}
	return r.more
}

func (r *records) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}

func newBackendWithNumbers() *admintest.Backend {
	n := 12
	return &admintest.Backend{
		StatusAnswer:  api.Status{Version: "2.0.0", Compiled: "go1.26", PID: 7, UID: 0, UptimeSeconds: 26, Mode: "http", LogLevel: "normal"},
		ClientsAnswer: api.Clients{Clients: []api.Client{{Conn: 6, ID: "x", Addr: "192.0.2.1:50190", State: "streaming", Rooms: []string{"room624"}, Agent: "evil\nstatus"}}},
		CountAnswer:   api.Count{Connections: &n, Streams: 10},
		RoomStreams:   map[string]int{"room624": 4},
	}
}

func TestTexts(t *testing.T) {
	b := newBackendWithNumbers()
	var log, answerQueue records
	doors := admintest.StartServer(t, server.Options{
		Backend: b,
		Logger:  slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Answers: slog.New(slog.NewTextHandler(&answerQueue, nil)),
	})
	p := connect(t, "unix", doors.Socket)

	p.send("status\n")
	want, err := os.ReadFile(filepath.Join("testdata", "status-small.txt"))
	if err != nil {
		t.Fatal(err)
	}
	p.want(string(want))

	p.send("clientlist\nnumberofclients\nsubscribedclients:room624\n")
	p.want(`------- requested client list -------
List of clients:
#1 - <6> info: 192.0.2.1:50190 S:SSE Err: 0 Messages: 0 Reinit: 0 SSL:No
  Connection time: 00:00:00  Handshaked time: 00:00:00 UniqId:x
  Agent: evil\x0Astatus
  Subscribes: room624
---------------- end ----------------
Number of connected clients: 12
Client count subscribed for "room624": 4
`)
	// An answer is logged after it was sent.
	lines := strings.Count(string(want), "\n") + 7 + 2
	late := time.After(patience)
	for more := answerQueue.written(); answerQueue.count("control answer") < lines; more = answerQueue.written() {
		select {
		case <-more:
		case <-late:
			t.Fatalf("%d records", answerQueue.count("control answer"))
		}
	}
	for _, line := range []string{`command=status line="Pid: 7"`, `command=clientlist line="#1 - <6> info`, `line="Number of connected clients: 12"`} {
		if !strings.Contains(answerQueue.String(), line) {
			t.Errorf("the log has no %s:\n%s", line, answerQueue.String())
		}
	}
	if n := answerQueue.count("control answer"); n != lines {
		t.Errorf("%d records", n)
	}
	if !strings.Contains(log.String(), fmt.Sprintf("peer_uid=%d", os.Geteuid())) {
		t.Errorf("the log does not say who came:\n%s", log.String())
	}
}

func TestTCPCommands(t *testing.T) {
	b := newBackendWithNumbers()
	var answerQueue records
	p := connect(t, "tcp", admintest.StartServer(t, server.Options{
		Backend: b,
		Logger:  slog.New(slog.DiscardHandler),
		Answers: slog.New(slog.NewTextHandler(&answerQueue, nil)),
	}).TCP)
	p.send("tcpnumberofclients;tcpsubscribedclients:room624;tcpclientlist;tcpstatus;")
	p.want(`{"numberofclients": 12}
{"subscribedclients": 4, "subscribedfor": "room624"}
{"clients": [{"conn": 6,"id": "x","addr": "192.0.2.1:50190","state": "streaming","tls": "","cipher": "","age_seconds": 0,"stream_age_seconds": 0,"rooms": ["room624"],"sent": 0,"queue_bytes": 0,"reinits": 0,"agent": "evil\nstatus"}],"numberofclients": 1}
`)
	if got := p.line(); !strings.HasPrefix(got, `{"version": "2.0.0","runningtime": "00:00:26","mode": "unencrypted (http)","loglevel": 1,"allconncli": 0,`) {
		t.Errorf("got %s", got)
	}
	if answerQueue.String() != "" {
		t.Errorf("logged %s", answerQueue.String())
	}
}

func TestMessageBodiesAreNotLogged(t *testing.T) {
	var log records
	b := &admintest.Backend{}
	doors := admintest.StartServer(t, server.Options{
		Backend: b,
		Logger:  slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	p := connect(t, "unix", doors.Socket)
	p.send("a=secret\nsecret\na*b=secret\nsecret-\n")
	for range 3 {
		p.line()
	}
	wantSent(t, b, "a=secret")
	if strings.Contains(log.String(), "secret") {
		t.Errorf("logged %s", log.String())
	}
	if n := strings.Count(log.String(), "column="); n != 3 {
		t.Errorf("%d of 3 errors were logged with their column:\n%s", n, log.String())
	}
}

func TestOtherDelimiter(t *testing.T) {
	b := &admintest.Backend{}
	p := connect(t, "unix", admintest.StartServer(t, server.Options{Backend: b, Delimiter: '|'}).Socket)
	p.send(`a={"x":1;2}|b=2|`)
	wantSent(t, b, `a={"x":1;2}`, "b=2")
}
