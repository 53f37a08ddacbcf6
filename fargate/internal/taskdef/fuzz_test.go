package taskdef_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/randfill"
	"sigs.k8s.io/yaml"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podfile"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/pullsecret"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

const planted = "planted-value-of-a-secret"

// FuzzTranslate reads its input as a manifest where it is one, and fills a pod with it at random where it
// is not. Whatever comes: no panic, the same answer twice, nothing beyond ECS's limits, no Secret's value.
func FuzzTranslate(f *testing.F) {
	manifests, err := filepath.Glob("testdata/*/pod.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range manifests {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		manifest, _, _ := bytes.Cut(text, []byte("\n---\n"))
		f.Add(manifest)
	}
	for i := range 64 {
		f.Add(bytes.Repeat([]byte{byte(i), byte(i * 37), byte(i * 101)}, 200))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		pod := &corev1.Pod{}
		if err := yaml.Unmarshal(data, pod); err != nil {
			pod = &corev1.Pod{}
			randfill.NewFromGoFuzz(data).NilChance(0.9).NumElements(0, 3).MaxDepth(8).Fill(&pod.Spec)
		}
		twice(t, pod, settings)
	})
}

// FuzzGenerated does the same with pods that an API server would admit, of which most can run: whatever is accepted ECS
// takes as well, its replicas share the definition, and its size is the cheapest.
func FuzzGenerated(f *testing.F) {
	for seed := range 100 {
		f.Add(bytesOf(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		pod, node := generated(data)
		got, err := twice(t, pod, node)
		other := pod.DeepCopy()
		other.Name, other.UID = "web-5d59d67564-bbbbb", "5b1c2c40-0000-4000-8000-00000000000b"
		replica, otherErr := fuzzed(t, other, node)
		if (err == nil) != (otherErr == nil) {
			t.Fatalf("one replica: %v; another: %v", err, otherErr)
		}
		if err != nil {
			return
		}
		if got.Private != replica.Private || (got.Digest != replica.Digest) != got.Private {
			t.Fatalf("replicas have the digests %s and %s; private: %t, %t", got.Digest, replica.Digest, got.Private, replica.Private)
		}
		cheapestOfAll(t, pod, node, got.Size)
		launched(t, got, replica)
	})
}

// twice translates a pod two times and looks for what must not differ, and for what ECS would not take.
func twice(t *testing.T, pod *corev1.Pod, node taskdef.Settings) (taskdef.Translation, error) {
	before := pod.DeepCopy()
	first, firstErr := fuzzed(t, pod, node)
	again, againErr := fuzzed(t, pod.DeepCopy(), node)
	if (firstErr == nil) != (againErr == nil) || firstErr != nil && firstErr.Error() != againErr.Error() {
		t.Fatalf("first %v, then %v", firstErr, againErr)
	}
	if !equality.Semantic.DeepEqual(before, pod) {
		t.Fatal("the translation changed the pod")
	}
	if firstErr != nil {
		return first, firstErr
	}
	if first.Digest != again.Digest || !bytes.Equal(taskdef.WireJSON(first.Run), taskdef.WireJSON(again.Run)) {
		t.Fatal("two translations of one pod differ")
	}
	if !ecsFamily.MatchString(*first.Definition.Family) {
		t.Fatalf("family %q", *first.Definition.Family)
	}
	if len(taskdef.WireJSON(first.Definition)) > taskdef.MaxDefinition || len(taskdef.WireJSON(first.Run.Overrides)) > taskdef.MaxOverrides {
		t.Fatal("beyond ECS's limits")
	}
	if first.Size.CPUUnits < first.Size.RequestedCPUUnits || first.Size.MemoryMiB < first.Size.RequestedMemoryMiB {
		t.Fatalf("size %+v", first.Size)
	}
	return first, nil
}

// cheapestOfAll looks at every size whether it would hold the pod for less.
func cheapestOfAll(t *testing.T, pod *corev1.Pod, node taskdef.Settings, got taskdef.Size) {
	prices := node.Prices
	if taskdef.CapacityOf(pod, node) == taskdef.Spot {
		prices = node.SpotPrices
	}
	if _, chosen := pod.Annotations[taskdef.AnnotationSize]; chosen {
		return
	}
	for cellCPU, memories := range taskdef.Cells {
		for _, cellMemory := range memories {
			cell := taskdef.Size{CPUUnits: cellCPU, MemoryMiB: cellMemory, StorageGiB: got.StorageGiB}
			if cellCPU >= got.RequestedCPUUnits && cellMemory >= got.RequestedMemoryMiB && cell.HourlyUSD(prices) < got.HourlyUSD(prices) {
				t.Fatalf("chose %+v, but %+v is cheaper", got, cell)
			}
		}
	}
}

// launched has an account take what was translated.
func launched(t *testing.T, translations ...taskdef.Translation) {
	sim := fargatesim.New(fargatesim.Config{Unthrottled: true,
		Subnets:        []fargatesim.Subnet{subnet("subnet-0a", 0), subnet("subnet-0b", 1), subnet("subnet-granted1", 2)},
		SecurityGroups: []fargatesim.SecurityGroup{{ID: "sg-0a"}, {ID: "sg-granted1"}}})
	client := ecs.New(ecs.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://fargate.test"), HTTPClient: sim.Client(),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"}, nil
		})})
	if _, err := client.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("default"), CapacityProviders: []string{"FARGATE", "FARGATE_SPOT"}}); err != nil {
		t.Fatal(err)
	}
	for _, translation := range translations {
		registered, err := client.RegisterTaskDefinition(t.Context(), translation.Definition)
		if err != nil {
			t.Fatalf("%v, of %s", err, taskdef.WireJSON(translation.Definition))
		}
		if !taskdef.Same(translation.Definition, registered.TaskDefinition) {
			t.Fatalf("registered %s, and got %s", taskdef.WireJSON(translation.Definition), taskdef.WireJSON(registered.TaskDefinition))
		}
		run := *translation.Run
		run.TaskDefinition = registered.TaskDefinition.TaskDefinitionArn
		if out, err := client.RunTask(t.Context(), &run); err != nil || len(out.Tasks) != 1 {
			t.Fatalf("%v, of %s", err, taskdef.WireJSON(&run))
		}
	}
}

