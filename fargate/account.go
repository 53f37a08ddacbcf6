package fargate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go/logging"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awscall"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/containerlog"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/preflight"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
	"github.com/virtual-kubelet/aws-fargate/providerconfig"
)

// firstCheck is how long Open waits for AWS: the node is to be Ready within seconds, with AWS or without.
const firstCheck = 3 * time.Second

// Account is the AWS side of a provider: clients that share one budget, and what the first look at the
// account has found.
type Account struct {
	config  providerconfig.Config
	region  string
	ecs     *ecs.Client
	ec2     *ec2.Client
	logs    *cloudwatchlogs.Client
	secrets *secretsmanager.Client
	door    *awscall.Door
	found   *preflight.Found // nil: not checked yet
	health  chan struct{}    // something about the health of AWS calls has changed
	logging rate.Sometimes   // how often a log group is made sure of
}

// Open prepares the clients from the SDK's default chain of credentials and takes a first look at the
// account. What is missing there (a subnet, say) is an error that names it; an AWS that does not answer
// is none: the provider asks again.
//
// options are the SDK's own, and win over the chain.
func Open(ctx context.Context, config providerconfig.Config, metrics prometheus.Registerer, log *slog.Logger,
	options ...func(*awsconfig.LoadOptions) error) (*Account, error) {
	a := &Account{config: config, health: make(chan struct{}, 1), logging: rate.Sometimes{Interval: 10 * time.Second}}
	var err error
	a.door, err = awscall.New(awscall.Options{Limits: config.Limits, Metrics: metrics, HealthChanged: a.healthChanged})
	if err != nil {
		return nil, err
	}
	options = append([]func(*awsconfig.LoadOptions) error{awsconfig.WithLogger(sdkLog(log))}, options...)
	sdk, err := a.door.Config(ctx, config.Region, options...)
	if err != nil {
		return nil, err
	}
	a.region, a.ecs, a.ec2 = sdk.Region, ecs.NewFromConfig(sdk), ec2.NewFromConfig(sdk)
	a.logs, a.secrets = cloudwatchlogs.NewFromConfig(sdk), secretsmanager.NewFromConfig(sdk)
	look, cancel := context.WithTimeout(ctx, firstCheck)
	defer cancel()
	if err := a.look(look, log); isMissing(err) {
		return nil, err
	} else if err != nil {
		log.Warn("AWS does not answer yet; the node comes up and asks again", "error", err)
	}
	return a, nil
}

func (a *Account) healthChanged() {
	select {
	case a.health <- struct{}{}:
	default: // told already
	}
}

// sdkLog takes what the SDK has to say: nothing that an operator could act on.
func sdkLog(log *slog.Logger) logging.Logger {
	return logging.LoggerFunc(func(kind logging.Classification, format string, args ...any) {
		log.Debug("AWS SDK", "kind", string(kind), "message", fmt.Sprintf(format, args...))
	})
}

func isMissing(err error) bool {
	var missing *preflight.MissingError
	return errors.As(err, &missing)
}

// look checks the account once.
func (a *Account) look(ctx context.Context, log *slog.Logger) error {
	found, err := preflight.Check(ctx, a.ecs, a.ec2, preflight.Wanted{
		ClusterName: a.config.ClusterName, Subnets: a.config.Subnets, SecurityGroups: a.config.SecurityGroups,
	})
	if err != nil {
		return fmt.Errorf("check the AWS account: %w", err)
	}
	if found.ClusterCreated {
		log.Info("ECS cluster created", "cluster", found.ClusterARN)
	}
	for _, warning := range found.Warnings {
		log.Warn(warning)
	}
	a.found = &found
	return nil
}

