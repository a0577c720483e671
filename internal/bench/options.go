package bench

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/hassesd/hassesd/internal/pemfile"
)

// Scenario is what a run does with its streams.
type Scenario string

// The scenarios.
const (
	// Idle holds streams on which nothing is sent.
	Idle Scenario = "idle"
	// Fanout sends to few rooms, by default to one.
	Fanout Scenario = "fanout"
	// Rooms sends to many rooms in turn.
	Rooms Scenario = "rooms"
	// Churn ends streams all the time and opens others in their place, while messages are sent.
	Churn Scenario = "churn"
	// Slow has a share of the streams read nothing, while messages are sent.
	Slow Scenario = "slow"
	// Storm ends many streams at once, which come back with Last-Event-ID, while messages are sent.
	Storm Scenario = "storm"
)

// Scenarios lists them all.
var Scenarios = []Scenario{Idle, Fanout, Rooms, Churn, Slow, Storm}

// Options define what a run does. All but URL have defaults, see [Options.Complete]. Worker
// processes receive them as JSON.
type Options struct {
	Scenario Scenario
	URL      string   // where to subscribe, with {room} in it
	Headers  []string // "NAME: VALUE", of each subscription
	RootsPEM string   // certificates to trust; empty: the system's
	TLS      string   // 1.3 or 1.2
	Curve    string   // X25519, X25519MLKEM768 or P-256; empty: Go and the server choose

	HTTP2                bool // instead of HTTP/1.1
	StreamsPerConnection int  // over HTTP/2

	Streams  int
	Rooms    int
	Rate     float64 // messages a second in all; 0: InFlight decides
	InFlight int     // messages on their way, of a closed loop; 0: Rate decides
	Size     int     // bytes of a message

	Duration time.Duration // of the measurement
	Warmup   time.Duration // messages before it
	Settle   time.Duration // between opening the streams and everything else
	Timeout  time.Duration // of opening a stream, and of waiting for messages

	Sources   string // network of source addresses; empty: as many of loopback as are needed
	Processes int    // that hold streams; 0: as many as the descriptor limit makes necessary
	Opening   int    // streams being opened at a time, of each process
	Lazy      bool   // leave bytes in the sockets for a millisecond

	SlowShare int // percent of the streams, of Slow
	ChurnRate int // streams a second, of Churn
	StormSize int // streams, of Storm; 0: half

	Run string // tells this run's messages from others; empty: any
}

// The defaults of a run.
const (
	defaultStreams   = 1000
	defaultSize      = 100
	defaultRate      = 10
	defaultRoomsRate = 1000
	defaultRooms     = 1000
	defaultOpening   = 32
	defaultSlowShare = 20

	defaultStreamsPerConnection = 10
	defaultChurnRate            = 100

	defaultDuration = 10 * time.Second
	defaultTimeout  = 30 * time.Second

	// slowBuffer is the receive buffer of a slow stream. It is small, so that the server has to
	// queue what is unread.
	slowBuffer = 4 << 10
)

