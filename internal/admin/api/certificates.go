package api

import (
	"time"
)

// Certificates is the result of "certificates": those from files first, each in the order of the
// configuration.
type Certificates struct {
	Certificates []Certificate `json:"certificates"`
}

// Certificate is one certificate that is served, or one that is still to be obtained and has no
// times yet.
type Certificate struct {
	Names       []string  `json:"names"`  // DNS names and addresses
	Source      string    `json:"source"` // file, acme, selfsigned, dev or control
	CertFile    string    `json:"cert_file,omitempty"`
	KeyFile     string    `json:"key_file,omitempty"`
	Subject     string    `json:"subject"`
	Issuer      string    `json:"issuer"`
	Key         string    `json:"key"` // "ECDSA P-256", "RSA 2048"
	NotBefore   time.Time `json:"not_before,omitzero"`
	NotAfter    time.Time `json:"not_after,omitzero"`
	DaysLeft    int       `json:"days_left"`             // whole days; negative once it has expired
	Due         bool      `json:"due"`                   // less than a third of its lifetime is left
	StapleUntil time.Time `json:"staple_until,omitzero"` // when its OCSP response expires; none without one
	LoadedAt    time.Time `json:"loaded_at,omitzero"`    // when it was first read, or issued
	SHA256      string    `json:"sha256"`                // of the certificate, lower-case hex
	Default     bool      `json:"default"`               // shown to clients that ask for any other name
	Warnings    []string  `json:"warnings"`              // what works, but not for all clients or not for long
	LastError   string    `json:"last_error,omitempty"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`
	NextTry     time.Time `json:"next_try,omitzero"` // after an error, or when it is to be renewed; none: on a reload
}

// WithoutNulls returns c with empty lists and maps where it has none: the protocol promises them.
func (c Certificates) WithoutNulls() Certificates {
	filled := make([]Certificate, len(c.Certificates))
	for i, one := range c.Certificates {
		if one.Names == nil {
			one.Names = []string{}
		}
		if one.Warnings == nil {
			one.Warnings = []string{}
		}
		filled[i] = one
	}
	c.Certificates = filled
	return c
}