// check repeats the look until it was answered; what is missing is an error.
func (a *Account) check(ctx context.Context, log *slog.Logger) error {
	if a.found != nil {
		return nil
	}
	var missing error
	err := insist(ctx, func() error {
		err := a.look(ctx, log)
		if isMissing(err) {
			missing = err
			return nil
		}
		if err != nil {
			log.Warn("AWS does not answer yet", "error", err)
		}
		return err
	})
	return errors.Join(missing, err)
}

// logRetentionDays is how long a log group that we make keeps its lines, so that it does not cost for ever.
const logRetentionDays = 30

// ensureLogGroup makes the log group of fargate.toml where there is none; it does not look again at once. What
// IAM does not allow is only warned about: the group may exist.
func (a *Account) ensureLogGroup(ctx context.Context, log *slog.Logger) {
	group := a.config.CloudWatchLogGroupName
	if group == "" {
		return
	}
	a.logging.Do(func() {
		created, err := containerlog.EnsureGroup(ctx, a.logs, group, logRetentionDays)
		if created {
			log.Info("log group created", "group", group)
		}
		if err != nil {
			log.Warn("log group", "error", err)
		}
	})
}

// settings are what fargate.toml says about every pod.
func (a *Account) settings() taskdef.Settings {
	c := a.config
	return taskdef.Settings{
		Cluster: c.ClusterName, Region: a.region, ExecutionRoleARN: c.ExecutionRoleARN,
		LogGroup: c.CloudWatchLogGroupName, PlatformVersion: c.PlatformVersion, HelperImage: c.HelperImage,
		Subnets: c.Subnets, SecurityGroups: c.SecurityGroups, AssignPublicIP: c.AssignPublicIPv4Address,
		Tags:                  c.Tags,
		InfrastructureRoleARN: c.InfrastructureRoleARN,
		NoTokens:              c.ServiceAccountToken == providerconfig.TokenNever,
		Architecture:          string(c.Node.Architecture),
		CapacityType:          taskdef.CapacityType(c.Node.CapacityType),
		LogRouterImage:        c.LogRouterImage,
		Prices:                a.onDemandPrices(),
		SpotPrices:            a.spotPrices(),
		Grants:                c.Grants,
		DefaultMilliCPU:       int(c.Defaults.CPU.MilliValue()),
		DefaultMemoryMiB:      int((c.Defaults.Memory.Value() + 1<<20 - 1) >> 20),
	}
}

// onDemandPrices are those of the node's architecture.
func (a *Account) onDemandPrices() taskdef.Prices {
	table, c := taskdef.USEast1(), a.config.Prices
	if a.config.Node.Architecture == providerconfig.ARM64 {
		table = taskdef.ARMUSEast1()
	}
	return prices(table, c.VCPU, c.MemoryGB, c.StorageGB)
}

// spotPrices are the same of Spot.
func (a *Account) spotPrices() taskdef.Prices {
	table, c := taskdef.SpotUSEast1(), a.config.Prices
	if a.config.Node.Architecture == providerconfig.ARM64 {
		table = taskdef.SpotARMUSEast1()
	}
	return prices(table, c.SpotVCPU, c.SpotMemoryGB, c.StorageGB)
}

// prices are those of fargate.toml, else the table's.
func prices(table taskdef.Prices, vCPU, memoryGB, storageGB float64) taskdef.Prices {
	return taskdef.Prices{VCPU: cmp.Or(vCPU, table.VCPU), MemoryGB: cmp.Or(memoryGB, table.MemoryGB), StorageGiB: cmp.Or(storageGB, table.StorageGiB)}
}

// apiServer is the API server's address for pods: fargate.toml's, else the daemon's own.
func (a *Account) apiServer(own podenv.Endpoint) podenv.Endpoint {
	if a.config.Kubernetes.APIServer == "" {
		return own
	}
	host, port, err := net.SplitHostPort(a.config.Kubernetes.APIServer)
	if err != nil {
		return podenv.Endpoint{Host: strings.Trim(a.config.Kubernetes.APIServer, "[]")}
	}
	return podenv.Endpoint{Host: host, Port: port}
}
