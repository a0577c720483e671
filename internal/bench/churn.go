package bench

// churn counts how many streams are to be ended at a tick. The zero value ends none.
type churn struct {
	each float64 // streams a tick
	debt float64 // less than one stream, between two ticks
}

// due returns how many streams are to be ended now.
func (c *churn) due() int {
	c.debt += c.each
	n := int(c.debt)
	c.debt -= float64(n)
	return n
}
