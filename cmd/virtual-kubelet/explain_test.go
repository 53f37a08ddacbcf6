package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/virtual-kubelet/aws-fargate/fargate"
)

var update = flag.Bool("update", false, "rewrite testdata/explain/*/want.txt and the README's example")

// planted is the value of every Secret in the manifests of these tests.
const planted = "correct-horse-battery-staple"

// explained is what a command did.
type explained struct {
	stdout, stderr string
	code           int
}

// explain runs the command as main does, and looks for the planted secret in all that it says.
func explain(t *testing.T, stdin string, args ...string) explained {
	t.Helper()
	var out, errors bytes.Buffer
	cmd := newCommand("v1.2.3", func(string) string { return "" }, nil)
	cmd.SetArgs(append([]string{"explain"}, args...))
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetOut(&out)
	cmd.SetErr(&errors)
	code := 0
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		fmt.Fprintln(&errors, err)
		code = exitCode(err)
	}
	for _, secret := range []string{planted, "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZQ"} {
		if strings.Contains(out.String()+errors.String(), secret) {
			t.Errorf("explain %s tells the secret", strings.Join(args, " "))
		}
	}
	return explained{out.String(), errors.String(), code}
}

func TestExplainGolden(t *testing.T) {
	cases, err := filepath.Glob("testdata/explain/*")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, dir := range cases {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			args := []string{"-f", dir}
			if config := filepath.Join(dir, "fargate.toml"); exists(config) {
				args = append(args, "--provider-config", config)
			}
			e := explain(t, "", args...)
			got := fmt.Sprintf("%s--- stderr\n%s--- exit code %d\n", e.stdout, e.stderr, e.code)
			file := filepath.Join(dir, "want.txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got), rewrite with -update:\n%s", diff)
			}
		})
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// What machines read is one document, the same in both forms; the notes are beside it.
func TestExplainForMachines(t *testing.T) {
	args := []string{"-f", "testdata/explain/web", "-f", "testdata/explain/refused", "--provider-config", "testdata/explain/web/fargate.toml"}
	inJSON, inYAML := explain(t, "", append(args, "-o", "json")...), explain(t, "", append(args, "-o", "yaml")...)
	var fromJSON, fromYAML []fargate.Explanation
	if err := json.Unmarshal([]byte(inJSON.stdout), &fromJSON); err != nil {
		t.Fatalf("%v:\n%s", err, inJSON.stdout)
	}
	if err := yaml.UnmarshalStrict([]byte(inYAML.stdout), &fromYAML); err != nil {
		t.Fatalf("%v:\n%s", err, inYAML.stdout)
	}
	if diff := cmp.Diff(fromJSON, fromYAML); diff != "" {
		t.Errorf("(-json +yaml):\n%s", diff)
	}
	var outcomes []string
	for _, pod := range fromJSON {
		outcomes = append(outcomes, pod.Name+" "+string(pod.Outcome))
	}
	if diff := cmp.Diff([]string{"web runs", "many-reasons refused", "role refused", "secret refused"}, outcomes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if inJSON.code != 1 || inYAML.code != 1 || !strings.Contains(inJSON.stderr, "Passed over") {
		t.Errorf("exit codes %d and %d, want 1; notes on stderr:\n%s", inJSON.code, inYAML.code, inJSON.stderr)
	}
}

// All examples are fine but for these.
func TestExplainExamples(t *testing.T) {
	files, err := filepath.Glob("../../examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	want := map[string]int{
		"privileged-pod.yaml": 1, // for ordinary nodes, as it says
		"nginx-service.yaml":  2, // no pods in it
	}
	for _, file := range files {
		if e := explain(t, "", "-f", file); e.code != want[filepath.Base(file)] {
			t.Errorf("%s: exit code %d, want %d:\n%s%s", file, e.code, want[filepath.Base(file)], e.stdout, e.stderr)
		}
	}
}

// The README's example is the command's own output, but for the requests.
func TestREADMEHoldsTheExample(t *testing.T) {
	t.Chdir("../..")
	args := []string{"-f", "examples/nginx-deployment.yaml", "-f", "examples/privileged-pod.yaml"}
	var text strings.Builder
	text.WriteString("```console\n$ virtual-kubelet explain " + strings.Join(args, " ") + "\n")
	short := false
	for line := range strings.Lines(explain(t, "", args...).stdout) {
		request := strings.HasPrefix(line, "    ")
		if !request {
			text.WriteString(line)
		} else if !short {
			text.WriteString("    ...\n")
		}
		short = request
	}
	text.WriteString("```\n")

	const begin, end = "<!-- explain: begin -->\n", "<!-- explain: end -->\n"
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(readme), begin)
	now, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		t.Fatalf("README.md has lost its marks %q and %q", begin, end)
	}
	if *update {
		if err := os.WriteFile("README.md", []byte(before+begin+text.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(text.String(), now); diff != "" {
		t.Errorf("the README's example is not what the command prints (-want +got), rewrite with -update:\n%s", diff)
	}
}

const minimal = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: busybox:1}]}\n"

func TestExplainReadsStandardInput(t *testing.T) {
	for reason, text := range map[string]string{
		"YAML":                            minimal,
		"JSON, as kubectl -o json writes": `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"a","image":"busybox:1"}]}}`,
	} {
		e := explain(t, text, "-f", "-", "-n", "team")
		if e.code != 0 || !strings.HasPrefix(e.stdout, "Pod team/a (standard input:1): runs\n") {
			t.Errorf("%s: exit code %d:\n%s%s", reason, e.code, e.stdout, e.stderr)
		}
	}
}

