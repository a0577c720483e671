package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"github.com/hassesd/hassesd/internal/names"
)

// claimName is the claim that states what a token grants.
const claimName = "hassesd"

// claims are the claims that hassesd uses. They are read strictly: names are case-sensitive, and a
// duplicate name is an error, so that two readers cannot see different tokens.
type claims struct {
	expires, notBefore *jwt.NumericDate
	issuer, subject    string
	audience           jwt.ClaimStrings
	subscribe, publish []names.Target
	id                 string

	grantFault error // what is wrong with the claim hassesd; nil without that claim
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *claims) UnmarshalJSON(text []byte) error {
	members, err := readObject(text)
	if err != nil {
		return err
	}
	if c.expires, err = numericDate(members, "exp"); err != nil {
		return err
	}
	if c.notBefore, err = numericDate(members, "nbf"); err != nil {
		return err
	}
	if c.issuer, err = stringMember(members, "iss"); err != nil {
		return err
	}
	if c.subject, err = stringMember(members, "sub"); err != nil {
		return err
	}
	if c.audience, err = audience(members["aud"]); err != nil {
		return err
	}
	if own, ok := members[claimName]; ok {
		c.grantFault = c.readGrant(own)
	}
	return nil
}

// readGrant reads {"subscribe":["room1","news*"],"publish":["room1"],"id":"x"}; each member is
// optional.
func (c *claims) readGrant(text []byte) error {
	members, err := readObject(text)
	if err != nil {
		return err
	}
	if c.subscribe, err = targetsMember(members, "subscribe"); err != nil {
		return err
	}
	if c.publish, err = targetsMember(members, "publish"); err != nil {
		return err
	}
	if c.id, err = stringMember(members, "id"); err != nil {
		return err
	}
	return names.CheckClientID(c.id)
}

// readObject reads a JSON object without duplicate names.
func readObject(text []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	members := make(map[string]json.RawMessage)
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, errors.New("not JSON")
		}
		name, ok := token.(string)
		if !ok {
			return nil, errors.New("not JSON")
		}
		if _, ok := members[name]; ok {
			return nil, errors.New("a duplicate name")
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, errors.New("not JSON")
		}
		members[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("not JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text after the JSON object")
	}
	return members, nil
}

// stringMember returns a member that must be a string, or "" without one.
func stringMember(members map[string]json.RawMessage, name string) (string, error) {
	value, ok := members[name]
	if !ok {
		return "", nil
	}
	var text *string
	if err := json.Unmarshal(value, &text); err != nil || text == nil {
		return "", fmt.Errorf("%s is not a string", name)
	}
	return *text, nil
}

func stringList(value json.RawMessage) ([]string, error) {
	var items []*string
	if err := json.Unmarshal(value, &items); err != nil || items == nil {
		return nil, errors.New("not an array of strings")
	}
	list := make([]string, 0, len(items))
	for _, item := range items {
		if item == nil {
			return nil, errors.New("not an array of strings")
		}
		list = append(list, *item)
	}
	return list, nil
}

func targetsMember(members map[string]json.RawMessage, name string) ([]names.Target, error) {
	value, ok := members[name]
	if !ok {
		return nil, nil
	}
	list, err := stringList(value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return parseTargets(list)
}

// audience reads a string or an array of strings (RFC 7519 section 4.1.3).
func audience(value json.RawMessage) (jwt.ClaimStrings, error) {
	if value == nil {
		return nil, nil
	}
	var one *string
	if err := json.Unmarshal(value, &one); err == nil && one != nil {
		return jwt.ClaimStrings{*one}, nil
	}
	list, err := stringList(value)
	if err != nil {
		return nil, fmt.Errorf("aud: %w", err)
	}
	return list, nil
}

// numericDate reads seconds since 1970, with or without a fraction (RFC 7519 section 2). It returns
// nil without such a member.
func numericDate(members map[string]json.RawMessage, name string) (*jwt.NumericDate, error) {
	value, ok := members[name]
	if !ok {
		return nil, nil //nolint:nilnil // golang-jwt expects nil for an absent claim
	}
	var seconds *float64
	if err := json.Unmarshal(value, &seconds); err != nil || seconds == nil || *seconds < 0 || *seconds > maxSeconds {
		return nil, fmt.Errorf("%s is not a time", name)
	}
	whole, part := math.Modf(*seconds)
	return &jwt.NumericDate{Time: time.Unix(int64(whole), int64(part*float64(time.Second)))}, nil
}

// GetExpirationTime implements jwt.Claims.
func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.expires, nil }

// GetNotBefore implements jwt.Claims.
func (c *claims) GetNotBefore() (*jwt.NumericDate, error) { return c.notBefore, nil }

// GetIssuedAt implements jwt.Claims. The claim iat is not used: exp and nbf state when a token is
// valid.
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error) { return nil, nil } //nolint:nilnil // not used

// GetIssuer implements jwt.Claims.
func (c *claims) GetIssuer() (string, error) { return c.issuer, nil }

// GetSubject implements jwt.Claims.
func (c *claims) GetSubject() (string, error) { return c.subject, nil }

// GetAudience implements jwt.Claims.
func (c *claims) GetAudience() (jwt.ClaimStrings, error) { return c.audience, nil }
