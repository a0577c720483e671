package credential

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/output"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/auth"
)

// checked is the --json document of check. The fields after Reason are set only if the signature is
// valid.
type checked struct {
	Accepted  bool       `json:"accepted"`
	Reason    string     `json:"reason,omitempty"` // why not
	Algorithm string     `json:"algorithm,omitempty"`
	KeyID     string     `json:"kid,omitempty"`
	Issuer    string     `json:"issuer,omitempty"`
	Audience  []string   `json:"audience,omitempty"`
	Subject   string     `json:"subject,omitempty"`
	ID        string     `json:"id,omitempty"`
	Subscribe []string   `json:"subscribe"`
	Publish   []string   `json:"publish"`
	NotBefore *time.Time `json:"not_before,omitempty"`
	Expires   *time.Time `json:"expires,omitempty"`
	Refused   string     `json:"refused_room,omitempty"` // the first of --room that is not granted
}

// check reads a token as a daemon would, and prints what it grants or why it is refused.
func check(s *session.Session, c *cli.Context, text string, now time.Time) error {
	for _, name := range []string{"publish", "id", "ttl", "sub"} {
		if c.IsSet(name) {
			return exit.Usagef("--%s is for mint", name)
		}
	}
	tokens, err := checkingKeys(c)
	if err != nil {
		return err
	}
	if text == "" || text == "-" {
		all, err := io.ReadAll(io.LimitReader(s.Stdin, auth.MaxToken+64))
		if err != nil {
			return fmt.Errorf("read the token: %w", err)
		}
		text = string(bytes.TrimSpace(all))
	}
	token, err := tokens.Read(text, now)
	denial := auth.Malformed
	if err != nil && !errors.As(err, &denial) {
		return err
	}
	out := checked{Accepted: err == nil, Subscribe: []string{}, Publish: []string{}}
	if err != nil {
		out.Reason = denial.Name()
	}
	if token != nil {
		out.describe(token)
		if room, refused := token.Grant.FirstRefused(c.StringSlice("room"), false); refused {
			out.Refused = room
		}
	}
	if s.JSON {
		if err := s.Out.JSON(out); err != nil {
			return err
		}
	} else if token != nil {
		printToken(s, &out, now)
	}
	switch {
	case err != nil:
		return &exit.Error{Code: exit.NotAllowed, Err: fmt.Errorf("the token is refused: %w", denial), Hint: denialHint(denial)}
	case out.Refused != "":
		return &exit.Error{Code: exit.NotAllowed, Err: fmt.Errorf("the token does not grant the room %q", out.Refused)}
	}
	return s.Out.Err()
}

func denialHint(d auth.Denial) string {
	if d == auth.UnknownKey {
		return "--kid must be the kid of the token, and the key one for its alg; a token without kid needs a key without --kid"
	}
	return ""
}

func (o *checked) describe(t *auth.Token) {
	o.Algorithm, o.KeyID, o.Issuer, o.Audience = string(t.Algorithm), t.KeyID, t.Issuer, t.Audience
	o.Subject, o.ID = t.Subject, t.Grant.ID
	for _, r := range t.Grant.Rooms {
		o.Subscribe = append(o.Subscribe, r.String())
	}
	for _, r := range t.Grant.Publish {
		o.Publish = append(o.Publish, r.String())
	}
	if !t.NotBefore.IsZero() {
		at := t.NotBefore.UTC()
		o.NotBefore = &at
	}
	if !t.Expires.IsZero() {
		at := t.Expires.UTC()
		o.Expires = &at
	}
}

func printToken(s *session.Session, o *checked, now time.Time) {
	line := func(name, value string) { s.Out.Printf("%-11s %s\n", name, cmp.Or(value, "-")) }
	line("subscribe", strings.Join(o.Subscribe, ", "))
	line("publish", strings.Join(o.Publish, ", "))
	line("id", o.ID)
	if o.Expires != nil {
		left := o.Expires.Sub(now)
		when := "in " + output.Age(left.Seconds())
		if left <= 0 {
			when = output.Age(-left.Seconds()) + " ago"
		}
		line("expires", output.Time(*o.Expires)+" ("+when+")")
	}
	if o.NotBefore != nil {
		line("not before", output.Time(*o.NotBefore))
	}
	line("algorithm", o.Algorithm)
	line("kid", o.KeyID)
	line("issuer", o.Issuer)
	line("audience", strings.Join(o.Audience, ", "))
	line("subject", o.Subject)
}
