package top

import (
	"strings"
	"time"
	"unicode"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// display is which lists are shown.
type display uint8

const (
	showAll    display = iota // a few of each
	showQueues                // clients, the fullest queue first
	showSent                  // clients, most events first
	showOldest                // clients, the oldest first
	showRooms
)

// filter is what the lists are restricted to. Empty fields do not restrict.
type filter struct{ room, id, addr string }

// query is what is asked of the daemon for the lists.
type query struct {
	display display
	filter  filter
	rows    int // of each list, at most
}

// lists are the answers to a query. A list that was not asked for is empty.
type lists struct {
	of                   query
	queues, sent, oldest []api.Client
	clients              int // all that match
	rooms                []api.Room
	roomCount            int
	at                   time.Time
}

// clientKey tells streams apart.
type clientKey struct {
	conn   uint64
	stream uint32
}

// prompt is which filter is being typed.
type prompt uint8

const (
	promptNone prompt = iota
	promptRoom
	promptID
	promptAddr
)

// String returns what is being typed.
func (p prompt) String() string { return [...]string{"", "room", "id", "address"}[p] }

// model is everything that is shown. It belongs to the loop.
type model struct {
	status   api.Status
	rates    rates
	hasRates bool
	traffic  track // deliveries each second
	lists    lists
	before   map[clientKey]uint64 // events sent, in the lists before these
	seconds  float64              // between them

	display display
	filter  filter
	problem string // why the figures are old; empty: they are not
	isHeld  bool   // paused
	isHelp  bool

	prompt prompt
	typed  string
	done   bool
}

// maxTyped is longer than any room's name.
const maxTyped = 256

// addStatus shows a new status.
func (m *model) addStatus(s api.Status) {
	m.rates, m.hasRates = ratesBetween(m.status, s)
	if m.hasRates {
		m.traffic.add(m.rates.delivered)
	} else if m.status.PID != 0 && (m.status.PID != s.PID || !m.status.StartedAt.Equal(s.StartedAt)) {
		m.traffic = track{}
	}
	m.status, m.problem = s, ""
}

// addLists shows new lists, unless they answer a question that is no longer asked.
func (m *model) addLists(l lists) {
	if l.of.display != m.display || l.of.filter != m.filter {
		return
	}
	m.before, m.seconds = nil, 0
	if m.lists.of == l.of {
		m.before, m.seconds = sentOf(m.lists), l.at.Sub(m.lists.at).Seconds()
	}
	m.lists = l
}

func sentOf(l lists) map[clientKey]uint64 {
	sent := make(map[clientKey]uint64)
	for _, list := range [][]api.Client{l.queues, l.sent, l.oldest} {
		for _, c := range list {
			sent[clientKey{c.Conn, c.Stream}] = c.Sent
		}
	}
	return sent
}

// sentRate returns how many events the client was sent each second lately, if that is known.
func (m *model) sentRate(c api.Client) (perSec float64, isKnown bool) {
	before, isKnown := m.before[clientKey{c.Conn, c.Stream}]
	if !isKnown || m.seconds <= 0 {
		return 0, false
	}
	return perSecond(before, c.Sent, m.seconds), true
}

// press acts on a key, and reports whether the daemon has to be asked for other lists.
func (m *model) press(k key) (isChanged bool) {
	switch {
	case k.kind == keyQuit:
		m.done = true
		return false
	case m.prompt != promptNone:
		return m.edit(k)
	case m.isHelp:
		m.isHelp = false
		if k.kind != keyText || k.text != 'q' {
			return false
		}
	}
	if k.kind == keyEscape {
		isChanged = m.filter != filter{}
		m.filter = filter{}
		return isChanged
	}
	if k.kind != keyText {
		return false
	}
	before := m.display
	switch unicode.ToLower(k.text) {
	case 'q':
		m.done = true
	case 'v':
		m.display = showAll
	case 'w':
		m.display = showQueues
	case 'b':
		m.display = showSent
	case 'o':
		m.display = showOldest
	case 'r':
		m.display = showRooms
	case '/':
		m.prompt, m.typed = promptRoom, m.filter.room
	case 'i':
		m.prompt, m.typed = promptID, m.filter.id
	case 'a':
		m.prompt, m.typed = promptAddr, m.filter.addr
	case ' ':
		m.isHeld = !m.isHeld
	case '?', 'h':
		m.isHelp = true
	}
	return m.display != before
}

// edit acts on a key while a filter is being typed.
func (m *model) edit(k key) (isChanged bool) {
	switch k.kind {
	case keyEscape:
		m.prompt = promptNone
	case keyErase:
		if runes := []rune(m.typed); len(runes) > 0 {
			m.typed = string(runes[:len(runes)-1])
		}
	case keyClear:
		m.typed = ""
	case keyText:
		if len(m.typed) < maxTyped {
			m.typed += string(k.text)
		}
	case keyEnter:
		before := m.filter
		text := strings.TrimSpace(m.typed)
		switch m.prompt {
		case promptRoom:
			m.filter.room = text
		case promptID:
			m.filter.id = text
		case promptAddr:
			m.filter.addr = text
		case promptNone:
		}
		m.prompt = promptNone
		return m.filter != before
	case keyQuit, keySuspend, keyRedraw, keyOther:
	}
	return false
}
