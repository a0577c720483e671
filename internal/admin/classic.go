package admin

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/safetext"
)

// commandSlack is what a classic command may have beside its message: room, client id, and the signs between.
const commandSlack = 1 << 10

// classic runs hasses' commands.
type classic struct {
	conn   *conn
	parser *Parser
	acks   bool // ack_enable was given
}

func newClassic(c *conn) *classic {
	s := &classic{conn: c, parser: NewParser(c.server.delimiter)}
	s.parser.lines.hold = c.line.resize
	return s
}

func (s *classic) feed(data []byte) {
	s.parser.feed(data, func() int { return s.conn.lineLimit(s.conn.server.maxMessage() + commandSlack) }, s.run)
}

func (s *classic) pending() int { return s.parser.Pending() }

func (s *classic) flush() { s.parser.Flush(s.run) }

func (s *classic) run(cmd Command, bad *SyntaxError) {
	if !s.conn.waitRoom() {
		return
	}
	if bad != nil {
		s.syntaxError(bad)
		return
	}
	if needed, has := cmd.Verb.role(), s.conn.role(); !has.Includes(needed) {
		s.error(notForRole("this command", needed, has))
		return
	}
	ctx, cancel := context.WithTimeout(s.conn.server.ctx, callTimeout)
	defer cancel()
	switch cmd.Verb {
	case VerbSend:
		s.send(cmd)
	case VerbStatus:
		s.status(ctx)
	case VerbClientList:
		s.clientList(ctx)
	case VerbNumberOfClients:
		s.numberOfClients(ctx)
	case VerbSubscribed:
		s.subscribed(ctx, cmd.Room)
	case VerbTCPStatus:
		s.tcpStatus(ctx)
	case VerbTCPClientList:
		s.tcpClientList(ctx)
	case VerbTCPNumber:
		s.tcpNumber(ctx)
	case VerbTCPSubscribed:
		s.tcpSubscribed(ctx, cmd.Room)
	case VerbLogLevelQuiet:
		s.logLevel(ctx, "quiet")
	case VerbLogLevelNormal:
		s.logLevel(ctx, "normal")
	case VerbLogLevelDebug:
		s.logLevel(ctx, "debug")
	case VerbReinitEnable:
		s.reinit(ctx, true)
	case VerbReinitDisable:
		s.reinit(ctx, false)
	case VerbAckEnable:
		s.acks = true
		s.ok()
	case VerbAuth:
		s.auth(cmd.Key)
	}
}

func (s *classic) auth(key string) {
	a, e := s.conn.authorize(key)
	if e != nil {
		s.error(e)
		return
	}
	s.conn.answer(answer{text: []byte("ok " + string(a.Role) + "\n")})
}

// role is the least that may give the command.
func (v Verb) role() api.Role {
	switch v {
	case VerbStatus, VerbClientList, VerbNumberOfClients, VerbSubscribed,
		VerbTCPStatus, VerbTCPClientList, VerbTCPNumber, VerbTCPSubscribed:
		return api.RoleRead
	case VerbSend, VerbLogLevelQuiet, VerbLogLevelNormal, VerbLogLevelDebug, VerbReinitEnable, VerbReinitDisable, VerbAckEnable:
		return api.RolePublish
	case VerbAuth:
		return api.RoleNone
	}
	return api.RoleAdmin
}

// send publishes. Its answer, if one was asked for, waits in its place for the number of streams.
func (s *classic) send(cmd Command) {
	d, e := s.conn.publish(api.SendParams{To: api.Targets{cmd.Room}, Except: cmd.Except, Data: cmd.Message})
	if e != nil {
		s.error(e)
		return
	}
	if !s.acks {
		return
	}
	s.conn.answer(answer{held: deliverySize, later: func(ctx context.Context) []byte {
		n, e := matched(ctx, d)
		if e != nil {
			return errorLine(e)
		}
		return []byte("ok " + d.ID() + " " + strconv.Itoa(n) + "\n")
	}})
}

