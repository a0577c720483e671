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
