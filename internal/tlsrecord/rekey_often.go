//go:build rekeyoften

package tlsrecord

// rekeyAfter makes a daemon that changes its keys all the time, for the end-to-end tests.
const rekeyAfter = 3
