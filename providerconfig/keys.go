package providerconfig

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/resource"
)

// key is one row of what a file may say.
type key struct {
	// name is the key as it should be spelled, tables first: "Limits.RunTask".
	name string
	// allowed completes the sentence "must be ...".
	allowed string
	// set puts a value into the config and returns nil, or returns what is wrong about it: the value itself or
	// a part of it. nil: the key is a table.
	set func(c *Config, value any) (offending any)
}

// Patterns of what AWS accepts, no narrower than AWS's own words: there is no list of regions, and no length of an ID.
var (
	region          = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`)
	zone            = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`)
	clusterName     = upTo(255, `^[A-Za-z0-9_-]+$`) // ECS API reference: CreateCluster
	subnetID        = regexp.MustCompile(`^subnet-[0-9a-z]+$`)
	securityGroupID = regexp.MustCompile(`^sg-[0-9a-z]+$`)
	roleARN         = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+$`)
	logGroupName    = upTo(512, `^[A-Za-z0-9_/.#-]+$`) // CloudWatch Logs API reference: CreateLogGroup
	imageName       = upTo(255, `^[^\s]+$`)            // ECS API reference: ContainerDefinition.image
	platformVersion = regexp.MustCompile(`^(LATEST|[0-9]+\.[0-9]+\.[0-9]+)$`)
	tagKey          = upTo(128, `^[\p{L}\p{N} +=._:/@-]+$`)                                     // ECS API reference: Tag
	namespaces      = upTo(63, `^[a-z0-9*?-]+$`)                                                // Kubernetes: DNS label
	taskRoles       = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/*?-]+$`) // wildcards in path and name alone
	subnetIDs       = regexp.MustCompile(`^subnet-[0-9a-z*?]+$`)
	groupIDs        = regexp.MustCompile(`^sg-[0-9a-z*?]+$`)
	fileSystemIDs   = regexp.MustCompile(`^fs-[0-9a-f*?]+$`)
	destinations    = regexp.MustCompile(`^(awslogs|splunk|awsfirelens):[^\s\[\]\\]+$`) // no other wildcards than * and ?
	tagValue        = upTo(256, `^[\p{L}\p{N} +=._:/@-]*$`)                             // ECS API reference: Tag
)

// upTo is what a pattern matches, of at most so many characters. A count in a pattern itself is written out when it is
// compiled: {1,256} of letters is megabytes.
func upTo(most int, pattern string) func(string) bool {
	matches := regexp.MustCompile(pattern).MatchString
	return func(s string) bool { return utf8.RuneCountInString(s) <= most && matches(s) }
}

const (
	maxSubnets        = 16 // ECS API reference: AwsVpcConfiguration
	maxSecurityGroups = 5  // ECS API reference: AwsVpcConfiguration

	noMost = math.MaxInt
)

// repeated are the tables that a file may have any number of, as [[Grants]]. Each is begun in the config, the keys in
// it go to the one begun last, and then it is checked.
var repeated = map[string]struct {
	begin func(*Config)
	check func(*reader)
}{
	"Grants": {begin: func(c *Config) { c.Grants = append(c.Grants, Grant{}) }, check: (*reader).checkGrant},
}

// keys is all that a file may say, but for the names under [Tags], which are the operator's.
var keys = slices.Concat([]key{
	{"Region", `an AWS region such as "eu-west-1"`,
		text(func(c *Config) *string { return &c.Region }, strings.ToLower, region.MatchString)},
	{"ClusterName", `1 to 255 letters, digits, "-" or "_"`,
		text(func(c *Config) *string { return &c.ClusterName }, asWritten, clusterName)},
	{"Subnets", `a list of 1 to 16 IDs such as "subnet-0123456789abcdef0", each once`,
		list(func(c *Config) *[]string { return &c.Subnets }, 1, maxSubnets, subnetID.MatchString)},
	{"SecurityGroups", `a list of at most 5 IDs such as "sg-0123456789abcdef0", each once`,
		list(func(c *Config) *[]string { return &c.SecurityGroups }, 0, maxSecurityGroups, securityGroupID.MatchString)},
	{"AssignPublicIPv4Address", `true or false`,
		flag(func(c *Config) *bool { return &c.AssignPublicIPv4Address })},
	{"ExecutionRoleArn", `an IAM role's ARN such as "arn:aws:iam::123456789012:role/execution"`,
		text(func(c *Config) *string { return &c.ExecutionRoleARN }, asWritten, roleARN.MatchString)},
	{"InfrastructureRoleArn", `an IAM role's ARN such as "arn:aws:iam::123456789012:role/infrastructure"`,
		text(func(c *Config) *string { return &c.InfrastructureRoleARN }, asWritten, roleARN.MatchString)},
	{"CloudWatchLogGroupName", `1 to 512 letters, digits, "_", "-", "/", "." or "#"`,
		text(func(c *Config) *string { return &c.CloudWatchLogGroupName }, asWritten, logGroupName)},
	{"PlatformVersion", `"LATEST" or a version of Fargate such as "1.4.0"`,
		text(func(c *Config) *string { return &c.PlatformVersion }, strings.ToUpper, platformVersion.MatchString)},
	{"HelperImage", `an image such as "busybox:1.37-musl", at most 255 characters without spaces`,
		text(func(c *Config) *string { return &c.HelperImage }, asWritten, imageName)},
	{"LogRouterImage", `an image such as "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable", at most 255 characters without spaces`,
		text(func(c *Config) *string { return &c.LogRouterImage }, asWritten, imageName)},
	{"ServiceAccountToken", `"annotated", "always" or "never"`,
		text(func(c *Config) *string { return (*string)(&c.ServiceAccountToken) }, strings.ToLower,
			oneOf(string(TokenAnnotated), string(TokenAlways), string(TokenNever)))},
	{"OperatingSystem", `"Linux"`,
		text(func(c *Config) *string { return &c.OperatingSystem }, strings.ToLower, oneOf("linux"))},
	{"CPU", `a quantity of at least 250m, such as "25" (cores)`,
		quantity(func(c *Config) *resource.Quantity { return &c.CPU }, "250m")},
	{"Memory", `a quantity of at least 512Mi, such as "100Gi"`,
		quantity(func(c *Config) *resource.Quantity { return &c.Memory }, "512Mi")},
	{"Storage", `a quantity of at least 1Gi, such as "2000Gi"`,
		quantity(func(c *Config) *resource.Quantity { return &c.Storage }, "1Gi")},
	{"Pods", `a whole number of at least 1, such as "100"`,
		whole(quantity(func(c *Config) *resource.Quantity { return &c.Pods }, "1"))},

	{name: "Limits"},
	{name: "TaskDefinitions"},
	{"TaskDefinitions.KeepTime", `a duration such as "24h" or "30m"`, keepTime},
	{name: "DaemonSets"},
	{"DaemonSets.Mode", `"ignore", "hold" or "run"`,
		text(func(c *Config) *string { return (*string)(&c.DaemonSets.Mode) }, strings.ToLower,
			oneOf(string(DaemonSetIgnore), string(DaemonSetHold), string(DaemonSetRun)))},
	{name: "Defaults"},
	{"Defaults.CPU", `a quantity of at least 1m, such as "100m"`,
		quantity(func(c *Config) *resource.Quantity { return &c.Defaults.CPU }, "1m")},
	{"Defaults.Memory", `a quantity of at least 6Mi, such as "256Mi"`, // ECS API reference: ContainerDefinition.memory
		quantity(func(c *Config) *resource.Quantity { return &c.Defaults.Memory }, "6Mi")},
	{name: "Tags"},
	{name: "Kubernetes"},
	{"Kubernetes.APIServer", `"host:port", without "https://"`,
		text(func(c *Config) *string { return &c.Kubernetes.APIServer }, asWritten, isHostPort)},
	{name: "Node"},
	{"Node.ComputeTypeLabel", `true or false`,
		flag(func(c *Config) *bool { return &c.Node.ComputeTypeLabel })},
	{"Node.Zone", `an availability zone such as "eu-west-1a"`,
		text(func(c *Config) *string { return &c.Node.Zone }, strings.ToLower, zone.MatchString)},
	{"Node.Architecture", `"amd64" or "arm64"`,
		text(func(c *Config) *string { return (*string)(&c.Node.Architecture) }, strings.ToLower, oneOf(string(AMD64), string(ARM64)))},
	{"Node.CapacityType", `"on-demand" or "spot"`,
		text(func(c *Config) *string { return (*string)(&c.Node.CapacityType) }, strings.ToLower, oneOf(string(OnDemand), string(Spot)))},
	{name: "Prices"},
	{"Prices.VCPU", priceAllowed, price(func(c *Config) *float64 { return &c.Prices.VCPU })},
	{"Prices.MemoryGB", priceAllowed, price(func(c *Config) *float64 { return &c.Prices.MemoryGB })},
	{"Prices.StorageGB", priceAllowed, price(func(c *Config) *float64 { return &c.Prices.StorageGB })},
	{"Prices.SpotVCPU", priceAllowed, price(func(c *Config) *float64 { return &c.Prices.SpotVCPU })},
	{"Prices.SpotMemoryGB", priceAllowed, price(func(c *Config) *float64 { return &c.Prices.SpotMemoryGB })},
	{name: "Grants"},
	{"Grants.Namespaces", `a list of namespaces such as "shop", each once; * stands for any characters and ? for one`,
		list(func(c *Config) *[]string { return &c.Grants.last().Namespaces }, 1, noMost, namespaces)},
	{"Grants.TaskRoles", `a list of ARNs such as "arn:aws:iam::123456789012:role/shop-*", each once; * stands for any characters but / and ? for one`,
		list(func(c *Config) *[]string { return &c.Grants.last().TaskRoles }, 1, noMost, taskRoles.MatchString)},
	{"Grants.Subnets", `a list of IDs such as "subnet-0123456789abcdef0", each once; * stands for any characters and ? for one`,
		list(func(c *Config) *[]string { return &c.Grants.last().Subnets }, 1, noMost, subnetIDs.MatchString)},
	{"Grants.SecurityGroups", `a list of IDs such as "sg-0123456789abcdef0", each once; * stands for any characters and ? for one`,
		list(func(c *Config) *[]string { return &c.Grants.last().SecurityGroups }, 1, noMost, groupIDs.MatchString)},
	{"Grants.PublicIPv4Address", `true or false`,
		flag(func(c *Config) *bool { return &c.Grants.last().PublicIPv4Address })},
	{"Grants.LogDestinations", `a list of destinations such as "awslogs:/shop/*", "splunk:https://splunk.example.com:8088" or "awsfirelens:firehose", each once; * stands for any characters but / and ? for one`,
		list(func(c *Config) *[]string { return &c.Grants.last().LogDestinations }, 1, noMost, destinations.MatchString)},
	{"Grants.FileSystems", `a list of IDs such as "fs-0123456789abcdef0", each once; * stands for any characters and ? for one`,
		list(func(c *Config) *[]string { return &c.Grants.last().FileSystems }, 1, noMost, fileSystemIDs.MatchString)},
}, limitKeys(
	"RunTask", "ClusterResourceModify", "ClusterResourceRead", "ClusterRead", "ClusterModify",
	"TaskDefinitionModify", "TaskDefinitionRead", "GetLogEvents", "FilterLogEvents", "Other",
))

// limitKeys are the rows of [Limits]. The rates that hold where the file says nothing are AWS's; they stand where
// they are used.
func limitKeys(families ...string) []key {
	rows := make([]key, 0, len(families))
	for _, family := range families {
		rows = append(rows, key{"Limits." + family, "a number of requests per second above 0, such as 20 or 0.5", limit(family)})
	}
	return rows
}

// findKey returns the row of a key, however its letters are cased; prefix is "", or its table's name and a dot.
func findKey(prefix, written string) (key, bool) {
	if prefix == "Tags." {
		return key{prefix + written, tagAllowed, tag(written)}, true
	}
	i := slices.IndexFunc(keys, func(k key) bool { return strings.EqualFold(k.name, prefix+written) })
	if i < 0 {
		return key{}, false
	}
	return keys[i], true
}

// keysUnder tells which keys there are in a table, or at the top for "".
func keysUnder(prefix string) string {
	var names, tables []string
	for _, k := range keys {
		name, under := strings.CutPrefix(k.name, prefix)
		switch {
		case !under || strings.Contains(name, "."):
		case k.set == nil:
			tables = append(tables, header(name))
		default:
			names = append(names, name)
		}
	}
	if prefix != "" {
		return "the keys of " + header(strings.TrimSuffix(prefix, ".")) + " are " + strings.Join(names, ", ")
	}
	return "the keys are " + strings.Join(names, ", ") + " and the tables " + strings.Join(tables, ", ")
}

// header is how a table begins in a file.
func header(table string) string {
	if _, isRepeated := repeated[table]; isRepeated {
		return "[[" + table + "]]"
	}
	return "[" + table + "]"
}
