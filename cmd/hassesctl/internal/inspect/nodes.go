package inspect

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/output"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
	"github.com/hassesd/hassesd/internal/safetext"
)

// clusterFlag asks all nodes.
const clusterFlag = "cluster"

func ofCluster() cli.Flag {
	return &cli.BoolFlag{Name: clusterFlag, Usage: "Ask all nodes of the cluster, and add up what they answer within a second."}
}

// Nodes returns the command nodes.
func Nodes(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:  "nodes",
		Usage: "list the daemons that share a log with this one",
		Action: func(c *cli.Context) error {
			if _, err := cmdline.Words(c, 0, 0); err != nil {
				return err
			}
			nodes, err := session.Call(c.Context, s, func(ctx context.Context, client *client.Conn) (api.Nodes, error) {
				return client.Nodes(ctx)
			})
			switch {
			case err != nil:
				return err
			case s.JSON:
				return s.Out.JSON(nodes)
			}
			printNodes(s, nodes)
			return s.Out.Err()
		},
	}
}

func printNodes(s *session.Session, nodes api.Nodes) {
	t := &output.Table{Columns: []output.Column{
		{Heading: "NODE"}, {Heading: "VERSION"}, {Heading: "STATE"}, {Heading: "STREAMS", Right: true}, {Heading: "BEHIND", Right: true}, {Heading: "POSITION", Whole: true},
	}}
	for _, n := range nodes.Nodes {
		name, state := safetext.Visible(n.Node), "ready"
		if n.Self {
			name += " (this one)"
		}
		switch {
		case n.Draining:
			state = "draining"
		case !n.Ready:
			state = "without the log"
		}
		t.Add(output.Cell{Text: name, Style: output.Bold}, output.Cell{Text: safetext.Visible(n.Version)}, output.Cell{Text: state},
			output.Cell{Text: strconv.Itoa(n.Streams)}, output.Cell{Text: strconv.FormatUint(n.Behind, 10)}, output.Cell{Text: cmp.Or(safetext.Visible(n.Position), "-")})
	}
	t.Print(s.Out)
	if nodes.Cluster == "" {
		s.Err.Printf("this daemon is on its own: cluster.nats is not set\n")
	}
}

// warnOfMissing prints which nodes are missing in a result.
func warnOfMissing(s *session.Session, asked *api.NodesAsked) {
	if asked != nil && len(asked.Missing) > 0 {
		s.Err.Printf("%d of %d nodes answered; missing: %s\n", asked.Answered, asked.Asked, safetext.Visible(strings.Join(asked.Missing, ", ")))
	}
}
