package http2

import (
	"testing"

	xhttp2 "golang.org/x/net/http2"
)

func initial(values ...uint32) (all []xhttp2.Setting) {
	for _, v := range values {
		all = append(all, xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: v})
	}
	return all
}

// TestOnlyTheLastWindowOfSettingsIsDone: a frame may set the windows of all streams a hundred times,
// which is as much work as setting them once.
func TestOnlyTheLastWindowOfSettingsIsDone(t *testing.T) {
	t.Parallel()
	p := connected(t)
	for i := range uint32(90) {
		p.open(2*i + 1)
	}
	work := p.conn.shared.Work()
	var toggled []uint32
	for range mostSettings / 2 {
		toggled = append(toggled, 0, 10)
	}
	p.must(p.write.WriteSettings(initial(toggled...)...))
	p.flush()
	p.wantSettingsAck()
	if done := p.conn.shared.Work() - work; done > 10 {
		t.Errorf("%d of work for one frame", done)
	}
	a := p.apps[0]
	if a.sendWindow != 10 || a.windows != 0 {
		t.Errorf("the window is %d, and was opened %d times; want 10, which it never was without", a.sendWindow, a.windows)
	}
	a.send("more than ten bytes")
	p.wantData(1, "more than ", false)
	p.must(p.write.WriteSettings(initial(0, 5, 100)...))
	p.flush()
	p.wantSettingsAck()
	p.wantData(1, "ten bytes", false)
	if a.windows != 1 {
		t.Errorf("the window was opened %d times, want once", a.windows)
	}
}

// TestALookAtAllWindowsIsWork: a client with many streams cannot have them looked at frame after frame
// within one share of work, whether or not a window changes in the end.
func TestALookAtAllWindowsIsWork(t *testing.T) {
	t.Parallel()
	const streams = 3200
	for _, tt := range []struct {
		name     string
		settings []xhttp2.Setting
		looks    int // at all streams, by one frame
	}{
		{"no window", nil, 0},
		{"the same window", initial(initialWindow), 0},
		{"a lower one for a moment", initial(1, initialWindow), 0},
		{"a higher one for a moment", initial(initialWindow+1, initialWindow+2, initialWindow), 1},
		{"a higher one", initial(initialWindow + 1), 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := manyStreams(t, streams)
			p.must(p.write.WriteSettings(tt.settings...))
			p.must(p.write.WritePing(false, [8]byte{}))
			before := p.conn.shared.Work()
			rest, err := p.conn.Receive(p.now, p.toServer.Bytes())
			if err != nil || p.err != nil {
				t.Fatal(err, p.err)
			}
			if work, want := int(p.conn.shared.Work()-before), tt.looks*streams/windowsPerWork; work < want || work > want+2*workFrame {
				t.Errorf("%d of work, want %d and the frames'", work, want)
			}
			if stops := len(rest) > 0; stops != (tt.looks > 0) {
				t.Errorf("the share of work is used up: %t", stops)
			}
		})
	}
}

// TestALookAtWaitingStreamsIsWork: a client that holds the connection's window shut before many streams
// cannot have all of them looked at for every byte that it lets through, or every PING. The end of a
// stream that has nothing left to send does not wait.
func TestALookAtWaitingStreamsIsWork(t *testing.T) {
	t.Parallel()
	const streams = 3200
	for _, tt := range []struct {
		name  string
		write func(p *peer) error
		end   bool // of the first stream
		looks int  // at all streams
	}{
		{"one byte of window", func(p *peer) error { return p.write.WriteWindowUpdate(0, 1) }, false, 2},
		{"PING", func(p *peer) error { return p.write.WritePing(false, [8]byte{}) }, false, 2},
		{"the end of a stream", func(*peer) error { return nil }, true, 2},
		{"an open window", func(p *peer) error { return p.write.WriteWindowUpdate(0, streams) }, false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := manyStreams(t, streams)
			p.apps[0].send(longText(initialWindow))
			p.pull(16 << 10)
			for _, a := range p.apps[1:] {
				a.send("x")
			}
			p.pull(16 << 10)
			p.fromServer.Reset()
			before := p.conn.shared.Work()
			p.must(tt.write(p))
			p.must(receiveWhole(&p.conn, p.now, p.toServer.Bytes()))
			if tt.end {
				p.conn.End(&p.apps[0].Stream)
			}
			p.pull(16 << 10)
			want := tt.looks * (streams - 2) / windowsPerWork
			if work := int(p.conn.shared.Work() - before); work < want || work > want+workReset+2*workFrame {
				t.Errorf("%d of work, want %d and the frames'", work, want)
			}
			if p.fromServer.Len() == 0 || p.apps[0].done != tt.end {
				t.Errorf("%d bytes were sent, the first stream has ended: %t", p.fromServer.Len(), p.apps[0].done)
			}
		})
	}
}

// TestAWindowThatOverflowsMeanwhileIsAnError: also where a later value of the same frame would be
// none (RFC 9113, section 6.5.3: values are processed in their order).
func TestAWindowThatOverflowsMeanwhileIsAnError(t *testing.T) {
	t.Parallel()
	p := connected(t)
	p.open(1)
	p.must(p.write.WriteWindowUpdate(1, 1))
	p.must(p.write.WriteSettings(initial(1<<31-1, 65535)...))
	p.flush()
	p.wantFailed(FlowControlError)
}
