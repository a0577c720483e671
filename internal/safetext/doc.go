// Package safetext makes other people's text harmless where people and programs read it: in logs,
// on terminals, in error messages and in the control protocol's classic answers.
//
// All functions write the same escapes, \xNN for a byte and \u{N…} for a character, both with
// upper-case digits. A backslash that could be taken for the beginning of an escape becomes \x5C,
// so that no two texts look alike.
//
// The digits are upper case for a further reason: the terminal log handler turns a \x1b in a quoted
// value back into an ESC, so exactly that text must never be written, whatever comes in.
package safetext
