package classic

import (
	"fmt"
	"strings"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/safetext"
)

// ListForm is how a list of clients is written: Head, a Row for each client with its number from 1,
// and Tail.
type ListForm struct {
	Head string
	Row  func(n int, c *api.Client) ([]byte, error)
	Tail func(n int, cut *api.Error) []byte // behind n clients; cut is what ended the list early, or nil
}

// TextList returns the form of hasses.
func TextList() ListForm {
	return ListForm{
		Head: clientListHead,
		Row: func(n int, c *api.Client) ([]byte, error) {
			var b strings.Builder
			writeClient(&b, n, c)
			return []byte(b.String()), nil
		},
		Tail: func(n int, cut *api.Error) []byte {
			if cut != nil {
				return fmt.Appendf(nil, "The list is cut after %d clients: %s\n%s", n, safetext.ASCII(cut.Message), clientListEnd)
			}
			return []byte(clientListEnd)
		},
	}
}

// JSONList returns the form of one JSON object on a line.
func JSONList() ListForm {
	return ListForm{
		Head: `{"clients": [`,
		Row: func(n int, c *api.Client) ([]byte, error) {
			text, err := jsonLine("", c)
			if err != nil {
				return nil, err
			}
			if text = text[:len(text)-1]; n > 1 {
				text = append([]byte(","), text...)
			}
			return text, nil
		},
		Tail: func(n int, cut *api.Error) []byte {
			why := ""
			if cut != nil {
				why = fmt.Sprintf(",\"cut\": %q", safetext.ASCII(cut.Message)) // printable ASCII, so Go's quotes are JSON's
			}
			return fmt.Appendf(nil, "],\"numberofclients\": %d%s}\n", n, why)
		},
	}
}

// The lines before and after the clients in the answer to "clientlist".
const (
	clientListHead = "------- requested client list -------\nList of clients:\n"
	clientListEnd  = "---------------- end ----------------\n"
)

func writeClient(b *strings.Builder, number int, c *api.Client) {
	isTLS := c.TLS != "" || c.State == "handshaking"
	fmt.Fprintf(b, "#%d - <%d> info: %s S:%s Err: 0 Messages: %d Reinit: %d SSL:%s\n",
		number, c.Conn, safetext.ASCII(c.Addr), clientState(c.State), c.Sent, c.Reinits, yesNo(isTLS, "Yes", "No"))
	fmt.Fprintf(b, "  Connection time: %s  Handshaked time: %s UniqId:%s\n",
		runningTime(c.AgeSeconds), runningTime(c.StreamAgeSeconds), safetext.ASCII(c.ID))
	fmt.Fprintf(b, "  Agent: %s\n", safetext.ASCII(c.Agent))
	if c.TLS != "" {
		version := strings.Replace(c.TLS, "TLS ", "TLSv", 1)
		fmt.Fprintf(b, "  SSL Status:SSLOK Ver:%s Chiper:%s\n", safetext.ASCII(version), safetext.ASCII(c.Cipher))
	}
	fmt.Fprintf(b, "  Subscribes: %s\n", safetext.ASCII(strings.Join(c.Rooms, ",")))
}
