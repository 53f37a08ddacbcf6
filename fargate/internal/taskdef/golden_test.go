package taskdef_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podfile"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/pullsecret"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

var update = flag.Bool("update", false, "rewrite testdata/*/task.json")

// golden is what task.json holds: a translation as ECS would see it, or why there is none.
type golden struct {
	Definition  any           `json:"definition,omitempty"`
	Run         any           `json:"run,omitempty"`
	Size        *taskdef.Size `json:"size,omitempty"`
	Private     bool          `json:"private,omitempty"`
	Findings    []string      `json:"findings,omitempty"`
	Unsupported []string      `json:"unsupported,omitempty"`
}

func TestTranslateGolden(t *testing.T) {
	pods, err := filepath.Glob("testdata/*/pod.yaml")
	if err != nil || len(pods) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range pods {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			got := encode(t, translated(load(t, path)))
			file := filepath.Join(dir, "task.json")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("translation (-want +got), rewrite with -update:\n%s", diff)
			}
		})
	}
}

func translated(in taskdef.Input) golden {
	t, err := taskdef.Translate(in)
	if unsupported := taskdef.AsUnsupported(err); unsupported != nil {
		return golden{Unsupported: lines(unsupported.Findings)}
	}
	return golden{Definition: taskdef.Wire(t.Definition), Run: taskdef.Wire(t.Run), Size: &t.Size,
		Private: t.Private, Findings: lines(t.Findings)}
}

func lines(findings []taskdef.Finding) []string {
	var texts []string
	for _, f := range findings {
		texts = append(texts, string(f.Verdict)+" "+f.String())
	}
	return texts
}

func encode(t *testing.T, value any) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

var settings = taskdef.Settings{
	Cluster:               "default",
	Region:                "us-east-1",
	ExecutionRoleARN:      "arn:aws:iam::123456789012:role/execution",
	InfrastructureRoleARN: "arn:aws:iam::123456789012:role/infrastructure",
	LogGroup:              "/virtual-kubelet",
	PlatformVersion:       "1.4.0",
	HelperImage:           "busybox:1.37-musl",
	Subnets:               []string{"subnet-0a", "subnet-0b"},
	SecurityGroups:        []string{"sg-0a"},
	Tags:                  map[string]string{"team": "platform"},
	LogRouterImage:        "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable",
	Grants:                grants{"default": "arn:aws:iam::123456789012:role/task-"},
}

// grants let the pods of a namespace ask for the roles whose ARN begins so, and for networks and logs whose names have
// "granted" in them.
type grants map[string]string

func (g grants) TaskRole(namespace, roleARN string) bool {
	prefix, ok := g[namespace]
	return ok && strings.HasPrefix(roleARN, prefix)
}

func (g grants) Subnet(namespace, id string) bool        { return g.named(namespace, id) }
func (g grants) SecurityGroup(namespace, id string) bool { return g.named(namespace, id) }
func (g grants) PublicAddress(namespace string) bool     { return namespace == "public" }
func (g grants) LogDestination(namespace, destination string) bool {
	return g.named(namespace, destination)
}

func (g grants) FileSystem(namespace, id string) bool {
	return g[namespace] != "" && id == "fs-0a0a0a0a"
}

func (g grants) named(namespace, what string) bool {
	return g[namespace] != "" && strings.Contains(what, "granted")
}

