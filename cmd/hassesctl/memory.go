package main

import (
	"fmt"
	"time"

	"github.com/hassesd/hassesd/internal/admin"
)

// memoryText is what the daemon holds, and how short that makes memory.
func memoryText(m *admin.MemoryStatus) string {
	text := size(m.UsedBytes)
	if m.BudgetBytes > 0 {
		text += fmt.Sprintf(" of %s (%s)", size(m.BudgetBytes), m.BudgetFrom)
	}
	if m.BlockedStreams > 0 {
		text += fmt.Sprintf(", %s for %s in the kernel", size(m.KernelBytes), plural(m.BlockedStreams, "blocked stream"))
	}
	switch m.Pressure {
	case admin.PressureRefuse:
		text += "; runs short, new streams are refused"
	case admin.PressureShed:
		text += "; runs short, slow streams are ended"
	case admin.PressureForget:
		text += "; runs short, slow streams are ended and history is forgotten"
	}
	return text
}

// freedText is what was done so far to stay within the memory.
func freedText(m *admin.MemoryStatus) string {
	return fmt.Sprintf("%s ended, %s of the history forgotten", plural64(m.StreamsEnded, "stream"), plural64(m.EventsForgotten, "event"))
}

// publishText is what publishers have waited.
func publishText(p *admin.PublishStatus) string {
	text := size(int64(p.FannedOutBytes)) + " put into queues"
	if p.HeldTotal > 0 {
		waited := time.Duration(p.HeldSeconds * float64(time.Second)).Round(time.Millisecond)
		text += fmt.Sprintf("; %s held back for %s in all", plural64(p.HeldTotal, "message"), waited)
	}
	return text
}

func plural64(n uint64, noun string) string { return plural(int(n), noun) }
