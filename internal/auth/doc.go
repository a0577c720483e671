// Package auth decides who may listen: it reads signed URLs and JSON Web Tokens and says what they grant.
//
// A [Policy] is made of keys whose bytes are given, and answers [Policy.Authorize] with a [Grant] or with a [Denial]. It
// asks no clock and no file. The same code makes tokens and signs URLs ([Mint], [URLKey.Sign]), for the command line.
package auth
