package fargatesim_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// TestTerraform lets Terraform's AWS provider, which nobody here wrote, keep testdata/terraform in the account. It makes,
// changes and destroys things, and after each step reads all of them back: whatever the account shows otherwise than it
// was told is a difference in Terraform's next plan.
func TestTerraform(t *testing.T) {
	tf := findTerraform(t)
	t.Parallel()
	var exchanges []fargatesim.Exchange
	a, url := open(t, fargatesim.Config{Record: func(e fargatesim.Exchange) { exchanges = append(exchanges, e) }}).overHTTP()
	vars := map[string]any{"endpoint": url, "subnet": fargatesim.DefaultSubnets[0].ID,
		"image": "nginx:1", "password": "one", "retention": 14, "tags": map[string]string{"team": "a", "stage": "test"}}
	tf.apply(vars)
	for what, diff := range map[string]string{
		"what was found": cmp.Diff([]string{"123456789012", "arn:aws:ec2:us-east-1:123456789012:subnet/subnet-0123456789abcdef0", "10.0.0.0/16",
			"subnet-0123456789abcdef0", "arn:aws:ec2:us-east-1:123456789012:security-group/sg-0123456789abcdef0"}, tf.found()),
		"what was made": cmp.Diff([]string{
			"cluster vk: ACTIVE, containerInsights enabled, Name=tasks stage=test team=a",
			"definition web:1: ACTIVE, nginx:1, Name=web stage=test team=a",
			"log group /vk/tasks: 14 days, Name=tasks stage=test team=a",
			`secret vk/db: {"password":"one"}, Name=db stage=test team=a`,
			"secret vk/registry: bytes, stage=test team=a",
		}, a.inventory()),
	} {
		if diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}

	vars["image"], vars["password"], vars["retention"], vars["tags"] = "nginx:2", "two", 30, map[string]string{"team": "b"}
	tf.apply(vars)
	if diff := cmp.Diff([]string{
		"cluster vk: ACTIVE, containerInsights enabled, Name=tasks team=b",
		"definition web:1: INACTIVE, nginx:1",
		"definition web:2: ACTIVE, nginx:2, Name=web team=b",
		"log group /vk/tasks: 30 days, Name=tasks team=b",
		`secret vk/db: {"password":"two"}, Name=db team=b`,
		"secret vk/registry: bytes, team=b",
	}, a.inventory()); diff != "" {
		t.Errorf("what was changed (-want +got):\n%s", diff)
	}

	tf.run("destroy", "-auto-approve")
	if diff := cmp.Diff([]string{
		"cluster vk: INACTIVE, containerInsights enabled",
		"definition web:1: INACTIVE, nginx:1",
		"definition web:2: INACTIVE, nginx:2",
		"secret vk/registry: bytes, team=b, to be deleted",
	}, a.inventory()); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
	judge(t, exchanges)
}

// inventory is what there is in the account, but for what each account of these tests has. Tags are those that the API
// lists.
func (a account) inventory() []string {
	a.t.Helper()
	ctx := a.t.Context()
	var all []string
	add := func(format string, args ...any) {
		all = append(all, strings.TrimSuffix(fmt.Sprintf(format, args...), ", "))
	}
	clusters := must[*ecs.DescribeClustersOutput](a.t)(a.ecs.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{"vk"},
		Include: []ecstypes.ClusterField{ecstypes.ClusterFieldSettings}}))
	for _, c := range clusters.Clusters {
		add("cluster %s: %s, %s %s, %s", *c.ClusterName, *c.Status, c.Settings[0].Name, *c.Settings[0].Value, a.tagsOf(*c.ClusterArn))
	}
	for _, d := range a.Definitions() {
		add("definition %s:%d: %s, %s, %s", *d.Family, d.Revision, d.Status, *d.ContainerDefinitions[0].Image, a.tagsOf(*d.TaskDefinitionArn))
	}
	groups := must[*cloudwatchlogs.DescribeLogGroupsOutput](a.t)(a.logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{}))
	for _, g := range groups.LogGroups {
		tags := must[*cloudwatchlogs.ListTagsForResourceOutput](a.t)(a.logs.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: g.LogGroupArn}))
		add("log group %s: %d days, %s", *g.LogGroupName, aws.ToInt32(g.RetentionInDays), written(tags.Tags))
	}
	for _, s := range a.Secrets() {
		end := ""
		if s.Deletion != nil {
			end = "to be deleted"
		}
		add("secret %s: %s, %s, %s", s.Name, s.Value, written(s.Tags), end)
	}
	return all
}

