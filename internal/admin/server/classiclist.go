package server

import (
	"context"
	"errors"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/classic"
)

// maxLoggedClients is how many clients of a list are written into the log, so that other records
// stay findable.
const maxLoggedClients = 1000

// errLogged ends a list of which enough has been logged.
var errLogged = errors.New("enough of the list is in the log")

// clientList answers in pieces, so that no list lies in memory as a whole, and logs the first
// clients, as hasses did.
func (s *classicForm) clientList(ctx context.Context) {
	role := s.conn.role()
	s.pieces(role, classic.TextList())
	if e := s.logClients(ctx, role); e != nil && s.conn.queue == nil { // otherwise the answer has the error
		s.error(e)
	}
}

func (s *classicForm) logClients(ctx context.Context, role api.Role) *api.Error {
	const command = "clientlist"
	slow, cancel := context.WithTimeout(ctx, answerLogTimeout)
	defer cancel()
	form := classic.TextList()
	n := 0
	e, err := s.conn.eachClient(ctx, role, func(c *api.Client) error {
		if n == 0 {
			s.logText(slow, command, form.Head)
		}
		if n == maxLoggedClients {
			s.logText(slow, command, "There are more clients; hassesctl clients lists all of them.\n")
			return errLogged
		}
		n++
		row, err := form.Row(n, c)
		if err == nil {
			s.logText(slow, command, string(row))
		}
		return err
	})
	if err != nil && !errors.Is(err, errLogged) {
		e = api.AsError(err)
	}
	switch {
	case e != nil && n == 0:
		return e
	case n == 0:
		s.logText(slow, command, form.Head)
	}
	s.logText(slow, command, string(form.Tail(n, nil)))
	return e
}

// tcpClientList answers one JSON object, in pieces.
func (s *classicForm) tcpClientList(context.Context) { s.pieces(s.conn.role(), classic.JSONList()) }

// pieces queues the list of all clients, which is made while it is sent.
func (s *classicForm) pieces(role api.Role, form classic.ListForm) {
	c := s.conn
	s.conn.answer(answer{held: deliverySize, pieces: func(ctx context.Context, emit func([]byte) error) error {
		var buf []byte
		n := 0
		e, err := c.eachClient(ctx, role, func(c *api.Client) error {
			if n == 0 {
				buf = append(buf, form.Head...)
			}
			n++
			text, err := form.Row(n, c)
			if err != nil {
				return err
			}
			if buf = append(buf, text...); len(buf) < writeChunk {
				return nil
			}
			err = emit(buf)
			buf = buf[:0]
			return err
		})
		if err != nil {
			return err
		}
		if e != nil {
			c.refusals.refuseCommand(c.log, e)
			if n == 0 {
				return emit(classic.ErrorLine(e))
			}
		}
		if n == 0 {
			buf = append(buf, form.Head...)
		}
		return emit(append(buf, form.Tail(n, e)...))
	}})
}
