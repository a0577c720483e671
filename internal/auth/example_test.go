package auth_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/hassesd/hassesd/internal/auth"
)

// A page's backend makes a token, and the daemon reads what it grants.
func ExampleMint_Token() {
	secret := []byte("an-example-of-a-secret-that-is-long-enough")
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

	signing, err := auth.NewSigningKey("", auth.HS256, secret)
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := auth.Mint{Subscribe: []string{"room624", "news*"}, Expires: now.Add(time.Hour)}.Token(signing)
	if err != nil {
		fmt.Println(err)
		return
	}

	tokens, err := auth.NewTokens(auth.TokenOptions{Keys: []auth.TokenKey{signing.TokenKey}})
	if err != nil {
		fmt.Println(err)
		return
	}
	read, err := tokens.Read(token, now)
	fmt.Println(read.Grant.Rooms, err)
	_, err = tokens.Read(token, now.Add(2*time.Hour))
	fmt.Println(err)
	// Output:
	// [room624 news*] <nil>
	// it has expired
}

// A signed URL names its rooms and its end. Changing either makes the signature invalid.
func ExampleURLKey_Sign() {
	key, err := auth.NewURLKey("", []byte("an-example-of-a-secret-that-is-long-enough"))
	if err != nil {
		fmt.Println(err)
		return
	}
	signed, err := key.Sign("subscribe=room624&exp=1772359200")
	if err != nil {
		fmt.Println(err)
		return
	}
	policy, err := auth.NewPolicy(auth.Options{URLKeys: []auth.URLKey{key}})
	if err != nil {
		fmt.Println(err)
		return
	}
	now, client := time.Unix(1772355600, 0), netip.MustParseAddr("192.0.2.1")
	grant, err := policy.Authorize(auth.Credentials{Query: signed, Address: client}, now)
	fmt.Println(grant.Rooms, err)
	_, err = policy.Authorize(auth.Credentials{Query: "room=other&" + signed, Address: client}, now)
	fmt.Println(err)
	// Output:
	// [room624] <nil>
	// the signature is wrong
}
