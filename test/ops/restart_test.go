package ops

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/systemd/systemdtest"
	"github.com/hassesd/hassesd/test/delivery"
	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// TestT23RestartWithoutAStorm restarts the daemon under streams and publishing while the service
// manager keeps its sockets. All streams return, spread over time; none is refused, and no message
// is lost, doubled or skipped. `make bench-restart` does the same with 5,000 streams.
func TestT23RestartWithoutAStorm(t *testing.T) {
	t.Parallel()
	const window = 3 * time.Second
	r := restart(t, crowd{streams: 300, rooms: 20, rate: 100, window: window, retry: 500 * time.Millisecond})
	t.Log(r)
	first, last := r.due[0], r.due[len(r.due)-1]
	if last-first < window/2 {
		t.Errorf("everybody is to be back within %s of the first, want them spread over %s", last-first, window)
	}
	if first < window {
		t.Errorf("the first one is to be back %s after the drain has begun, while the old process may still be there", first)
	}
	if r.resumed < len(r.due) {
		t.Errorf("%d of %d TLS sessions were resumed after the restart", r.resumed, len(r.due))
	}
}

// BenchmarkRestart restarts a busy daemon. Run it once: make bench-restart.
func BenchmarkRestart(b *testing.B) {
	for b.Loop() {
		r := restart(b, crowd{streams: 5000, rooms: 100, rate: 100, window: 10 * time.Second, retry: 2 * time.Second})
		b.Log(r)
		for name, d := range map[string]time.Duration{
			"away-p50-s": quantile(r.away, 0.5), "away-max-s": quantile(r.away, 1), "connect-p50-s": quantile(r.connect, 0.5),
			"connect-p99-s": quantile(r.connect, 0.99), "down-s": r.down,
		} {
			b.ReportMetric(d.Seconds(), name)
		}
		b.ReportMetric(float64(busiestSecond(r.back)), "back-in-busiest-s")
	}
}

// crowd is the load during a restart.
type crowd struct {
	streams, rooms int
	rate           int // messages a second
	window, retry  time.Duration
}

// returns is how the streams of a crowd came back. All times but connect, away and down count from
// the signal, and all are sorted.
type returns struct {
	ended   []time.Duration // when the streams were ended
	due     []time.Duration // when each was due back, by its retry time
	back    []time.Duration // when it was
	connect []time.Duration // how long it took to be served again, from the first packet on
	away    []time.Duration // how long each had no stream
	down    time.Duration   // from the end of the old process until the new one answers
	resumed int             // TLS sessions
	totals  delivery.Totals
	retries int // messages that were published again because no daemon took them
}

func (r returns) String() string {
	span := func(all []time.Duration) string {
		return fmt.Sprintf("%.2f-%.2f s (p50 %.2f)", all[0].Seconds(), quantile(all, 1).Seconds(), quantile(all, 0.5).Seconds())
	}
	return fmt.Sprintf("ended at %s, to be back at %s, back at %s, at most %d in a second; away %s; connected in %s; nobody there for %s; %d of %d sessions resumed; %s; %d published again",
		span(r.ended), span(r.due), span(r.back), busiestSecond(r.back), span(r.away), span(r.connect), r.down.Round(time.Millisecond),
		r.resumed, len(r.due), r.totals, r.retries)
}

func quantile(sorted []time.Duration, part float64) time.Duration {
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}

func busiestSecond(all []time.Duration) int {
	perSecond := make(map[time.Duration]int)
	most := 0
	for _, at := range all {
		perSecond[at/time.Second]++
		most = max(most, perSecond[at/time.Second])
	}
	return most
}

