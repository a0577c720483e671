package tlsconn

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"
)

// everyday is what a browser asks for: the key shares of Go's defaults, X25519MLKEM768 first.
func everyday(version uint16) *tls.Config {
	config := clientConfig(version)
	config.CurvePreferences = nil
	return config
}

// Handshakes with their client on the same machine, one after the other; a third of it or so is the
// server's part.
func BenchmarkHandshake(b *testing.B) {
	for _, v := range versions {
		for name, client := range map[string]*tls.Config{"X25519": clientConfig(v), "defaults": everyday(v)} {
			for _, w := range []way{byCrypto, handedOver} {
				b.Run(fmt.Sprintf("%s/%s/%s", tls.VersionName(v), name, w), func(b *testing.B) {
					b.ReportAllocs()
					config := serverConfig(v)
					r := newRecords()
					g := NewGate(1, nil)
					for b.Loop() {
						open(b, w, config, client, g, r).Release()
					}
					b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "handshakes/s")
				})
			}
		}
	}
}

// open makes a connection whose client is forgotten and whose descriptor then is a sink.
func open(b *testing.B, w way, server, client *tls.Config, g *Gate, r *Records) *Conn {
	b.Helper()
	c := afterHandshake(b, client, g, func(d Descriptor) *Conn { return w.newConn(d, server) })
	if keeper := c.HandOver(r); server.MinVersion == tls.VersionTLS13 && w == handedOver && keeper != HandedOver {
		b.Fatal(keeper)
	}
	c.forget()
	return c
}

// forget lets go of the client.
func (c *Conn) forget() {
	c.d = sink{}
	if k := c.crypto.Load(); k != nil {
		k.wire.out.d = sink{}
	}
}

// benchWays are the ways to keep records.
var benchWays = []struct {
	name     string
	version  uint16
	way      way
	hotBytes int
}{
	{"TLS 1.2", tls.VersionTLS12, byCrypto, 0},
	{"TLS 1.3", tls.VersionTLS13, byCrypto, 0},
	{"TLS 1.3 handed over, hot", tls.VersionTLS13, handedOver, 1 << 20},
	{"TLS 1.3 handed over, cold", tls.VersionTLS13, handedOver, 0},
}

func BenchmarkSeal(b *testing.B) {
	for _, way := range benchWays {
		for _, n := range []int{100, 172, MaxSeal} {
			b.Run(fmt.Sprintf("%s/%d bytes", way.name, n), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(n))
				r := newRecords()
				r.SetHotBytes(way.hotBytes)
				c := open(b, way.way, serverConfig(way.version), clientConfig(way.version), nil, r)
				p := make([]byte, n)
				for b.Loop() {
					if err := c.Seal(p); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkReadPlainWouldBlock(b *testing.B) {
	for _, w := range []way{byCrypto, handedOver} {
		b.Run(w.String(), func(b *testing.B) {
			b.ReportAllocs()
			c := open(b, w, serverConfig(tls.VersionTLS13), clientConfig(tls.VersionTLS13), nil, newRecords())
			p := make([]byte, 4096)
			for b.Loop() {
				if _, err := c.ReadPlain(p); !errors.Is(err, errBlocked) {
					b.Fatal(err)
				}
			}
		})
	}
}

// memory returns what the program holds: live heap and stacks, garbage collected.
func memory() (heap, stacks uint64) {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc, m.StackInuse
}

// The memory of a connection that waits for events: live heap after the handshake and one event of
// 200 bytes, the descriptor not counted.
func BenchmarkIdleMemory(b *testing.B) {
	for _, way := range benchWays {
		for name, client := range map[string]*tls.Config{"X25519": clientConfig(way.version), "defaults": everyday(way.version)} {
			b.Run(way.name+"/"+name, func(b *testing.B) {
				const conns = 500
				config := serverConfig(way.version)
				r := newRecords()
				r.SetHotBytes(way.hotBytes)
				open(b, way.way, config, client, nil, r) // what is made once
				for b.Loop() {
					held := make([]*Conn, conns)
					before, _ := memory()
					for i := range held {
						held[i] = open(b, way.way, config, client, nil, r)
						if err := held[i].Seal(make([]byte, 200)); err != nil {
							b.Fatal(err)
						}
						if _, err := held[i].ReadPlain(make([]byte, 512)); !errors.Is(err, errBlocked) {
							b.Fatal(err)
						}
					}
					after, _ := memory()
					b.ReportMetric(float64(after-before)/conns, "heap-B/conn")
					for _, c := range held {
						c.Release()
					}
				}
			})
		}
	}
}

// The memory of a handshake whose client stops talking: in front of its hello, inside it, and
// behind it.
func BenchmarkStalledHandshakeMemory(b *testing.B) {
	hello := helloOf(b, tls.VersionTLS13)
	for name, sent := range map[string][]byte{"silent": nil, "half a hello": hello[:len(hello)/2], "hello alone": hello} {
		b.Run(name, func(b *testing.B) {
			const conns = 500
			config := serverConfig(tls.VersionTLS13)
			g := NewGate(2, nil)
			for b.Loop() {
				held := make([]*Conn, conns)
				done := make(chan error, conns)
				heapBefore, stacksBefore := memory()
				for i := range held {
					d := &stalling{bytes: sent, stalled: make(chan struct{}, 1)}
					held[i] = newConn(d, config)
					held[i].Start(g, func(err error) { done <- err })
					receive(b, d.stalled)
				}
				heap, stacks := memory()
				b.ReportMetric((float64(heap)-float64(heapBefore))/conns, "heap-B/conn")
				b.ReportMetric((float64(stacks)-float64(stacksBefore))/conns, "stack-B/conn")
				for _, c := range held {
					c.Abort(io.ErrClosedPipe)
					if err := receive(b, done); !errors.Is(err, io.ErrClosedPipe) {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// stalling is a descriptor that has some bytes and then nothing, and says so.
type stalling struct {
	sink
	bytes   []byte
	stalled chan struct{}
}

func (d *stalling) Read(p []byte) (int, error) {
	if len(d.bytes) == 0 {
		d.stalled <- struct{}{}
		return 0, errBlocked
	}
	n := copy(p, d.bytes)
	d.bytes = d.bytes[n:]
	return n, nil
}
