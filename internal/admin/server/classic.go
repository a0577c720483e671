package server

import (
	"context"
	"strconv"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/classic"
)

// commandSlack is what a classic command may have beside its message: room, client id, and the
// punctuation.
const commandSlack = 1 << 10

func (s *classicForm) feed(data []byte) {
	s.parser.Feed(data, func() int { return s.conn.lineLimit(s.conn.maxMessage() + commandSlack) }, s.run)
}

func (s *classicForm) pending() int { return s.parser.Pending() }

func (s *classicForm) flush() { s.parser.Flush(s.run) }

func (s *classicForm) run(cmd classic.Command, bad *classic.SyntaxError) {
	if !s.conn.waitRoom() {
		return
	}
	if bad != nil {
		s.syntaxError(bad)
		return
	}
	if needed, has := cmd.Verb.Role(), s.conn.role(); !has.Includes(needed) {
		s.error(notForRole("this command", needed, has))
		return
	}
	ctx := s.conn.ctx
	if cmd.Verb != classic.VerbSend { // which asks nobody, and a deadline is a timer for each message
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, callTimeout)
		defer cancel()
	}
	switch cmd.Verb {
	case classic.VerbSend:
		s.send(cmd)
	case classic.VerbStatus:
		s.status(ctx)
	case classic.VerbClientList:
		s.clientList(ctx)
	case classic.VerbNumberOfClients:
		s.numberOfClients(ctx)
	case classic.VerbSubscribed:
		s.subscribed(ctx, cmd.Room)
	case classic.VerbTCPStatus:
		s.tcpStatus(ctx)
	case classic.VerbTCPClientList:
		s.tcpClientList(ctx)
	case classic.VerbTCPNumber:
		s.tcpNumber(ctx)
	case classic.VerbTCPSubscribed:
		s.tcpSubscribed(ctx, cmd.Room)
	case classic.VerbLogLevelQuiet:
		s.logLevel(ctx, "quiet")
	case classic.VerbLogLevelNormal:
		s.logLevel(ctx, "normal")
	case classic.VerbLogLevelDebug:
		s.logLevel(ctx, "debug")
	case classic.VerbReinitEnable:
		s.reinit(ctx, true)
	case classic.VerbReinitDisable:
		s.reinit(ctx, false)
	case classic.VerbAckEnable:
		s.acks = true
		s.ok()
	case classic.VerbAuth:
		s.auth(cmd.Key)
	}
}

func (s *classicForm) auth(key string) {
	a, err := s.conn.authorize(key)
	if err != nil {
		s.error(api.AsError(err))
		return
	}
	s.conn.answer(answer{text: []byte("ok " + string(a.Role) + "\n")})
}

// send publishes. Its answer, if one was asked for, waits in its place for the number of streams.
func (s *classicForm) send(cmd classic.Command) {
	d, err := s.conn.publish(api.SendParams{To: api.Targets{cmd.Room}, Except: cmd.Except, Data: cmd.Message})
	if err != nil {
		s.error(api.AsError(err))
		return
	}
	if !s.acks {
		return
	}
	s.conn.answer(answer{held: deliverySize, later: func(ctx context.Context) []byte {
		n, e := matched(ctx, d)
		if e != nil {
			return classic.ErrorLine(e)
		}
		return []byte("ok " + d.ID() + " " + strconv.Itoa(n) + "\n")
	}})
}

func (s *classicForm) status(ctx context.Context) {
	st, err := s.conn.backend.Status(ctx, api.StatusParams{})
	if err != nil {
		s.error(api.AsError(err))
		return
	}
	s.text(ctx, "status", classic.StatusText(&st))
}

func (s *classicForm) numberOfClients(ctx context.Context) {
	n, err := s.connections(ctx)
	if err != nil {
		s.error(api.AsError(err))
		return
	}
	s.text(ctx, "numberofclients", classic.NumberOfClientsText(n))
}

func (s *classicForm) subscribed(ctx context.Context, room string) {
	n, err := s.conn.backend.Count(ctx, api.CountParams{Room: room})
	if err != nil {
		s.error(api.AsError(err))
		return
	}
	s.text(ctx, "subscribedclients", classic.SubscribedText(room, n.Streams))
}

func (s *classicForm) tcpStatus(ctx context.Context) {
	st, err := s.conn.backend.Status(ctx, api.StatusParams{})
	if err != nil {
		s.error(api.AsError(err))
		return
	}
	s.line(classic.StatusJSON(&st))
}

func (s *classicForm) tcpNumber(ctx context.Context) {
	n, err := s.connections(ctx)
	if err != nil {
		s.error(api.AsError(err))
		return
	}
	s.line(classic.NumberOfClientsJSON(n))
}

func (s *classicForm) tcpSubscribed(ctx context.Context, room string) {
	n, err := s.conn.backend.Count(ctx, api.CountParams{Room: room})
	if err != nil {
		s.error(api.AsError(err))
		return
	}
	s.line(classic.SubscribedJSON(room, n.Streams))
}

// connections returns how many clients there are as hasses counts them: connections, whether their
// stream is open or not.
func (s *classicForm) connections(ctx context.Context) (int, error) {
	n, err := s.conn.backend.Count(ctx, api.CountParams{})
	if err != nil {
		return 0, err
	}
	if n.Connections == nil {
		return n.Streams, nil
	}
	return *n.Connections, nil
}

func (s *classicForm) logLevel(ctx context.Context, level string) {
	if _, err := s.conn.backend.LogLevel(ctx, level); err != nil {
		s.error(api.AsError(err))
		return
	}
	s.ok()
}

func (s *classicForm) reinit(ctx context.Context, enabled bool) {
	if _, err := s.conn.backend.Reinit(ctx, &enabled); err != nil {
		s.error(api.AsError(err))
		return
	}
	s.ok()
}
