package jetstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	js "github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"
)

const (
	// inFlightBytes bounds the messages that are being appended, in bytes; each counts as
	// leastBytes at least, so that there are 1,024 at most.
	inFlightBytes = 64 << 20
	leastBytes    = 64 << 10
	// leastAnswer is when a message that was not read back is published again, with the same id, if
	// nothing says sooner that it must be; then after twice that, up to maxAnswer.
	leastAnswer = 2 * time.Second
	maxAnswer   = 5 * time.Second
)

// conn is one connection to a broker.
type conn struct {
	// Fixed after creation.
	url    string // of the broker
	nc     *nats.Conn
	js     js.JetStream
	ctx    context.Context // ends with the session
	cancel context.CancelCauseFunc

	mu sync.Mutex
	// Guarded by mu.
	again chan struct{} // closed when messages have to be sent again
}

// connectTo connects to one broker. The connection does not mend itself: nothing that was
// published on it may go out before the stream was looked at again.
func connectTo(parent context.Context, o *Options, url string) (*conn, error) {
	options, hand, err := o.connectOptions(url)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(parent)
	options = append(options,
		nats.SetCustomDialer(dialer{parent}),
		nats.ClosedHandler(func(nc *nats.Conn) {
			err := errClosedByPeer
			if last := nc.LastError(); last != nil {
				err = fmt.Errorf("%w: %w", errClosedByPeer, last)
			}
			cancel(err)
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			o.Logger.Debug("the broker reports an error", "err", err)
			if errors.Is(err, nats.ErrSlowConsumer) || errors.Is(err, nats.ErrPermissionViolation) {
				cancel(err)
			}
		}),
	)
	nc, err := nats.Connect(url, options...)
	if err != nil {
		cancel(err)
		return nil, connectError(err, hand.isTrusted.Load())
	}
	stream, err := js.New(nc, js.WithPublishAsyncTimeout(2*maxAnswer), js.WithPublishAsyncMaxPending(4*inFlightBytes/leastBytes))
	if err != nil {
		nc.Close()
		cancel(err)
		return nil, err
	}
	return &conn{url: url, nc: nc, js: stream, ctx: ctx, cancel: cancel, again: make(chan struct{})}, nil
}

// resend has all messages sent again that wait for their answer. It does no harm if they have come:
// they have an id.
func (c *conn) resend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.again)
	c.again = make(chan struct{})
}

// sendAgain returns a channel that resend closes.
func (c *conn) sendAgain() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.again
}

const (
	// dialTimeout bounds a connection to one broker, with its handshakes.
	dialTimeout = 2 * time.Second
	// pingInterval and maxPings find within three seconds a broker that is there no longer.
	pingInterval = time.Second
	maxPings     = 2
	// maxCredentials bounds the credentials file, in bytes.
	maxCredentials = 64 << 10
)

// dialer makes connections that end with its context: nats.go's handshake knows none.
type dialer struct{ ctx context.Context }

// Dial implements nats.CustomDialer.
func (d dialer) Dial(network, address string) (net.Conn, error) {
	out := net.Dialer{Timeout: dialTimeout}
	conn, err := out.DialContext(d.ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &dialed{conn, context.AfterFunc(d.ctx, func() { _ = conn.Close() })}, nil
}

// dialed is a connection that its dialer has made.
type dialed struct {
	net.Conn
	forget func() bool
}

// Close implements net.Conn.
func (d *dialed) Close() error {
	d.forget()
	return d.Conn.Close()
}

// handshake is how far TLS has come with a broker.
type handshake struct {
	isTrusted atomic.Bool // this node has accepted the broker's certificate
}

// connectOptions returns what a connection to a broker needs. Files are read anew for each.
func (o *Options) connectOptions(server string) ([]nats.Option, *handshake, error) {
	hand := &handshake{}
	options := []nats.Option{
		nats.Name("hassesd " + o.Node), nats.NoReconnect(), nats.Timeout(dialTimeout),
		nats.PingInterval(pingInterval), nats.MaxPingsOutstanding(maxPings),
	}
	var config *tls.Config
	if o.TLS != nil {
		given, err := o.TLS()
		if err != nil {
			return nil, nil, err
		}
		config = given.Clone()
	}
	if config == nil && strings.HasPrefix(server, "tls://") {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if config != nil {
		config.VerifyConnection = func(tls.ConnectionState) error {
			hand.isTrusted.Store(true)
			return nil
		}
		options = append(options, nats.Secure(config))
	}
	if o.Credentials != "" {
		option, err := credentials(o.Credentials)
		if err != nil {
			return nil, nil, err
		}
		options = append(options, option)
	}
	return options, hand, nil
}

// credentials reads a file with a user's JWT and seed, or with a seed alone.
func credentials(path string) (nats.Option, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxCredentials {
		return nil, fmt.Errorf("%s is longer than %d bytes: it has no credentials", path, maxCredentials)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(text, []byte("NATS USER JWT")) {
		if _, err := nkeys.ParseDecoratedJWT(text); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if _, err := nkeys.ParseDecoratedUserNKey(text); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return nats.UserCredentialBytes(text), nil
	}
	pair, err := nkeys.ParseDecoratedNKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s has neither a user's JWT and seed nor a seed: %w", path, err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return nats.Nkey(public, pair.Sign), nil
}

// CheckCredentials returns an error if the file has no credentials.
func CheckCredentials(path string) error {
	_, err := credentials(path)
	return err
}

// Probe connects to one broker after the other until one lets this node in, and returns its
// max_payload. If none does, the error is a *ConnectError if it is not about files: of a broker that
// was reached, if there is one. It is for the start.
func (o *Options) Probe() (maxPayload int64, err error) {
	worst := connectError(nats.ErrNoServers, false)
	for _, server := range o.Servers {
		options, hand, err := o.connectOptions(server)
		if err != nil {
			return 0, err
		}
		nc, err := nats.Connect(server, options...)
		if err == nil {
			defer nc.Close()
			return nc.MaxPayload(), nil
		}
		if e := connectError(err, hand.isTrusted.Load()); worst.Failure == Unreachable {
			worst = e
		}
	}
	return 0, worst
}
