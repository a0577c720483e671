package memguard

// Unfinished control commands may hold a part of the memory budget.
const (
	// commandPart is that part, one in so many. A long command is in memory three times while it is
	// read.
	commandPart = 16
	// commandMost suffices for several of the longest possible commands, however large the budget
	// is.
	commandMost = 256 << 20
)

// CommandBytes returns how many bytes the unfinished commands of all control connections may hold
// together: always enough for one of the longest, of longest bytes, and nothing while streams are
// being shed.
func (g *Guard) CommandBytes(longest int64) int64 {
	f := g.Figures()
	if f.Pressure >= Shed {
		return 0
	}
	if f.Budget.Bytes == 0 {
		return max(commandMost, longest)
	}
	return max(min(f.Budget.Bytes/commandPart, commandMost), longest)
}

// BodyBytes returns how many bytes the bodies of all requests that publish may hold together, by the
// same rules: always enough for one of the longest, of longest bytes, and nothing while streams are
// being shed.
func (g *Guard) BodyBytes(longest int64) int64 { return g.CommandBytes(longest) }
