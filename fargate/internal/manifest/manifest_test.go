package manifest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/manifest"
)

const (
	template = "template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: busybox}]}}"
	ending   = "template: {metadata: {labels: {app: web}}, spec: {restartPolicy: Never, containers: [{name: a, image: busybox}]}}"
)

// read reads a text of one file.
func read(t *testing.T, text string) manifest.Set {
	t.Helper()
	set, err := manifest.Read("team", manifest.File{Name: "pod.yaml", Text: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// The pods of controllers look as their controllers would make them, with capitals where these invent something.
func TestControllers(t *testing.T) {
	type made struct {
		Workload, Template string
		Replicas           int
		Pod, Owner, Labels string
	}
	for name, row := range map[string]struct {
		text string
		want made
	}{
		"a Deployment": {"{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 3, " + template + "}}",
			made{"Deployment web", "spec.template", 3, "web-HASH-XXXXX", "ReplicaSet web-HASH", "app=web,pod-template-hash=HASH"}},
		"a ReplicaSet": {"{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: web}, spec: {" + template + "}}",
			made{"ReplicaSet web", "spec.template", 1, "web-XXXXX", "ReplicaSet web", "app=web"}},
		"a ReplicationController": {"{apiVersion: v1, kind: ReplicationController, metadata: {name: web}, spec: {replicas: 0, " + template + "}}",
			made{"ReplicationController web", "spec.template", 0, "web-XXXXX", "ReplicationController web", "app=web"}},
		"a StatefulSet": {"{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: web}, spec: {replicas: 2, " + template + "}}",
			made{"StatefulSet web", "spec.template", 2, "web-0", "StatefulSet web", "app=web,apps.kubernetes.io/pod-index=0,controller-revision-hash=web-HASH,statefulset.kubernetes.io/pod-name=web-0"}},
		"a DaemonSet": {"{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: web}, spec: {" + template + "}}",
			made{"DaemonSet web", "spec.template", 1, "web-XXXXX", "DaemonSet web", "app=web,controller-revision-hash=HASH"}},
		"a Job": {"{apiVersion: batch/v1, kind: Job, metadata: {generateName: web-}, spec: {" + ending + "}}",
			made{"Job web-XXXXX", "spec.template", 0, "web-XXXXX-XXXXX", "Job web-XXXXX", "app=web,batch.kubernetes.io/controller-uid=JOB-UID,batch.kubernetes.io/job-name=web-XXXXX,controller-uid=JOB-UID,job-name=web-XXXXX"}},
		"a CronJob": {"{apiVersion: batch/v1, kind: CronJob, metadata: {name: web}, spec: {jobTemplate: {spec: {" + ending + "}}}}",
			made{"CronJob web", "spec.jobTemplate.spec.template", 0, "web-00000000-XXXXX", "Job web-00000000", "app=web,batch.kubernetes.io/controller-uid=JOB-UID,batch.kubernetes.io/job-name=web-00000000,controller-uid=JOB-UID,job-name=web-00000000"}},
		"a Pod": {"{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: own}, spec: {containers: [{name: a, image: a}]}}",
			made{"Pod web", "", 1, "web", "", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			w := read(t, row.text).Workloads[0]
			got := made{w.Kind + " " + w.Name, w.Template, w.Replicas, w.Pod.Name, "", metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: w.Pod.Labels})}
			if owner := metav1.GetControllerOf(w.Pod); owner != nil {
				got.Owner = owner.Kind + " " + owner.Name
			} else {
				got.Labels = ""
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if w.Pod.Namespace != w.Namespace || (w.Namespace == "own") != (w.Kind == "Pod") {
				t.Errorf("namespaces %q and %q", w.Namespace, w.Pod.Namespace)
			}
		})
	}
}

func TestTheAPIServersDefaults(t *testing.T) {
	got := read(t, `apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  automountServiceAccountToken: false
  volumes: [{name: scratch}]
  containers:
    - {name: a, image: "registry:5000/a", ports: [{containerPort: 80}], resources: {limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 500m}}}
    - {name: b, image: "b:1"}
`).Workloads[0].Pod
	want := &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "a", UID: "POD-UID"},
		Spec: corev1.PodSpec{
			RestartPolicy: "Always", DNSPolicy: "ClusterFirst", SchedulerName: "default-scheduler", ServiceAccountName: "default",
			TerminationGracePeriodSeconds: ptr.To[int64](30), EnableServiceLinks: ptr.To(true), AutomountServiceAccountToken: ptr.To(false),
			SecurityContext: &corev1.PodSecurityContext{},
			Volumes:         []corev1.Volume{{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
			Containers: []corev1.Container{
				{Name: "a", Image: "registry:5000/a", ImagePullPolicy: "Always", TerminationMessagePath: "/dev/termination-log", TerminationMessagePolicy: "File",
					Ports: []corev1.ContainerPort{{ContainerPort: 80, Protocol: "TCP"}},
					Resources: corev1.ResourceRequirements{
						Limits:   corev1.ResourceList{"cpu": resource.MustParse("1"), "memory": resource.MustParse("1Gi")},
						Requests: corev1.ResourceList{"cpu": resource.MustParse("500m"), "memory": resource.MustParse("1Gi")},
					}},
				{Name: "b", Image: "b:1", ImagePullPolicy: "IfNotPresent", TerminationMessagePath: "/dev/termination-log", TerminationMessagePolicy: "File"},
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestServiceAccountToken(t *testing.T) {
	const pod = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: a}]}}\n---\n"
	for name, row := range map[string]struct {
		text string
		want int
	}{
		"is mounted":                         {pod, 1},
		"unless its ServiceAccount says no":  {pod + "{apiVersion: v1, kind: ServiceAccount, metadata: {name: default}, automountServiceAccountToken: false}", 0},
		"once, where a cluster has done so":  {strings.Replace(pod, "image: a}]", "image: a, volumeMounts: [{name: kube-api-access-abcde, mountPath: /var/run/secrets/kubernetes.io/serviceaccount}]}], volumes: [{name: kube-api-access-abcde, emptyDir: {}}]", 1), 1},
		"whatever other namespaces' say: no": {pod + "{apiVersion: v1, kind: ServiceAccount, metadata: {name: default, namespace: other}, automountServiceAccountToken: false}", 1},
	} {
		if got := len(read(t, row.text).Workloads[0].Pod.Spec.Volumes); got != row.want {
			t.Errorf("%s: %d volumes, want %d", name, got, row.want)
		}
	}
}

// Init containers have the token too, and a pod without image pull Secrets gets those of its ServiceAccount.
func TestWhatAdmissionAddsForTheServiceAccount(t *testing.T) {
	const account = "\n---\n{apiVersion: v1, kind: ServiceAccount, metadata: {name: default}, imagePullSecrets: [{name: registry}]}"
	const pod = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {initContainers: [{name: i, image: i}], containers: [{name: a, image: a}]}}"
	spec := read(t, pod+account).Workloads[0].Pod.Spec
	for _, c := range []corev1.Container{spec.InitContainers[0], spec.Containers[0]} {
		if len(c.VolumeMounts) != 1 || c.VolumeMounts[0].Name != spec.Volumes[0].Name {
			t.Errorf("container %s mounts %v", c.Name, c.VolumeMounts)
		}
	}
	if diff := cmp.Diff([]corev1.LocalObjectReference{{Name: "registry"}}, spec.ImagePullSecrets); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	own := read(t, strings.Replace(pod, "spec: {", "spec: {imagePullSecrets: [{name: own}], ", 1)+account).Workloads[0].Pod.Spec.ImagePullSecrets
	if len(own) != 1 || own[0].Name != "own" {
		t.Errorf("a pod with an image pull Secret of its own has %v", own)
	}
}

// What is there and not read is told, by kind and name.
func TestPassedOver(t *testing.T) {
	got := read(t, `{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: a}]}}
---
{apiVersion: v1, kind: LimitRange, metadata: {name: small}}
---
{apiVersion: example.com/v1, kind: Thing, metadata: {name: one, annotations: {a: 1}}}
---
{apiVersion: v1, kind: List, items: [{apiVersion: storage.k8s.io/v1, kind: CSIDriver, metadata: {name: d}}, {apiVersion: v1, kind: Service, metadata: {name: s}}, {apiVersion: example.com/v1, kind: Bare}]}
`).PassedOver
	if diff := cmp.Diff([]string{"pod.yaml:3: LimitRange small", "pod.yaml:5: Thing one", "pod.yaml:7: Bare", "pod.yaml:7: CSIDriver d"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSecretsComeAsTheAPIServerKeepsThem(t *testing.T) {
	set := read(t, `{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: a}]}}
--- # the same file
apiVersion: v1
kind: Secret
metadata: {name: s, resourceVersion: "7"}
data: {a: YQ==, b: YQ==}
stringData: {b: b}
`)
	got := set.Secrets[types.NamespacedName{Namespace: "team", Name: "s"}]
	if got == nil || string(got.Data["a"])+string(got.Data["b"]) != "ab" || got.UID != "SECRET-UID" || got.ResourceVersion != "7" {
		t.Errorf("%v", got)
	}
}
