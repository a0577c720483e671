// Package config merges defaults, a TOML file, the environment and flags into validated [Settings].
package config
