package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// PostOptions describe a measurement of publishers that POST over HTTP/1.1.
type PostOptions struct {
	PublishURL     string   // with {room}
	PublishHeaders []string // NAME: VALUE
	SubscribeURL   string   // with {room}
	Headers        []string
	Roots          *x509.CertPool
	Publishers     int           // connections, each with one request at a time
	Streams        int           // subscribers of the room, each of whom gets all messages
	Size           int           // bytes of a message, at least 24
	Duration       time.Duration // of the measurement
	Warmup         time.Duration // before it
	Timeout        time.Duration // of a handshake, and of an answer
	PIDs           []int         // of the server
	Run            string        // makes the room's name unique
}

// PostResult is what was measured.
type PostResult struct {
	Publishers int     `json:"publishers"`
	Size       int     `json:"size"`
	Seconds    float64 `json:"seconds"`
	Messages   int     `json:"messages"` // answered
	PerSecond  float64 `json:"per_second"`

	// From the first byte of a POST, in milliseconds.
	AnswerP50  float64 `json:"answer_p50_ms"`
	AnswerP99  float64 `json:"answer_p99_ms"`
	ReceiptP50 float64 `json:"receipt_p50_ms"` // until a subscriber has the event; 0: there is none
	ReceiptP99 float64 `json:"receipt_p99_ms"`

	Streams   int     `json:"streams"`
	Received  int     `json:"received"` // events, by all streams together
	Sent      int     `json:"sent"`     // answered, warm-up included
	Problem   string  `json:"problem,omitempty"`
	ServerCPU float64 `json:"server_cpu_seconds_per_thousand"` // 0: not measured
	OwnCPU    float64 `json:"generator_cpu_seconds_per_thousand"`
}

// minPost is room for the time in a message.
const minPost = 24

// poster is one publisher.
type poster struct {
	conn net.Conn
	r    *bufio.Reader
	took []time.Duration
	sent int
}

// Posts publishes from connections that are kept open, each message when the one before has its
// answer, and has subscribers receive them all.
func Posts(ctx context.Context, o PostOptions) (*PostResult, error) {
	o.Size = max(o.Size, minPost)
	to, err := newTarget(o.PublishURL, o.PublishHeaders)
	if err != nil {
		return nil, err
	}
	room := roomName(o.Run, 0)
	from, err := newTarget(o.SubscribeURL, o.Headers)
	if err != nil {
		return nil, err
	}
	readers := make([]*postReader, 0, o.Streams)
	for range o.Streams {
		sub, err := subscribePosts(ctx, &from, room, o)
		if err != nil {
			return nil, err
		}
		defer sub.conn.Close()
		readers = append(readers, sub)
	}
	posters := make([]*poster, o.Publishers)
	for i := range posters {
		conn, err := dialTarget(ctx, &to, o)
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		posters[i] = &poster{conn: conn, r: bufio.NewReader(conn)}
	}
	phase := func(d time.Duration) error {
		var all sync.WaitGroup
		errs := make([]error, len(posters))
		until := time.Now().Add(d)
		for i, p := range posters {
			all.Go(func() { errs[i] = p.run(ctx, &to, room, o, until) })
		}
		all.Wait()
		return errors.Join(errs...)
	}
	if err := phase(o.Warmup); err != nil {
		return nil, err
	}
	for _, p := range posters {
		p.took = p.took[:0]
	}
	for _, sub := range readers {
		sub.measure.Store(true)
	}
	m := meter{o.PIDs}
	before, err := m.mark()
	if err != nil {
		return nil, err
	}
	if err := phase(o.Duration); err != nil {
		return nil, err
	}
	load, err := m.since(before)
	if err != nil {
		return nil, err
	}
	out := &PostResult{Publishers: o.Publishers, Streams: o.Streams, Size: o.Size, Seconds: load.Seconds}
	var took, received []time.Duration
	for _, p := range posters {
		took = append(took, p.took...)
		out.Sent += p.sent
	}
	for _, sub := range readers {
		out.Received += sub.await(ctx, out.Sent, o.Timeout)
		received = append(received, sub.took...)
	}
	out.Messages = len(took)
	out.PerSecond = float64(len(took)) / load.Seconds
	out.AnswerP50, out.AnswerP99 = quantiles(took)
	out.ReceiptP50, out.ReceiptP99 = quantiles(received)
	out.ServerCPU, out.OwnCPU = per(load.ServerCPU, uint64(len(took)), 1000), per(load.GeneratorCPU, uint64(len(took)), 1000)
	if want := out.Sent * o.Streams; out.Received != want {
		out.Problem = fmt.Sprintf("%d messages were answered for %d streams, which received %d of %d events", out.Sent, o.Streams, out.Received, want)
	}
	return out, nil
}

