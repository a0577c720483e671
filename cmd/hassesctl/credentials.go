package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/auth"
)

// tailURLTTL is how long a URL that tail has signed for itself is good: it connects at once.
const tailURLTTL = time.Minute

// credentials returns what shows a daemon on each connection who tail is, or nil if nothing was given for that.
func credentials(c *cli.Context) (func(*http.Request) error, error) {
	tokenFile := c.String("token-file")
	switch {
	case tokenFile != "" && c.IsSet("key-file"):
		return nil, usagef("--token-file and --key-file exclude each other: one is for tokens, the other for signed URLs")
	case tokenFile != "":
		_, err := readToken(tokenFile)
		return func(req *http.Request) error {
			token, err := readToken(tokenFile)
			req.Header.Set("Authorization", "Bearer "+token)
			return err
		}, err
	case c.IsSet("key-file"):
		key, err := urlKey(c)
		return func(req *http.Request) error { return signRequest(req, key, time.Now()) }, err
	case c.IsSet("kid"):
		return nil, usagef("--kid names the key of --key-file")
	}
	return nil, nil //nolint:nilnil // nothing to show is not an error
}

// readToken reads a token each time anew: whoever renews it writes the file.
func readToken(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	text = bytes.TrimSpace(text)
	if len(text) == 0 || len(text) > auth.MaxToken || bytes.ContainsAny(text, " \t\r\n\x00") {
		return "", fmt.Errorf("%s holds no token", path)
	}
	return string(text), nil
}

func signRequest(req *http.Request, key auth.URLKey, now time.Time) error {
	query := req.URL.Query()
	query.Set("exp", strconv.FormatInt(now.Add(tailURLTTL).Unix(), 10))
	signed, err := key.Sign(query.Encode())
	if err != nil {
		return err
	}
	req.URL.RawQuery = signed
	return nil
}
