package awscall

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		f := &fakeAWS{}
		_, c := newECS(t, f, Options{Metrics: registry, Limits: map[string]float64{"TaskDefinitionModify": 0.5}})
		_ = runTask(t.Context(), c)
		f.answers(throttle, 1)
		_ = runTask(t.Context(), c)
		want := `
# HELP virtual_kubelet_aws_budget_rate Calls per second that the budget of an API family allows now.
# TYPE virtual_kubelet_aws_budget_rate gauge
virtual_kubelet_aws_budget_rate{family="ClusterModify"} 1
virtual_kubelet_aws_budget_rate{family="ClusterRead"} 20
virtual_kubelet_aws_budget_rate{family="ClusterResourceModify"} 40
virtual_kubelet_aws_budget_rate{family="ClusterResourceRead"} 20
virtual_kubelet_aws_budget_rate{family="FilterLogEvents"} 5
virtual_kubelet_aws_budget_rate{family="GetLogEvents"} 10
virtual_kubelet_aws_budget_rate{family="RunTask"} 10
virtual_kubelet_aws_budget_rate{family="TaskDefinitionModify"} 0.5
virtual_kubelet_aws_budget_rate{family="TaskDefinitionRead"} 20
# HELP virtual_kubelet_aws_calls_total Attempts of AWS calls, retries included, by result: OK, AWS's error code, or what kept AWS from answering.
# TYPE virtual_kubelet_aws_calls_total counter
virtual_kubelet_aws_calls_total{code="OK",operation="RunTask",service="ECS"} 1
virtual_kubelet_aws_calls_total{code="ThrottlingException",operation="RunTask",service="ECS"} 1
`
		if err := testutil.GatherAndCompare(registry, strings.NewReader(want),
			"virtual_kubelet_aws_budget_rate", "virtual_kubelet_aws_calls_total"); err != nil {
			t.Error(err)
		}
		for _, name := range []string{"virtual_kubelet_aws_call_duration_seconds", "virtual_kubelet_aws_budget_wait_seconds"} {
			if n, err := testutil.GatherAndCount(registry, name); n != 1 || err != nil {
				t.Errorf("want one series of %s, got %d, %v", name, n, err)
			}
		}
	})
}

func TestTwoDoorsOnOneRegistryAreAnError(t *testing.T) {
	registry := prometheus.NewRegistry()
	newDoor(t, Options{Metrics: registry})
	if _, err := New(Options{Metrics: registry}); err == nil {
		t.Error("want an error: one would count and not be seen")
	}
}

// withoutEnvironment keeps the machine's own AWS settings out.
func withoutEnvironment(t *testing.T) {
	t.Helper()
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE", "AWS_SDK_UA_APP_ID", "AWS_CA_BUNDLE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/config")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/credentials")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

func TestConfigTakesItsRegion(t *testing.T) {
	for name, row := range map[string]struct{ file, environment, want string }{
		"the file wins over the chain": {"eu-west-1", "us-east-1", "eu-west-1"},
		"the chain serves without it":  {"", "us-east-1", "us-east-1"},
	} {
		t.Run(name, func(t *testing.T) {
			withoutEnvironment(t)
			t.Setenv("AWS_REGION", row.environment)
			cfg, err := newDoor(t, Options{}).Config(t.Context(), row.file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, cfg.Region); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestConfigWithoutARegionSaysWhereToPutIt(t *testing.T) {
	withoutEnvironment(t)
	_, err := newDoor(t, Options{}).Config(t.Context(), "")
	if err == nil || !strings.Contains(err.Error(), "Region in fargate.toml") {
		t.Errorf("want an error that names Region in fargate.toml, got %v", err)
	}
}

func TestConfigGoesThroughTheDoor(t *testing.T) {
	withoutEnvironment(t)
	d := newDoor(t, Options{})
	cfg, err := d.Config(t.Context(), "eu-west-1", config.WithHTTPClient(&fakeAWS{}))
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.APIOptions) == 0 || cfg.RetryMode != aws.RetryModeStandard || cfg.RetryMaxAttempts != maxAttempts || cfg.AppID != appID {
		t.Errorf("want the door's settings, got %d API options, %s, %d attempts, %q",
			len(cfg.APIOptions), cfg.RetryMode, cfg.RetryMaxAttempts, cfg.AppID)
	}
	if _, ours := cfg.HTTPClient.(*fakeAWS); !ours {
		t.Error("want the caller's options to come last")
	}
}
