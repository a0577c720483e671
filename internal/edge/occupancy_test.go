package edge

import "testing"

func TestTheFullestConnectionIsKnown(t *testing.T) {
	var o occupancy
	streams := map[string]int{}
	for _, step := range []struct {
		conn string
		to   int // -1: the connection ends
		most int
	}{
		{"a", 0, 0},
		{"b", 0, 0},
		{"a", 1, 1},
		{"b", 3, 3},
		{"a", 3, 3},
		{"b", 1, 3},
		{"a", -1, 1},
		{"b", 0, 0},
		{"b", 7, 7},
		{"b", -1, 0},
	} {
		from, known := streams[step.conn]
		switch {
		case !known:
			o.add(step.conn == "a")
			streams[step.conn] = 0
		case step.to < 0:
			o.remove(step.conn == "a", from)
			delete(streams, step.conn)
		default:
			o.move(from, step.to)
			streams[step.conn] = step.to
		}
		if _, secure := streams["a"]; o.most != step.most || o.conns != len(streams) || o.secure == 1 != secure {
			t.Errorf("%s to %d: %+v", step.conn, step.to, o)
		}
	}
}
