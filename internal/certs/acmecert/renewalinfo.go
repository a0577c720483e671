package acmecert

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	// askForAdvice is how often an authority is asked that does not say how often it wants to be; what it says is kept
	// between the other two (RFC 9773 section 4.3).
	askForAdvice      = 6 * time.Hour
	askForAdviceLeast = time.Minute
	askForAdviceMost  = 24 * time.Hour
	// adviceTimeout bounds one asking.
	adviceTimeout = time.Minute
)

// errNoAdvice is what an authority without renewal information comes to.
var errNoAdvice = errors.New("the authority does not say when to renew")

// advice is when the authority would have a certificate renewed, earlier than by its age if need be: before it revokes
// it, or to spread its load.
type advice struct {
	renewAt time.Time // zero: it has not said
	askAt   time.Time // when to ask again; zero: at once
}

// renewalID is the name of a certificate in renewal information (RFC 9773 section 4.1); empty if it cannot have one.
func renewalID(leaf *x509.Certificate) string {
	if len(leaf.AuthorityKeyId) == 0 || leaf.SerialNumber.Sign() <= 0 {
		return ""
	}
	serial := leaf.SerialNumber.Bytes()
	if serial[0]&0x80 != 0 {
		serial = append([]byte{0}, serial...) // as in DER, where it would be negative otherwise
	}
	return base64.RawURLEncoding.EncodeToString(leaf.AuthorityKeyId) + "." + base64.RawURLEncoding.EncodeToString(serial)
}

// advise implements issuer.
func (a *authority) advise(ctx context.Context, id string) (advice, error) {
	defer a.client.CloseIdleConnections()
	var directory struct {
		RenewalInfo string `json:"renewalInfo"`
	}
	if _, err := a.get(ctx, a.directory, &directory); err != nil {
		return advice{}, err
	}
	if !strings.HasPrefix(directory.RenewalInfo, "https://") {
		return advice{}, errNoAdvice
	}
	var info renewalInfo
	header, err := a.get(ctx, strings.TrimSuffix(directory.RenewalInfo, "/")+"/"+id, &info)
	if err != nil {
		return advice{}, err
	}
	return info.advice(id, header.Get("Retry-After"), time.Now())
}

// renewalInfo is what the authority answers (RFC 9773 section 4.2).
type renewalInfo struct {
	SuggestedWindow struct {
		Start time.Time `json:"start"`
		End   time.Time `json:"end"`
	} `json:"suggestedWindow"`
}

// advice picks a time in the window, the same each time for one certificate.
func (r *renewalInfo) advice(id, retryAfter string, now time.Time) (advice, error) {
	start, end := r.SuggestedWindow.Start, r.SuggestedWindow.End
	if start.IsZero() || !end.After(start) {
		return advice{}, fmt.Errorf("the authority suggests a window from %s to %s", start, end)
	}
	ask := now.Add(askForAdvice)
	if at, ok := parseRetryAfter(retryAfter, now); ok {
		ask = earlier(at, now.Add(askForAdviceMost))
		if least := now.Add(askForAdviceLeast); ask.Before(least) {
			ask = least
		}
	}
	return advice{start.Add(time.Duration(fraction(id) * float64(end.Sub(start)))), ask}, nil
}

// get reads a JSON document that anybody may read.
func (a *authority) get(ctx context.Context, url string, into any) (http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "hassesd")
	res, err := a.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, res.Status)
	}
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	return res.Header, nil
}
