package fargate_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/providerconfig"
)

// fillers are the runs of the containers that fill volumes. Each ends as told: with 0 unless there is a code for it.
type fillers struct {
	codes []int

	mu   sync.Mutex // guards all below
	seen []fargatesim.ContainerSpec
}

func (f *fillers) runtime() *fargatesim.Scripted {
	return &fargatesim.Scripted{Choose: func(_ fargatesim.TaskSpec, c fargatesim.ContainerSpec) (fargatesim.Script, bool) {
		if c.Name != "vk-files" {
			return fargatesim.Script{}, false
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.seen = append(f.seen, c)
		code := 0
		if n := len(f.seen); n <= len(f.codes) {
			code = f.codes[n-1]
		}
		return fargatesim.Exits(code, time.Second), true
	}}
}

// files are all that the n-th run was given, as PATH CONTENT.
func (f *fillers) files(t *testing.T, n int) (lines []string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, value := range f.seen[n].Environment {
		if !strings.HasPrefix(name, "VK_FILES_") {
			continue
		}
		packed, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			t.Fatal(err)
		}
		zip, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		in := tar.NewReader(zip)
		for {
			header, err := in.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			content, readErr := io.ReadAll(in)
			if err != nil || readErr != nil {
				t.Fatal(err, readErr)
			}
			lines = append(lines, header.Name+" "+string(content))
		}
	}
	slices.Sort(lines)
	return lines
}

func (f *fillers) runs() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.seen)
}

// withVolumes mounts a Secret and the pod's own name.
func withVolumes(pod *corev1.Pod) *corev1.Pod {
	pod.Spec.Volumes = []corev1.Volume{
		{Name: "login", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "db"}}},
		{Name: "about", VolumeSource: corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{Items: []corev1.DownwardAPIVolumeFile{
			{Path: "name", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}}}}},
	}
	pod.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "login", MountPath: "/login"}, {Name: "about", MountPath: "/about"}}
	return pod
}

// Files reach the task before its containers start, a Secret's through Secrets Manager alone, and replicas share one
// definition though each has a file of its own.
func TestVolumesAreFilledBeforeContainersStart(t *testing.T) {
	f := &fillers{}
	var wire strings.Builder
	record := func(e fargatesim.Exchange) {
		if e.Service != "secretsmanager" {
			wire.Write(e.Request)
			wire.Write(e.Response)
		}
	}
	tell(t, fargatesim.Config{Runtime: f.runtime(), Record: record}, func(w *world) {
		w.config.ExecutionRoleARN = executionRole
		w.createSecret("1")
		w.start()
		w.create(withVolumes(nginx("web-a")))
		w.awaitPod("web-a", "running", running)
		w.create(withVolumes(nginx("web-b")))
		b := w.awaitPod("web-b", "running", running)
		if got := w.sim.Calls("RegisterTaskDefinition"); got != 1 {
			t.Errorf("%d definitions for two replicas", got)
		}
		for i, name := range []string{"web-a", "web-b"} {
			if got := f.files(t, i); !slices.Equal(got, []string{"name " + name, "password " + planted}) {
				t.Errorf("%s was given %q", name, got)
			}
		}
		told, _ := json.Marshal([]any{b, w.events})
		packed := base64.StdEncoding.EncodeToString([]byte(planted))
		if all := wire.String() + string(told); strings.Contains(all, planted) || strings.Contains(all, packed) {
			t.Error("the Secret's value shows")
		}
		if got := len(w.sim.Secrets()); got != 1 {
			t.Errorf("%d secrets", got)
		}
	})
}

// A volume that cannot be filled is no end of the pod, whatever its restart policy.
func TestVolumeThatCannotBeFilledIsTriedAgain(t *testing.T) {
	f := &fillers{codes: []int{1}}
	tell(t, fargatesim.Config{Runtime: f.runtime()}, func(w *world) {
		w.config.ExecutionRoleARN = executionRole
		w.createSecret("1")
		w.start()
		pod := withVolumes(nginx("once"))
		pod.Spec.RestartPolicy = corev1.RestartPolicyNever
		w.create(pod)
		w.awaitPod("once", "waits", waitsFor("FailedMount"))
		w.awaitPod("once", "running", running)
		if told := w.told("FailedMount"); len(told) != 1 || !strings.Contains(told[0], "vk-files exited with 1") {
			t.Errorf("told %q", told)
		}
		if got := container(w.pod("default", "once")).RestartCount; got != 0 {
			t.Errorf("restart count %d: the container never ran before", got)
		}
	})
}