func (s *classic) status(ctx context.Context) {
	st, err := s.conn.server.backend.Status(ctx)
	if err != nil {
		s.error(asError(err))
		return
	}
	s.text(ctx, "status", statusText(&st))
}

func (s *classic) numberOfClients(ctx context.Context) {
	n, err := s.connections(ctx)
	if err != nil {
		s.error(asError(err))
		return
	}
	s.text(ctx, "numberofclients", numberOfClientsText(n))
}

func (s *classic) subscribed(ctx context.Context, room string) {
	n, err := s.conn.server.backend.Count(ctx, api.CountParams{Room: room})
	if err != nil {
		s.error(asError(err))
		return
	}
	s.text(ctx, "subscribedclients", subscribedText(room, n.Streams))
}

func (s *classic) tcpStatus(ctx context.Context) {
	st, err := s.conn.server.backend.Status(ctx)
	if err != nil {
		s.error(asError(err))
		return
	}
	s.line(tcpStatusJSON(&st))
}

func (s *classic) tcpNumber(ctx context.Context) {
	n, err := s.connections(ctx)
	if err != nil {
		s.error(asError(err))
		return
	}
	s.line(tcpNumberJSON(n))
}

func (s *classic) tcpSubscribed(ctx context.Context, room string) {
	n, err := s.conn.server.backend.Count(ctx, api.CountParams{Room: room})
	if err != nil {
		s.error(asError(err))
		return
	}
	s.line(tcpSubscribedJSON(room, n.Streams))
}

// connections counts what hasses calls clients: every connection, its stream open or not.
func (s *classic) connections(ctx context.Context) (int, error) {
	n, err := s.conn.server.backend.Count(ctx, api.CountParams{})
	if err != nil {
		return 0, err
	}
	if n.Connections == nil {
		return n.Streams, nil
	}
	return *n.Connections, nil
}

func (s *classic) logLevel(ctx context.Context, level string) {
	if _, err := s.conn.server.backend.LogLevel(ctx, level); err != nil {
		s.error(asError(err))
		return
	}
	s.ok()
}

func (s *classic) reinit(ctx context.Context, enabled bool) {
	if _, err := s.conn.server.backend.Reinit(ctx, &enabled); err != nil {
		s.error(asError(err))
		return
	}
	s.ok()
}

func (s *classic) ok() { s.conn.answer(answer{text: []byte("ok\n")}) }

// answerLogTimeout bounds how long one answer waits for a log that takes it slowly.
const answerLogTimeout = 2 * time.Second

// text answers, and logs the same: hasses did nothing else. One record a line keeps journals readable.
func (s *classic) text(ctx context.Context, command, text string) {
	s.conn.answer(answer{text: []byte(text)})
	ctx, cancel := context.WithTimeout(ctx, answerLogTimeout)
	defer cancel()
	s.logText(ctx, command, text)
}

func (s *classic) logText(ctx context.Context, command, text string) {
	for line := range strings.Lines(text) {
		s.conn.server.answerLog.InfoContext(ctx, "control answer", "command", command, "line", strings.TrimSuffix(line, "\n"))
	}
}

func (s *classic) line(text []byte, err error) {
	if err != nil {
		s.error(asError(err))
		return
	}
	s.conn.answer(answer{text: text})
}

func (s *classic) error(e *api.Error) {
	s.conn.refused(e)
	s.conn.answer(answer{text: errorLine(e)})
}

func (s *classic) syntaxError(bad *SyntaxError) {
	e := &api.Error{Code: api.CodeInvalidRequest, Message: bad.Error()}
	switch forbidden := s.conn.tooLong(); {
	case bad.noRoom:
		e = errNoRoom()
	case bad.TooLong && forbidden != nil:
		e = forbidden
	case bad.TooLong:
		e.Code = api.CodeTooLarge
	}
	s.conn.refused(e, slog.Int("column", bad.Column))
	s.conn.answer(answer{text: errorLine(e)})
}

func errorLine(e *api.Error) []byte { return []byte("error " + safetext.ASCII(e.Message) + "\n") }
