package http2

import "time"

// What a peer costs, in points. One budget covers what it does and what it makes us do, so that no
// flood needs a rule of its own: whether a stream is reset by the peer (CVE-2023-44487) or made to
// be reset by us (CVE-2025-8671) is the same.
const (
	costRequest     = 2
	costReset       = 2  // RST_STREAM
	costStreamError = 4  // RST_STREAM by us
	costTooLarge    = 16 // a head over the limit: it may have been long to decompress, and has an answer
	costOpenHead    = 4  // HEADERS without END_HEADERS
	costSettings    = 2
	costFrame       = 1       // PING, PRIORITY, WINDOW_UPDATE, GOAWAY, CONTINUATION, unknown types, DATA
	bytesPerPoint   = 1 << 10 // of DATA and of heads, besides
	excessPerPoint  = 1 << 8  // of heads that are over the limit: they are decoded for nothing
)

// What a peer's frames take, in microseconds or so. Receive does not do much more than workShare of
// it in one call.
const (
	workFrame   = 1
	workRequest = 15 // a head, with what its request starts
	workReset   = 4  // the end of a stream
	workShare   = 60

	headPerWork    = 64 // bytes of a compressed head
	windowsPerWork = 16 // streams whose windows SETTINGS look at, or move, or that the connection's window keeps waiting
)

// What gives points back.
const (
	pointsPerSecond   = 100
	pointsPerSentData = 3 // for a DATA frame sent within an answer: the peer may give back two windows for it
)

// budget is how much a peer may still cost before its connection ends with ENHANCE_YOUR_CALM. An
// honest page that opens and closes all its streams at once stays within it. most is the same for
// every call.
type budget struct {
	points int32
	filled uint32 // when it was last filled by time, in ticks
}

// mostPoints returns what the budget of a connection with so many streams has at most.
func mostPoints(streams int) int32 { return int32(512 + 4*min(streams, 1<<16)) }

func newBudget(now time.Duration, most int32) budget { return budget{points: most, filled: ticks(now)} }

// refill adds what the time since the last call gives.
func (b *budget) refill(now time.Duration, most int32) {
	at := ticks(now)
	b.add(int(min(at-b.filled, uint32(most))), most)
	b.filled = at
}

func (b *budget) add(points int, most int32) { b.points = min(most, b.points+int32(points)) }

// spend reports whether the peer can still afford it.
func (b *budget) spend(points int, most int32) bool {
	b.points -= int32(min(points, int(most)+1))
	return b.points >= 0
}

// ticks returns the time in units of which each gives a budget one point. It overflows after a year,
// which differences survive.
func ticks(now time.Duration) uint32 { return uint32(now / (time.Second / pointsPerSecond)) }
