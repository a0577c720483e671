package threats

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

// Pieces of HTTP/2 that attackers put together. Their heads are HPACK without a table.
var (
	prefaceHTTP2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	// headOf is GET https://h/.
	headOf = []byte{0x82, 0x87, 0x84, 0x41, 1, 'h'}
)

// number is a payload of four bytes.
func number(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// flood2 is what an attacker sends after the preface and SETTINGS.
type flood2 struct {
	name  string
	first func(b *bytes.Buffer)           // once; may be nil
	again func(b *bytes.Buffer, n uint32) // again and again, counted from 0
}

// resets are floods of requests that end in resets.
var resets = []flood2{
	{name: "RapidReset", again: func(b *bytes.Buffer, n uint32) {
		b.Write(frame2(1, 5, 2*n+1, headOf))
		b.Write(frame2(3, 0, 2*n+1, number(8)))
	}},
	{name: "MadeYouReset", again: func(b *bytes.Buffer, n uint32) {
		b.Write(frame2(1, 5, 2*n+1, headOf))
		b.Write(frame2(8, 0, 2*n+1, number(0))) // WINDOW_UPDATE of 0
	}},
}

// frameFloods are floods of frames that cost work.
var frameFloods = []flood2{
	{
		name:  "CONTINUATION",
		first: func(b *bytes.Buffer) { b.Write(frame2(1, 1, 1, headOf)) }, // without END_HEADERS
		again: func(b *bytes.Buffer, _ uint32) { b.Write(frame2(9, 0, 1, []byte{0})) },
	},
	{name: "SETTINGS", again: func(b *bytes.Buffer, _ uint32) { b.Write(frame2(4, 0, 0, nil)) }},
	{name: "PING", again: func(b *bytes.Buffer, _ uint32) { b.Write(frame2(6, 0, 0, make([]byte, 8))) }},
	{name: "PRIORITY", again: func(b *bytes.Buffer, n uint32) { b.Write(frame2(2, 0, 2*n+1, make([]byte, 5))) }},
	{name: "WINDOW_UPDATE", again: func(b *bytes.Buffer, _ uint32) { b.Write(frame2(8, 0, 0, number(1))) }},
	{
		name:  "EmptyData",
		first: func(b *bytes.Buffer) { b.Write(frame2(1, 4, 1, headOf)) }, // its body follows
		again: func(b *bytes.Buffer, _ uint32) { b.Write(frame2(0, 0, 1, nil)) },
	},
	{
		// A field of 3 KB that goes into the table, of which each further head has a thousand copies: one byte each.
		name: "HeaderBomb",
		again: func(b *bytes.Buffer, n uint32) {
			if n == 0 {
				long := append([]byte{0x40, 1, 'a', 0x7f, 0xb9, 0x16}, bytes.Repeat([]byte{'x'}, 3000)...)
				b.Write(frame2(1, 5, 1, append(bytes.Clone(headOf), long...)))
				return
			}
			b.Write(frame2(1, 5, 2*n+1, append(bytes.Clone(headOf), bytes.Repeat([]byte{0xbe}, 1000)...)))
		},
	},
}

// bytesOf returns a connection full of the flood.
func (f flood2) bytesOf(times uint32) []byte {
	var b bytes.Buffer
	b.WriteString(prefaceHTTP2)
	b.Write(frame2(4, 0, 0, nil))
	if f.first != nil {
		f.first(&b)
	}
	for n := range times {
		f.again(&b, n)
	}
	return b.Bytes()
}

// attackTime is how long an attack lasts: long enough for figures, if they are wanted.
func attackTime() time.Duration {
	if harness.Measured() {
		return 3 * time.Second
	}
	return 300 * time.Millisecond
}

// over2 dials a TLS connection that negotiates HTTP/2, from an address of this machine.
func over2(ctx context.Context, d *harness.Daemon, from string) (*tls.Conn, error) {
	config := d.CA.ClientConfig()
	config.NextProtos = []string{"h2"}
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: harness.Patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}, Config: config}
	c, err := dialer.DialContext(ctx, "tcp", d.HTTPS)
	if err != nil {
		return nil, err
	}
	return c.(*tls.Conn), c.SetDeadline(time.Now().Add(harness.Patience))
}

// goAwayCode returns the code of the last GOAWAY in what was received.
func goAwayCode(got []byte) (code uint32, ok bool) {
	for len(got) >= 9 {
		n := int(got[0])<<16 | int(got[1])<<8 | int(got[2])
		if got[3] == 7 && n >= 8 && len(got) >= 9+8 {
			code, ok = binary.BigEndian.Uint32(got[13:]), true
		}
		got = got[min(len(got), 9+n):]
	}
	return code, ok
}

// TestT31FloodsBesideGoodStreams: requests that are reset, or are made to be reset, again and again from several connections. Each
// connection ends with ENHANCE_YOUR_CALM, and good streams notice nothing.
func TestT31FloodsBesideGoodStreams(t *testing.T) {
	t.Parallel()
	for _, f := range resets {
		t.Run(f.name, func(t *testing.T) { floodsOver2(t, f) })
	}
}

// TestT32FloodsBesideGoodStreams: the same with frames that cost work, and heads that grow.
func TestT32FloodsBesideGoodStreams(t *testing.T) {
	t.Parallel()
	for _, f := range frameFloods {
		t.Run(f.name, func(t *testing.T) { floodsOver2(t, f) })
	}
}

