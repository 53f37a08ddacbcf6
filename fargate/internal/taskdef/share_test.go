package taskdef_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// replica is the i-th pod of one ReplicaSet, as different from its siblings as replicas can be.
func replica(i int) *corev1.Pod {
	pod := barePod()
	pod.Name = fmt.Sprintf("web-5d59d67564-%05d", i)
	pod.UID = types.UID(fmt.Sprintf("5b1c2c40-0000-4000-8000-%012d", i))
	pod.Labels = map[string]string{"app": "web", "pod-template-hash": "5d59d67564"}
	pod.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "web-5d59d67564", Controller: ptr.To(true)}}
	token := fmt.Sprintf("kube-api-access-%05d", i)
	pod.Spec.Volumes = []corev1.Volume{{Name: token, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
		Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}}}}}}}
	c := &pod.Spec.Containers[0]
	c.VolumeMounts = []corev1.VolumeMount{{Name: token, MountPath: "/var/run/secrets/kubernetes.io/serviceaccount"}}
	c.Command, c.Args = []string{"serve"}, []string{"--id=$(NAME)"}
	c.EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "many"}}}}
	c.Env = []corev1.EnvVar{{Name: "NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}}}
	return pod
}

func TestReplicasShareADefinition(t *testing.T) {
	sources := nodeSources()
	many := map[string]string{} // maps have no order, and the digest must not see one
	for i := range 50 {
		many[fmt.Sprintf("KEY_%d", i)] = "value"
	}
	sources.ConfigMaps["many"] = &corev1.ConfigMap{Data: many}
	sources.Services = []*corev1.Service{service("b"), service("a"), service("c")}

	var first taskdef.Translation
	for i := range 20 {
		sources.Services = append(sources.Services[1:], sources.Services[0]) // nor the lister's order
		pod := replica(i)
		environment, _ := podenv.Resolve(pod, sources)
		got, err := taskdef.Translate(input(pod, environment))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = got
			continue
		}
		if diff := cmp.Diff(string(taskdef.WireJSON(first.Definition)), string(taskdef.WireJSON(got.Definition))); diff != "" {
			t.Fatalf("replica %d has another definition (-first +this):\n%s", i, diff)
		}
		if *first.Run.ClientToken == *got.Run.ClientToken {
			t.Fatalf("replica %d has the client token of replica 0", i)
		}
		if want := "--id=" + pod.Name; got.Run.Overrides.ContainerOverrides[0].Command[0] != want {
			t.Fatalf("replica %d is told %q, want %q", i, got.Run.Overrides.ContainerOverrides[0].Command, want)
		}
	}
}

func service(name string) *corev1.Service {
	s := &corev1.Service{Spec: corev1.ServiceSpec{ClusterIP: "10.96.0.9", Ports: []corev1.ServicePort{{Port: 80}}}}
	s.Namespace, s.Name = "default", name
	return s
}

// Whatever changes what would run changes the digest, and the digest is found in the family and the tag.
func TestDigestTellsTemplatesApart(t *testing.T) {
	seen := map[string]string{}
	for name, change := range map[string]func(*corev1.Pod){
		"the pod itself": func(*corev1.Pod) {},
		"its image":      func(p *corev1.Pod) { p.Spec.Containers[0].Image = "busybox:2" },
		"its arguments":  func(p *corev1.Pod) { p.Spec.Containers[0].Args = []string{"--id=$(NAME)", "-v"} },
		"its grace":      func(p *corev1.Pod) { p.Spec.TerminationGracePeriodSeconds = ptr.To[int64](5) },
		"a variable":     func(p *corev1.Pod) { p.Spec.Containers[0].Env[0].Name = "OTHER" },
		"another value": func(p *corev1.Pod) {
			p.Spec.Containers[0].Env = append(p.Spec.Containers[0].Env, corev1.EnvVar{Name: "V", Value: "1"})
		},
		"its size": func(p *corev1.Pod) { p.Annotations = map[string]string{taskdef.AnnotationSize: "512/1024"} },
	} {
		pod := replica(0)
		pod.Spec.Containers[0].EnvFrom = nil
		change(pod)
		got, err := translate(pod)
		if err != nil {
			t.Fatal(err)
		}
		if name == "a variable" { // its name is in the overrides alone
			continue
		}
		if other, taken := seen[got.Digest]; taken {
			t.Errorf("%s and %s have the same digest", name, other)
		}
		seen[got.Digest] = name
		if !strings.HasSuffix(*got.Definition.Family, "-"+got.Digest[:16]) {
			t.Errorf("family %s does not end with the digest %s", *got.Definition.Family, got.Digest)
		}
		if tag := tagOf(got, taskdef.TagDigest); tag != got.Digest {
			t.Errorf("digest tag %q, want %q", tag, got.Digest)
		}
	}
}

