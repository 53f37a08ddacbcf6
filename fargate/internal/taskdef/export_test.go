package taskdef

// For tests that check what goes over the wire, and the sizes against brute force.
var (
	Wire     = wire
	WireJSON = wireJSON
	Cells    = cells
	Cheapest = cheapest
)

const (
	MaxDefinition = maxDefinition
	MaxOverrides  = maxOverrides
)
