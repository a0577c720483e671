package httppublish

import "github.com/hassesd/hassesd/internal/safetext"

// parseForm reads to=room624&data=hello.
func parseForm(body string) (message, *failure) {
	var m message
	seen := once{}
	f := eachParameter(body, func(name, value string) *failure {
		switch name {
		case "to":
			m.to = append(m.to, value)
			return nil
		case "data":
			m.data, m.hasData = value, true
		case "event":
			m.event = value
		case "except":
			m.except = value
		case "retry":
			n, f := parseRetry(value)
			if f != nil {
				return f
			}
			m.retry = n
		default:
			return failField(safetext.Cut(name, 64), "there is no field %s; there are to, data, event, except and retry", safetext.Quote(name))
		}
		return seen.check(name)
	})
	return m, f
}
