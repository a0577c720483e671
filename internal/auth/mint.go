package auth

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hassesd/hassesd/internal/names"
)

// Mint is the content of a new token. Empty fields are left out.
type Mint struct {
	Subscribe []string // targets
	Publish   []string // targets
	ID        string
	Issuer    string
	Audience  []string
	Subject   string
	IssuedAt  time.Time
	NotBefore time.Time
	Expires   time.Time // required
}

// Token returns the signed token. It returns an error for a token that the daemon would refuse
// whatever its keys.
func (m Mint) Token(key SigningKey) (string, error) {
	for _, list := range [][]string{m.Subscribe, m.Publish} {
		if _, err := parseTargets(list); err != nil {
			return "", err
		}
	}
	if err := names.CheckClientID(m.ID); err != nil {
		return "", fmt.Errorf("the id %w", err)
	}
	if !m.NotBefore.IsZero() && !m.NotBefore.Before(m.Expires) {
		return "", errors.New("the token would have expired before it is valid")
	}
	type grant struct {
		Subscribe []string `json:"subscribe,omitempty"`
		Publish   []string `json:"publish,omitempty"`
		ID        string   `json:"id,omitempty"`
	}
	content := jwt.MapClaims{
		claimName: grant{m.Subscribe, m.Publish, m.ID},
		"exp":     m.Expires.Unix(),
	}
	for name, value := range map[string]string{"iss": m.Issuer, "sub": m.Subject} {
		if value != "" {
			content[name] = value
		}
	}
	if len(m.Audience) > 0 {
		content["aud"] = m.Audience
	}
	for name, value := range map[string]time.Time{"iat": m.IssuedAt, "nbf": m.NotBefore} {
		if !value.IsZero() {
			content[name] = value.Unix()
		}
	}
	token := jwt.NewWithClaims(jwt.GetSigningMethod(string(key.Algorithm)), content)
	if key.ID != "" {
		token.Header["kid"] = key.ID
	}
	text, err := token.SignedString(key.private())
	if err != nil {
		return "", fmt.Errorf("sign the token: %w", err)
	}
	if len(text) > MaxToken {
		return "", fmt.Errorf("the token would have %d bytes, more than the %d that are accepted: name fewer rooms, or use prefixes", len(text), MaxToken)
	}
	return text, nil
}
