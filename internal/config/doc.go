// Package config turns defaults, a TOML file, the environment and flags into one validated
// [Settings].
package config