// restart starts a daemon under a service manager, connects a crowd, restarts the daemon and
// returns how the crowd came back. It fails the test when a stream was refused or a message was not
// delivered.
func restart(tb testing.TB, load crowd) returns {
	tb.Helper()
	m := systemdtest.New(tb)
	d := harness.Prepare(tb, "--drain-window", load.window.String(), "--retry", load.retry.String(), "--state-dir", tb.TempDir()+"/state",
		"--log-level", "normal", "--limits-handshakes", "10000", "--limits-connections-per-address", "0")
	runUnder(d, m)
	epoch := d.Status().Epoch
	ledger := delivery.New()
	ctx, cancel := context.WithTimeout(tb.Context(), 2*load.window+4*harness.Patience)
	defer cancel()

	var browsers sync.WaitGroup
	failed := make(chan error, load.streams+1)
	crowd := make([]*browser, load.streams)
	entry := make(chan struct{}, 16) // so many come in at a time at first: that storm is no matter of a restart
	inside := make(chan struct{}, load.streams)
	for i := range crowd {
		crowd[i] = newBrowser(d, ledger, i, load.rooms)
		browsers.Go(func() {
			entry <- struct{}{}
			release := sync.OnceFunc(func() { <-entry })
			defer release()
			if err := crowd[i].live(ctx, func() { release(); inside <- struct{}{} }); err != nil {
				failed <- fmt.Errorf("browser %d: %w", i, err)
			}
		})
	}
	for range crowd {
		select {
		case <-inside:
		case err := <-failed:
			tb.Fatal(err)
		case <-ctx.Done():
			tb.Fatal("the crowd does not get in")
		}
	}
	p := &persistent{d: d, ledger: ledger, rooms: load.rooms, rate: load.rate, stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		if err := p.talk(ctx); err != nil {
			failed <- err
		}
	}()

	m.Forget()
	began := time.Now()
	d.Signal(syscall.SIGTERM)
	if code := d.Wait(load.window + harness.Patience); code != 0 {
		tb.Errorf("exit code %d", code)
	}
	gone := time.Now()
	wantDelivery(d, m)
	r := returns{down: time.Since(gone)}
	for range crowd { // all are back
		select {
		case <-inside:
		case err := <-failed:
			tb.Fatal(err)
		case <-ctx.Done():
			tb.Fatal("the crowd does not come back")
		}
	}
	if got := d.Status().Epoch; got != epoch {
		tb.Errorf("epoch %s after the restart, %s before", got, epoch)
	}
	close(p.stop)
	<-p.done
	if err := p.say(ctx, delivery.Message{To: []string{"*"}, Data: harness.TheEnd}); err != nil {
		tb.Fatal(err)
	}
	browsers.Wait()
	close(failed)
	for err := range failed {
		tb.Error(err)
	}
	for _, wrong := range ledger.Check() {
		tb.Error(wrong)
	}
	r.totals, r.retries = ledger.Totals(), p.retries
	if r.totals.Gaps > 0 || r.totals.Connections != 2*load.streams {
		tb.Errorf("%s; want no gap and two connections for each of %d streams", r.totals, load.streams)
	}
	for _, b := range crowd {
		r.ended = append(r.ended, b.ended.Sub(began))
		r.due = append(r.due, b.due.Sub(began))
		r.back = append(r.back, b.back.Sub(began))
		r.connect = append(r.connect, b.connect)
		r.away = append(r.away, b.back.Sub(b.ended))
		if b.isResumed {
			r.resumed++
		}
	}
	for _, all := range [][]time.Duration{r.ended, r.due, r.back, r.connect, r.away} {
		slices.Sort(all)
	}
	return r
}

// browser is a client as the HTML standard describes it: when its stream ends it waits for the
// retry time and reconnects with the last id it has seen.
type browser struct {
	d      *harness.Daemon
	ledger *delivery.Client
	query  string
	tls    *tls.Config

	retry     time.Duration // as the stream last set it
	ended     time.Time     // of the first stream
	due       time.Time     // when it is to be back
	back      time.Time     // when the second stream was there
	connect   time.Duration // how long that took
	isResumed bool          // the TLS session of the second stream
}

