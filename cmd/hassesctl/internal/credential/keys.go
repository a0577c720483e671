package credential

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/internal/auth"
)

// URLKey reads the key of --key-file and --kid, which signs URLs.
func URLKey(c *cli.Context) (auth.URLKey, error) {
	text, err := keyFile(c)
	if err != nil {
		return auth.URLKey{}, err
	}
	key, err := auth.NewURLKey(c.String("kid"), text)
	if err != nil {
		return auth.URLKey{}, fmt.Errorf("%s %w", c.String("key-file"), err)
	}
	return key, nil
}

// checkingKeys returns what checks tokens with the keys of the flags, as a daemon would.
func checkingKeys(c *cli.Context) (*auth.Tokens, error) {
	o := auth.TokenOptions{Issuer: c.String("iss"), Audience: c.String("aud"), Leeway: 5 * time.Second}
	if c.IsSet("leeway") {
		o.Leeway = c.Duration("leeway")
	}
	if path := c.String("jwks-file"); path != "" {
		if c.IsSet("key-file") || c.IsSet("kid") || c.IsSet("alg") {
			return nil, exit.Usagef("--jwks-file already holds keys, names and algorithms: omit --key-file, --kid and --alg")
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the keys: %w", err)
		}
		keys, _, err := auth.ParseJWKS(text)
		if err != nil {
			return nil, fmt.Errorf("%s %w", path, err)
		}
		o.Keys = keys
		return auth.NewTokens(o)
	}
	text, err := keyFile(c)
	if err != nil {
		return nil, err
	}
	key, err := checkingKey(c.String("kid"), auth.Algorithm(c.String("alg")), text)
	if err != nil {
		return nil, fmt.Errorf("%s %w", c.String("key-file"), err)
	}
	o.Keys = []auth.TokenKey{key}
	return auth.NewTokens(o)
}

// checkingKey reads a public or a private key: the user who checks a token may have made it here.
func checkingKey(id string, alg auth.Algorithm, text []byte) (auth.TokenKey, error) {
	signing, err := auth.NewSigningKey(id, alg, text)
	if err == nil {
		return signing.TokenKey, nil
	}
	if alg != "" {
		return auth.NewTokenKey(id, alg, text)
	}
	if !bytes.Contains(text, []byte("-----BEGIN")) {
		return auth.TokenKey{}, err // it can only be a secret
	}
	for _, alg := range auth.Algorithms {
		var key auth.TokenKey
		if key, err = auth.NewTokenKey(id, alg, text); err == nil {
			return key, nil
		}
	}
	return auth.TokenKey{}, err
}

// keyFile reads the file of --key-file.
func keyFile(c *cli.Context) ([]byte, error) {
	path := c.String("key-file")
	if path == "" {
		return nil, exit.Usagef("%s needs a key: --key-file FILE", c.Command.Name)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	return text, nil
}

// ttlFlag returns --ttl. Tokens and URLs have whole seconds.
func ttlFlag(c *cli.Context, byDefault time.Duration) (time.Duration, error) {
	if !c.IsSet("ttl") {
		return byDefault, nil
	}
	ttl := c.Duration("ttl")
	if ttl < time.Second {
		return 0, exit.Usagef("--ttl must be at least a second, such as 10m")
	}
	return ttl, nil
}
