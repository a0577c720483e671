package eventlog

// InvalidError states which part of a message is refused, and why.
type InvalidError struct {
	Field  string // "to", "except", "event" or "retry"
	Reason string
	Hint   string // what to do; may be empty
}

func (e *InvalidError) Error() string { return e.Field + " " + e.Reason }
