package auth

// Denial is the reason why a token or a signed URL is refused. The set is closed. Only the operator
// sees it: a client learns that it was refused and not why, so that an attacker cannot tell how far
// a forgery got.
type Denial uint8

// The reasons.
const (
	NoCredentials Denial = iota + 1 // neither a token nor a signature
	Ambiguous                       // more than one token, or a duplicate parameter
	TooLarge                        // a token over MaxToken
	Malformed                       // does not parse
	WrongType                       // a token for another purpose, by its typ or crit
	UnknownKey                      // no key has its key id and algorithm
	BadSignature                    // signed with another key, or changed since
	Expired                         // no longer valid
	NotYetValid                     // nbf is in the future
	WrongIssuer                     // iss is not the configured one
	WrongAudience                   // aud does not name us
	WrongAddress                    // issued for another address
	BadGrant                        // its claim hassesd is invalid
)

var denialTexts = [...]string{
	NoCredentials: "the request has no token and no signature",
	Ambiguous:     "more than one token or signature, or a duplicate parameter",
	TooLarge:      "the token is too long",
	Malformed:     "it is malformed",
	WrongType:     "the token is for another purpose (typ, crit)",
	UnknownKey:    "no key has its key id and algorithm",
	BadSignature:  "the signature is wrong",
	Expired:       "it has expired",
	NotYetValid:   "it is not valid yet (nbf)",
	WrongIssuer:   "it is from another issuer (iss)",
	WrongAudience: "it is for another audience (aud)",
	WrongAddress:  "it is for another address (ip)",
	BadGrant:      "its claim hassesd is invalid",
}

var denialNames = [...]string{
	NoCredentials: "no_credentials",
	Ambiguous:     "ambiguous",
	TooLarge:      "too_large",
	Malformed:     "malformed",
	WrongType:     "wrong_type",
	UnknownKey:    "unknown_key",
	BadSignature:  "bad_signature",
	Expired:       "expired",
	NotYetValid:   "not_yet_valid",
	WrongIssuer:   "wrong_issuer",
	WrongAudience: "wrong_audience",
	WrongAddress:  "wrong_address",
	BadGrant:      "bad_grant",
}

// Error returns the reason as a phrase.
func (d Denial) Error() string { return denialTexts[d] }

// Name returns the reason as one word, for logs and programs.
func (d Denial) Name() string { return denialNames[d] }
