package bench

import (
	"strings"
	"testing"
)

func TestProcessesByDescriptors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		streams, processes, limit int
		onConnection              int
		want                      int
		err                       string
	}{
		{streams: 900, limit: 1000, want: 1},
		{streams: 1000, limit: 1000, want: 2},
		{streams: 1000, limit: 20000, processes: 4, want: 4},
		{streams: 2000, limit: 1000, processes: 2, err: "2000 streams need 3 processes"},
		{streams: 10, limit: 64, err: "raise ulimit -n"},
		{streams: 2, limit: 1000, processes: 3, err: "each process needs a stream"},
		{streams: 9000, onConnection: 10, limit: 1000, want: 1},
		{streams: 9050, onConnection: 10, limit: 1000, want: 2},
	} {
		o := Options{Streams: tt.streams, Processes: tt.processes, Opening: 32, StreamsPerConnection: tt.onConnection}
		err := o.fitInto(tt.limit)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%+v: error %v", tt, err)
			}
		} else if err != nil || o.Processes != tt.want {
			t.Errorf("%+v: %d processes, %v", tt, o.Processes, err)
		}
	}
}
