package acmecert

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/acme"
)

// issuer obtains certificates. An implementation asks the authority at most once per call, and
// stops when ctx ends.
type issuer interface {
	// issue returns a host's new key and chain, both in PEM in one text. by is the challenge to
	// use; used is the one that was used, or "" if an earlier authorization was still valid.
	issue(ctx context.Context, host string, by Challenge) (text []byte, used Challenge, err error)
	// advise returns when the authority wants the certificate with the renewalID id to be renewed.
	advise(ctx context.Context, id string) (advice, error)
}

// authority is the ACME server.
type authority struct {
	// Fixed after creation.
	directory string
	email     string
	eab       *acme.ExternalAccountBinding
	client    *http.Client
	cache     cache
	store     Store
	answers   *Answers
	log       *slog.Logger

	registering sync.Mutex // so that two hosts do not create the account at the same time
}

// issue implements issuer.
func (a *authority) issue(ctx context.Context, host string, by Challenge) ([]byte, Challenge, error) {
	defer a.client.CloseIdleConnections() // the next order may be months away
	client, err := a.register(ctx)
	if err != nil {
		return nil, "", err
	}
	order, err := client.AuthorizeOrder(ctx, acme.DomainIDs(host))
	if err != nil {
		return nil, "", fmt.Errorf("order: %w", err)
	}
	var used Challenge
	for _, url := range order.AuthzURLs {
		did, err := a.authorize(ctx, client, host, url, by)
		if err != nil {
			return nil, "", err
		}
		if did {
			used = by
		}
	}
	uri := order.URI
	if order, err = client.WaitOrder(ctx, uri); err != nil {
		return nil, "", fmt.Errorf("wait for the order: %w", err)
	}
	order.URI = uri // a later Location may differ
	text, err := finalize(ctx, client, order, host)
	return text, used, err
}

// register returns a client for our account, and creates the account if there is none. It runs for
// each order: orders are rare, and the authority may have deleted the account.
func (a *authority) register(ctx context.Context) (*acme.Client, error) {
	a.registering.Lock()
	defer a.registering.Unlock()
	key, err := a.cache.accountKey()
	if err != nil {
		return nil, err
	}
	client := &acme.Client{
		Key:          key,
		HTTPClient:   a.client,
		DirectoryURL: a.directory,
		RetryBackoff: retryBackoff,
		UserAgent:    "hassesd",
	}
	var contact []string
	if a.email != "" {
		contact = []string{"mailto:" + a.email}
	}
	known, err := client.GetReg(ctx, "")
	switch {
	case isNobody(err):
		// Only registration uses the binding. Its key may be valid once, and be gone at the next
		// order.
		account := &acme.Account{ExternalAccountBinding: a.eab, Contact: contact}
		if _, err := client.Register(ctx, account, acme.AcceptTOS); err != nil && !errors.Is(err, acme.ErrAccountAlreadyExists) {
			return nil, fmt.Errorf("register an account: %w", err)
		}
	case err != nil:
		return nil, fmt.Errorf("look for the account: %w", err)
	default:
		client.KID = acme.KeyID(known.URI) // saves another request
		return client, a.checkAccount(ctx, client, known, contact)
	}
	return client, nil
}

// isNobody reports whether the authority does not know our account. Not all use the right error for
// it.
func isNobody(err error) bool {
	if errors.Is(err, acme.ErrNoAccount) {
		return true
	}
	problem, ok := errors.AsType[*acme.Error](err)
	return ok && problem.StatusCode >= 400 && problem.StatusCode < 500 && problem.StatusCode != http.StatusTooManyRequests
}

// checkAccount returns an error for an account that is not usable, and updates its contact address.
func (a *authority) checkAccount(ctx context.Context, client *acme.Client, known *acme.Account, contact []string) error {
	switch {
	case known.Status == acme.StatusDeactivated || known.Status == acme.StatusRevoked:
		return fmt.Errorf("the account is %s; remove %s to make another", known.Status, filepath.Join(a.cache.dir, accountFile))
	case len(contact) > 0 && !slices.Equal(known.Contact, contact):
		// Some authorities store no addresses and get them each time. A failure must not cost a
		// certificate.
		if _, err := client.UpdateReg(ctx, &acme.Account{Contact: contact}); err != nil {
			a.log.Warn("authority did not take the address for its mails", "err", errorLine(err))
		}
	}
	return nil
}

// authorize proves control of the host, unless an earlier authorization is still valid.
func (a *authority) authorize(ctx context.Context, client *acme.Client, host, url string, by Challenge) (did bool, err error) {
	z, err := client.GetAuthorization(ctx, url)
	if err != nil {
		return false, fmt.Errorf("get authorization: %w", err)
	}
	if z.Status == acme.StatusValid {
		return false, nil
	}
	i := slices.IndexFunc(z.Challenges, func(c *acme.Challenge) bool { return c.Type == string(by) })
	if i < 0 {
		return false, fmt.Errorf("the authority does not offer %s, but %s", by, offered(z))
	}
	challenge := z.Challenges[i]
	withdraw, err := a.publish(client, host, challenge)
	if err != nil {
		return false, err
	}
	// Keep the response until the authority has decided. It may validate several times, from
	// several places.
	defer withdraw()
	if _, err := client.Accept(ctx, challenge); err != nil {
		return false, fmt.Errorf("accept challenge %s: %w", by, err)
	}
	if _, err := client.WaitAuthorization(ctx, z.URI); err != nil {
		return false, fmt.Errorf("challenge %s: %w", by, err)
	}
	return true, nil
}

func offered(z *acme.Authorization) string {
	types := make([]string, 0, len(z.Challenges))
	for _, c := range z.Challenges {
		types = append(types, c.Type)
	}
	return strings.Join(types, ", ")
}

// publish makes the response to the challenge available to the authority.
func (a *authority) publish(client *acme.Client, host string, c *acme.Challenge) (withdraw func(), err error) {
	switch Challenge(c.Type) {
	case TLSALPN01:
		certificate, err := client.TLSALPN01ChallengeCert(c.Token, host)
		if err != nil {
			return nil, fmt.Errorf("make the challenge certificate: %w", err)
		}
		a.store.SetChallenge(host, &certificate)
		return func() { a.store.SetChallenge(host, (*tls.Certificate)(nil)) }, nil
	case HTTP01:
		answer, err := client.HTTP01ChallengeResponse(c.Token)
		if err != nil {
			return nil, fmt.Errorf("make the challenge response: %w", err)
		}
		a.answers.set(c.Token, answer)
		return func() { a.answers.set(c.Token, "") }, nil
	}
	panic("acmecert: internal error: no answer to challenge " + c.Type)
}

// finalize creates a key and requests its certificate. Each certificate has a new key.
func finalize(ctx context.Context, client *acme.Client, order *acme.Order, host string) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{host}}, key)
	if err != nil {
		return nil, fmt.Errorf("make certificate request: %w", err)
	}
	chain, _, err := client.CreateCertFromOrder(ctx, order, request, true)
	if err != nil {
		return nil, fmt.Errorf("get the certificate: %w", err)
	}
	text, err := encodeKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	for _, der := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return text, nil
}
