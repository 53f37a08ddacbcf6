package fargatesim

import (
	"log/slog"
	"net/netip"
	"time"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Config describes an account in a region. Its zero value is a working one: an account with one VPC, one subnet and
// one security group, scripted containers, no delays, and AWS's published throttles.
type Config struct {
	Region  string // empty: us-east-1
	Account string // twelve digits; empty: 123456789012
	// Clusters that exist from the start. (Others are made with CreateCluster.)
	Clusters []string
	// VPC, Subnets and SecurityGroups exist from the start; empty: DefaultVPC, DefaultSubnets, DefaultSecurityGroups.
	VPC            VPC
	Subnets        []Subnet
	SecurityGroups []SecurityGroup
	// LogGroups exist from the start.
	LogGroups []string
	// Snapshots of EBS volumes are the account's.
	Snapshots []Snapshot
	// FileSystems are the account's in EFS.
	FileSystems []FileSystem
	// Runtime runs the containers; nil: &Scripted{}.
	Runtime Runtime
	// MetadataURL is where containers reach Metadata; empty: http://169.254.170.2, where AWS serves it. Whoever sets it
	// sees to it that it is answered there.
	MetadataURL string
	// Delays are how long a task stays in each state at least; zero: no longer than its work takes.
	Delays Delays
	// Lag is how late reads see a new task.
	Lag Lag
	// Throttles replaces published rates by name (see PublishedThrottles). Unthrottled switches all of them off.
	Throttles   map[string]Bucket
	Unthrottled bool
	// VCPUs is the account's Fargate On-Demand quota of vCPUs that run at once; 0: no limit.
	VCPUs int
	// Retention is how long a stopped task can be described; 0: an hour (API reference: DescribeTasks).
	Retention time.Duration
	// IAM says who may do what; nil: everybody may do everything, and each role can be assumed.
	IAM *IAM
	// Fault is asked before each call: n counts the calls of the operation from 1. nil, or an answer of nil: no fault.
	// It may not call the Server. Inject adds faults later.
	Fault func(operation string, n int) *Fault
	// Record is shown each request with its answer, one at a time. nil: not recorded.
	Record func(Exchange)
	// Changed is shown each new state of a task in the order of its versions. It may not call the Server. nil: nobody looks.
	Changed func(ecstypes.Task)
	// ClockAhead is how far AWS's clock, by which requests are signed, is ahead of this machine's; negative: behind.
	// Timestamps of tasks and logs stay this machine's.
	ClockAhead time.Duration
	// SparsePages lets GetLogEvents answer each token once with an empty page and another token, which AWS may do
	// anywhere before the end.
	SparsePages bool
	// Log takes one line per thing that happens to a task; nil: silent.
	Log *slog.Logger
}

// VPC is a network of the account.
type VPC struct {
	ID   string
	CIDR netip.Prefix
}

// Subnet is a part of the VPC, IPv4 only. Tasks in it get addresses of its CIDR, but for the first four and the last,
// which AWS reserves (VPC guide: subnet sizing).
type Subnet struct {
	ID   string
	CIDR netip.Prefix
	Zone string // "us-east-1a"; empty: the region's zone a
	// Reserved addresses are never given to tasks: the node's own, a gateway's.
	Reserved []netip.Addr
}

// SecurityGroup is a security group of the VPC. It filters nothing here.
type SecurityGroup struct{ ID, Name string }

// Delays are the least times that a task spends in its states.
type Delays struct {
	Provisioning, Pending, Activating, Deactivating, Stopping, Deprovisioning time.Duration
	// Logs is the time between a line and its showing up in CloudWatch Logs.
	Logs time.Duration
}

// Lag is eventual consistency: a new task is MISSING in DescribeTasks for Describe, and absent from ListTasks for List
// (as a new secret is from ListSecrets); the name of a secret deleted without recovery stays taken for Secrets.
type Lag struct{ Describe, List, Secrets time.Duration }

// FargateDelays are delays as a user of AWS sees them: some twenty seconds to RUNNING, some fifteen to STOPPED.
var FargateDelays = Delays{
	Provisioning: 8 * time.Second, Pending: 8 * time.Second, Activating: 2 * time.Second,
	Deactivating: time.Second, Stopping: time.Second, Deprovisioning: 12 * time.Second, Logs: 2 * time.Second,
}

// What exists in a Config that names nothing else.
var (
	DefaultVPC            = VPC{ID: "vpc-0123456789abcdef0", CIDR: netip.MustParsePrefix("10.0.0.0/16")}
	DefaultSubnets        = []Subnet{{ID: "subnet-0123456789abcdef0", CIDR: netip.MustParsePrefix("10.0.0.0/16")}}
	DefaultSecurityGroups = []SecurityGroup{{ID: "sg-0123456789abcdef0", Name: "default"}}
)

func (c Config) withDefaults() Config {
	c.Region = or(c.Region, "us-east-1")
	c.Account = or(c.Account, defaultAccount)
	c.VPC = or(c.VPC, DefaultVPC)
	c.MetadataURL = or(c.MetadataURL, metadataURL)
	c.Retention = or(c.Retention, time.Hour)
	if len(c.Subnets) == 0 {
		c.Subnets = DefaultSubnets
	}
	if len(c.SecurityGroups) == 0 {
		c.SecurityGroups = DefaultSecurityGroups
	}
	if c.Runtime == nil {
		c.Runtime = &Scripted{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

const defaultAccount = "123456789012"