func subnet(id string, n byte) fargatesim.Subnet {
	return fargatesim.Subnet{ID: id, CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, n, 0, 0}), 24)}
}

// fuzzed translates the pod with every object that it names in place, and looks for what must not be there.
func fuzzed(t *testing.T, pod *corev1.Pod, node taskdef.Settings) (taskdef.Translation, error) {
	sources := nodeSources()
	for _, r := range slices.Concat(podenv.References(pod), podfile.References(pod, true), podenv.References(taskdef.LogSecrets(pod))) {
		if r.Kind == podenv.ConfigMap {
			sources.ConfigMaps[r.Name] = &corev1.ConfigMap{Data: map[string]string{"key": "value", "SIZE": "7", "COLOUR": "red"}}
		} else {
			sources.Secrets[r.Name] = secretNamed(r.Name, "", map[string][]byte{"key": []byte(planted), "PASSWORD": []byte(planted), "USER": []byte(planted)})
		}
	}
	for _, name := range pullsecret.Names(pod) {
		if registry := registries[name]; registry != "" {
			sources.Secrets[name] = secretNamed(name, corev1.SecretTypeDockerConfigJson, map[string][]byte{corev1.DockerConfigJsonKey: []byte(registry)})
		}
	}
	in, problems := resolved(pod, sources)
	for _, p := range problems {
		if strings.Contains(p.Message, planted) {
			t.Fatalf("problem %q shows a Secret's value", p.Message)
		}
	}
	in.Settings = node
	if pod.Spec.ServiceAccountName != "" {
		in.ServiceAccountRole = "arn:aws:iam::123456789012:role/task-a"
	}
	translation, err := taskdef.Translate(in)
	output := fmt.Sprintf("%+v %#v", in, in) + string(taskdef.WireJSON(translation.Definition)) + string(taskdef.WireJSON(translation.Run)) + strings.Join(lines(translation.Findings), "")
	if err != nil {
		output += err.Error()
	}
	for _, shown := range []string{planted, plantedAuth} {
		if strings.Contains(output, shown) {
			t.Fatalf("output shows a Secret's value: %s", output)
		}
	}
	return translation, err
}

// registries are the contents of image pull Secrets, by name. One more that pods name does not exist.
var registries = map[string]string{
	"hub":   `{"auths":{"https://index.docker.io/v1/":{"username":"robot","password":"` + planted + `"}}}`,
	"ghcr":  `{"auths":{"ghcr.io":{"auth":"` + plantedAuth + `"},"*.test:5000":{"username":"robot","password":"` + planted + `"}}}`,
	"token": `{"auths":{"ghcr.io":{"identitytoken":"` + planted + `"}}}`,
}

var plantedAuth = base64.StdEncoding.EncodeToString([]byte("robot:" + planted))

func secretNamed(name string, kind corev1.SecretType, data map[string][]byte) *corev1.Secret {
	secret := &corev1.Secret{Type: kind, Data: data}
	secret.Name, secret.UID, secret.ResourceVersion = name, "77e0c1f2-0000-4000-8000-000000000001", "4711"
	return secret
}
