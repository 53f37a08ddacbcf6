package fargate

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podfile"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// fetchClaims gets the PersistentVolumes behind a pod's claims, and says what keeps one from being there.
func (p *Provider) fetchClaims(ctx context.Context, pod *corev1.Pod) (taskdef.Claims, []podenv.Problem, error) {
	api := p.client.CoreV1()
	return claimsOf(pod, func(name string) (*corev1.PersistentVolumeClaim, error) {
		return existing(api.PersistentVolumeClaims(pod.Namespace).Get(ctx, name, metav1.GetOptions{}))
	}, func(name string) (*corev1.PersistentVolume, error) {
		return existing(api.PersistentVolumes().Get(ctx, name, metav1.GetOptions{}))
	})
}

// claimsOf reads a pod's claims and their volumes; what does not exist is nil.
func claimsOf(pod *corev1.Pod, claimNamed func(string) (*corev1.PersistentVolumeClaim, error), volumeNamed func(string) (*corev1.PersistentVolume, error)) (taskdef.Claims, []podenv.Problem, error) {
	claims, problems := taskdef.Claims{}, []podenv.Problem(nil)
	for i, v := range pod.Spec.Volumes {
		if v.PersistentVolumeClaim == nil || !podfile.IsMounted(pod, v.Name) {
			continue
		}
		name := v.PersistentVolumeClaim.ClaimName
		claim, err := claimNamed(name)
		if err != nil {
			return nil, nil, fmt.Errorf("get PersistentVolumeClaim %s: %w", name, err)
		}
		problem := claimProblem(claim, name)
		if problem == "" {
			if claims[name], err = volumeNamed(claim.Spec.VolumeName); err != nil {
				return nil, nil, fmt.Errorf("get PersistentVolume %s: %w", claim.Spec.VolumeName, err)
			}
			problem = volumeProblem(claims[name], claim)
		}
		if problem != "" {
			problems = append(problems, unmounted(i, v.Name, problem))
		}
	}
	return claims, problems, nil
}

// claimProblem is what keeps a claim from being used, in kubelet's words (pkg/kubelet/volumemanager); empty: nothing.
func claimProblem(claim *corev1.PersistentVolumeClaim, name string) string {
	switch {
	case claim == nil:
		return fmt.Sprintf("persistentvolumeclaim %q not found", name)
	case claim.DeletionTimestamp != nil:
		return fmt.Sprintf("PVC %s is being deleted", name)
	case claim.Status.Phase != corev1.ClaimBound || claim.Spec.VolumeName == "":
		return fmt.Sprintf("PVC %s is not bound", name)
	}
	return ""
}

// volumeProblem is the same of the volume that it names.
func volumeProblem(volume *corev1.PersistentVolume, claim *corev1.PersistentVolumeClaim) string {
	switch {
	case volume == nil:
		return fmt.Sprintf("persistentvolume %q not found", claim.Spec.VolumeName)
	case volume.Spec.ClaimRef == nil || volume.Spec.ClaimRef.UID != claim.UID:
		return fmt.Sprintf("PV %s is not bound to PVC %s", volume.Name, claim.Name)
	}
	return ""
}

func unmounted(i int, volume, problem string) podenv.Problem {
	return podenv.Problem{Field: fmt.Sprintf("spec.volumes[%d].persistentVolumeClaim", i), Effect: podenv.Waits, Reason: podfile.ReasonFailedMount,
		Message: fmt.Sprintf("MountVolume.SetUp failed for volume %q : %s", volume, problem)}
}
