// Package proxy reads what proxies tell about the clients that they speak for: PROXY headers and
// the request fields X-Forwarded-For and Forwarded. It is pure.
package proxy