func TestExplainAll(t *testing.T) {
	text := strings.Replace(minimal, "metadata: {", `metadata: {annotations: {fargate.virtual-kubelet.io/size: "512/1024"}, `, 1)
	text = strings.Replace(text, "containers: [{", "hostname: b, containers: [{livenessProbe: {periodSeconds: 1, exec: {command: [a]}}, ports: [{containerPort: 80}, {containerPort: 81, name: x}], ", 1)
	out, _, _ := strings.Cut(explain(t, text, "-f", "-", "--all").stdout, "  asked for")
	var got []string
	for line := range strings.Lines(out) {
		got = append(got, strings.Join(strings.Fields(line)[:2], " "))
	}
	want := []string{
		"Pod default/a",
		"warned spec.hostname",
		"warned spec.containers[0].livenessProbe",
		"mapped metadata.annotations[fargate.virtual-kubelet.io/size]",
		"mapped spec.containers",
		"mapped spec.containers[0].name",
		"mapped spec.containers[0].image",
		"accepted spec.containers[0].ports[1].name",
		"mapped spec.containers[0].ports[0].containerPort",
		"mapped spec.containers[0].ports[1].containerPort",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestExplainBadInput(t *testing.T) {
	secret := "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"
	const (
		notYAML = "not YAML: "
		kinds   = "kinds with pods are Pod and ReplicationController of v1, Deployment, ReplicaSet, StatefulSet and DaemonSet of apps/v1, Job and CronJob of batch/v1"
	)
	for name, row := range map[string]struct {
		text string
		args []string
		want string
	}{
		"no file":          {args: []string{}, want: "-f: name a manifest, a directory of them, or - for standard input"},
		"a missing file":   {args: []string{"-f", "testdata/none.yaml"}, want: "-f: open testdata/none.yaml: no such file or directory; name a manifest, a directory of them, or - for standard input"},
		"a directory":      {args: []string{"-f", "testdata"}, want: "-f testdata: no file *.yaml, *.yml or *.json in this directory; name one that has them"},
		"an unknown form":  {args: []string{"-f", "-", "-o", "xml"}, want: `-o: must be table, yaml or json, not "xml"`},
		"a missing config": {text: minimal, args: []string{"-f", "-", "--provider-config", "none.toml"}, want: "read provider configuration: open none.toml: no such file or directory"},
		"nothing":          {want: "standard input: no pods in it; " + kinds},
		"no YAML":          {text: minimal + "---\n# A comment.\na: b: c\n", want: "standard input:7: " + notYAML + "mapping values are not allowed in this context"},
		"no object":        {text: minimal + "---\nhello\n", want: "standard input:6: no Kubernetes object; one begins with apiVersion and kind"},
		"an unknown kind":  {text: "apiVersion: apps/v1\nkind: Deploymnt\n", want: "standard input:1: there is no kind Deploymnt in apps/v1; " + kinds},
		"an unknown field": {text: strings.Replace(minimal, "image", "imge", 1), want: `standard input:1: Pod: unknown field "spec.containers[0].imge"; correct or remove it`},
		"no pods":          {text: secret, want: "standard input: no pods in it; " + kinds},
		"no containers":    {text: "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n", want: "standard input:1: Pod a: spec.containers: missing; a pod has at least one"},
		"no name":          {text: strings.Replace(minimal, "{name: a}", "{}", 1), want: "standard input:3: Pod: metadata.name: missing; name it"},
		"a pod that no API server takes": {text: strings.Replace(minimal, ", image: busybox:1", ", ports: [{containerPort: 70000}]", 1),
			want: "standard input:4: Pod a: spec.containers[0].image: missing; name one\nstandard input:4: Pod a: spec.containers[0].ports[0].containerPort: 70000; it must be 1 to 65535"},
		"two faults": {text: "hello\n---\nhello\n", want: "standard input:1: no Kubernetes object; one begins with apiVersion and kind\nstandard input:3: no Kubernetes object; one begins with apiVersion and kind"},
		// No error quotes a Secret.
		"a Secret with a number":   {text: secret + "stringData:\n  password: " + planted + "\n  port: 5432\n", want: "standard input:6: Secret: stringData: a text is needed, and YAML takes this for a number; quote it"},
		"a Secret that is no YAML": {text: secret + "stringData: {password: *" + planted + "}\n", want: "standard input:1: " + notYAML + "it may hold a Secret and is not quoted here"},
		"a Secret without base64":  {text: secret + "data: {password: " + planted + "}\n", want: "standard input:1: Secret: not as Kubernetes takes it (it may hold a Secret and is not quoted here)"},
		"a Secret by a tag":        {text: strings.Replace(secret, "Secret", "!!str Secret", 1) + "stringData: {password: [" + planted + "]}\n", want: "standard input:4: Secret: not as Kubernetes takes it (it may hold a Secret and is not quoted here)"},
		"a Secret's unknown field": {text: secret + "stringdata: {password: " + planted + "}\n", want: `standard input:1: Secret: unknown field "stringdata"; correct or remove it`},
	} {
		t.Run(name, func(t *testing.T) {
			args := row.args
			if args == nil {
				args = []string{"-f", "-"}
			}
			e := explain(t, row.text, args...)
			if diff := cmp.Diff(explained{"", row.want + "\n", 2}, e, cmp.AllowUnexported(explained{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
