package daemon

// What the control protocol may hold is a part of the memory budget.
const (
	// controlLinePart is how much of it the unfinished commands of all connections may hold, one part in so many: a long
	// one is in memory three times while it is read.
	controlLinePart = 16
	// controlLineMost is enough for some of the longest commands there can be, however large the budget.
	controlLineMost = 256 << 20
	// controlLineTimes is how many times a message's bound a command may be long, as JSON, and a little.
	controlLineTimes = 7
)

// controlLineBytes is how much the unfinished commands of all control connections may hold together: always one of the
// longest, and while memory is short nothing.
func (d *Daemon) controlLineBytes() int64 {
	f := d.memory.shown.Load()
	if f.level >= pressureShed {
		return 0
	}
	longest := int64(d.settings.Load().Limits.MessageBytes) * controlLineTimes
	if f.budget.bytes == 0 {
		return max(controlLineMost, longest)
	}
	return max(min(f.budget.bytes/controlLinePart, controlLineMost), longest)
}
