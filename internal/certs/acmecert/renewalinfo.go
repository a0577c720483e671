package acmecert

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

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

// renewalInfo is the response of the authority (RFC 9773 section 4.2).
type renewalInfo struct {
	SuggestedWindow struct {
		Start time.Time `json:"start"`
		End   time.Time `json:"end"`
	} `json:"suggestedWindow"`
}

// advice returns a time in the suggested window, always the same for one certificate.
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

// get fetches a public JSON document.
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
