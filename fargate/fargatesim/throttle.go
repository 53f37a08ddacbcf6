package fargatesim

import (
	"maps"

	"golang.org/x/time/rate"
)

// Bucket is a token bucket: Burst calls at once, PerSecond in the long run.
type Bucket struct {
	Burst     int
	PerSecond float64
}

// PublishedThrottles are the request rates that AWS publishes per account and region, by name of the bucket.
// ECS: "Request throttling for the Amazon ECS API", buckets by resource; fargate-*: "AWS Fargate throttling quotas",
// of the large regions; logs: CloudWatch Logs quotas of us-east-1; ec2: "Request throttling for the Amazon EC2 API";
// secrets: "Secrets Manager quotas".
var PublishedThrottles = map[string]Bucket{
	"task definition modify":   {20, 1},
	"task definition read":     {50, 20},
	"task definition deletion": {5, 1},
	"cluster resource modify":  {100, 40},
	"cluster resource read":    {100, 20},
	"cluster modify":           {20, 1},
	"cluster read":             {50, 20},
	"tag modify":               {20, 10},
	"tag read":                 {50, 20},
	"fargate run-task":         {20, 20},
	"fargate on-demand launch": {100, 20},
	"fargate spot launch":      {100, 20},
	"logs read":                {25, 25},
	"logs describe":            {10, 10},
	"logs groups":              {10, 10},
	"logs deletion":            {10, 10},
	"logs retention":           {5, 5},
	"logs tag":                 {5, 5},
	"logs untag":               {5, 5},
	"logs tag read":            {5, 5},
	"ec2 describe":             {100, 20},
	"secrets create":           {50, 50},
	"secrets modify":           {50, 50},
	"secrets delete":           {50, 50},
	"secrets restore":          {50, 50},
	"secrets tag":              {50, 50},
	"secrets policy":           {50, 50},
	"secrets list":             {100, 100},
	"secrets read":             {10000, 10000},
}

// bucketsOf names the buckets that a call takes a token from.
var bucketsOf = map[string][]string{
	"RegisterTaskDefinition":     {"task definition modify"},
	"DeregisterTaskDefinition":   {"task definition modify"},
	"DescribeTaskDefinition":     {"task definition read"},
	"ListTaskDefinitions":        {"task definition read"},
	"ListTaskDefinitionFamilies": {"task definition read"},
	"DeleteTaskDefinitions":      {"task definition deletion"},
	"RunTask":                    {"cluster resource modify", "fargate run-task"},
	"StopTask":                   {"cluster resource modify"},
	"DescribeTasks":              {"cluster resource read"},
	"ListTasks":                  {"cluster resource read"},
	"CreateCluster":              {"cluster modify"},
	"DeleteCluster":              {"cluster modify"},
	"DescribeClusters":           {"cluster read"},
	"ListClusters":               {"cluster read"},
	"TagResource":                {"tag modify"},
	"UntagResource":              {"tag modify"},
	"ListTagsForResource":        {"tag read"},
	"GetLogEvents":               {"logs read"},
	"FilterLogEvents":            {"logs read"},
	"DescribeLogStreams":         {"logs describe"},
	"DescribeLogGroups":          {"logs describe"},
	"CreateLogGroup":             {"logs groups"},
	"DeleteLogGroup":             {"logs deletion"},
	"PutRetentionPolicy":         {"logs retention"},
	"DescribeNetworkInterfaces":  {"ec2 describe"},
	"DescribeSubnets":            {"ec2 describe"},
	"DescribeSecurityGroups":     {"ec2 describe"},
	"DescribeVpcs":               {"ec2 describe"},
	"CreateSecret":               {"secrets create"},
	"PutSecretValue":             {"secrets modify"},
	"UpdateSecret":               {"secrets modify"},
	"DeleteSecret":               {"secrets delete"},
	"RestoreSecret":              {"secrets restore"},
	"ListSecrets":                {"secrets list"},
	"DescribeSecret":             {"secrets read"},
	"GetSecretValue":             {"secrets read"},
	"GetResourcePolicy":          {"secrets policy"},

	// Operations of a name that several services have.
	"secretsmanager:TagResource":   {"secrets tag"},
	"secretsmanager:UntagResource": {"secrets tag"},
	"logs:TagResource":             {"logs tag"},
	"logs:UntagResource":           {"logs untag"},
	"logs:ListTagsForResource":     {"logs tag read"},
}

// buckets makes the limiters of a configuration.
func buckets(c Config) map[string]*rate.Limiter {
	published := maps.Clone(PublishedThrottles)
	for name, b := range c.Throttles {
		if _, known := published[name]; !known {
			panic("fargatesim: no throttle has the name " + name)
		}
		published[name] = b
	}
	limiters := map[string]*rate.Limiter{}
	for name, b := range published {
		limiters[name] = rate.NewLimiter(rate.Limit(b.PerSecond), b.Burst)
	}
	return limiters
}

// throttle takes a token for a call from each of its buckets.
func (s *Server) throttle(service, operation string) error {
	names, own := bucketsOf[service+":"+operation]
	if !own {
		names = bucketsOf[operation]
	}
	for _, name := range names {
		if !s.buckets[name].Allow() {
			return Throttled()
		}
	}
	return nil
}

// launchTokens takes a token for each task that is launched now: Fargate limits launches as well as calls.
func (s *Server) launchTokens(bucket string, tasks int) error {
	if s.config.Unthrottled || s.buckets[bucket].AllowN(now(), tasks) {
		return nil
	}
	return Throttled()
}
