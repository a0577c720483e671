package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/safetext"
)

// maxLoggedClients is how many clients of a list are written into the log, which others want to read as well.
const maxLoggedClients = 1000

// errLogged ends a list that has been logged as far as it is.
var errLogged = errors.New("enough of the list is in the log")

// clientList answers in pieces, so that a list of any length never lies in memory, and logs the first clients: hasses did
// nothing else.
func (s *classic) clientList(ctx context.Context) {
	role := s.conn.role()
	s.pieces(role, textList())
	if e := s.logClients(ctx, role); e != nil && s.conn.queue == nil { // others are answered
		s.error(e)
	}
}

func (s *classic) logClients(ctx context.Context, role api.Role) *api.Error {
	const command = "clientlist"
	slow, cancel := context.WithTimeout(ctx, answerLogTimeout)
	defer cancel()
	n := 0
	e, err := s.conn.server.eachClient(ctx, role, func(c *api.Client) error {
		if n == 0 {
			s.logText(slow, command, clientListHead)
		}
		if n == maxLoggedClients {
			s.logText(slow, command, "There are more clients; hassesctl clients lists all of them.\n")
			return errLogged
		}
		n++
		var b strings.Builder
		writeClient(&b, n, c)
		s.logText(slow, command, b.String())
		return nil
	})
	if err != nil && !errors.Is(err, errLogged) {
		e = asError(err)
	}
	switch {
	case e != nil && n == 0:
		return e
	case n == 0:
		s.logText(slow, command, clientListHead)
	}
	s.logText(slow, command, clientListEnd)
	return e
}

// tcpClientList answers one JSON object, in pieces.
func (s *classic) tcpClientList(context.Context) { s.pieces(s.conn.role(), jsonList()) }

// clientListForm is how a list of clients is written: head, the clients, each with its number from 1, and tail behind so
// many of them, with what ended the list before its time, nil for nothing. It serves for one list.
type clientListForm struct {
	head string
	row  func(n int, c *api.Client) ([]byte, error)
	tail func(n int, cut *api.Error) []byte
}

// textList is the form of hasses.
func textList() clientListForm {
	return clientListForm{
		head: clientListHead,
		row: func(n int, c *api.Client) ([]byte, error) {
			var b strings.Builder
			writeClient(&b, n, c)
			return []byte(b.String()), nil
		},
		tail: func(n int, cut *api.Error) []byte {
			if cut != nil {
				return fmt.Appendf(nil, "The list is cut after %d clients: %s\n%s", n, safetext.ASCII(cut.Message), clientListEnd)
			}
			return []byte(clientListEnd)
		},
	}
}

// jsonList is one object on a line.
func jsonList() clientListForm {
	return clientListForm{
		head: `{"clients": [`,
		row: func(n int, c *api.Client) ([]byte, error) {
			text, err := jsonLine("", c)
			if err != nil {
				return nil, err
			}
			if text = text[:len(text)-1]; n > 1 {
				text = append([]byte(","), text...)
			}
			return text, nil
		},
		tail: func(n int, cut *api.Error) []byte {
			why := ""
			if cut != nil {
				why = fmt.Sprintf(",\"cut\": %q", safetext.ASCII(cut.Message)) // printable ASCII, so Go's quotes are JSON's
			}
			return fmt.Appendf(nil, "],\"numberofclients\": %d%s}\n", n, why)
		},
	}
}

// pieces queues a list of all clients that is made while it is sent.
func (s *classic) pieces(role api.Role, form clientListForm) {
	server, log := s.conn.server, s.conn.log
	s.conn.answer(answer{held: deliverySize, pieces: func(ctx context.Context, emit func([]byte) error) error {
		var buf []byte
		n := 0
		e, err := server.eachClient(ctx, role, func(c *api.Client) error {
			if n == 0 {
				buf = append(buf, form.head...)
			}
			n++
			text, err := form.row(n, c)
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
			reason := refusalOf(e)
			server.backend.CountCommandError(string(reason))
			log.Info("control command refused", "reason", string(reason), "err", safetext.ASCII(e.Message))
			if n == 0 {
				return emit(errorLine(e))
			}
		}
		if n == 0 {
			buf = append(buf, form.head...)
		}
		return emit(append(buf, form.tail(n, e)...))
	}})
}
