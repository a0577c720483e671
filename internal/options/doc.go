// Package options maps the settings to the options of the parts they configure. Its functions are
// pure: they read no file and ask no clock.
package options
