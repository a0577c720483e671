package api

// Hello is the result of "hello".
type Hello struct {
	Name     string `json:"name"` // always "hassesd"
	Version  string `json:"version"`
	Protocol int    `json:"protocol"`
	Role     Role   `json:"role"`
	URL      string `json:"url"`              // where browsers subscribe
	CAPEM    string `json:"ca_pem,omitempty"` // the certificate to trust, in development mode
}

// AuthParams is a key that gives the connection a role.
type AuthParams struct {
	Key string `json:"key"`
}

// Authorized is the result of "auth".
type Authorized struct {
	Key  string `json:"key"`  // the key's id
	Role Role   `json:"role"` // what the connection may do now
}