func tagOf(t taskdef.Translation, key string) string {
	for _, tag := range t.Definition.Tags {
		if *tag.Key == key {
			return *tag.Value
		}
	}
	return ""
}

var ecsFamily = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

func TestFamily(t *testing.T) {
	controlled := func(kind, name string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Name: name, Controller: ptr.To(true)}}
		}
	}
	for name, test := range map[string]struct {
		why    string
		change func(*corev1.Pod)
		want   string // what stands between the owner's prefix and the digest
	}{
		"a bare pod":                 {"it is its own owner", func(p *corev1.Pod) {}, "default-web-5d59d67564-00000"},
		"a Deployment's pod":         {"the ReplicaSet's hash says nothing to people", controlled("ReplicaSet", "web-5d59d67564"), "default-web"},
		"a ReplicaSet of its own":    {"its name is not the hash's", controlled("ReplicaSet", "web"), "default-web"},
		"a StatefulSet's pod":        {"its pods share a definition", controlled("StatefulSet", "db"), "default-db"},
		"a CronJob's pod":            {"every run has the same family", controlled("Job", "backup-29087280"), "default-backup"},
		"a Job's pod":                {"seven digits are no CronJob's", controlled("Job", "backup-2908728"), "default-backup-2908728"},
		"a name with dots":           {"ECS takes none in a family", controlled("StatefulSet", "db.example.com"), "default-db-example-com"},
		"a name of 253 characters":   {"ECS takes 255 in all", controlled("StatefulSet", strings.Repeat("x", 253)), "default-" + strings.Repeat("x", 255-21-17-8)},
		"a controller not in charge": {"only the controller owns", func(p *corev1.Pod) { p.OwnerReferences = []metav1.OwnerReference{{Kind: "Node", Name: "n"}} }, "default-web-5d59d67564-00000"},
	} {
		t.Run(name, func(t *testing.T) {
			pod := replica(0)
			pod.OwnerReferences, pod.Spec.Containers[0].EnvFrom = nil, nil
			test.change(pod)
			got, err := translate(pod)
			if err != nil {
				t.Fatal(err)
			}
			family := aws.ToString(got.Definition.Family)
			if want := "vk-8f14e45f-b4742f44-" + test.want + "-" + got.Digest[:16]; family != want {
				t.Errorf("%s: family %s, want %s", test.why, family, want)
			}
			if !ecsFamily.MatchString(family) {
				t.Errorf("ECS does not take the family %s (%d characters)", family, len(family))
			}
		})
	}
}

// The usual way to keep logs apart: one container writes into a directory of the pod's own, another reads them all.
func TestReplicasShareLinks(t *testing.T) {
	var digests []string
	for i := range 2 {
		pod := replica(i)
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: "logs", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
		c := &pod.Spec.Containers[0]
		c.EnvFrom = nil
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "logs", MountPath: "/logs", SubPathExpr: "$(NAME)"})
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: "reader", Image: "i", VolumeMounts: []corev1.VolumeMount{{Name: "logs", MountPath: "/all"}}})
		got, err := translate(pod)
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, got.Digest)
		if run := string(taskdef.WireJSON(got.Run)); !strings.Contains(run, "/.vk/volumes/logs/"+pod.Name) {
			t.Errorf("the override does not link the pod's own directory: %s", run)
		}
	}
	if digests[0] != digests[1] {
		t.Error("two replicas have two definitions")
	}
}

// ECS sets sysctls of the network by one container, which must be one of the pod's.
func TestSysctlsBesideVolumes(t *testing.T) {
	pod := barePod()
	decodeStrict(t, `{securityContext: {sysctls: [{name: net.core.somaxconn, value: "1024"}]}, volumes: [{name: v, emptyDir: {}}],
		containers: [{name: c, image: i, volumeMounts: [{name: v, mountPath: /v}]}, {name: d, image: i}]}`, &pod.Spec)
	got, err := translate(pod)
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]int{}
	for _, d := range got.Definition.ContainerDefinitions {
		set[*d.Name] = len(d.SystemControls)
	}
	if diff := cmp.Diff(map[string]int{"vk-files": 0, "c": 1, "d": 0}, set); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
