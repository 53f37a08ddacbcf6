package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// said waits until kubectl logs, with these arguments, says so.
func (r room) said(want string, args ...string) {
	r.Helper()
	r.until(fmt.Sprintf("kubectl logs %s says %q", strings.Join(args, " "), want), func(ctx context.Context) error {
		text, err := r.Stack.Kubectl(ctx, append([]string{"logs", "-n", r.namespace}, args...)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, text)
		}
		if got := string(text); got != want {
			return fmt.Errorf("it says %q", got)
		}
		return nil
	})
}

func TestKubectlLogs(t *testing.T) {
	r := newRoom(t)
	r.example("job.yaml", "echo hello from Fargate", "echo one; echo two; echo three")
	pod := r.untilPods("the Job's pod has ended", "job-name=hello", 1, ended)[0].Name
	r.said("one\ntwo\nthree\n", pod)
	r.said("three\n", pod, "--tail=1")
	r.said("", pod, "--tail=0")
	r.said("one\nt", pod, "--limit-bytes=5")
	r.said("one\ntwo\nthree\n", pod, "--follow")
	r.apply(bare("waiting", "nginx:1.9.1", "envFrom: [{configMapRef: {name: missing}}]"))
	r.untilPod("waiting", "waits", waiting("CreateContainerConfigError", ""))
	text, err := r.Stack.Kubectl(t.Context(), "logs", "-n", r.namespace, "waiting").CombinedOutput()
	if want := `container "main" in pod "waiting" is waiting to start: CreateContainerConfigError`; err == nil || !strings.Contains(string(text), want) {
		t.Errorf("kubectl logs of a waiting container says %q, want %q", text, want)
	}
}

func TestLogsOfTheTaskBefore(t *testing.T) {
	r := newRoom(t)
	r.example("job.yaml", "echo hello from Fargate", "echo attempt; exit 1", "restartPolicy: Never", "restartPolicy: OnFailure")
	r.untilPods("the container was restarted", "job-name=hello", 1, func(pod corev1.Pod) error {
		if r.restarts(pod) < 1 {
			return fmt.Errorf("restart count %d", r.restarts(pod))
		}
		return nil
	})
	r.said("attempt\n", "job/hello", "--previous")
}

func TestTheKubeletsDoorIsShutToStrangers(t *testing.T) {
	r := newRoom(t)
	for _, path := range []string{"/pods", "/runningpods/", "/containerLogs/default/web/nginx", "/healthz", "/"} {
		if got := r.knock(path, ""); got != http.StatusUnauthorized {
			t.Errorf("GET %s: %d, want 401", path, got)
		}
	}
}

// A monitor that may look at pods may not read logs: each route asks for its own right.
func TestATokenOpensTheDoorForWhatItMay(t *testing.T) {
	r := newRoom(t)
	r.apply(bare("web", "nginx:1.9.1"))
	r.untilPod("web", "is Running", running)
	r.kubectl("create", "serviceaccount", "monitor")
	r.kubectl("create", "clusterrole", r.namespace, "--verb=get", "--resource=nodes/pods")
	r.kubectl("create", "clusterrolebinding", r.namespace, "--clusterrole="+r.namespace, "--serviceaccount="+r.namespace+":monitor")
	t.Cleanup(func() {
		for _, kind := range []string{"clusterrole", "clusterrolebinding"} {
			if text, err := r.Stack.Kubectl(context.Background(), "delete", kind, r.namespace).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, text)
			}
		}
	})
	token := strings.TrimSpace(r.kubectl("create", "token", "monitor"))
	for path, want := range map[string]int{"/pods": http.StatusOK, "/containerLogs/" + r.namespace + "/web/main": http.StatusForbidden} {
		if got := r.knock(path, token); got != want {
			t.Errorf("GET %s: %d, want %d", path, got, want)
		}
	}
}

// knock asks the kubelet port for a path, with a token or without, and returns the status of the answer.
func (r room) knock(path, token string) int {
	r.Helper()
	node := r.kubectl("get", "node", "virtual-kubelet", "-o", `jsonpath={.status.addresses[0].address}:{.status.daemonEndpoints.kubeletEndpoint.Port}`)
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "https://"+node+path, nil)
	if err != nil {
		r.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		r.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}

func TestASecretReachesTheContainer(t *testing.T) {
	const planted = "correct-horse-battery-staple"
	r := newRoom(t)
	r.kubectl("create", "secret", "generic", "db", "--from-literal=password="+planted)
	r.apply(bare("web", "nginx:1.9.1", "env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}]"))
	r.untilPod("web", "is Running", running)
	found := false
	for _, secret := range r.Fargate.Secrets() {
		found = found || strings.Contains(fmt.Sprint(secret), planted)
	}
	if !found {
		t.Error("the value is not in Secrets Manager")
	}
	for _, text := range []string{r.kubectl("get", "pod", "web", "-o", "yaml"), r.kubectl("get", "events"), fmt.Sprint(r.Fargate.Definitions()), r.Daemon.Tail()} {
		if strings.Contains(text, planted) {
			t.Errorf("the value is shown:\n%s", text)
		}
	}
}

func TestARoleThatIsNotGrantedIsRefused(t *testing.T) {
	r := newRoom(t)
	r.apply(strings.Replace(bare("web", "nginx:1.9.1"), "{name: web}", `{name: web, annotations: {iam.amazonaws.com/role: "arn:aws:iam::123456789012:role/granted"}}`, 1))
	r.untilPod("web", "has failed, and says which line to add", func(pod corev1.Pod) error {
		if pod.Status.Phase != corev1.PodFailed || !strings.Contains(pod.Status.Message, "[[Grants]]") {
			return fmt.Errorf("it is %s: %s", pod.Status.Phase, pod.Status.Message)
		}
		return nil
	})
}