func TestPodWaitsForTheConfigMapOfAVolume(t *testing.T) {
	f := &fillers{}
	tell(t, fargatesim.Config{Runtime: f.runtime()}, func(w *world) {
		w.start()
		pod := nginx("web")
		pod.Spec.Volumes = []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: "late"}}}}}
		pod.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "config", MountPath: "/config"}}
		w.create(pod)
		w.await("an event", func() bool { return len(w.told("FailedMount")) == 1 })
		if got := w.told("FailedMount")[0]; got != `FailedMount MountVolume.SetUp failed for volume "config" : configmap "late" not found` {
			t.Errorf("told %q", got)
		}
		if !waitsFor("ContainerCreating")(w.pod("default", "web")) || w.sim.Calls("RunTask") > 0 {
			t.Errorf("the pod is %+v", container(w.pod("default", "web")).State)
		}
		late := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "late", Namespace: "default"}, Data: map[string]string{"a": "A"}}
		if _, err := w.client.CoreV1().ConfigMaps("default").Create(w.Context(), late, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		w.awaitPod("web", "running", running)
		if got := f.files(t, 0); !slices.Equal(got, []string{"a A"}) {
			t.Errorf("given %q", got)
		}
	})
}

// withToken has the volume that the API server adds to every pod.
func withToken(pod *corev1.Pod, annotated bool) *corev1.Pod {
	if annotated {
		pod.Annotations = map[string]string{"fargate.virtual-kubelet.io/service-account-token": "true"}
	}
	pod.Spec.ServiceAccountName = "builder"
	name := "kube-api-access-" + (pod.Name + "xxxxx")[:5]
	pod.Spec.Volumes = []corev1.Volume{{Name: name, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
		{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}}}}}}}
	pod.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: name, MountPath: "/var/run/secrets/kubernetes.io/serviceaccount", ReadOnly: true}}
	return pod
}

// issue has the API server give out numbered tokens that are good for a day; refused is asked before.
func (w *world) issue(refused func() error) {
	w.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "builder", UID: "account-uid"}}
	if _, err := w.client.CoreV1().ServiceAccounts("default").Create(w.Context(), account, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
	var mu sync.Mutex // guards n
	n := 0
	w.client.PrependReactor("create", "serviceaccounts", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if action.GetSubresource() != "token" {
			return false, nil, nil
		}
		if err := refused(); err != nil {
			return true, nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		n++
		request := action.(clienttesting.CreateAction).GetObject().(*authenticationv1.TokenRequest)
		life := time.Duration(*request.Spec.ExpirationSeconds) * time.Second
		return true, &authenticationv1.TokenRequest{Status: authenticationv1.TokenRequestStatus{
			Token: planted + "-" + string(rune('0'+n)), ExpirationTimestamp: metav1.NewTime(time.Now().Add(life))}}, nil
	})
}

func never() error { return nil }

// Replicas share a definition, and a token that was renewed does not change it.
func TestTokensOfServiceAccounts(t *testing.T) {
	f := &fillers{}
	tell(t, fargatesim.Config{Runtime: f.runtime()}, func(w *world) {
		w.config.ExecutionRoleARN = executionRole
		w.issue(never)
		w.start()
		w.create(withToken(nginx("plain"), false))
		w.awaitPod("plain", "running", running)
		if f.runs() > 0 || len(w.sim.Secrets()) > 0 {
			t.Fatal("a pod that asks for no token gets one")
		}
		w.create(withToken(nginx("a"), true))
		w.awaitPod("a", "running", running)
		time.Sleep(13 * time.Hour)
		w.create(withToken(nginx("b"), true))
		w.awaitPod("b", "running", running)
		if got := w.sim.Calls("RegisterTaskDefinition"); got != 2 {
			t.Errorf("%d definitions, want one without a token and one with", got)
		}
		for i, want := range []string{planted + "-1", planted + "-2"} {
			if got := f.seen[i].Environment["VK_TOKEN_1"]; got != want {
				t.Errorf("pod %d has the token %q, want %q", i, got, want)
			}
		}
		if got := len(w.sim.Secrets()); got != 1 {
			t.Errorf("%d secrets", got)
		}
	})
}

