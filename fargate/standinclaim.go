package fargate

import (
	"cmp"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/manifest"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podfile"
)

const (
	standInFileSystem = "fs-00000000"
	driverEFS         = "efs.csi.aws.com"
	noProvisioner     = "kubernetes.io/no-provisioner" // of a StorageClass whose volumes somebody makes
)

// findClaims finds the PersistentVolumes of a pod's claims, and reads them as a running node does. Where the files have
// none, a volume of EFS, or one as its StorageClass would make it, stands for it.
func (e *explainer) findClaims(pod *corev1.Pod, from *fetched) []Finding {
	claims, volumes := map[string]*corev1.PersistentVolumeClaim{}, map[string]*corev1.PersistentVolume{}
	var standIns []Finding
	for i, v := range pod.Spec.Volumes {
		if v.PersistentVolumeClaim == nil || !podfile.IsMounted(pod, v.Name) {
			continue
		}
		name := v.PersistentVolumeClaim.ClaimName
		claim, volume, assumption := bound(name, e.set.Storage.Bind(types.NamespacedName{Namespace: pod.Namespace, Name: name}))
		claims[name], volumes[claim.Spec.VolumeName] = claim, volume
		if assumption != "" {
			standIns = append(standIns, Finding{assumed, fmt.Sprintf("spec.volumes[%d].persistentVolumeClaim", i), assumption})
		}
	}
	from.claims, from.missing, _ = claimsOf(pod,
		func(name string) (*corev1.PersistentVolumeClaim, error) { return claims[name], nil },
		func(name string) (*corev1.PersistentVolume, error) { return volumes[name], nil })
	return standIns
}

// bound is a claim with its volume, and what of that is assumed; empty: nothing.
func bound(name string, b manifest.Binding) (*corev1.PersistentVolumeClaim, *corev1.PersistentVolume, string) {
	switch {
	case b.Volume != nil && b.Claim == nil:
		claim, volume := boundTo(name, nil, b.Volume)
		return claim, volume, fmt.Sprintf("PersistentVolumeClaim %q is not in the files, and is taken to be bound to PersistentVolume %q, which names it", name, volume.Name)
	case b.Volume != nil && b.Fits:
		return b.Claim, b.Volume, fmt.Sprintf("PersistentVolumeClaim %q is taken to be bound to PersistentVolume %q, which fits it", name, b.Volume.Name)
	case b.Volume != nil:
		return b.Claim, b.Volume, ""
	case b.Claim != nil && b.Claim.Spec.VolumeName != "":
		claim, volume := boundTo(name, b.Claim, standInVolume(b.Claim.Spec.VolumeName, driverEFS, standInFileSystem))
		return claim, volume, fmt.Sprintf("PersistentVolume %q is not in the files, and is taken to be one of EFS; %s stands for its file system", volume.Name, standInFileSystem)
	case b.Class != nil && b.Class.Provisioner != noProvisioner:
		claim, volume := boundTo(name, b.Claim, standInVolume("VOLUME-OF-"+name, b.Class.Provisioner, handleOf(b.Class)))
		return claim, volume, fmt.Sprintf("PersistentVolumeClaim %q is taken to be bound to a volume that StorageClass %q makes, by %s", name, b.Class.Name, b.Class.Provisioner)
	}
	claim, volume := boundTo(name, b.Claim, standInVolume("VOLUME-OF-"+name, driverEFS, standInFileSystem))
	return claim, volume, fmt.Sprintf("PersistentVolumeClaim %q is taken to be bound to a volume of EFS; %s stands for its file system", name, standInFileSystem)
}

// handleOf is the handle of a volume that a StorageClass makes: an access point, where it is of EFS.
func handleOf(class *storagev1.StorageClass) string {
	return cmp.Or(class.Parameters["fileSystemId"], standInFileSystem) + "::fsap-00000000"
}

func standInVolume(name, driver, handle string) *corev1.PersistentVolume {
	return &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PersistentVolumeSpec{
		AccessModes:            []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany},
		PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{Driver: driver, VolumeHandle: handle}},
	}}
}

// boundTo binds a claim, which may be nil, to a volume.
func boundTo(name string, claim *corev1.PersistentVolumeClaim, volume *corev1.PersistentVolume) (*corev1.PersistentVolumeClaim, *corev1.PersistentVolume) {
	if claim == nil {
		claim = &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: name}}
	}
	volume.Spec.ClaimRef = nil
	manifest.Bind(volume, claim)
	return claim, volume
}
