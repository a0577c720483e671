package cmdline

import (
	"fmt"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
)

// Words returns the arguments without a flag, and checks their number; maximum < 0 means any.
func Words(c *cli.Context, minimum, maximum int) ([]string, error) {
	args := c.Args().Slice()
	switch {
	case len(args) < minimum:
		return nil, exit.Usagef("%s needs %s", c.Command.Name, c.Command.ArgsUsage)
	case maximum == 0 && len(args) > 0:
		return nil, exit.Usagef("%s takes no argument, and got %q", c.Command.Name, args[0])
	case maximum >= 0 && len(args) > maximum:
		return nil, exit.Usagef("%s takes %s, and got %q as well", c.Command.Name, c.Command.ArgsUsage, args[maximum])
	}
	return args, nil
}

// ParseDuration reads a duration as people write it. The error for one without a unit shows how to
// add it.
func ParseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err == nil {
		return d, nil
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return 0, fmt.Errorf("%s: a duration needs a unit, as in %ss or %sms", text, text, text)
	}
	return 0, fmt.Errorf("%s is not a duration, such as 500ms, 15s or 1h30m", text)
}
