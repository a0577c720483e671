package daemon

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"
)

// newEpoch returns a new first part of event ids: the time of the start in milliseconds, and enough
// randomness that two daemons started together, or one whose clock was set back, do not mistake
// each other's ids for their own.
func newEpoch(start time.Time) string {
	const chance = 36 * 36 * 36
	return strconv.FormatInt(start.UnixMilli(), 36) + fmt.Sprintf("%03s", strconv.FormatUint(randomSeed()%chance, 36))
}

func randomSeed() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return binary.LittleEndian.Uint64(b[:])
}
