package admin

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/names"
)

// Verb is what a classic command does.
type Verb uint8

// The verbs.
const (
	VerbSend            Verb = iota // a message: room=text
	VerbStatus                      // status
	VerbClientList                  // clientlist
	VerbNumberOfClients             // numberofclients
	VerbSubscribed                  // subscribedclients:room
	VerbTCPStatus                   // tcpstatus
	VerbTCPClientList               // tcpclientlist
	VerbTCPNumber                   // tcpnumberofclients
	VerbTCPSubscribed               // tcpsubscribedclients:room
	VerbLogLevelQuiet               // loglevel_quiet
	VerbLogLevelNormal              // loglevel_normal
	VerbLogLevelDebug               // loglevel_debug
	VerbReinitEnable                // reinit_enable
	VerbReinitDisable               // reinit_disable
	VerbAckEnable                   // ack_enable
	VerbAuth                        // auth key
)

// words are the commands that stand alone.
var words = map[string]Verb{
	"status":             VerbStatus,
	"clientlist":         VerbClientList,
	"numberofclients":    VerbNumberOfClients,
	"tcpstatus":          VerbTCPStatus,
	"tcpclientlist":      VerbTCPClientList,
	"tcpnumberofclients": VerbTCPNumber,
	"loglevel_quiet":     VerbLogLevelQuiet,
	"loglevel_normal":    VerbLogLevelNormal,
	"loglevel_debug":     VerbLogLevelDebug,
	"reinit_enable":      VerbReinitEnable,
	"reinit_disable":     VerbReinitDisable,
	"ack_enable":         VerbAckEnable,
}

// roomWords are the commands that end in a room.
var roomWords = []struct {
	prefix string
	verb   Verb
}{
	{"subscribedclients:", VerbSubscribed},
	{"tcpsubscribedclients:", VerbTCPSubscribed},
}

// authWord begins the command that shows a key.
const authWord = "auth "

// Command is one classic command.
type Command struct {
	Verb    Verb
	Room    string // of VerbSend the room, "prefix*" or "*"; of the subscribed verbs the room
	Except  string // of VerbSend the client id that does not get it
	Message string // of VerbSend
	Key     string // of VerbAuth: a secret
}

// SyntaxError says why something is not a classic command. It never quotes the command, which may be a part of a
// message.
type SyntaxError struct {
	Column  int  // of the first wrong byte, from 1
	TooLong bool // longer than the parser's limit
	noRoom  bool // there was no memory for it
	Reason  string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at column %d", e.Reason, e.Column) }

// Parser cuts a stream into classic commands. A command ends at a newline, at the delimiter, or where [Parser.Flush]
// is called; where the stream is cut makes no difference. It does no I/O and knows no time.
type Parser struct {
	lines lines
}

// NewParser returns a Parser for commands that end at delimiter as well as at a newline.
func NewParser(delimiter byte) *Parser { return &Parser{lines: lines{delimiter: delimiter}} }

// Feed takes the next bytes. visit gets each command that they end, or a *SyntaxError; limit is the most bytes a
// command may have, and one with more is reported once, where it exceeds the limit, and skipped to its end.
func (p *Parser) Feed(data []byte, limit int, visit func(Command, *SyntaxError)) {
	p.feed(data, func() int { return limit }, visit)
}

// feed is Feed with a limit that may change from one command to the next.
func (p *Parser) feed(data []byte, limit func() int, visit func(Command, *SyntaxError)) {
	p.lines.feed(data, limit, func(command []byte, end lineEnd) {
		switch end {
		case lineWhole:
			visit(ParseCommand(string(command)))
		case lineTooLong:
			visit(Command{}, &SyntaxError{Column: len(command) + 1, TooLong: true, Reason: "the command is too large"})
		case lineNoRoom:
			visit(Command{}, &SyntaxError{Column: len(command) + 1, noRoom: true, Reason: "there is no memory for the command"})
		}
	})
}

// Flush ends the command under way: at the end of the stream, or after a pause.
func (p *Parser) Flush(visit func(Command, *SyntaxError)) {
	p.lines.flush(func(command []byte, _ lineEnd) { visit(ParseCommand(string(command))) })
}

// Pending is the number of bytes of a command that has begun and not ended; 0: there is none.
func (p *Parser) Pending() int { return p.lines.pending() }

// ParseCommand reads one command, without its end. What has a '=' is a message, whatever it begins with; what has
// none is a known command, or an error and never a message.
func ParseCommand(s string) (Command, *SyntaxError) {
	if address, message, ok := strings.Cut(s, "="); ok {
		return parseMessage(address, message)
	}
	if verb, ok := words[s]; ok {
		return Command{Verb: verb}, nil
	}
	for _, w := range roomWords {
		room, ok := strings.CutPrefix(s, w.prefix)
		if !ok {
			continue
		}
		if err := names.CheckRoom(room); err != nil {
			return Command{}, syntaxError(len(w.prefix), "the room's name ", err)
		}
		return Command{Verb: w.verb, Room: room}, nil
	}
	if key, ok := strings.CutPrefix(s, authWord); ok {
		if err := api.CheckKey(key); err != nil {
			return Command{}, syntaxError(len(authWord), "", err)
		}
		return Command{Verb: VerbAuth, Key: key}, nil
	}
	return Command{}, &SyntaxError{Column: 1, Reason: "unknown command"}
}

// parseMessage reads what stands on both sides of the first '='. An empty client id is none, as in hasses: scripts
// write room-$id=text whether or not they have an id.
func parseMessage(address, message string) (Command, *SyntaxError) {
	target, except, _ := strings.Cut(address, "-")
	if _, err := names.ParseTarget(target); err != nil {
		return Command{}, syntaxError(0, "the room's name ", err)
	}
	if err := names.CheckClientID(except); err != nil {
		return Command{}, syntaxError(len(target)+1, "the client id ", err)
	}
	if message == "" {
		return Command{}, &SyntaxError{Column: len(address) + 2, Reason: "the message is missing"}
	}
	// The names outlive the message, in the history: they must not keep the whole command.
	return Command{Verb: VerbSend, Room: strings.Clone(target), Except: strings.Clone(except), Message: message}, nil
}

// syntaxError returns the error for the fault of a name, the subject, that begins after offset bytes of the command.
func syntaxError(offset int, subject string, err error) *SyntaxError {
	var fault *names.Fault
	if !errors.As(err, &fault) {
		panic(fmt.Sprintf("admin: internal error: %v is no fault of a name", err))
	}
	return &SyntaxError{Column: offset + fault.At + 1, Reason: subject + fault.Reason}
}
