// Package providerconfig reads fargate.toml, the operator's one file about this provider.
//
// It decides nothing about pods or AWS: it hands back a Config in which every value has been checked and every
// absent one has its documented default (examples/fargate.toml names each with its reason). It asks neither the
// environment nor AWS.
//
// The rule: nothing in the file is silently ignored. A key that means nothing, a value of the wrong type or out of
// range, and two settings that contradict each other are all faults, and all faults of a file are reported at once,
// each with its line, its key and what is allowed there. A key's case does not matter: the original provider's
// decoder accepted any, and files written for it must load unchanged.
package providerconfig

import (
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Config is a whole fargate.toml. Default gives the value of every key that a file leaves out.
type Config struct {
	// Region is the AWS region; "": the one the AWS SDK's default chain finds.
	Region string
	// ClusterName is the ECS cluster the tasks run in. It is created when it does not exist.
	ClusterName string
	// Subnets are the IDs of the subnets tasks get their addresses from: 1 to 16, all of one VPC.
	Subnets []string
	// SecurityGroups are the IDs of the groups on each task's interface: 0 to 5; none means the VPC's default group.
	SecurityGroups []string
	// AssignPublicIPv4Address gives each task a public address besides its VPC address.
	AssignPublicIPv4Address bool
	// ExecutionRoleARN is the role that pulls images, writes logs and reads secrets on a task's behalf; "": none.
	// Its key is ExecutionRoleArn.
	ExecutionRoleARN string
	// InfrastructureRoleARN is the role by which ECS makes EBS volumes for tasks; "": none. Its key is InfrastructureRoleArn.
	InfrastructureRoleARN string
	// CloudWatchLogGroupName is the log group of all containers; "": no logs. It needs ExecutionRoleARN.
	CloudWatchLogGroupName string
	// HelperImage is that of the containers which the provider adds to tasks: a busybox that needs no libraries.
	HelperImage string
	// ServiceAccountToken says which pods get the token of their ServiceAccount.
	ServiceAccountToken TokenMode
	// LogRouterImage is that of the container which the provider adds to pods with the log driver awsfirelens.
	LogRouterImage string
	// PlatformVersion is Fargate's: "LATEST" or a number such as "1.4.0".
	PlatformVersion string
	// OperatingSystem of the node, as Kubernetes spells it: always "linux" for now.
	OperatingSystem string

	// CPU, Memory, Storage and Pods are what the node says it has room for.
	// Storage is its ephemeral storage.
	CPU, Memory, Storage, Pods resource.Quantity

	// Limits are requests per second by API family, for the families whose start rate the operator changes.
	// nil: AWS's published rates hold.
	Limits          map[string]float64
	TaskDefinitions TaskDefinitions
	DaemonSets      DaemonSets
	Defaults        Defaults
	// Tags are put on every task and task definition; nil: none but our own.
	Tags       map[string]string
	Kubernetes Kubernetes
	Node       Node
	Prices     Prices
	// Grants are what pods may ask of AWS by annotation; nil: nothing.
	Grants Grants
}

// TaskDefinitions is the table [TaskDefinitions].
type TaskDefinitions struct {
	// KeepTime is how long a task definition that no pod uses stays registered.
	KeepTime time.Duration
}

// DaemonSets is the table [DaemonSets].
type DaemonSets struct {
	Mode DaemonSetMode
}

// DaemonSetMode says what becomes of DaemonSet pods that land on the node without having been sent to it by name.
type DaemonSetMode string

const (
	// DaemonSetIgnore runs nothing and keeps the DaemonSet's rollout healthy.
	DaemonSetIgnore DaemonSetMode = "ignore"
	// DaemonSetHold leaves the pods Pending.
	DaemonSetHold DaemonSetMode = "hold"
	// DaemonSetRun runs them like any other pod.
	DaemonSetRun DaemonSetMode = "run"
)

// TokenMode says which pods get the token of their ServiceAccount, in the volume that the API server adds by itself. A
// volume of the pod's own that asks for one gets it, unless no pod may.
type TokenMode string

const (
	// TokenAnnotated gives it to pods that are annotated to want it.
	TokenAnnotated TokenMode = "annotated"
	// TokenAlways gives it to all pods, as kubelet does.
	TokenAlways TokenMode = "always"
	// TokenNever gives it to no pod.
	TokenNever TokenMode = "never"
)

// Defaults is the table [Defaults]: what a container counts as, in CPU and in memory, where it states neither a request nor a
// limit of it.
type Defaults struct {
	CPU, Memory resource.Quantity
}

// Kubernetes is the table [Kubernetes].
type Kubernetes struct {
	// APIServer is the "host:port" that KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT say inside pods;
	// "": that of the daemon's own kubeconfig.
	APIServer string
}

// Node is the table [Node].
type Node struct {
	// ComputeTypeLabel puts eks.amazonaws.com/compute-type=fargate on the node.
	ComputeTypeLabel bool
	// Zone is the node's topology.kubernetes.io/zone; "": the zone of the subnets when they share one, else none.
	Zone string
	// Architecture of all pods' processors, as Kubernetes spells it, and the node's label kubernetes.io/arch.
	Architecture Architecture
	// CapacityType is where the pods run that ask for neither, and a label of the node; "": on demand, without a label.
	CapacityType CapacityType
}

// Architecture is of processors.
type Architecture string

const (
	AMD64 Architecture = "amd64"
	ARM64 Architecture = "arm64"
)

// CapacityType is how AWS sells the capacity that a task runs on.
type CapacityType string

const (
	OnDemand CapacityType = "on-demand"
	Spot     CapacityType = "spot"
)

// Prices is the table [Prices]: what Fargate costs the operator, in US dollars an hour, on Linux and the node's
// architecture. They choose the cheapest size for a pod. 0: the price in us-east-1.
type Prices struct {
	VCPU, MemoryGB, StorageGB float64
	// SpotVCPU and SpotMemoryGB are those of Fargate Spot.
	SpotVCPU, SpotMemoryGB float64
}

// Default returns what an empty file means. It is not valid on its own: Subnets has no default.
func Default() Config {
	return Config{
		ClusterName:     "default",
		PlatformVersion: "LATEST",
		// The default variant of the image is linked against libraries that other images do not have.
		HelperImage:         "busybox:1.37-musl",
		LogRouterImage:      "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable",
		ServiceAccountToken: TokenAnnotated,
		OperatingSystem:     "linux",
		// Room for a hundred of the pods people try first: 250m requested, up to 1000Mi used, which Fargate
		// sells as a quarter of a vCPU and 1 GiB. The scheduler counts requests, so it fits a hundred of them.
		CPU:    resource.MustParse("25"),
		Memory: resource.MustParse("100Gi"),
		// Each Fargate task comes with 20 GiB of ephemeral storage.
		Storage: resource.MustParse("2000Gi"),
		Pods:    resource.MustParse("100"),

		TaskDefinitions: TaskDefinitions{KeepTime: 24 * time.Hour},
		DaemonSets:      DaemonSets{Mode: DaemonSetIgnore},
		Defaults:        Defaults{CPU: resource.MustParse("100m"), Memory: resource.MustParse("256Mi")},
		Node:            Node{ComputeTypeLabel: true, Architecture: AMD64},
	}
}
