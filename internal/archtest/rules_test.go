package archtest

// A rule forbids the packages in from to reach, directly or through others, the packages in never.
// A pattern is an import path; with /... at its end it covers everything below as well.
type rule struct {
	from   []string // patterns without the module, such as internal/reactor
	never  []string // full patterns; those that begin with "./" are ours
	except []string // full patterns that are allowed all the same
	direct bool     // only the package's own imports count, not what they bring along
	strict bool     // the leaves are forbidden too
	why    string
}

// leaves are the packages of ours that any package may import.
var leaves = []string{"./internal/names", "./internal/safetext"}

var rules = []rule{
	// 1. Arrows point down; siblings never import each other, edge is the meeting place.
	{
		from: []string{"internal/names"}, never: []string{"./..."}, except: []string{"./internal/names"}, strict: true,
		why: "every package may import names, so names imports none of ours",
	},
	{
		from: []string{"internal/safetext"}, never: []string{"./..."}, except: []string{"./internal/safetext"}, strict: true,
		why: "every package may import safetext, so safetext imports none of ours",
	},
	{
		from: []string{"internal/sse"}, never: []string{"./..."}, except: []string{"./internal/sse"}, strict: true,
		why: "sse encodes events and needs no other package for that",
	},
	{
		from: []string{"internal/eventlog"}, never: []string{"./..."}, except: []string{"./internal/eventlog", "./internal/sse"},
		why: "the seam between the order of messages and those who follow it knows neither side",
	},
	{
		from: []string{"internal/eventlog/memory"}, never: []string{"./..."}, except: []string{"./internal/eventlog/...", "./internal/sse"},
		why: "a log gives places; it does not know who follows it",
	},
	{
		from: []string{"internal/hub"}, never: []string{"./..."}, except: []string{"./internal/hub", "./internal/eventlog", "./internal/sse"},
		why: "the hub knows streams and frames, not who carries them",
	},
	{
		from: []string{"internal/publish"}, never: []string{"./..."}, except: []string{"./internal/publish", "./internal/eventlog", "./internal/sse", "./internal/idempotency", "./internal/list"},
		why: "publish takes messages from any door and gives them to a log; it knows neither doors nor subscribers",
	},
	{
		from: []string{"internal/idempotency"}, never: []string{"./..."}, except: []string{"./internal/idempotency", "./internal/eventlog", "./internal/sse", "./internal/list"},
		why: "the publisher and the log both remember keys with it",
	},
	{
		from: []string{"internal/httppublish"}, never: []string{"./..."},
		except: []string{"./internal/httppublish", "./internal/publish", "./internal/idempotency", "./internal/eventlog", "./internal/sse", "./internal/auth", "./internal/pemfile", "./internal/list"},
		why:    "POST is answered from a head and a body, whichever listener they come from",
	},
	{
		from: []string{"internal/auth"}, never: []string{"./..."}, except: []string{"./internal/auth", "./internal/pemfile"},
		why: "auth reads credentials and says what they grant, independent of who asks",
	},
	{
		from: []string{"internal/helptext"}, never: []string{"./..."}, except: []string{"./internal/helptext"}, strict: true,
		why: "a page of help is text; it knows no program",
	},
	{
		from: []string{"internal/list"}, never: []string{"./..."}, except: []string{"./internal/list"}, strict: true,
		why: "a list does not know the types of its elements",
	},
	{
		from: []string{"internal/admission"}, never: []string{"./..."}, except: []string{"./internal/admission", "./internal/list"},
		why: "admission counts networks; it knows no connection",
	},
	{
		from: []string{"internal/edge"}, never: []string{"./..."},
		except: []string{
			"./internal/edge/...", "./internal/reactor", "./internal/tlsconn", "./internal/tlsrecord", "./internal/keymem", "./internal/hub", "./internal/eventlog/...", "./internal/sse", "./internal/auth",
			"./internal/pemfile", "./internal/admission", "./internal/list", "./internal/names", "./internal/safetext",
			"./internal/httppublish", "./internal/publish", "./internal/idempotency",
		},
		why: "edge is where reactor, tlsconn and hub meet; settings, control and certificates are handed in",
	},
	{
		from: []string{"internal/edge/exchange"}, never: []string{"./..."}, except: []string{"./internal/edge/exchange"},
		why: "a request and its answer are plain values",
	},
	{
		from: []string{"internal/edge/http1"}, never: []string{"./..."}, except: []string{"./internal/edge/http1", "./internal/edge/exchange"},
		why: "a version of HTTP frames requests and answers; it knows no stream, no socket and no rule",
	},
	{
		from: []string{"internal/edge/http2"}, never: []string{"./..."}, except: []string{"./internal/edge/http2"},
		why: "a version of HTTP frames requests and answers; it knows no stream, no socket and no rule",
	},
	{
		from: []string{"internal/edge/site"}, never: []string{"./..."},
		except: []string{"./internal/edge/site", "./internal/edge/exchange", "./internal/auth", "./internal/pemfile", "./internal/names", "./internal/safetext"},
		why:    "decisions depend on values, not on the protocol that carries them",
	},
	{
		from: []string{"internal/edge/proxy"}, never: []string{"./...", "net/http/...", "os/...", "golang.org/x/sys/..."}, except: []string{"./internal/edge/proxy"},
		why: "proxy headers are parsed from bytes, independent of the connection",
	},
	{
		from: []string{"internal/edge/transport"}, never: []string{"./...", "net/http/..."},
		except: []string{"./internal/edge/transport", "./internal/reactor", "./internal/tlsconn", "./internal/tlsrecord"},
		why:    "a transport knows no HTTP and no hub",
	},
	{
		from: []string{"internal/edge/subscriber"}, never: []string{"./...", "net/http/...", "crypto/tls"},
		except: []string{"./internal/edge/subscriber", "./internal/hub", "./internal/eventlog/...", "./internal/sse", "./internal/names"},
		why:    "a subscriber knows no version of HTTP and no socket",
	},
	{
		from: []string{"internal/edge/scheduler"}, never: []string{"./..."}, except: []string{"./internal/edge/scheduler", "./internal/list"},
		why: "the scheduler does not know what it schedules",
	},
	{
		from: []string{"internal/histfile"}, never: []string{"./..."}, except: []string{"./internal/histfile", "./internal/eventlog", "./internal/sse", "./internal/idempotency", "./internal/list"},
		why: "the history file is what one start leaves to the next; it knows no hub, no directory and no clock",
	},
	{
		from: []string{"internal/pemfile"}, never: []string{"./..."}, except: []string{"./internal/pemfile"},
		why: "it reads texts and does not know what for",
	},
	{
		from: []string{"internal/pemfile"}, never: []string{"os/...", "syscall", "golang.org/x/sys/..."}, direct: true,
		why: "the reader of a file knows its size limit and its owner",
	},
	{
		from: []string{"internal/state"}, never: []string{"./..."}, except: []string{"./internal/state"},
		why: "the state directory keeps files and does not know what is in them",
	},
	{
		from: []string{"internal/config", "internal/privdrop", "internal/sandbox", "internal/threads", "internal/logx", "internal/certs", "internal/systemd"}, never: []string{"./internal/..."},
		except: []string{"./internal/config", "./internal/privdrop", "./internal/sandbox", "./internal/threads", "./internal/logx", "./internal/certs", "./internal/systemd", "./internal/sse", "./internal/pemfile"},
		why:    "these packages serve the daemon and know nothing of its business, but what an event may be",
	},
	{
		from: []string{"internal/privdrop", "internal/sandbox", "internal/threads"}, never: []string{"./internal/..."},
		except: []string{"./internal/privdrop", "./internal/sandbox", "./internal/threads"},
		why:    "what gives up rights knows threads, and nothing of who gives them up",
	},
	{
		from: []string{"internal/privdrop"}, never: []string{"./internal/sandbox"},
		why: "siblings never import each other",
	},
	{
		from: []string{"internal/sandbox", "internal/threads"}, never: []string{"./internal/privdrop"},
		why: "siblings never import each other",
	},
	{
		from: []string{"internal/privdrop", "internal/sandbox", "internal/threads", "internal/logx", "internal/certs", "internal/systemd"}, never: []string{"./internal/sse"},
		why: "only settings and publishers say what is in an event",
	},
	{
		from: []string{"internal/config"}, never: []string{"./internal/privdrop", "./internal/logx", "./internal/certs", "./internal/systemd"}, direct: true,
		why: "siblings never import each other",
	},
	{
		from: []string{"internal/options"},
		never: []string{
			"net/http/...", "os/...", "io/fs", "syscall", "context", "log/...", "golang.org/x/sys/...", "math/rand/...",
		},
		direct: true,
		why:    "settings are mapped to options by pure functions; the users of the options read the files",
	},
	{
		from: []string{"internal/supervise"}, never: []string{"./..."}, except: []string{"./internal/supervise", "./internal/systemd", "./internal/reactor"}, strict: true,
		why: "it reports loops and sockets to the service manager and does not know their users",
	},
	{
		from: []string{"internal/memguard"}, never: []string{"./..."}, except: []string{"./internal/memguard"}, strict: true,
		why: "the memory guard acts on an interface, and knows no stream and no hub",
	},
	{
		from: []string{"internal/systemd"}, never: []string{"./..."}, except: []string{"./internal/systemd/..."},
		why: "it speaks with the service manager of any service",
	},
	{
		from: []string{"internal/certs/acmecert"}, never: []string{"./internal/..."}, except: []string{"./internal/certs", "./internal/certs/acmecert", "./internal/pemfile"},
		why: "what obtains certificates hands them to a store, and knows nothing else of the daemon",
	},
	{
		from: []string{"internal/edge", "internal/certs"}, never: []string{"golang.org/x/crypto/acme/..."},
		why: "no handshake and no request ever meets what waits for an authority",
	},
	{
		from: []string{"internal/admin/..."}, never: []string{"./internal/hub", "./internal/eventlog/..."}, direct: true,
		why: "what comes in at a door is published; order and streams are no business of a door",
	},
	{
		from: []string{"internal/admin/server"}, never: []string{"./internal/..."},
		except: []string{"./internal/admin/api", "./internal/admin/access", "./internal/admin/classic", "./internal/admin/jsonrpc", "./internal/admin/lines", "./internal/admin/server", "./internal/listen", "./internal/admission", "./internal/list", "./internal/tlsconn", "./internal/tlsrecord", "./internal/sse", "./internal/pemfile", "./internal/publish", "./internal/idempotency", "./internal/eventlog"},
		why:    "the control protocol acts on a Backend and publishes through a Publisher; it does not know their implementations",
	},
	{
		from: []string{"internal/admin/api"}, never: []string{"./..."}, except: []string{"./internal/admin/api"},
		why: "the protocol's types are shared by both sides, and know neither",
	},
	{
		from: []string{"internal/admin/api"}, never: []string{"net/http/...", "syscall", "golang.org/x/sys/...", "github.com/creachadair/jrpc2/..."}, direct: true,
		why: "types and constants do no I/O",
	},
	{
		from: []string{"internal/admin/lines"}, never: []string{"./..."}, except: []string{"./internal/admin/lines"}, strict: true,
		why: "it cuts streams into lines, whatever is on them",
	},
	{
		from: []string{"internal/admin/classic"}, never: []string{"./..."}, except: []string{"./internal/admin/classic", "./internal/admin/api", "./internal/admin/lines"},
		why: "the two forms of the protocol do not know each other, nor who speaks them",
	},
	{
		from: []string{"internal/admin/jsonrpc"}, never: []string{"./..."}, except: []string{"./internal/admin/jsonrpc", "./internal/admin/api"},
		why: "the two forms of the protocol do not know each other, nor who speaks them",
	},
	{
		from: []string{"internal/admin/access"}, never: []string{"./..."}, except: []string{"./internal/admin/access", "./internal/admin/api", "./internal/pemfile"},
		why: "who may do what follows from rules, whatever is asked for and however it came in",
	},
	{
		from: []string{"internal/api"}, never: []string{"./internal/..."}, except: []string{"./internal/api", "./internal/admin/access", "./internal/admin/api", "./internal/pemfile"},
		why: "what operators see is made of figures that are handed in; it reaches into no part of the daemon",
	},
	{
		from: []string{"internal/dashboard"}, never: []string{"./internal/..."},
		except: []string{"./internal/dashboard", "./internal/api", "./internal/admin/access", "./internal/admin/api", "./internal/pemfile"},
		why:    "the dashboard shows figures and lists that are handed in; it reaches into no part of the daemon",
	},
	{
		from: []string{"internal/listen"}, never: []string{"./..."}, except: []string{"./internal/listen"}, strict: true,
		why: "it opens sockets and pipes and does not know what for",
	},
	{
		from: []string{"internal/admin/client"}, never: []string{"./..."}, except: []string{"./internal/admin/api", "./internal/admin/client", "./internal/pemfile"},
		why: "who calls the daemon knows nothing of the daemon's side",
	},
	{
		from: []string{"internal/bench"}, never: []string{"./internal/..."}, except: []string{"./internal/bench", "./internal/reactor", "./internal/pemfile"},
		why: "the load generator waits as the daemon does, and knows it only from outside",
	},
	{
		from: []string{"internal/..."}, never: []string{"./internal/daemon"}, except: []string{"./internal/daemon"},
		why: "the daemon builds every part; no part knows the daemon",
	},
	{
		from: []string{"internal/..."}, never: []string{"./cmd/...", "./test/..."},
		why: "arrows point down: nothing in internal knows a command or the end-to-end tests",
	},

	// 2. What reactor and tlsconn must not know.
	{
		from: []string{"internal/reactor"}, never: []string{"crypto/...", "net/http/...", "./..."}, except: []string{"./internal/reactor"},
		why: "the reactor waits and calls handlers; it knows no protocol",
	},
	{
		from: []string{"internal/tlsconn"}, never: []string{"golang.org/x/sys/...", "./..."}, except: []string{"./internal/tlsconn", "./internal/tlsrecord", "golang.org/x/sys/cpu"},
		why: "tlsconn is given a small descriptor interface, so that it can be stepped over memory",
	},
	{
		from: []string{"internal/tlsrecord"}, never: []string{"./..."}, except: []string{"./internal/tlsrecord"}, strict: true,
		why: "it protects records with keys and does not know the connections",
	},
	{
		from: []string{"internal/tlsrecord"}, never: []string{"net/...", "os/...", "io/...", "syscall", "context", "time", "log/...", "crypto/tls", "golang.org/x/sys/..."},
		direct: true,
		why:    "records are values: the transport moves them, and the handshake provides the keys",
	},
	{
		from: []string{"internal/keymem"}, never: []string{"./..."}, except: []string{"./internal/keymem"}, strict: true,
		why: "it gets memory from the kernel, and does not know whose keys lie there",
	},
	{
		from: []string{"internal/tlsconn"}, never: []string{"syscall", "os"}, direct: true,
		why: "tlsconn does no I/O of its own",
	},

	// 3. The pure core: no I/O, no clock to ask, no goroutine to leak.
	{
		from: []string{"internal/sse", "internal/hub", "internal/names", "internal/safetext", "internal/admin/lines", "internal/admin/classic"},
		never: []string{
			"net/...", "os/...", "io/fs", "io/ioutil", "syscall", "context", "log/...", "crypto/...",
			"golang.org/x/sys/...", "math/rand/...",
		},
		direct: true,
		why:    "pure packages take values and return values; the caller has the sockets, the clock and the goroutines",
	},

	{
		from: []string{"internal/edge/exchange", "internal/edge/http1", "internal/edge/http2", "internal/edge/site", "internal/edge/subscriber", "internal/edge/scheduler"},
		never: []string{
			"net", "os/...", "io/fs", "io/ioutil", "syscall", "context", "crypto/...", "golang.org/x/sys/...", "math/rand/...",
		},
		direct: true,
		why:    "only edge and its transport meet sockets, clocks and chance",
	},
	{
		from: []string{"internal/idempotency"},
		never: []string{
			"net/...", "os/...", "io/fs", "io/ioutil", "syscall", "log/...", "golang.org/x/sys/...", "math/rand/...",
		},
		direct: true,
		why:    "keys are remembered without I/O; the clock is handed in",
	},
	{
		from: []string{"internal/eventlog", "internal/eventlog/memory", "internal/publish"},
		never: []string{
			"net/...", "os/...", "io/fs", "io/ioutil", "syscall", "log/...", "crypto/...", "golang.org/x/sys/...", "math/rand/...",
		},
		direct: true,
		why:    "messages are ordered and published without any I/O of their own; the clock is handed in",
	},
	{
		from: []string{"internal/auth"},
		never: []string{
			"net/...", "os/...", "io/fs", "io/ioutil", "syscall", "context", "golang.org/x/sys/...", "math/rand/...",
		},
		except: []string{"net/netip", "net/url"},
		direct: true,
		why:    "who may listen is decided from values: keys, credentials and the time are given",
	},
	{
		from:   []string{"internal/admin/jsonrpc"},
		never:  []string{"net/...", "os/...", "syscall", "log/...", "crypto/...", "golang.org/x/sys/...", "math/rand/...", "time"},
		direct: true,
		why:    "it turns requests into values and values into answers; the owner of the connection makes the calls",
	},
	{
		from:   []string{"internal/admission"},
		never:  []string{"net", "net/http/...", "os/...", "syscall", "context", "log/...", "crypto/...", "golang.org/x/sys/...", "math/rand/..."},
		direct: true,
		why:    "admission takes addresses and times and returns verdicts",
	},

	// 4. Each outside library has one importer.
	{
		from: []string{"internal/...", "cmd/..."}, never: []string{"github.com/golang-jwt/jwt/..."}, direct: true,
		why: "only auth reads and makes tokens",
	},
	{
		from: []string{"internal/...", "cmd/..."}, never: []string{"github.com/prometheus/..."}, direct: true,
		why: "only api knows how metrics are written",
	},
	{
		from: []string{"internal/..."}, never: []string{"github.com/urfave/cli/..."},
		why: "only cmd reads command lines",
	},
	{
		from: []string{"internal/...", "cmd/..."}, never: []string{"github.com/lmittmann/tint/..."}, direct: true,
		why: "only logx knows how a terminal likes its logs",
	},
	{
		from: []string{"internal/...", "cmd/..."}, never: []string{"golang.org/x/crypto/acme/..."}, direct: true,
		why: "only acmecert speaks ACME",
	},
	{
		from: []string{"internal/...", "cmd/..."}, never: []string{"github.com/fxamacker/cbor/..."}, direct: true,
		why: "only histfile knows what the history file looks like, and only eventlog/jetstream what a record does",
	},
	{
		from: []string{"internal/...", "cmd/..."}, never: []string{"github.com/nats-io/..."}, direct: true,
		why: "only eventlog/jetstream knows NATS",
	},
	{
		from: []string{"internal/eventlog/jetstream"}, never: []string{"./..."}, except: []string{"./internal/eventlog/...", "./internal/sse", "./internal/names"},
		why: "the log of a cluster knows no hub and no daemon",
	},
	{
		from: []string{"internal/histfile"}, never: []string{"os/...", "syscall", "net/...", "golang.org/x/sys/..."}, direct: true,
		why: "the history file is read from and written to what is handed in",
	},
	{
		from: []string{"cmd/hassesctl"}, never: []string{"./..."},
		except: []string{"./cmd/hassesctl/...", "./internal/admin/api", "./internal/admin/client", "./internal/auth", "./internal/bench", "./internal/helptext", "./internal/reactor", "./internal/sse", "./internal/pemfile"},
		why:    "hassesctl speaks the control protocol, makes tokens and holds streams for its load test; it links nothing else of the daemon",
	},
	{
		from: []string{"cmd/hassesctl/internal/exit", "cmd/hassesctl/internal/output", "cmd/hassesctl/internal/cmdline"}, never: []string{"./..."},
		except: []string{"./cmd/hassesctl/internal/exit", "./cmd/hassesctl/internal/output", "./cmd/hassesctl/internal/cmdline", "./internal/helptext"},
		why:    "what reads command lines and writes results knows no daemon",
	},
	{
		from: []string{"cmd/hassesctl/internal/eventsource"}, never: []string{"./..."},
		except: []string{"./cmd/hassesctl/internal/eventsource", "./internal/sse"},
		why:    "it reads event streams of any server",
	},
	{
		from:  []string{"cmd/hassesctl/internal/inspect", "cmd/hassesctl/internal/operate", "cmd/hassesctl/internal/send", "cmd/hassesctl/internal/top", "cmd/hassesctl/internal/credential", "cmd/hassesctl/internal/pki", "cmd/hassesctl/internal/loadtest"},
		never: []string{"./cmd/hassesctl/internal/inspect", "./cmd/hassesctl/internal/operate", "./cmd/hassesctl/internal/send", "./cmd/hassesctl/internal/top", "./cmd/hassesctl/internal/tail", "./cmd/hassesctl/internal/credential", "./cmd/hassesctl/internal/pki", "./cmd/hassesctl/internal/loadtest"}, direct: true,
		why: "commands never import each other; tail alone signs URLs as sign-url does",
	},
	{
		from: []string{"cmd/hassesctl/..."}, never: []string{"./internal/reactor"}, direct: true,
		why: "only the load generator waits for descriptors",
	},
	{
		from: []string{"cmd/hassesd"}, never: []string{"./internal/..."},
		except: []string{"./internal/daemon", "./internal/config", "./internal/helptext", "./internal/logx"}, direct: true,
		why: "main parses, calls one Run, prints and exits",
	},

	// 5. net/http is never on a subscriber's path, but for reading a complete head in memory.
	{
		from: []string{"internal/reactor", "internal/tlsconn", "internal/sse", "internal/hub"}, never: []string{"net/http/..."},
		why: "a subscriber costs no goroutine; net/http would give it two",
	},
	{
		from: []string{"internal/..."}, never: []string{"kernel.org/pub/linux/libs/security/libcap/..."}, direct: true,
		why: "only threads makes calls on every thread",
	},
	{
		from: []string{"internal/..."}, never: []string{"net/http/httputil", "net/http/pprof", "golang.org/x/net/..."}, direct: true,
		why: "a subscriber costs no goroutine, and nothing registers handlers by being imported",
	},
}

// importers lists the packages for which a rule of section 4 does not hold: those that may import each library.
var importers = map[string][]string{
	"github.com/lmittmann/tint/...": {"internal/logx"},
	"golang.org/x/crypto/acme/...":  {"internal/certs/acmecert"},
	"github.com/fxamacker/cbor/...": {"internal/histfile", "internal/eventlog/jetstream"},
	"github.com/nats-io/...":        {"internal/eventlog/jetstream"},
	"github.com/urfave/cli/...":     {"cmd"},
	"github.com/golang-jwt/jwt/...": {"internal/auth"},
	"github.com/prometheus/...":     {"internal/api"},
	"golang.org/x/net/http2/hpack":  {"internal/edge/http2", "internal/bench"}, // server and client

	"kernel.org/pub/linux/libs/security/libcap/...": {"internal/threads"},
}
