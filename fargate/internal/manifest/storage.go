package manifest

import (
	"cmp"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// Storage is what the files hold of it.
type Storage struct {
	Claims  map[types.NamespacedName]*corev1.PersistentVolumeClaim
	Volumes map[string]*corev1.PersistentVolume
	Classes map[string]*storagev1.StorageClass
}

// Binding is what a claim comes to by the files alone.
type Binding struct {
	Claim  *corev1.PersistentVolumeClaim // nil: it is not in the files
	Volume *corev1.PersistentVolume      // nil: none of the files; else bound to the claim, unless it is another's
	Fits   bool                          // neither names the other, and a controller would bind them
	Class  *storagev1.StorageClass       // that would make a volume; nil: none of the files
}

// Bind does what the PersistentVolume controller would (pkg/controller/volume/persistentvolume): a claim gets the volume
// that it names, else the one that names it, else the smallest that fits, else one that its class makes. The objects are
// copies.
func (s Storage) Bind(key types.NamespacedName) Binding {
	b := Binding{Claim: s.Claims[key].DeepCopy()}
	byRef := func(v *corev1.PersistentVolume) bool { return refersTo(v.Spec.ClaimRef, key) }
	switch {
	case b.Claim != nil && b.Claim.Spec.VolumeName != "":
		b.Volume = s.Volumes[b.Claim.Spec.VolumeName].DeepCopy()
	case s.smallest(byRef) != nil:
		b.Volume = s.smallest(byRef).DeepCopy()
	case b.Claim != nil:
		className := s.className(b.Claim)
		b.Volume = s.smallest(func(v *corev1.PersistentVolume) bool { return fits(v, b.Claim, className) }).DeepCopy()
		if b.Fits = b.Volume != nil; !b.Fits {
			b.Class = s.Classes[className]
		}
	}
	if b.Volume != nil && b.Claim != nil {
		Bind(b.Volume, b.Claim)
	}
	return b
}

// claimUID stands for what only a cluster knows.
const claimUID = "CLAIM-UID"

func refersTo(ref *corev1.ObjectReference, key types.NamespacedName) bool {
	return ref != nil && ref.Namespace == key.Namespace && ref.Name == key.Name
}

// Bind has a volume and a claim name each other, unless the volume names another claim.
func Bind(volume *corev1.PersistentVolume, claim *corev1.PersistentVolumeClaim) {
	if volume.Spec.ClaimRef == nil {
		volume.Spec.ClaimRef = &corev1.ObjectReference{Namespace: claim.Namespace, Name: claim.Name}
	}
	ref := volume.Spec.ClaimRef
	if refersTo(ref, types.NamespacedName{Namespace: claim.Namespace, Name: claim.Name}) {
		claim.UID = cmp.Or(claim.UID, ref.UID, claimUID)
		ref.UID = cmp.Or(ref.UID, claim.UID)
	}
	claim.UID = cmp.Or(claim.UID, claimUID)
	claim.Spec.VolumeName = volume.Name
	if claim.Status.Phase != corev1.ClaimLost {
		claim.Status.Phase = corev1.ClaimBound
	}
}

// smallest is the one with the least room of the volumes that are wanted; nil: there is none.
func (s Storage) smallest(wanted func(*corev1.PersistentVolume) bool) *corev1.PersistentVolume {
	var found *corev1.PersistentVolume
	for _, name := range slices.Sorted(maps.Keys(s.Volumes)) {
		v := s.Volumes[name]
		if wanted(v) && (found == nil || v.Spec.Capacity.Storage().Cmp(*found.Spec.Capacity.Storage()) < 0) {
			found = v
		}
	}
	return found
}

// className is that of a claim, which may have been left to the class that is the default.
func (s Storage) className(claim *corev1.PersistentVolumeClaim) string {
	for _, name := range slices.Sorted(maps.Keys(s.Classes)) {
		if claim.Spec.StorageClassName == nil && s.Classes[name].Annotations["storageclass.kubernetes.io/is-default-class"] == "true" {
			return name
		}
	}
	return ptr.Deref(claim.Spec.StorageClassName, "")
}

// fits tells whether a volume that no claim has can be a claim's (k8s.io/component-helpers/storage/volume).
func fits(v *corev1.PersistentVolume, claim *corev1.PersistentVolumeClaim, className string) bool {
	selector, err := metav1.LabelSelectorAsSelector(claim.Spec.Selector)
	unselected := claim.Spec.Selector == nil || err == nil && selector.Matches(labels.Set(v.Labels))
	lacks := func(m corev1.PersistentVolumeAccessMode) bool { return !slices.Contains(v.Spec.AccessModes, m) }
	return v.Spec.ClaimRef == nil && unselected && v.Spec.StorageClassName == className &&
		ptr.Deref(v.Spec.VolumeMode, corev1.PersistentVolumeFilesystem) == ptr.Deref(claim.Spec.VolumeMode, corev1.PersistentVolumeFilesystem) &&
		v.Spec.Capacity.Storage().Cmp(*claim.Spec.Resources.Requests.Storage()) >= 0 && !slices.ContainsFunc(claim.Spec.AccessModes, lacks)
}

// addTemplates adds the claims that a StatefulSet makes for its first pod, where none of their name is there.
func (s Storage) addTemplates(set *appsv1.StatefulSet) {
	for _, template := range set.Spec.VolumeClaimTemplates {
		claim := template.DeepCopy()
		claim.Namespace, claim.Name = set.Namespace, claimOf(template.Name, set)
		key := types.NamespacedName{Namespace: claim.Namespace, Name: claim.Name}
		if s.Claims[key] == nil {
			s.Claims[key] = claim
		}
	}
}

// claimOf is the name of a claim of a StatefulSet's first pod.
func claimOf(template string, set *appsv1.StatefulSet) string { return template + "-" + firstOf(set) }
