package bench

import (
	"encoding/json"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// tally holds the counters of streams. Those of several workers add up.
type tally struct {
	Opened     uint64 `json:"opened"`      // answers with status 200
	OpenErrors uint64 `json:"open_errors"` // attempts that failed, including those that a later attempt made good
	Failed     uint64 `json:"failed"`      // streams given up
	FirstError string `json:"first_error"` // of opening or reading

	Received   uint64 `json:"received"`   // messages of this run, each once
	Bytes      uint64 `json:"bytes"`      // of TCP, with TLS and HTTP
	Lost       uint64 `json:"lost"`       // messages passed over
	Doubles    uint64 `json:"doubles"`    // messages received again
	Disordered uint64 `json:"disordered"` // messages received behind a later one
	Broken     uint64 `json:"broken"`     // events and answers damaged, messages of another room
	Foreign    uint64 `json:"foreign"`    // events of others, ignored
	Gaps       uint64 `json:"gaps"`       // hasses.gap
	Closed     uint64 `json:"closed"`     // streams that the server ended
	Cut        uint64 `json:"cut"`        // streams that we ended to open them again
}

// note keeps the first error.
func (t *tally) note(err error) {
	if t.FirstError == "" {
		t.FirstError = err.Error()
	}
}

func (t *tally) add(o tally) {
	t.Opened += o.Opened
	t.OpenErrors += o.OpenErrors
	t.Failed += o.Failed
	if t.FirstError == "" {
		t.FirstError = o.FirstError
	}
	t.Received += o.Received
	t.Bytes += o.Bytes
	t.Lost += o.Lost
	t.Doubles += o.Doubles
	t.Disordered += o.Disordered
	t.Broken += o.Broken
	t.Foreign += o.Foreign
	t.Gaps += o.Gaps
	t.Closed += o.Closed
	t.Cut += o.Cut
}

// times is a distribution of durations in microseconds, from 1 to 10 minutes, exact to 3 digits.
type times struct{ h *hdrhistogram.Histogram }

const longest = 10 * 60 * 1e6

func newTimes() times { return times{hdrhistogram.New(1, longest, 3)} }

// record adds a duration in nanoseconds. What is over the range counts as its end.
func (t times) record(nanos int64) {
	_ = t.h.RecordValue(min(max(nanos/1000, 1), longest)) // within the range it does not fail
}

func (t times) add(o times) { t.h.Merge(o.h) }

// MarshalJSON carries the times from a worker process to the run.
func (t times) MarshalJSON() ([]byte, error) {
	text, err := t.h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return nil, err
	}
	return json.Marshal(text)
}

// UnmarshalJSON reads what MarshalJSON has written.
func (t *times) UnmarshalJSON(data []byte) (err error) {
	var text []byte
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	t.h, err = hdrhistogram.Decode(text)
	return err
}
