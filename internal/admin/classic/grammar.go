package classic

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

// Role returns the least role that may give the command.
func (v Verb) Role() api.Role {
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

// SyntaxError is why something is not a classic command. It never quotes the command, which may be
// a part of a message.
type SyntaxError struct {
	Column  int  // of the first wrong byte, from 1
	TooLong bool // longer than the parser's limit
	NoRoom  bool // there was no memory for it
	Reason  string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at column %d", e.Reason, e.Column) }

// ParseCommand parses one command, without its end. With a '=' it is a message, whatever it begins
// with; without one it is a known command or an error, never a message.
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

// parseMessage parses both sides of the first '='. An empty client id is none, as in hasses:
// scripts write room-$id=text whether or not they have an id.
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

// syntaxError returns the error for the fault of a name, the subject, that begins after offset
// bytes of the command.
func syntaxError(offset int, subject string, err error) *SyntaxError {
	var fault *names.Fault
	if !errors.As(err, &fault) {
		panic(fmt.Sprintf("classic: internal error: %v is no fault of a name", err))
	}
	return &SyntaxError{Column: offset + fault.At + 1, Reason: subject + fault.Reason}
}
