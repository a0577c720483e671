package eventlog

import "fmt"

// InvalidError states which part of a message is refused, and why.
type InvalidError struct {
	Field  string // "to", "except", "event" or "retry"
	Reason string
	Hint   string // what to do; may be empty
}

func (e *InvalidError) Error() string { return e.Field + " " + e.Reason }

// TooLongError states that the log cannot hold a message.
type TooLongError struct{ Size, Limit int } // of its record, in bytes

func (e *TooLongError) Error() string {
	return fmt.Sprintf("the message takes %d bytes in the log and the brokers take %d", e.Size, e.Limit)
}
