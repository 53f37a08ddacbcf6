// Package awscall is the door that every AWS call goes through: it holds the calls to a budget, counts them, and
// remembers which of them AWS keeps refusing.
//
// It never changes a request, never retries (the SDK does, under the budget) and never decides what an error means
// for a pod. It runs no goroutine: rates recover by the clock when they are looked at.
//
// The rule: one token bucket per API family, starting at AWS's published rate (family.go, the one place that holds
// those numbers). A throttled call halves its family's rate, down to a sixteenth; the rate climbs back by a sixtieth
// of the full one each second. Each attempt of a call takes a token, so the SDK's own retries cannot escape. What
// counts for health is how a whole call ended, and a throttle only once it lasts.
package awscall

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/middleware"
	"github.com/prometheus/client_golang/prometheus"
)

// Options of a Door. Its zero value serves.
type Options struct {
	// Limits are calls per second by Family, for the families that shall not start at AWS's published rate.
	Limits map[string]float64
	// Metrics is told of the collectors; nil: nothing is exported.
	Metrics prometheus.Registerer
	// HealthChanged is called after Health or Denied has changed, by the goroutine whose call changed it and without
	// a lock held. It must not block for long: that call waits for it. nil: nobody is told.
	HealthChanged func()
}

// Door is what all AWS calls of one daemon share. Its methods may be called at once from many goroutines.
type Door struct {
	budget  *budget
	health  *health
	denials *denials
	changed func() // something about either has; nil: nobody is told
	metrics *metrics
}

// New returns a Door. It is an error when Options.Limits names an unknown family or Options.Metrics refuses
// a collector.
func New(o Options) (*Door, error) {
	rates, err := startRates(o.Limits)
	if err != nil {
		return nil, err
	}
	d := &Door{budget: newBudget(rates), health: newHealth(), denials: newDenials(), changed: o.HealthChanged}
	d.metrics, err = newMetrics(o.Metrics, d.budget)
	if err != nil {
		return nil, fmt.Errorf("register metrics of AWS calls: %w", err)
	}
	return d, nil
}

// Health returns what stands between this daemon and running pods on Fargate, as far as the last calls told:
// sorted, without times or counters, empty when all is well. The slice is the caller's.
func (d *Door) Health() []Trouble { return d.health.troubles() }

// Denied returns the actions that IAM has refused this daemon in the last hour, and not allowed since: sorted, empty
// when there are none. The slice is the caller's. HealthChanged does not tell when the hour is over.
func (d *Door) Denied() []Denial { return d.denials.now(time.Now()) }

// Settings of the SDK that the calls of a daemon need and the SDK's defaults do not give.
const (
	// The rest is the caller's: it retries with back-off over minutes, and a pod shows why.
	maxAttempts = 3
	// The SDK dials for 30 s and waits for an answer for ever.
	dialTimeout   = 5 * time.Second
	answerTimeout = 30 * time.Second
	appID         = "virtual-kubelet-fargate"
)

// Config returns the AWS configuration of the SDK's default chain (environment, shared files, IRSA, EKS Pod Identity,
// instance profile) with every client made from it going through the door. region wins over the chain; "": the
// chain's, the instance's own at last. No region at all is an error. optFns come last and win.
func (d *Door) Config(ctx context.Context, region string, optFns ...func(*config.LoadOptions) error) (aws.Config, error) {
	opts := []func(*config.LoadOptions) error{
		config.WithRegion(region),
		config.WithEC2IMDSRegion(),
		config.WithRetryMode(aws.RetryModeStandard),
		config.WithRetryMaxAttempts(maxAttempts),
		config.WithHTTPClient(httpClient()),
		config.WithAppID(appID),
		config.WithAPIOptions(d.APIOptions()),
	}
	cfg, err := config.LoadDefaultConfig(ctx, append(opts, optFns...)...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("load AWS configuration (its region comes from Region in fargate.toml, AWS_REGION, "+
			"the shared configuration or the instance): %w", err)
	}
	if cfg.Region == "" {
		return aws.Config{}, errors.New("no AWS region: set Region in fargate.toml or AWS_REGION in the environment")
	}
	return cfg, nil
}

// APIOptions are for an aws.Config's field of that name, where Config is not used to make it.
func (d *Door) APIOptions() []func(*middleware.Stack) error {
	return []func(*middleware.Stack) error{d.addWholeCall, d.addAttempt, d.addIdentity}
}

// httpClient gives up where the SDK's own would hang on.
func httpClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().
		WithDialerOptions(func(dialer *net.Dialer) { dialer.Timeout = dialTimeout }).
		WithTransportOptions(func(t *http.Transport) { t.ResponseHeaderTimeout = answerTimeout })
}
