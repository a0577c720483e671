package httppublish

import (
	"errors"
	"fmt"

	"github.com/hassesd/hassesd/internal/publish"
)

// failure is why a request, or one of its messages, is refused.
type failure struct {
	code    Code
	message string
	field   string // of the message; empty: none
	isWrong bool   // a key or token that nobody has given

	ofMessage bool // by the publisher, who has counted it
}

func fail(code Code, format string, args ...any) *failure {
	return &failure{code: code, message: fmt.Sprintf(format, args...)}
}

// failField returns the refusal of a message for one of its fields.
func failField(field, format string, args ...any) *failure {
	return &failure{code: CodeInvalidMessage, field: field, message: fmt.Sprintf(format, args...)}
}

// refusedMessage returns the refusal of a message that was not published.
func refusedMessage(err error) *failure {
	refused, ok := errors.AsType[*publish.Error](err)
	if !ok {
		return fail(CodeOverloaded, "the message was not published: %v", err)
	}
	f := &failure{message: refused.Message, field: refused.Field, ofMessage: true}
	if refused.Hint != "" {
		f.message += "; " + refused.Hint
	}
	switch refused.Refusal {
	case publish.Invalid:
		f.code = CodeInvalidMessage
	case publish.NotGranted:
		f.code = CodeRoomNotAllowed
	case publish.TooLarge:
		f.code = CodeTooLarge
	case publish.Overloaded, publish.LogFull, publish.LogAway:
		f.code = CodeOverloaded
	case publish.Closed:
		f.code = CodeDraining
	case publish.KeyReused:
		f.code = CodeKeyReused
	}
	return f
}