// floodsOver2 floods the daemon from four connections at a time, which come again as soon as they have been ended. This machine is
// exempt from penalties: an attacker whose addresses never run out.
func floodsOver2(t *testing.T, f flood2) {
	t.Parallel()
	const attackers = 4
	d := harness.Start(t, "--log-level", "normal")
	good := newGoodStreams(d)
	say := f.bytesOf(5000)
	before := d.ResidentBytes()
	var ends, others counter
	good.during(attackTime(), func(ctx context.Context) {
		var all sync.WaitGroup
		for i := range attackers {
			all.Go(func() {
				for round := 0; round == 0 || ctx.Err() == nil; round++ {
					conn, err := over2(t.Context(), d, fmt.Sprintf("127.31.0.%d", 1+i))
					if err != nil {
						t.Error(err)
						return
					}
					go func() { _, _ = conn.Write(say) }() // it ends when the daemon closes
					got, _ := io.ReadAll(conn)             // it may end with a reset
					conn.Close()
					switch code, ok := goAwayCode(got); {
					case ok && code == 0xb:
						ends.add(1)
					case ok:
						t.Errorf("the daemon ended with code %d, want ENHANCE_YOUR_CALM", code)
						return
					default:
						others.add(1) // a reset has overtaken the GOAWAY
					}
				}
			})
		}
		all.Wait()
	})
	t.Logf("%d connections were told to calm down, %d were reset before", ends.get(), others.get())
	if grown := d.ResidentBytes() - before; grown > 32<<20 {
		t.Errorf("the daemon has grown by %d MiB", grown>>20)
	}
	if n := d.Status().Closed["http2_flood"]; ends.get() == 0 || n < uint64(ends.get()) {
		t.Errorf("%d connections were told to calm down, %d were counted", ends.get(), n)
	}
	good.finish()
}

// holders returns how many streams hold their windows at zero, and how many connections half a frame.
func holders() (streams, halves int) {
	if harness.Measured() {
		return 2000, 5000
	}
	return 100, 50
}

// TestT33WindowsBesideGoodStreams: windows held at zero while events pile up. The streams are reset once their queues are full,
// their memory is bounded, and good streams notice nothing.
func TestT33WindowsBesideGoodStreams(t *testing.T) {
	t.Parallel()
	const size, perConn = 16 << 10, 20
	streams, _ := holders()
	d := harness.Start(t, "--limits-queue-bytes", "64KiB", "--limits-streams-per-address", "0", "--history-bytes", "1MiB", "--log-level", "normal")
	good := newGoodStreams(d)
	path := "/sse?subscribe=held"
	head := append([]byte{0x82, 0x87, 0x01, 9}, "localhost"...) // GET, https, :authority
	head = append(append(head, 0x04, byte(len(path))), path...) // :path
	hold := []byte(prefaceHTTP2)
	hold = append(hold, frame2(4, 0, 0, []byte{0, 4, 0, 0, 0, 0})...) // SETTINGS_INITIAL_WINDOW_SIZE 0
	for i := range uint32(perConn) {
		hold = append(hold, frame2(1, 5, 2*i+1, head)...)
	}
	before := d.ResidentBytes()
	good.during(attackTime(), func(ctx context.Context) {
		for i := range streams / perConn {
			conn, err := over2(t.Context(), d, fmt.Sprintf("127.33.0.%d", 1+i%8))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			if _, err := conn.Write(hold); err != nil {
				t.Fatal(err)
			}
		}
		d.AwaitStreams("held", streams)
		publishLarge(d, 8, size, "held")
		d.AwaitStreams("held", 0)
	})
	// What is published is shared by all of them.
	if grown := d.ResidentBytes() - before; grown > int64(streams)*16<<10+32<<20 {
		t.Errorf("%d streams whose windows are shut have made the daemon grow by %d MiB", streams, grown>>20)
	} else {
		t.Logf("%d streams whose windows are shut: the daemon has grown by %.1f MiB", streams, float64(grown)/(1<<20))
	}
	if closed := d.Status().Closed; closed["slow_client"] != uint64(streams) {
		t.Errorf("closed %v, want %d slow ones", closed, streams)
	}
	good.finish()
}

// TestT33HalfFramesBesideGoodStreams: thousands of connections that have sent half a frame. They are closed in time, cost little,
// and good streams notice nothing.
func TestT33HalfFramesBesideGoodStreams(t *testing.T) {
	t.Parallel()
	_, halves := holders()
	d := harness.Start(t, "--limits-request-timeout", "5s", "--limits-connections-per-address", "0", "--log-level", "normal")
	good := newGoodStreams(d)
	half := append([]byte(prefaceHTTP2), frame2(4, 0, 0, nil)...)
	half = append(half, frame2(1, 4, 1, make([]byte, 8000))[:4000]...)
	before := d.ResidentBytes()
	var grown int64
	var conns []net.Conn
	good.during(attackTime(), func(context.Context) {
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				for range halves / 8 {
					conn, err := over2(t.Context(), d, fmt.Sprintf("127.33.1.%d", 1+i))
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					conns = append(conns, conn)
					mu.Unlock()
					if _, err := conn.Write(half); err != nil && !isGone(err) {
						t.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		grown = d.ResidentBytes() - before
	})
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for _, c := range conns {
		if _, err := io.Copy(io.Discard, c); err != nil && !isGone(err) {
			t.Fatalf("a connection with half a frame: %v, want its end", err)
		}
	}
	harness.Eventually(t, "all are counted", func() bool { return d.Status().Closed["request_timeout"] >= uint64(halves/8*8) })
	if grown > int64(halves)*24<<10+32<<20 {
		t.Errorf("%d connections with half a frame have made the daemon grow by %d MiB", halves, grown>>20)
	} else {
		t.Logf("%d connections with half a frame: the daemon has grown by %.1f MiB", halves, float64(grown)/(1<<20))
	}
	good.finish()
}

// isGone reports whether the other end has closed or reset the connection.
func isGone(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && !errors.Is(err, os.ErrDeadlineExceeded)
}
