package taskdef

// For tests that check what goes over the wire, and the sizes against brute force.
var (
	WireJSON = wireJSON
	Cells    = cells
	Cheapest = cheapest
)

const (
	MaxDefinition = maxDefinition
	MaxOverrides  = maxOverrides
)
