package jetstream

import "errors"

var (
	errLookAgain    = errors.New("the log is not what it was; looking again")
	errClosedByPeer = errors.New("the connection to the broker has ended")
)

// betterBrokerError ends a session at a broker that has lost the others.
type betterBrokerError struct{ url string }

func (e *betterBrokerError) Error() string {
	return "messages are not answered by way of this broker, and " + e.url + " has the leader of the log; going there"
}
