package httppublish

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/publish"
)

// Options are what a Service needs. All but WrongKey are required.
type Options struct {
	Door      publish.Door
	Publisher *publish.Publisher
	Budget    *Budget        // what all bodies may hold; the doors share it
	Config    func() *Config // the present one; asked for each request, from any goroutine
	Now       func() time.Time
	// Stopping is done when the door is about to close. From then on nobody is held to the pace, and
	// ServeHTTP reads bodies no further.
	Stopping context.Context
	// WrongKey is told of requests to ServeHTTP with a key or token that nobody has given. nil: no
	// one counts them.
	WrongKey func(r *http.Request)
}

// Config is who may publish, and the bounds of requests. It is immutable: a reload makes a new one.
type Config struct {
	Access       Access
	Origins      []string      // whose pages may publish, as browsers write them; or "*", any page that has a token
	Loopback     bool          // pages of sites on the client's own machine may as well
	MessageBytes int           // limits.message_bytes
	BodyTimeout  time.Duration // for each 64 KiB begun of a body that is not an event stream
	StreamIdle   time.Duration // how long an event stream may pause
}

// Service answers the POST requests of one door. Its methods may be called from any goroutine.
type Service struct {
	o       Options
	sources *publish.Sources
	refused refusals
}

// New returns a Service.
func New(o Options) *Service {
	return &Service{o: o, sources: publish.NewSources(o.Door, o.Stopping.Done(), o.Now), refused: newRefusals()}
}

// Head is what matters of a request but its body. Fields that are empty were not sent.
type Head struct {
	Peer   netip.Addr // the client; not valid: a process of this machine, on a Unix socket
	Secure bool       // over TLS
	Host   string     // of the target or the Host field, with its port
	Query  string     // as sent

	Authorization   string
	Origin          string
	FetchSite       string   // Sec-Fetch-Site
	ContentType     []string // each field of the name
	ContentEncoding []string
	IdempotencyKey  []string
	ContentLength   int64 // -1: not known

	ReadAhead int64 // bytes of the body that the door may hold which Run has not read
}

// Publication is a request that may go on to its body.
type Publication struct {
	service *Service
	config  *Config
	head    Head
	who     principal
	media   media
	to      []names.Target // of the query; nil: the body names them
	event   string         // 〃
	except  string         // 〃
	retry   int            // 〃
	key     string         // Idempotency-Key; empty: none
}

// Begin decides on a request by its head. Exactly one of the results is nil. It never waits.
func (s *Service) Begin(h Head) (*Publication, *Answer) {
	p := &Publication{service: s, config: s.o.Config(), head: h}
	if f := p.begin(); f != nil {
		return nil, s.count(f.answer())
	}
	return p, nil
}

func (p *Publication) begin() *failure {
	var f *failure
	if f = checkOrigin(&p.head, p.config); f != nil {
		return f
	}
	if p.who, f = p.config.Access.identify(&p.head, p.service.o.Now()); f != nil {
		return f
	}
	if p.media, f = parseMedia(&p.head); f != nil {
		return f
	}
	if p.key, f = parseKey(p.head.IdempotencyKey); f != nil {
		return f
	}
	if p.media.wantsTarget() {
		if f = p.readQuery(); f != nil {
			return f
		}
	}
	if limit := p.media.limit(p.config.MessageBytes); limit > 0 && p.head.ContentLength > limit {
		return bodyTooLarge(limit)
	}
	return nil
}
