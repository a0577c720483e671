package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Serve makes this process a worker of another one. It reads orders from r and writes reports to w
// until it has carried out the last order, or r ends.
func Serve(r io.Reader, w io.Writer) error {
	dec, enc := json.NewDecoder(r), json.NewEncoder(w)
	var s spec
	if err := dec.Decode(&s); err != nil {
		return fmt.Errorf("read the options: %w", err)
	}
	emit := func(r report) error { return enc.Encode(r) }
	if err := s.Options.fit(); err != nil {
		return emit(report{Error: err.Error()})
	}
	var lost error
	l, err := newStreamLoop(s.Options, s.Number, func(r report) {
		if err := emit(r); err != nil && lost == nil {
			lost = err
		}
	})
	if err != nil {
		return emit(report{Error: err.Error()})
	}
	go func() {
		for {
			var o order
			if dec.Decode(&o) != nil || l.do(o) != nil {
				l.loop.Stop()
				return
			}
		}
	}()
	return errors.Join(l.run(), lost)
}
