package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// checker collects what is wrong with settings. Each of its methods checks one concern.
type checker struct {
	s        *Settings
	problems []*Error
}

func (c *checker) addError(key, hint, format string, args ...any) {
	c.problems = append(c.problems, &Error{Key: key, What: fmt.Sprintf(format, args...), Hint: hint})
}

// addMissing adds an error of a setting that a start needs and that is not set.
func (c *checker) addMissing(key, hint, what string) {
	c.problems = append(c.problems, &Error{Key: key, What: what, Hint: hint, isMissing: true})
}

func (c *checker) intBetween(key string, v, low, high int) {
	if v < low || v > high {
		c.addError(key, "", "%d is not between %d and %d", v, low, high)
	}
}

func (c *checker) sizeBetween(key string, v, low, high int64) {
	if v < low || v > high {
		c.addError(key, "", "%s is not between %s and %s", formatNumber(Size, v), formatNumber(Size, low), formatNumber(Size, high))
	}
}

func (c *checker) durationBetween(key string, v, low, high time.Duration) {
	if v < low || v > high {
		c.addError(key, "", "%s is not between %s and %s", formatDuration(v), formatDuration(low), formatDuration(high))
	}
}

func (c *checker) zeroOrBetween(key string, v, low, high time.Duration) {
	if v != 0 && (v < low || v > high) {
		c.addError(key, "", "%s is neither 0 nor between %s and %s", formatDuration(v), formatDuration(low), formatDuration(high))
	}
}

func (c *checker) oneOf(key, v string) {
	choices := mustLookup(key).choices
	if !slices.Contains(choices, v) {
		c.addError(key, suggest(v, choices), "%q is not one of %s", v, strings.Join(choices, ", "))
	}
}