// load reads a pod and the ConfigMaps, Secrets and Services that stand beside it in the file.
func load(t *testing.T, path string) taskdef.Input {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pod := &corev1.Pod{}
	sources, claims := nodeSources(), taskdef.Claims{}
	for _, document := range regexp.MustCompile(`(?m)^---$`).Split(string(text), -1) {
		var kind metav1.TypeMeta
		decode(t, document, &kind)
		switch kind.Kind {
		case "Pod":
			decodeStrict(t, document, pod)
		case "ConfigMap":
			object := &corev1.ConfigMap{}
			decodeStrict(t, document, object)
			sources.ConfigMaps[object.Name] = object
		case "Secret":
			object := &corev1.Secret{}
			decodeStrict(t, document, object)
			sources.Secrets[object.Name] = object
		case "PersistentVolume": // bound to the claim of the same name
			object := &corev1.PersistentVolume{}
			decodeStrict(t, document, object)
			claims[object.Name] = object
		case "Service":
			object := &corev1.Service{}
			decodeStrict(t, document, object)
			sources.Services = append(sources.Services, object)
		default:
			t.Fatalf("%s: kind %q", path, kind.Kind)
		}
	}
	in, problems := resolved(pod, sources)
	in.Claims = claims
	for _, p := range problems {
		if p.Effect == podenv.Waits {
			t.Fatalf("%s: %s: %s", path, p.Field, p.Message)
		}
	}
	return in
}

// resolved is a pod with all that it names, published.
func resolved(pod *corev1.Pod, sources podenv.Sources) (taskdef.Input, []podenv.Problem) {
	environment, problems := podenv.Resolve(pod, sources)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default", UID: "5a5a5a5a-0000-4000-8000-000000000001"}}
	files, fileProblems := podfile.Resolve(podfile.Input{Pod: pod, Sources: sources, Account: account, Tokens: pod.Annotations[taskdef.AnnotationToken] == "true"})
	in := input(pod, environment)
	in.Files = files
	pulls, pullProblems := pullsecret.Resolve(pod, sources.Secrets)
	logSecrets, logProblems := podenv.Resolve(taskdef.LogSecrets(pod), sources)
	in.Pulls, in.LogSecrets = pulls, logSecrets
	in.Secrets = published(environment, slices.Concat(files.Documents(), pulls.Documents(), logSecrets.Secrets())...)
	for _, token := range taskdef.Tokens(in) {
		in.Secrets[token.Stored.Address] = podenv.SecretVersion{ARN: secretARN(token.Stored.Address)}
	}
	return in, slices.Concat(problems, fileProblems, pullProblems, logProblems)
}

func secretARN(address podenv.Address) string {
	return "arn:aws:secretsmanager:us-east-1:123456789012:secret:vk/8f14e45f-b4742f44/" + string(address) + "-a1B2c3"
}

func nodeSources() podenv.Sources {
	return podenv.Sources{
		ConfigMaps: map[string]*corev1.ConfigMap{},
		Secrets:    map[string]*corev1.Secret{},
		APIServer:  podenv.Endpoint{Host: "10.0.0.5", Port: "443"},
		NodeName:   "virtual-kubelet",
		HostIP:     "10.0.0.9",
		Allocatable: corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse("25"),
			corev1.ResourceMemory: resource.MustParse("100Gi"),
		},
	}
}

func input(pod *corev1.Pod, environment podenv.Environment) taskdef.Input {
	return taskdef.Input{Pod: pod, Environment: environment, Secrets: published(environment), Settings: settings, ID: podid.ID{
		Owner:     podid.Owner{ClusterUID: "8f14e45f-ceea-467f-a8d1-3f1b2c4d5e6f", NodeName: "virtual-kubelet"},
		Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID,
	}}
}

// published is where the environment's secret values, and other documents, would be.
func published(environment podenv.Environment, others ...podenv.Document) map[podenv.Address]podenv.SecretVersion {
	places := map[podenv.Address]podenv.SecretVersion{}
	for _, document := range slices.Concat(environment.Secrets(), others) {
		places[document.Address] = podenv.SecretVersion{ID: "v1", ARN: secretARN(document.Address)}
	}
	return places
}

// translate resolves and translates a pod that needs nothing but itself.
func translate(pod *corev1.Pod) (taskdef.Translation, error) {
	in, _ := resolved(pod, nodeSources())
	return taskdef.Translate(in)
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}

func decodeStrict(t *testing.T, text string, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}
