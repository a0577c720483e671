package publish

// Refusal is why a message is refused: a closed set.
type Refusal uint8

// The refusals.
const (
	Invalid    Refusal = iota // a field of the message is wrong
	NotGranted                // it is for rooms that its source may not publish to
	TooLarge                  // its data is longer than limits.message_bytes
	Overloaded                // the event loops were behind, or memory short, for too long
	Closed                    // the daemon is about to end

	refusals = iota
)

var refusalNames = [refusals]string{"invalid", "not_granted", "too_large", "overloaded", "closed"}

// String returns the refusal's name in counters.
func (r Refusal) String() string { return refusalNames[r] }

// Refusals lists all of them.
func Refusals() []Refusal { return []Refusal{Invalid, NotGranted, TooLarge, Overloaded, Closed} }

// Error is the refusal of a message.
type Error struct {
	Refusal Refusal
	Field   string // that is wrong: "to", "except", "event" or "retry"; empty if it is none of them
	Message string // what is wrong, for people
	Hint    string // what to do next; may be empty
}

func (e *Error) Error() string { return e.Message }
