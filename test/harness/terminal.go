package harness

import (
	"os"
)

// Look copies what a terminal shows to log, until no process has it open. Then it closes done.
func Look(screen *os.File, log *Log) (done chan struct{}) {
	done = make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 64<<10)
		for {
			n, err := screen.Read(buf)
			_, _ = log.Write(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	return done
}
