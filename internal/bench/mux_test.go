package bench

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

func TestAServerWithoutHTTP2(t *testing.T) {
	s := startServer(t)
	s.TLS.NextProtos = []string{protoHTTP11}
	o := s.options(Idle)
	o.Streams, o.HTTP2 = 2, true
	_, err := Run(t.Context(), o, Parts{})
	if err == nil || !strings.Contains(err.Error(), "HTTP/2") && !strings.Contains(err.Error(), "no application protocol") {
		t.Errorf("error %v", err)
	}
}

func TestAServerThatAllowsFewerStreams(t *testing.T) {
	s := startServer(t)
	o := s.options(Idle)
	o.HTTP2, o.StreamsPerConnection = true, serverStreams+1
	_, err := Run(t.Context(), o, Parts{})
	if err == nil || !strings.Contains(err.Error(), "the server allows 8 streams on a connection") {
		t.Errorf("error %v", err)
	}
}

// scripted starts a server of HTTP/2 without TLS, which has serve answer each request. An error of
// serve ends the connection, whose number from 0 is conn.
func scripted(t *testing.T, serve func(conn int, w *http2.Framer, request *http2.MetaHeadersFrame) error) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if _, err := io.ReadFull(c, make([]byte, len(http2Preface))); err != nil {
					return
				}
				f := http2.NewFramer(c, c)
				f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
				if f.WriteSettings() != nil {
					return
				}
				for {
					got, err := f.ReadFrame()
					if err != nil {
						return
					}
					if request, ok := got.(*http2.MetaHeadersFrame); ok && serve(n, f, request) != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String() + "/sub?ch={room}"
}

// status200 is a head in HPACK.
const status200 = "\x88"

func answer(w *http2.Framer, id uint32, end bool) error {
	return w.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: []byte(status200), EndHeaders: true, EndStream: end})
}

func TestAConnectionThatIsSentAwayIsReplaced(t *testing.T) {
	url := scripted(t, func(conn int, w *http2.Framer, r *http2.MetaHeadersFrame) error {
		if conn == 0 && r.StreamID >= 5 { // the first two stay
			return w.WriteGoAway(3, http2.ErrCodeNo, nil)
		}
		return answer(w, r.StreamID, false)
	})
	res, err := Run(t.Context(), Options{URL: url, Scenario: Idle, Streams: 6, HTTP2: true, StreamsPerConnection: 6, Duration: 1}, Parts{})
	if err != nil || len(res.Problems) != 0 || res.Connect.Opened != 6 || res.Connect.Errors != 4 {
		t.Errorf("%v, %+v", err, res)
	}
}

func TestServersThatBreakHTTP2(t *testing.T) {
	for name, serve := range map[string]func(w *http2.Framer, id uint32) error{
		"data without a head": func(w *http2.Framer, id uint32) error { return w.WriteData(id, false, []byte("x")) },
		"a push": func(w *http2.Framer, id uint32) error {
			return w.WritePushPromise(http2.PushPromiseParam{StreamID: id, PromiseID: 2, EndHeaders: true})
		},
		"a head that is no head": func(w *http2.Framer, id uint32) error {
			return w.WriteRawFrame(http2.FrameHeaders, http2.FlagHeadersEndHeaders, id, []byte{0xff})
		},
	} {
		t.Run(name, func(t *testing.T) {
			url := scripted(t, func(_ int, w *http2.Framer, r *http2.MetaHeadersFrame) error { return serve(w, r.StreamID) })
			_, err := Run(t.Context(), Options{URL: url, Scenario: Idle, Streams: 2, HTTP2: true}, Parts{})
			if err == nil || !strings.Contains(err.Error(), errFrames.Error()) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestEndsOfStreamsAreTold(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(w *http2.Framer, id uint32) error
		want string
	}{
		"properly": {func(w *http2.Framer, id uint32) error { return w.WriteData(id, true, nil) }, "EOF"},
		"reset":    {func(w *http2.Framer, id uint32) error { return w.WriteRSTStream(id, http2.ErrCodeInternal) }, "reset it with code 2"},
		"calm": {func(w *http2.Framer, id uint32) error {
			return w.WriteGoAway(id, http2.ErrCodeEnhanceYourCalm, []byte("calm"))
		}, `code 11 "calm"`},
		"cut off": {func(*http2.Framer, uint32) error { return io.EOF }, "the server ended the stream: "},
	} {
		t.Run(name, func(t *testing.T) {
			idle := make(chan struct{})
			url := scripted(t, func(_ int, w *http2.Framer, r *http2.MetaHeadersFrame) error {
				if err := answer(w, r.StreamID, false); err != nil || r.StreamID < 3 {
					return err
				}
				<-idle
				return tt.end(w, 1)
			})
			o := Options{URL: url, Scenario: Idle, Streams: 2, HTTP2: true, Duration: 300 * time.Millisecond}
			res, err := Run(t.Context(), o, Parts{Report: func(text string) {
				if strings.HasPrefix(text, "idle for") {
					close(idle)
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(res.Problems, "; "); !strings.Contains(got, "ended by the server") || !strings.Contains(got, tt.want) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}

// TestWindowsAreGivenBack: DATA counts against the windows with its padding, also where nothing else
// comes.
func TestWindowsAreGivenBack(t *testing.T) {
	for name, write := range map[string]func(w *http2.Framer) error{
		"data": func(w *http2.Framer) error {
			return w.WriteData(1, false, []byte(":"+strings.Repeat("x", maxFrame-2)+"\n"))
		},
		"padded":  func(w *http2.Framer) error { return w.WriteDataPadded(1, false, []byte(":x\n"), make([]byte, 255)) },
		"padding": func(w *http2.Framer) error { return w.WriteDataPadded(1, false, nil, make([]byte, 255)) },
	} {
		t.Run(name, func(t *testing.T) { windowsAreGivenBack(t, write) })
	}
}

// windowsAreGivenBack sends as many of a frame as the connection's window has room for.
func windowsAreGivenBack(t *testing.T, write func(w *http2.Framer) error) {
	t.Helper()
	l := &streamLoop{o: Options{HTTP2: true}, counts: newCounts(&Options{Rooms: 1})}
	m := newMux(&group{l: l})
	m.out = nil
	s := &stream{l: l, on: m, id: 1, state: stateOpen}
	s.reader.startText(200)
	m.streams[1] = s
	var one bytes.Buffer
	if err := write(http2.NewFramer(&one, nil)); err != nil {
		t.Fatal(err)
	}
	for range connectionWindow / (one.Len() - frameHead) {
		if m.consume(one.Bytes(), 1); m.ended {
			t.Fatal("the connection has ended")
		}
	}
	given := map[uint32]int{}
	r := http2.NewFramer(nil, bytes.NewReader(m.out))
	for {
		f, err := r.ReadFrame()
		if err != nil {
			break
		}
		given[f.Header().StreamID] += int(f.(*http2.WindowUpdateFrame).Increment)
	}
	if left := connectionWindow - given[0]; left < 0 || left > connectionWindow/2 {
		t.Errorf("%d of the connection's window given back", given[0])
	}
	if left := connectionWindow - given[1]; left < 0 || left > streamWindow/2 {
		t.Errorf("%d of the stream's window given back", given[1])
	}
}
