package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

// The token comes from the API server, by the right that rbac.yaml gives, and a pod that does not ask gets none.
func TestATokenForAPodThatAsksForOne(t *testing.T) {
	r := newRoom(t)
	r.apply(bare("plain", "nginx:1.9.1"))
	r.apply(strings.Replace(bare("operator", "nginx:1.9.1"), "metadata: {", `metadata: {annotations: {fargate.virtual-kubelet.io/service-account-token: "true"}, `, 1))
	for name, want := range map[string]int{"plain": 1, "operator": 2} {
		pod := r.untilPod(name, "runs", func(pod corev1.Pod) error {
			if pod.Status.Phase != corev1.PodRunning {
				return fmt.Errorf("it is %s", pod.Status.Phase)
			}
			return nil
		})
		if got := len(r.tasksOf(pod)[0].Containers); got != want {
			t.Errorf("the task of %s has %d containers, want %d", name, got, want)
		}
	}
	for _, secret := range r.Fargate.Secrets() {
		if strings.Contains(aws.ToString(&secret.Name), "/"+r.namespace+"/serviceaccount/default/") {
			return
		}
	}
	t.Error("no secret holds the token")
}

// A pod waits for what its volumes are made of, as on an ordinary node.
func TestAVolumeWaitsForItsConfigMap(t *testing.T) {
	r := newRoom(t)
	r.apply(`{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {nodeSelector: {type: virtual-kubelet},
		containers: [{name: main, image: "nginx:1.9.1", volumeMounts: [{name: config, mountPath: /config}]}],
		volumes: [{name: config, configMap: {name: late}}]}}`)
	r.untilPod("web", "waits", waiting("ContainerCreating", `configmap "late" not found`))
	r.kubectl("create", "configmap", "late", "--from-literal=a=b")
	r.untilPod("web", "runs", func(pod corev1.Pod) error {
		if pod.Status.Phase != corev1.PodRunning {
			return fmt.Errorf("it is %s", pod.Status.Phase)
		}
		return nil
	})
	if events := r.kubectl("get", "events"); !strings.Contains(events, "FailedMount") {
		t.Errorf("no event says FailedMount:\n%s", events)
	}
}

// The same objects as with the EFS CSI driver.
func TestAClaimOfAFileSystem(t *testing.T) {
	r := newRoom(t)
	r.apply(fmt.Sprintf(`{apiVersion: v1, kind: List, items: [
		{apiVersion: v1, kind: PersistentVolume, metadata: {name: %[1]s}, spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteMany], storageClassName: "",
			persistentVolumeReclaimPolicy: Retain, claimRef: {namespace: %[1]s, name: site}, csi: {driver: efs.csi.aws.com, volumeHandle: "%[2]s:/shared"}}},
		{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: site}, spec: {accessModes: [ReadWriteMany], storageClassName: "", volumeName: %[1]s, resources: {requests: {storage: 1Gi}}}},
		{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {nodeSelector: {type: virtual-kubelet},
			containers: [{name: main, image: "nginx:1.9.1", volumeMounts: [{name: data, mountPath: /data}]}],
			volumes: [{name: data, persistentVolumeClaim: {claimName: site}}]}}]}`, r.namespace, stack.FileSystem))
	t.Cleanup(func() { // it belongs to no namespace
		if text, err := r.Stack.Kubectl(context.Background(), "delete", "pv", r.namespace, "--wait=false").CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, text)
		}
	})
	r.untilPod("web", "runs", func(pod corev1.Pod) error {
		if pod.Status.Phase != corev1.PodRunning {
			return fmt.Errorf("it is %s", pod.Status.Phase)
		}
		return nil
	})
}