// Complete fills in the defaults and returns all mistakes together.
func (o *Options) Complete() error {
	setDefault(&o.Scenario, Fanout)
	setDefault(&o.TLS, "1.3")
	setDefault(&o.Streams, defaultStreams)
	setDefault(&o.Size, defaultSize)
	setDefault(&o.Duration, defaultDuration)
	setDefault(&o.Timeout, defaultTimeout)
	setDefault(&o.Opening, defaultOpening)
	setDefault(&o.SlowShare, defaultSlowShare)
	setDefault(&o.ChurnRate, defaultChurnRate)
	setDefault(&o.StormSize, o.Streams/2)
	onConnection := 1
	if o.HTTP2 {
		onConnection = defaultStreamsPerConnection
	}
	setDefault(&o.StreamsPerConnection, onConnection)
	rooms, rate := 1, float64(defaultRate)
	if o.Scenario == Rooms {
		rooms, rate = min(defaultRooms, o.Streams), defaultRoomsRate
	}
	setDefault(&o.Rooms, rooms)
	if o.InFlight == 0 {
		setDefault(&o.Rate, rate)
	}

	var wrong []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	check(slices.Contains(Scenarios, o.Scenario), "there is no scenario %q: choose one of %v", o.Scenario, Scenarios)
	check(o.Streams > 0 && o.Streams <= 10_000_000, "%d streams: must be 1 to 10,000,000", o.Streams)
	check(o.Rooms > 0 && o.Rooms <= o.Streams, "%d rooms for %d streams: there must be at least one, and a stream for each", o.Rooms, o.Streams)
	check(o.Rate >= 0 && o.InFlight >= 0 && o.InFlight <= 1<<20, "the rate and the messages in flight must not be negative, and those in flight must be at most 1,048,576")
	check(o.Rate == 0 || o.InFlight == 0, "a rate (open loop) and messages in flight (closed loop) exclude each other")
	check(o.InFlight == 0 || o.Scenario != Churn && o.Scenario != Storm, "%s needs a rate: its streams come and go", o.Scenario)
	check(o.Size >= MinSize && o.Size <= 16<<20, "messages of %d bytes: must be %d bytes to 16 MiB", o.Size, MinSize)
	check(o.Duration > 0 && o.Warmup >= 0 && o.Settle >= 0 && o.Timeout > 0, "durations must be over zero")
	check(o.TLS == "1.3" || o.TLS == "1.2", "TLS %q: must be 1.3 or 1.2", o.TLS)
	_, known := curves[o.Curve]
	check(known, "curve %q: must be X25519, X25519MLKEM768 or P-256", o.Curve)
	check(o.StreamsPerConnection > 0 && o.StreamsPerConnection <= 1<<20, "%d streams a connection: must be at least 1", o.StreamsPerConnection)
	check(o.HTTP2 || o.StreamsPerConnection == 1, "%d streams a connection: only HTTP/2 can have more than one", o.StreamsPerConnection)
	check(o.Opening > 0 && o.Opening <= 4096, "%d streams opened at a time: must be 1 to 4096", o.Opening)
	check(o.SlowShare > 0 && o.SlowShare < 100, "%d %% slow streams: must be 1 to 99", o.SlowShare)
	check(o.ChurnRate > 0, "a churn of %d streams a second: must be at least 1", o.ChurnRate)
	check(o.StormSize >= 0 && o.StormSize <= o.Streams, "a storm of %d of %d streams: must not be more than all", o.StormSize, o.Streams)
	if o.Sources != "" {
		p, err := netip.ParsePrefix(o.Sources)
		check(err == nil, "source addresses %q: must be a network such as 127.0.0.0/16", o.Sources)
		check(err != nil || p.Addr().Is4(), "source addresses %q: must be an IPv4 network", o.Sources)
	}
	t, err := newTarget(o.URL, o.Headers)
	if err == nil && o.HTTP2 {
		_, err = t.fields("", "")
	}
	if err != nil {
		wrong = append(wrong, err)
	} else if _, err := o.clientTLS(t); err != nil {
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

func setDefault[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// curves holds the key exchanges by their names in IANA's registry.
var curves = map[string]tls.CurveID{
	"": 0, "X25519": tls.X25519, "X25519MLKEM768": tls.X25519MLKEM768, "P-256": tls.CurveP256,
}

// clientTLS returns the TLS configuration, or nil for a target without TLS.
func (o *Options) clientTLS(t target) (*tls.Config, error) {
	if !t.secure {
		return nil, nil
	}
	var roots *x509.CertPool
	if o.RootsPEM != "" {
		roots = x509.NewCertPool()
		if err := pemfile.AddCertificates(roots, []byte(o.RootsPEM)); err != nil {
			return nil, fmt.Errorf("the certificates to trust: %w", err)
		}
	}
	version := uint16(tls.VersionTLS13)
	if o.TLS == "1.2" {
		version = tls.VersionTLS12
	}
	proto := protoHTTP11
	if o.HTTP2 {
		proto = protoHTTP2
	}
	return clientTLS(t.name, roots, version, curves[o.Curve], proto), nil
}

// The protocols, as ALPN names them.
const (
	protoHTTP11 = "http/1.1"
	protoHTTP2  = "h2"
)

// connections returns how many connections n streams need.
func (o *Options) connections(n int) int {
	on := max(o.StreamsPerConnection, 1)
	return (n + on - 1) / on
}

// portsOfAddress is how many connections share one source address. The kernel usually has 28,000
// ports for each, and the port of one that has ended cannot be used again for a while.
const portsOfAddress = 10_000

// sources returns the addresses that streams to t come from; none: the kernel chooses.
func (o *Options) sources(t target) []netip.Addr {
	network := netip.MustParsePrefix("127.0.0.0/16")
	if o.Sources != "" {
		network = netip.MustParsePrefix(o.Sources)
	} else if !t.isLoopback() || o.connections(o.Streams) <= portsOfAddress {
		return nil
	}
	list := sourceAddresses(network)
	if o.Sources == "" {
		list = list[:min(len(list), o.connections(o.Streams)/portsOfAddress+1)]
	}
	return list
}

// share returns the numbers of the streams that a worker holds: first to last-1.
func (o *Options) share(number int) (first, last int) {
	return o.Streams * number / o.Processes, o.Streams * (number + 1) / o.Processes
}

// patience returns the time that opening n streams may take: the timeout of one for each thousand,
// and twice more.
func (o *Options) patience(n int) time.Duration {
	return o.Timeout * time.Duration(2+n/1000)
}

// isSlow reports whether the stream with that number reads nothing. Slow streams are spread over
// all rooms and workers.
func (o *Options) isSlow(i int) bool {
	return o.Scenario == Slow && (i+1)*o.SlowShare/100 != i*o.SlowShare/100
}
