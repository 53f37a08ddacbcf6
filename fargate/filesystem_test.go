package fargate_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

const fileSystemID = "fs-0123456789abcdef0"

// withClaim mounts a claim.
func withClaim(pod *corev1.Pod, claim string) *corev1.Pod {
	pod.Spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}}}}
	pod.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
	return pod
}

// bind makes a PersistentVolume of the EFS CSI driver and a claim bound to it, both by that name.
func (w *world) bind(name, handle string) {
	w.Helper()
	pv := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PersistentVolumeSpec{
		ClaimRef:               &corev1.ObjectReference{Namespace: "default", Name: name, UID: "claim-uid"},
		AccessModes:            []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany},
		PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: "efs.csi.aws.com", VolumeHandle: handle}}}}
	pvc := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: "claim-uid"},
		Spec: corev1.PersistentVolumeClaimSpec{VolumeName: name}, Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound}}
	if _, err := w.client.CoreV1().PersistentVolumes().Create(w.Context(), pv, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
	if _, err := w.client.CoreV1().PersistentVolumeClaims("default").Create(w.Context(), pvc, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
}

func TestFileSystemByClaim(t *testing.T) {
	var f fillers
	sim := fargatesim.Config{Runtime: f.runtime(), FileSystems: []fargatesim.FileSystem{{ID: fileSystemID, Directories: []string{"/web"}}}}
	tell(t, sim, func(w *world) {
		w.start()
		w.create(withClaim(nginx("web"), "site"))
		w.await("an event", func() bool { return len(w.told("FailedMount")) == 1 })
		if got := w.told("FailedMount")[0]; !strings.HasSuffix(got, `volume "data" : persistentvolumeclaim "site" not found`) {
			t.Errorf("told %q", got)
		}
		w.bind("site", fileSystemID+":/web")
		w.awaitPod("web", "running", running)
		if f.runs() > 0 {
			t.Error("a file system is nothing to fill")
		}
	})
}

// What is missing in AWS is told in AWS's words, and tried again.
func TestFileSystemThatIsNotThere(t *testing.T) {
	sim := fargatesim.Config{FileSystems: []fargatesim.FileSystem{{ID: fileSystemID}}}
	tell(t, sim, func(w *world) {
		w.start()
		w.bind("site", fileSystemID+":/absent")
		w.create(withClaim(nginx("web"), "site"))
		pod := w.awaitPod("web", "waits", waitsFor("FailedMount"))
		if message := container(pod).State.Waiting.Message; !strings.Contains(message, "/absent") {
			t.Errorf("message %q", message)
		}
	})
}

func onEBS(pod *corev1.Pod) *corev1.Pod {
	pod.Annotations = map[string]string{"fargate.virtual-kubelet.io/ebs-volume": "scratch,size=50Gi"}
	pod.Spec.Volumes = []corev1.Volume{{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
	pod.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "scratch", MountPath: "/scratch"}}
	return pod
}

func TestVolumeOfEBS(t *testing.T) {
	var f fillers
	tell(t, fargatesim.Config{Runtime: f.runtime()}, func(w *world) {
		w.config.InfrastructureRoleARN = infrastructureRole
		w.start()
		w.sim.FailVolumes(1, "Amazon EBS capacity is not available.")
		w.create(onEBS(nginx("web")))
		w.awaitPod("web", "waits", waitsFor("FailedAttachVolume"))
		w.awaitPod("web", "running", running)
		volumes := w.sim.EBSVolumes()
		if len(volumes) != 1 || volumes[0].SizeGiB != 50 || volumes[0].Type != "gp3" {
			t.Errorf("volumes %+v", volumes)
		}
		w.remove("web")
		w.await("the volume goes with its task", func() bool { return len(w.sim.EBSVolumes()) == 0 })
	})
}
