package memguard

import "testing"

func TestRuntimeMeterSeesWhatLives(t *testing.T) {
	m := NewRuntimeMeter()
	before := m.Measure(0)
	ballast := make([]byte, 64<<20)
	for i := range ballast {
		ballast[i] = 1
	}
	grown := m.Measure(1000)
	if grown.Most-before.Most < 48<<20 || // garbage of other tests goes meanwhile
		grown.Most < grown.Live || grown.Kernel != 1000 {
		t.Errorf("64 MiB more show as %+v after %+v", grown, before)
	}
	if ballast[len(ballast)-1] != 1 {
		t.Error("the ballast was dropped")
	}
	if m.Collect() <= 0 {
		t.Error("a collection took no time")
	}
}