// run publishes until then.
func (p *poster) run(ctx context.Context, to *target, room string, o PostOptions, until time.Time) error {
	body := bytes.Repeat([]byte{'x'}, o.Size)
	for ctx.Err() == nil && time.Now().Before(until) {
		start := time.Now()
		copy(body, fmt.Sprintf("%-*d", minPost, start.UnixNano()))
		if err := p.conn.SetDeadline(start.Add(o.Timeout)); err != nil {
			return err
		}
		if _, err := p.conn.Write(to.publication(room, body)); err != nil {
			return fmt.Errorf("%w: %w", ErrPublish, err)
		}
		answer, err := http.ReadResponse(p.r, nil)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrPublish, err)
		}
		text, err := io.ReadAll(answer.Body)
		if err := errors.Join(err, answer.Body.Close()); err != nil {
			return fmt.Errorf("%w: %w", ErrPublish, err)
		}
		if answer.StatusCode >= 300 {
			return fmt.Errorf("%w: the server answers with status %d: %.200s", ErrPublish, answer.StatusCode, text)
		}
		p.sent++
		p.took = append(p.took, time.Since(start))
	}
	return ctx.Err()
}

// postReader is the subscriber.
type postReader struct {
	conn    net.Conn
	measure atomic.Bool // latencies count
	n       atomic.Int64
	changed chan struct{}
	ended   chan struct{} // closed when took is final

	took []time.Duration // owned by the reader until ended is closed
}

func subscribePosts(ctx context.Context, from *target, room string, o PostOptions) (*postReader, error) {
	conn, err := dialTarget(ctx, from, o)
	if err != nil {
		return nil, err
	}
	s := &postReader{conn: conn, changed: make(chan struct{}, 1), ended: make(chan struct{})}
	if err := conn.SetDeadline(time.Now().Add(o.Timeout)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if _, err := conn.Write(from.subscription(room, "")); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	answer, err := http.ReadResponse(bufio.NewReaderSize(conn, 64<<10), nil)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if answer.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("the subscriber was answered %s", answer.Status), answer.Body.Close(), conn.Close())
	}
	if err := conn.SetDeadline(time.Time{}); err != nil { // a stream has none
		return nil, errors.Join(err, answer.Body.Close(), conn.Close())
	}
	go s.read(answer.Body, o.Size)
	return s, nil
}

// read counts the messages, of so many bytes each, until the stream ends.
func (s *postReader) read(body io.ReadCloser, size int) {
	defer close(s.ended)
	defer body.Close()
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, size+64<<10) // a message is one line
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !ok || len(data) < minPost {
			continue
		}
		sent, err := strconv.ParseInt(string(bytes.TrimSpace(data[:minPost])), 10, 64)
		if err != nil {
			continue
		}
		if s.measure.Load() {
			s.took = append(s.took, time.Duration(time.Now().UnixNano()-sent))
		}
		s.n.Add(1)
		select {
		case s.changed <- struct{}{}:
		default:
		}
	}
}

// await waits until n messages have come, or for patience after the last one, and ends the reader.
func (s *postReader) await(ctx context.Context, n int, patience time.Duration) int {
	for int(s.n.Load()) < n {
		select {
		case <-s.changed:
			continue
		case <-s.ended:
		case <-ctx.Done():
		case <-time.After(patience):
		}
		break
	}
	_ = s.conn.Close()
	<-s.ended
	return int(s.n.Load())
}

func dialTarget(ctx context.Context, t *target, o PostOptions) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: o.Timeout}).DialContext(ctx, "tcp", t.address)
	if err != nil || !t.secure {
		return conn, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	secure := tls.Client(conn, clientTLS(t.name, o.Roots, tls.VersionTLS13, 0, protoHTTP11))
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secure, nil
}

// quantiles returns p50 and p99 in milliseconds.
func quantiles(all []time.Duration) (p50, p99 float64) {
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	at := func(q float64) float64 {
		return float64(all[min(len(all)-1, int(q*float64(len(all))))]) / float64(time.Millisecond)
	}
	return at(0.5), at(0.99)
}