// tagsOf are the tags of a cluster or task definition; what has ended has none to list.
func (a account) tagsOf(arn string) string {
	out, err := a.ecs.ListTagsForResource(a.t.Context(), &ecs.ListTagsForResourceInput{ResourceArn: &arn})
	if err != nil {
		return ""
	}
	tags := map[string]string{}
	for _, tag := range out.Tags {
		tags[*tag.Key] = *tag.Value
	}
	return written(tags)
}

func written(tags map[string]string) string {
	var words []string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		words = append(words, key+"="+tags[key])
	}
	return strings.Join(words, " ")
}

// terraform is the program, with a copy of testdata/terraform of its own; its state is there as well.
type terraform struct {
	t               *testing.T
	program, folder string
}

// findTerraform skips the test where there is no terraform command, or no AWS provider that it can use without a network.
func findTerraform(t *testing.T) terraform {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED with -short: Terraform takes a minute")
	}
	program, err := exec.LookPath("terraform")
	if err != nil {
		t.Skip("SKIPPED: there is no terraform command on this machine")
	}
	plugins := pluginFolder()
	if plugins == "" {
		t.Skip("SKIPPED: there is no copy of Terraform's AWS provider on this machine; TERRAFORM_PLUGINS can name a folder that has " + awsProvider)
	}
	tf := terraform{t, program, t.TempDir()}
	if err := os.CopyFS(tf.folder, os.DirFS("testdata/terraform")); err != nil {
		t.Fatal(err)
	}
	tf.write("terraform.rc", nil)
	tf.run("init", "-plugin-dir="+plugins)
	return tf
}

// awsProvider is where the provider is in a folder of plugins, unpacked.
const awsProvider = "registry.terraform.io/hashicorp/aws/*/" + runtime.GOOS + "_" + runtime.GOARCH

// pluginFolder is the first folder of plugins that has the AWS provider: the one that TERRAFORM_PLUGINS names, or one of
// those in which Terraform itself looks, or one in /opt. Empty: none has.
func pluginFolder() string {
	home, _ := os.UserHomeDir()
	for _, folder := range []string{os.Getenv("TERRAFORM_PLUGINS"), filepath.Join(home, ".terraform.d/plugins"),
		"/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins", "/opt/*"} {
		if found, _ := filepath.Glob(filepath.Join(folder, awsProvider)); folder != "" && len(found) > 0 {
			return strings.Split(found[0], "/registry.terraform.io/")[0]
		}
	}
	return ""
}

func (tf terraform) write(name string, text []byte) {
	tf.t.Helper()
	if err := os.WriteFile(filepath.Join(tf.folder, name), text, 0o600); err != nil {
		tf.t.Fatal(err)
	}
}

// run sees nothing of this machine's own settings and credentials.
func (tf terraform) run(args ...string) []byte {
	tf.t.Helper()
	c := exec.CommandContext(tf.t.Context(), tf.program, args...)
	c.Dir = tf.folder
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + tf.folder, "TF_CLI_CONFIG_FILE=" + filepath.Join(tf.folder, "terraform.rc"),
		"TF_CLI_ARGS=-no-color", "TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1",
		"GOGC=400"} // half of the provider's time is its garbage collection
	out, err := c.CombinedOutput()
	if err != nil {
		tf.t.Fatalf("terraform %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// apply makes it so, and then wants a plan that changes nothing.
func (tf terraform) apply(vars map[string]any) {
	tf.t.Helper()
	text, err := json.Marshal(vars)
	if err != nil {
		tf.t.Fatal(err)
	}
	tf.write("terraform.tfvars.json", text)
	tf.run("apply", "-auto-approve")
	tf.run("plan", "-detailed-exitcode") // 2: something differs
}

// found is the output of that name.
func (tf terraform) found() []string {
	tf.t.Helper()
	var found []string
	if err := json.Unmarshal(tf.run("output", "-json", "found"), &found); err != nil {
		tf.t.Error(err)
	}
	return found
}
