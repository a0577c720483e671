//go:build !rekeyoften

package tlsrecord

// rekeyAfter is how many records are sealed with one key unless Options say otherwise.
const rekeyAfter = mostRecords
