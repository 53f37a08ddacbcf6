package providerconfig_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/virtual-kubelet/aws-fargate/providerconfig"
)

func TestGoodFiles(t *testing.T) {
	for name, reasonAndWant := range map[string]struct {
		reason string
		set    func(*providerconfig.Config)
	}{
		"original.good.toml": {"files of the original provider load unchanged", func(c *providerconfig.Config) {
			c.Region, c.ClusterName = "us-east-1", "my-cluster"
			c.Subnets = []string{"subnet-12345678", "subnet-9abcdef0"}
			c.SecurityGroups = []string{"sg-12345678", "sg-9abcdef0"}
			c.ExecutionRoleARN = "arn:aws:iam::123456789012:role/my-role"
			c.CloudWatchLogGroupName = "/ecs/my-log-group"
			c.CPU, c.Memory = resource.MustParse("20"), resource.MustParse("40Gi")
			c.Storage, c.Pods = resource.MustParse("40Gi"), resource.MustParse("20")
		}},
		"smallest.good.toml": {"only Subnets has no default", func(c *providerconfig.Config) {
			c.Subnets = []string{"subnet-12345678"}
		}},
		"tolerant.good.toml": {"case, spaces and empty strings were accepted before; bare numbers are what people write", func(c *providerconfig.Config) {
			c.Region = "us-gov-west-1"
			c.Subnets = []string{"subnet-12345678"}
			c.CPU, c.Memory, c.Pods = resource.MustParse("20"), resource.MustParse("40Gi"), resource.MustParse("20")
		}},
		"everything.good.toml": {"each key of the tables reaches its field", func(c *providerconfig.Config) {
			c.Region, c.ClusterName = "eu-west-1", "with_underscore"
			c.Subnets = []string{"subnet-12345678"}
			c.AssignPublicIPv4Address = true
			c.CPU = resource.MustParse("500m")
			c.Limits = map[string]float64{"RunTask": 3, "TaskDefinitionModify": 0.5}
			c.TaskDefinitions.KeepTime = 30 * time.Second
			c.DaemonSets.Mode = providerconfig.DaemonSetHold
			c.Defaults.CPU, c.Defaults.Memory = resource.MustParse("250m"), resource.MustParse("512Mi")
			c.Tags = map[string]string{"team": "web", "cost center": "42"}
			c.Kubernetes.APIServer = "[2001:db8::1]:6443"
			c.Node = providerconfig.Node{Zone: "eu-west-1a", Architecture: providerconfig.ARM64, CapacityType: providerconfig.Spot}
			c.Prices = providerconfig.Prices{VCPU: 0.04656, MemoryGB: 0.00511, StorageGB: 0.000127, SpotVCPU: 1, SpotMemoryGB: 0.5}
			c.Grants = providerconfig.Grants{
				{Namespaces: []string{"shop", "team-*"}, TaskRoles: []string{"arn:aws:iam::123456789012:role/shop-*", "arn:aws-cn:iam::123456789012:role/apps/?"}},
				{Namespaces: []string{"*"}, TaskRoles: []string{"arn:aws:iam::123456789012:role/everybody"},
					Subnets: []string{"subnet-0a*"}, SecurityGroups: []string{"sg-0b"}, PublicIPv4Address: true, LogDestinations: []string{"awslogs:/shop/*"}},
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			want := providerconfig.Default()
			reasonAndWant.set(&want)
			got, err := providerconfig.Load(filepath.Join("testdata", name))
			if err != nil {
				t.Fatalf("%s:\n%v", reasonAndWant.reason, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", reasonAndWant.reason, diff)
			}
		})
	}
}

// Each bad file opens with the faults it must be told of, one a line: "# want LINE: KEY: PROBLEM".
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad files: %v", err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for line := range strings.Lines(string(data)) {
				if fault, ok := strings.CutPrefix(line, "# want "); ok {
					want = append(want, strings.TrimSuffix(fault, "\n"))
				}
			}
			_, err = providerconfig.Load(path)
			var faults *providerconfig.Faults
			if !errors.As(err, &faults) {
				t.Fatalf("want *Faults, got %v", err)
			}
			var got []string
			for _, f := range faults.List {
				if f.File != path {
					t.Errorf("want file %s, got %s", path, f.File)
				}
				line := fmt.Sprintf("%d: %s: %s", f.Line, f.Key, f.Problem)
				got = append(got, strings.Replace(line, ": : ", ": ", 1))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestExampleStatesTheDefaults(t *testing.T) {
	got, err := providerconfig.Load("../examples/fargate.toml")
	if err != nil {
		t.Fatal(err)
	}
	want := providerconfig.Default()
	// These have no default that a file could state: placeholders, and rates that stand where they are used.
	want.Subnets, want.SecurityGroups, want.Limits = got.Subnets, got.SecurityGroups, got.Limits
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-default +example):\n%s", diff)
	}
}

func TestExampleNamesEveryKey(t *testing.T) {
	data, err := os.ReadFile("../examples/fargate.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range providerconfig.KeyNames() {
		last := name[strings.LastIndex(name, ".")+1:]
		// What has no default stands there as an example, after a #.
		if text := "\n" + string(data); !strings.Contains(text, "\n"+last+" = ") && !strings.Contains(text, "\n#   "+last+" = ") {
			t.Errorf("examples/fargate.toml does not name %s", name)
		}
	}
}

func TestMessagesNameFileLineAndKey(t *testing.T) {
	_, err := providerconfig.Parse("fargate.toml", []byte("\nPods = 0\n"))
	want := `fargate.toml:2: Pods: must be a whole number of at least 1, such as "100", not 0
fargate.toml: Subnets: missing; list the subnets that tasks get their addresses from`
	if err == nil {
		t.Fatal("want an error")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMissingFileIsNoFault(t *testing.T) {
	_, err := providerconfig.Load("testdata/no-such-file.toml")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("want fs.ErrNotExist, got %v", err)
	}
}
