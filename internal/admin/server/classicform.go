package server

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/classic"
)

// classicForm runs hasses' commands.
type classicForm struct {
	conn   *conn
	parser *classic.Parser
	acks   bool // ack_enable was given
}

func newClassic(c *conn) *classicForm {
	return &classicForm{conn: c, parser: classic.NewParser(c.delimiter, c.line.resize)}
}

func (s *classicForm) ok() { s.conn.answer(answer{text: []byte("ok\n")}) }

// answerLogTimeout bounds how long one answer waits for a slow log.
const answerLogTimeout = 2 * time.Second

// text answers with text and logs it, as hasses did. One record a line keeps journals readable.
func (s *classicForm) text(ctx context.Context, command, text string) {
	s.conn.answer(answer{text: []byte(text)})
	ctx, cancel := context.WithTimeout(ctx, answerLogTimeout)
	defer cancel()
	s.logText(ctx, command, text)
}

func (s *classicForm) logText(ctx context.Context, command, text string) {
	for line := range strings.Lines(text) {
		s.conn.answerLog.InfoContext(ctx, "control answer", "command", command, "line", strings.TrimSuffix(line, "\n"))
	}
}

func (s *classicForm) line(text []byte, err error) {
	if err != nil {
		s.error(api.AsError(err))
		return
	}
	s.conn.answer(answer{text: text})
}

func (s *classicForm) error(e *api.Error) {
	s.conn.refused(e)
	s.conn.answer(answer{text: classic.ErrorLine(e)})
}

func (s *classicForm) syntaxError(bad *classic.SyntaxError) {
	e := &api.Error{Code: api.CodeInvalidRequest, Message: bad.Error()}
	switch forbidden := s.conn.tooLong(); {
	case bad.NoRoom:
		e = errNoRoom()
	case bad.TooLong && forbidden != nil:
		e = forbidden
	case bad.TooLong:
		e.Code = api.CodeTooLarge
	}
	s.conn.refused(e, slog.Int("column", bad.Column))
	s.conn.answer(answer{text: classic.ErrorLine(e)})
}
