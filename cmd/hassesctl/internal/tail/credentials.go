package tail

import (
	"net/http"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/credential"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/auth"
)

// urlTTL is how long a URL that tail signs for itself is valid: tail connects at once.
const urlTTL = time.Minute

// credentials returns what adds the credentials of the flags to each request, or nil if there are
// none.
func credentials(c *cli.Context) (func(*http.Request) error, error) {
	tokenFile := c.String("token-file")
	switch {
	case tokenFile != "" && c.IsSet("key-file"):
		return nil, exit.Usagef("--token-file and --key-file exclude each other: one is for tokens, the other for signed URLs")
	case tokenFile != "":
		_, err := session.ReadToken(tokenFile)
		return func(req *http.Request) error {
			token, err := session.ReadToken(tokenFile)
			req.Header.Set("Authorization", "Bearer "+token)
			return err
		}, err
	case c.IsSet("key-file"):
		key, err := credential.URLKey(c)
		return func(req *http.Request) error { return signRequest(req, key, time.Now()) }, err
	case c.IsSet("kid"):
		return nil, exit.Usagef("--kid names the key of --key-file")
	}
	return nil, nil //nolint:nilnil // nothing to show is not an error
}

func signRequest(req *http.Request, key auth.URLKey, now time.Time) error {
	query := req.URL.Query()
	query.Set("exp", strconv.FormatInt(now.Add(urlTTL).Unix(), 10))
	signed, err := key.Sign(query.Encode())
	if err != nil {
		return err
	}
	req.URL.RawQuery = signed
	return nil
}
