package fargate_test

import (
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/providerconfig"
)

// annotated is a pod of no controller that asks with annotations of ours, given without the prefix.
func annotated(name string, asks map[string]string) *corev1.Pod {
	pod := nginx(name)
	pod.OwnerReferences, pod.Annotations = nil, map[string]string{}
	for key, value := range asks {
		pod.Annotations["fargate.virtual-kubelet.io/"+key] = value
	}
	return pod
}

func TestSpot(t *testing.T) {
	spot := map[string]string{"capacity-type": "spot"}
	t.Run("in a cluster of ours", func(t *testing.T) {
		tell(t, fargatesim.Config{}, func(w *world) {
			w.config.ClusterName = "ours"
			w.start()
			w.create(annotated("web", spot))
			w.awaitPod("web", "running", running)
			task := w.sim.Tasks()[0]
			if got := aws.ToString(task.CapacityProviderName); got != "FARGATE_SPOT" {
				t.Errorf("capacity provider %q", got)
			}
			w.sim.InterruptSpot(*task.TaskArn)
			pod := w.awaitPod("web", "failed", phase(corev1.PodFailed))
			for _, c := range pod.Status.Conditions {
				if c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue {
					return
				}
			}
			t.Errorf("conditions %+v", pod.Status.Conditions)
		})
	})
	t.Run("in one that lacks its capacity provider", func(t *testing.T) {
		tell(t, fargatesim.Config{Clusters: []string{"default"}}, func(w *world) {
			w.start()
			w.create(annotated("web", spot))
			pod := w.awaitPod("web", "told", waitsFor("SpotNotAssociated"))
			if got := container(pod).State.Waiting.Message; !strings.Contains(got, "put-cluster-capacity-providers") {
				t.Errorf("message %q", got)
			}
		})
	})
}

func TestAskedNetwork(t *testing.T) {
	account := fargatesim.Config{
		Subnets:        append(fargatesim.DefaultSubnets[:1:1], fargatesim.Subnet{ID: "subnet-0b", CIDR: netip.MustParsePrefix("10.1.0.0/24")}),
		SecurityGroups: append(fargatesim.DefaultSecurityGroups[:1:1], fargatesim.SecurityGroup{ID: "sg-0b"}),
	}
	tell(t, account, func(w *world) {
		w.config.Grants = providerconfig.Grants{{Namespaces: []string{"default"}, Subnets: []string{"subnet-0b"}, SecurityGroups: []string{"sg-0?"}}}
		w.start()
		w.create(annotated("web", map[string]string{"subnets": "subnet-0b", "security-groups": "sg-0b"}))
		if pod := w.awaitPod("web", "running", running); !strings.HasPrefix(pod.Status.PodIP, "10.1.0.") {
			t.Errorf("address %s, which is not of the subnet", pod.Status.PodIP)
		}
		w.create(annotated("public", map[string]string{"assign-public-ip": "true"}))
		pod := w.awaitPod("public", "failed", phase(corev1.PodFailed))
		if got := pod.Status.Message; !strings.Contains(got, "PublicIPv4Address = true") {
			t.Errorf("message %q does not name the line to add", got)
		}
	})
}

func (w *world) logErr(name string) error {
	logs, err := w.provider.ContainerLogs(w.Context(), "default", name, "nginx", &corev1.PodLogOptions{})
	if err == nil {
		logs.Close()
	}
	return err
}

