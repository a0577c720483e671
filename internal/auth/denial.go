package auth

// Denial says why a token or a signed URL is not accepted. The set is closed. It is for the operator: a stranger is only
// told that it was not, lest an attacker learn how far a forgery got.
type Denial uint8

// Why requests are not accepted.
const (
	NoCredentials Denial = iota + 1 // neither a token nor a signature
	Ambiguous                       // more than one token, or a parameter twice that stands once
	TooLarge                        // a token over MaxToken
	Malformed                       // not what its form says
	WrongType                       // a token for something else: its typ or crit
	UnknownKey                      // its key id, or its algorithm, is that of no key
	BadSignature                    // signed with another key, or changed afterwards
	Expired                         // it was good, and is over
	NotYetValid                     // nbf is to come
	WrongIssuer                     // iss is not the configured one
	WrongAudience                   // aud does not name us
	WrongAddress                    // for another address
	BadGrant                        // its claim hassesd makes no sense
)

var denialTexts = [...]string{
	NoCredentials: "there is neither a token nor a signature",
	Ambiguous:     "more than one token or signature, or a parameter twice",
	TooLarge:      "the token is too long",
	Malformed:     "it is malformed",
	WrongType:     "it is a token for something else (typ, crit)",
	UnknownKey:    "no key has its key id and algorithm",
	BadSignature:  "the signature is wrong",
	Expired:       "it has expired",
	NotYetValid:   "it is not valid yet (nbf)",
	WrongIssuer:   "it is from another issuer (iss)",
	WrongAudience: "it is for another audience (aud)",
	WrongAddress:  "it is for another address (ip)",
	BadGrant:      "its claim hassesd makes no sense",
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

// Error is the reason as a sentence.
func (d Denial) Error() string { return denialTexts[d] }

// Name is the reason as one word, for logs and programs.
func (d Denial) Name() string { return denialNames[d] }
