package logx

import (
	"fmt"
	"log/slog"
)

// parseLevel converts a level of the configuration: quiet is warnings and errors, normal the life
// of the daemon, debug the life of each connection.
func parseLevel(name string) (slog.Level, error) {
	switch name {
	case "quiet":
		return slog.LevelWarn, nil
	case "normal":
		return slog.LevelInfo, nil
	case "debug":
		return slog.LevelDebug, nil
	}
	return 0, fmt.Errorf("log level %q is not one of quiet, normal, debug", name)
}

func levelName(level slog.Level) string {
	switch {
	case level <= slog.LevelDebug:
		return "debug"
	case level <= slog.LevelInfo:
		return "normal"
	}
	return "quiet"
}
