// Package auth decides who may subscribe: it reads signed URLs and JSON Web Tokens and returns what
// they grant.
//
// A [Policy] is built from keys; [Policy.Authorize] returns a [Grant] or a [Denial]. The package
// reads no clock and no file. It also makes tokens and signs URLs ([Mint], [URLKey.Sign]), for the
// command line.
package auth
