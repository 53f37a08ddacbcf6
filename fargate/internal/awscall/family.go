package awscall

import (
	"fmt"
	"math"
)

// Family names a set of AWS operations that share one token bucket. The names are the keys of [Limits] in fargate.toml.
type Family string

const (
	RunTask               Family = "RunTask"
	ClusterResourceModify Family = "ClusterResourceModify"
	ClusterResourceRead   Family = "ClusterResourceRead"
	ClusterRead           Family = "ClusterRead"
	ClusterModify         Family = "ClusterModify"
	TaskDefinitionModify  Family = "TaskDefinitionModify"
	TaskDefinitionRead    Family = "TaskDefinitionRead"
	GetLogEvents          Family = "GetLogEvents"
	FilterLogEvents       Family = "FilterLogEvents"
	// Other holds the operations that no row of the table below names. Each service has an Other of its own.
	Other Family = "Other"
)

// allowance is a token bucket's size: calls per second that it sustains, and calls it lets through at once.
type allowance struct {
	perSecond float64
	burst     int
}

// published are the rates AWS grants to an account in a region.
// Source: Amazon ECS API Reference, "Request throttling for the Amazon ECS API", but for the rows that say otherwise.
var published = map[Family]allowance{
	// Amazon ECS Developer Guide, "Amazon ECS service quotas": Fargate limits RunTask by itself, besides the bucket below.
	RunTask:               {perSecond: 20, burst: 20},
	ClusterResourceModify: {perSecond: 40, burst: 100},
	ClusterResourceRead:   {perSecond: 20, burst: 100},
	ClusterRead:           {perSecond: 20, burst: 50},
	ClusterModify:         {perSecond: 1, burst: 20},
	TaskDefinitionModify:  {perSecond: 1, burst: 20},
	TaskDefinitionRead:    {perSecond: 20, burst: 50},
	// CloudWatch Logs User Guide, "CloudWatch Logs quotas": what the slowest regions grant, some grant 25 of either.
	GetLogEvents:    {perSecond: 10, burst: 10},
	FilterLogEvents: {perSecond: 5, burst: 5},
	// Not AWS's but ours: what is called at start alone has no need of more, and each service allows at least this.
	Other: {perSecond: 5, burst: 10},
}

// operation is what is known beforehand about one AWS operation.
type operation struct {
	// families are the buckets a call takes from, the narrowest first: a throttled call blames that one.
	families []Family
	// atStart marks what is called once, before the first pod. Its caller reports what went wrong, and no later
	// success would clear it, so it is kept out of Health.
	atStart bool
	// onDemand marks what is called when a user asks, who is told how it ended. No pod lives by it, and its last
	// failure would stand until somebody asks again, so it is kept out of Health.
	onDemand bool
}

// operations are known by the SDK's name of their service: Amazon ECS is the one that pods live by.
var operations = map[string]map[string]operation{
	"ECS": {
		"RunTask":                    {families: []Family{RunTask, ClusterResourceModify}},
		"StopTask":                   {families: []Family{ClusterResourceModify}},
		"DescribeTasks":              {families: []Family{ClusterResourceRead}},
		"ListTasks":                  {families: []Family{ClusterResourceRead}},
		"RegisterTaskDefinition":     {families: []Family{TaskDefinitionModify}},
		"DeregisterTaskDefinition":   {families: []Family{TaskDefinitionModify}},
		"DescribeTaskDefinition":     {families: []Family{TaskDefinitionRead}},
		"ListTaskDefinitionFamilies": {families: []Family{TaskDefinitionRead}},
		"DescribeClusters":           {families: []Family{ClusterRead}, atStart: true},
		"CreateCluster":              {families: []Family{ClusterModify}, atStart: true},
	},
	"CloudWatch Logs": {
		"GetLogEvents":    {families: []Family{GetLogEvents}, onDemand: true},
		"FilterLogEvents": {families: []Family{FilterLogEvents}, onDemand: true},
	},
}

// startRates merges the operator's calls per second into the published allowances.
// A family that does not exist, or a rate that is not above zero, is an error.
func startRates(limits map[string]float64) (map[Family]allowance, error) {
	rates := make(map[Family]allowance, len(published))
	for family, a := range published {
		if family != Other {
			a.burst -= a.burst / 10 // AWS counts calls as they come, not as they go: two that meet on the way must not be throttled
		}
		rates[family] = a
	}
	for name, perSecond := range limits {
		a, ok := rates[Family(name)]
		if !ok || perSecond <= 0 {
			return nil, fmt.Errorf("limit %s = %v: no such API family, or not a rate above zero", name, perSecond)
		}
		// The burst shrinks along: a daemon told to go at a tenth of the rate must not start with the whole burst.
		burst := int(math.Ceil(float64(a.burst) * min(1, perSecond/a.perSecond)))
		rates[Family(name)] = allowance{perSecond: perSecond, burst: max(1, burst)}
	}
	return rates, nil
}
