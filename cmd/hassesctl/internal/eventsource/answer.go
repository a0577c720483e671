package eventsource

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
)

// maxRefusal is how much of a refusal is read for its reason.
const maxRefusal = 4 << 10

// RefusedError is an answer that is not a stream: a browser would give up for good.
type RefusedError struct {
	Status int    // of HTTP
	Reason string // the server's; may be empty
}

// Error implements error.
func (e *RefusedError) Error() string {
	text := fmt.Sprintf("the stream was refused: %d %s", e.Status, http.StatusText(e.Status))
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

func checkAnswer(answer *http.Response) error {
	if answer.StatusCode != http.StatusOK {
		return &RefusedError{answer.StatusCode, refusalReason(answer.Body)}
	}
	got := answer.Header.Get("Content-Type")
	if kind, _, _ := mime.ParseMediaType(got); kind != "text/event-stream" {
		return fmt.Errorf("the answer is not an event stream but %q: is the URL right?", got)
	}
	return nil
}

// refusalReason returns the message of hassesd's {"error":{"code","message"}}.
func refusalReason(body io.Reader) string {
	text, err := io.ReadAll(io.LimitReader(body, maxRefusal))
	if err != nil {
		return ""
	}
	var refusal struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(text, &refusal) != nil {
		return ""
	}
	return refusal.Error.Message
}
