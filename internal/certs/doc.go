// Package certs holds the certificate that the daemon serves: an immutable snapshot that files, or
// development mode, feed and that a reload swaps.
package certs