func TestLogsElsewhere(t *testing.T) {
	granted := providerconfig.Grants{{Namespaces: []string{"default"}, LogDestinations: []string{"awslogs:/own/*", "splunk:https://splunk.test:8088", "awsfirelens:firehose"}}}
	t.Run("a log group of its own", func(t *testing.T) {
		tell(t, fargatesim.Config{Runtime: hello("nginx")}, func(w *world) {
			w.keepLogs()
			w.config.Grants = granted
			w.start()
			pod := annotated("web", map[string]string{"log-options": "awslogs-group=/own/web,awslogs-create-group=true"})
			pod.Spec.Containers[0].Image = "nginx"
			w.create(pod)
			w.awaitPod("web", "running", running)
			logs, err := w.provider.ContainerLogs(w.Context(), "default", "web", "nginx", &corev1.PodLogOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer logs.Close()
			if text, err := io.ReadAll(logs); string(text) != "hello\n" || err != nil {
				t.Errorf("log %q, %v", text, err)
			}
		})
	})
	t.Run("Splunk, with a token from a Secret", func(t *testing.T) {
		var wire safeBuffer
		record := func(e fargatesim.Exchange) {
			if e.Service != "secretsmanager" {
				wire.Write(e.Request)
			}
		}
		tell(t, fargatesim.Config{Record: record}, func(w *world) {
			w.config.ExecutionRoleARN, w.config.Grants = executionRole, granted
			w.start()
			w.create(annotated("web", map[string]string{"log-driver": "splunk", "log-options": "splunk-url=https://splunk.test:8088", "log-secret-options": "splunk-token=splunk/token"}))
			w.awaitPod("web", "waiting for the Secret", waitsFor("CreateContainerConfigError"))
			if _, err := w.client.CoreV1().Secrets("default").Create(w.Context(), &corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Name: "splunk", UID: "splunk-uid", ResourceVersion: "1"}, Data: map[string][]byte{"token": []byte(planted)},
			}, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			w.awaitPod("web", "running", running)
			if err := w.logErr("web"); !errdefs.IsInvalidInput(err) || !strings.Contains(err.Error(), "splunk") {
				t.Errorf("kubectl logs: %v", err)
			}
			if strings.Contains(wire.String(), planted) {
				t.Error("the token is in a call to another service than Secrets Manager")
			}
		})
	})
	t.Run("a log router", func(t *testing.T) {
		tell(t, fargatesim.Config{}, func(w *world) {
			w.config.Grants = granted
			w.start()
			w.create(annotated("web", map[string]string{"log-driver": "awsfirelens", "log-options": "Name=firehose,delivery_stream=logs"}))
			pod := w.awaitPod("web", "running", running)
			if got := len(w.sim.Tasks()[0].Containers); got != 2 || len(pod.Status.ContainerStatuses) != 1 {
				t.Errorf("%d containers in the task, %d in the pod's status", got, len(pod.Status.ContainerStatuses))
			}
			if err := w.logErr("web"); !errdefs.IsInvalidInput(err) || !strings.Contains(err.Error(), "awsfirelens") {
				t.Errorf("kubectl logs: %v", err)
			}
		})
	})
}

// The node says what its pods run on.
func TestMachineLabels(t *testing.T) {
	for name, row := range map[string]struct {
		node providerconfig.Node
		want map[string]string
	}{
		"by default": {providerconfig.Default().Node, map[string]string{"kubernetes.io/arch": "amd64", "beta.kubernetes.io/arch": "amd64", "karpenter.sh/capacity-type": "", "eks.amazonaws.com/capacityType": ""}},
		"ARM":        {providerconfig.Node{Architecture: providerconfig.ARM64}, map[string]string{"kubernetes.io/arch": "arm64", "beta.kubernetes.io/arch": "arm64"}},
		"Spot":       {providerconfig.Node{CapacityType: providerconfig.Spot}, map[string]string{"karpenter.sh/capacity-type": "spot", "eks.amazonaws.com/capacityType": "SPOT"}},
		"on demand":  {providerconfig.Node{CapacityType: providerconfig.OnDemand}, map[string]string{"karpenter.sh/capacity-type": "on-demand", "eks.amazonaws.com/capacityType": "ON_DEMAND"}},
	} {
		tell(t, fargatesim.Config{}, func(w *world) {
			w.config.Node = row.node
			account, err := w.open(w.Context())
			if err != nil {
				t.Fatal(err)
			}
			node := account.Node(fargate.NodeOptions{Name: "virtual-kubelet"})
			for label, want := range row.want {
				if got := node.Labels[label]; got != want {
					t.Errorf("%s: label %s=%q, want %q", name, label, got, want)
				}
			}
			if arch := row.want["kubernetes.io/arch"]; arch != "" && node.Status.NodeInfo.Architecture != arch {
				t.Errorf("%s: architecture %q", name, node.Status.NodeInfo.Architecture)
			}
		})
	}
}
