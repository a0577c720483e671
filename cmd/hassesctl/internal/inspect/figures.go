package inspect

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/output"
	"github.com/hassesd/hassesd/internal/admin/api"
)

// memoryText returns how much memory the daemon holds, and what it does about a shortage.
func memoryText(m *api.MemoryStatus) string {
	text := output.Size(m.UsedBytes)
	if m.BudgetBytes > 0 {
		text += fmt.Sprintf(" of %s (%s)", output.Size(m.BudgetBytes), m.BudgetFrom)
	}
	if m.BlockedStreams > 0 {
		text += fmt.Sprintf(", %s for %s in the kernel", output.Size(m.KernelBytes), output.Plural(m.BlockedStreams, "blocked stream"))
	}
	switch m.Pressure {
	case api.PressureRefuse:
		text += "; runs short, new streams are refused"
	case api.PressureShed:
		text += "; runs short, slow streams are ended"
	case api.PressureForget:
		text += "; runs short, slow streams are ended and history is forgotten"
	}
	return text
}

// freedText returns what the daemon has freed so far to stay within its budget.
func freedText(m *api.MemoryStatus) string {
	return fmt.Sprintf("%s ended, %s of the history forgotten", output.Plural(m.StreamsEnded, "stream"), output.Plural(m.EventsForgotten, "event"))
}

// publishText returns how much was published, and how long publishers had to wait.
func publishText(p *api.PublishStatus) string {
	text := output.Size(int64(p.FannedOutBytes)) + " put into queues"
	if p.HeldTotal > 0 {
		waited := time.Duration(p.HeldSeconds * float64(time.Second)).Round(time.Millisecond)
		text += fmt.Sprintf("; %s held back for %s in all", output.Plural(p.HeldTotal, "message"), waited)
	}
	return text
}

// reasonsText returns the counters over zero, the highest first.
func reasonsText(counts map[string]uint64) string {
	reasons := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if counts[a] != counts[b] {
			if counts[a] > counts[b] {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for _, r := range reasons {
		if counts[r] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", r, counts[r]))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