func newBrowser(d *harness.Daemon, ledger *delivery.Ledger, n, rooms int) *browser {
	id := fmt.Sprintf("browser%d", n)
	names := []string{harness.RoomName(n % rooms), harness.RoomName((n*7 + 3) % rooms)}
	b := &browser{d: d, ledger: ledger.Client(id, names...), query: "subscribe=" + strings.Join(names, "-") + "&id=" + id, tls: d.CA.ClientConfig()}
	b.tls.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	return b
}

// live reads two streams, one after the other, up to the end. It calls inside when each of them is
// open.
func (b *browser) live(ctx context.Context, inside func()) error {
	if err := b.visit(ctx, inside); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the first stream: %w", err)
	}
	b.ended = time.Now()
	b.due = b.ended.Add(b.retry)
	select {
	case <-time.After(b.retry):
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := b.visit(ctx, inside); err != nil {
		return fmt.Errorf("the second stream: %w", err)
	}
	return nil
}

// visit reads one stream. It returns io.EOF if the stream ended properly, nil if the last message
// was read.
func (b *browser) visit(ctx context.Context, inside func()) error {
	request := b.d.Request(b.query)
	request.TLS, request.LastEventID, request.Wait = b.tls, b.ledger.LastEventID(), 2*harness.Patience
	from := time.Now()
	s, err := subscriber.Open(ctx, request)
	if err != nil {
		return err
	}
	defer s.Close()
	if s.Status != 200 {
		return fmt.Errorf("status %d", s.Status)
	}
	id, err := s.Preface()
	if err != nil {
		return err
	}
	b.back, b.connect, b.isResumed = time.Now(), time.Since(from), s.TLS.DidResume
	b.ledger.Opened(id)
	inside()
	for {
		e, err := s.Next()
		b.retry = s.Decoder.Retry()
		switch {
		case err != nil:
			return err
		case e.Name == "hasses.gap":
			b.ledger.Gap(e.ID, e.Data)
			continue
		}
		b.ledger.Got(e.ID, e.Name, e.Data)
		if e.Data == harness.TheEnd {
			return nil
		}
	}
}

// persistent is a publisher that repeats a message until it is acknowledged.
type persistent struct {
	d      *harness.Daemon
	ledger *delivery.Ledger
	rooms  int
	rate   int
	stop   chan struct{} // closed: enough
	done   chan struct{} // closed when it has stopped

	conn    *harness.RPC
	retries int
}

// talk publishes at the rate, until stop.
func (p *persistent) talk(ctx context.Context) error {
	random := rand.New(rand.NewPCG(1, 2))
	tick := time.NewTicker(time.Second / time.Duration(p.rate))
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-tick.C:
		case <-p.stop:
			return nil
		}
		m := delivery.Message{To: []string{harness.RoomName(random.IntN(p.rooms))}, Data: fmt.Sprint("message ", i)}
		if i%50 == 0 {
			m.To = []string{"*"}
		}
		if err := p.say(ctx, m); err != nil {
			return err
		}
	}
}

// say publishes one message. It tries again when it cannot connect or the connection ends before
// the response.
func (p *persistent) say(ctx context.Context, m delivery.Message) error {
	for ; ctx.Err() == nil; p.retries++ {
		id, err := p.try(m)
		if err == nil {
			p.ledger.Sent(id, m)
			return nil
		}
		if harness.ErrorCode(err) != 0 {
			return fmt.Errorf("the daemon refuses a message: %w", err)
		}
		if p.conn != nil {
			p.conn.Close()
			p.conn = nil
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

func (p *persistent) try(m delivery.Message) (string, error) {
	if p.conn == nil {
		conn, err := harness.DialRPC("unix", p.d.Socket)
		if err != nil {
			return "", err
		}
		p.conn = conn
	}
	var s harness.Sent
	err := p.conn.Call("send", harness.Object{"to": m.To, "data": m.Data}, &s)
	return s.ID, err
}