func TestTokensForAllOrNone(t *testing.T) {
	for mode, fills := range map[providerconfig.TokenMode]int{providerconfig.TokenAlways: 1, providerconfig.TokenNever: 0} {
		f := &fillers{}
		tell(t, fargatesim.Config{Runtime: f.runtime()}, func(w *world) {
			w.config.ExecutionRoleARN, w.config.ServiceAccountToken = executionRole, mode
			w.issue(never)
			w.start()
			w.create(withToken(nginx("a"), mode == providerconfig.TokenNever))
			w.awaitPod("a", "running", running)
			if got := f.runs(); got != fills {
				t.Errorf("%s: volumes filled %d times, want %d", mode, got, fills)
			}
		})
	}
}

// What the webhook of EKS adds is not needed beside a task role: neither the API server nor Secrets Manager hears of it.
func TestTokenThatATaskRoleReplaces(t *testing.T) {
	const role = "arn:aws:iam::123456789012:role/task-shop"
	for name, ask := range map[string]func(*corev1.Pod){
		"by the pod":     func(pod *corev1.Pod) { pod.Annotations = map[string]string{"iam.amazonaws.com/role": role} },
		"by its account": func(pod *corev1.Pod) { pod.Spec.ServiceAccountName = "irsa" },
		"beside its own one": func(pod *corev1.Pod) {
			withToken(pod, false)
			pod.Annotations = map[string]string{"iam.amazonaws.com/role": role}
		},
	} {
		for _, mode := range []providerconfig.TokenMode{"", providerconfig.TokenNever} {
			t.Run(name+" "+string(mode), func(t *testing.T) {
				tell(t, fargatesim.Config{}, func(w *world) {
					w.config.ServiceAccountToken = mode // and no execution role
					w.config.Grants = []providerconfig.Grant{{Namespaces: []string{"*"}, TaskRoles: []string{"arn:aws:iam::123456789012:role/*"}}}
					w.issue(func() error {
						return apierrors.NewForbidden(corev1.Resource("serviceaccounts/token"), "builder", errors.New("RBAC says no"))
					})
					account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "irsa", UID: "irsa-uid", Annotations: map[string]string{"eks.amazonaws.com/role-arn": role}}}
					if _, err := w.client.CoreV1().ServiceAccounts("default").Create(w.Context(), account, metav1.CreateOptions{}); err != nil {
						t.Fatal(err)
					}
					w.start()
					pod := nginx("a")
					pod.Spec.ServiceAccountName = "builder"
					ask(pod)
					pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: "aws-iam-token", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
						{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token", Audience: "sts.amazonaws.com"}}}}}})
					c := &pod.Spec.Containers[0]
					c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "aws-iam-token", MountPath: "/var/run/secrets/eks.amazonaws.com/serviceaccount", ReadOnly: true})
					w.create(pod)
					w.awaitPod("a", "running", running)
					if told := w.told("FailedMount"); len(w.sim.Secrets()) > 0 || len(told) > 0 {
						t.Errorf("secrets %v, told %v", w.sim.Secrets(), told)
					}
				})
			})
		}
	}
}

func TestTokenThatTheAPIServerRefuses(t *testing.T) {
	f := &fillers{}
	var mu sync.Mutex // guards refusal
	var refusal error = apierrors.NewForbidden(corev1.Resource("serviceaccounts/token"), "builder", errors.New("RBAC says no"))
	tell(t, fargatesim.Config{Runtime: f.runtime()}, func(w *world) {
		w.config.ExecutionRoleARN = executionRole
		w.issue(func() error { mu.Lock(); defer mu.Unlock(); return refusal })
		w.start()
		w.create(withToken(nginx("a"), true))
		w.await("an event", func() bool { return len(w.told("FailedMount")) > 0 })
		if told := w.told("FailedMount"); len(told) != 1 || !strings.Contains(told[0], "RBAC says no") {
			t.Errorf("told %q", told)
		}
		mu.Lock()
		refusal = nil
		mu.Unlock()
		w.awaitPod("a", "running", running)
	})
}
