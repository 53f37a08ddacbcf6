// Package manifest reads Kubernetes manifests as a cluster would take them in: the pods in them, those that their
// controllers would make of templates included, and what these pods are made of.
//
// It never reads a file and never asks a cluster. What only a cluster knows (UIDs, the ends of names, addresses of
// Services) is a word in capitals, which no cluster would use. What the API server would fill in is filled in as far as
// a translation looks at it (defaults.go).
//
// Two rules. A document that might hold pods is taken whole or is an error that says where: a misspelled field or kind
// is never passed over, nor what people often get wrong and no API server takes (check.go). And no error about a document that might be a Secret quotes it.
package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// File is a text with one or more documents, YAML or JSON.
type File struct {
	Name string // in messages
	Text []byte
}

// Workload is one pod that would come of a document.
type Workload struct {
	Where     string // pod.yaml:12, where its document begins
	Kind      string // Deployment
	Namespace string
	Name      string
	Template  string      // where in the document its spec stands: spec.template; empty: the document is the pod
	Replicas  int         // how many such pods there would be; 0: that depends
	Above     []Metadata  // what stands above the template, and no pod has
	Written   *corev1.Pod // as it stands there
	Pod       *corev1.Pod // with the API server's defaults
}

// Set is what the files hold. Objects are found by namespace and name.
type Set struct {
	Workloads       []Workload // in the order of the files
	ConfigMaps      map[types.NamespacedName]*corev1.ConfigMap
	Secrets         map[types.NamespacedName]*corev1.Secret
	ServiceAccounts map[types.NamespacedName]*corev1.ServiceAccount
	Services        []*corev1.Service
	Storage         Storage
	PassedOver      []string // what else there is, of kinds that are not read: rbac.yaml:7: ClusterRole web
}

// Read reads the files; namespace is that of objects which name none. The error tells all that is wrong, a line each,
// and is nil only if there is a pod.
func Read(namespace string, files ...File) (Set, error) {
	set := Set{
		ConfigMaps:      map[types.NamespacedName]*corev1.ConfigMap{},
		Secrets:         map[types.NamespacedName]*corev1.Secret{},
		ServiceAccounts: map[types.NamespacedName]*corev1.ServiceAccount{},
		Storage: Storage{
			Claims:  map[types.NamespacedName]*corev1.PersistentVolumeClaim{},
			Volumes: map[string]*corev1.PersistentVolume{},
			Classes: map[string]*storagev1.StorageClass{},
		},
	}
	known := newDecoder()
	var faults []error
	for _, file := range files {
		for _, document := range split(file) {
			objects, passedOver, err := document.objects(known)
			set.PassedOver = append(set.PassedOver, passedOver...)
			faults = append(faults, err)
			for _, object := range objects {
				faults = append(faults, set.add(namespace, object))
			}
		}
	}
	if err := errors.Join(faults...); err != nil {
		return Set{}, err
	}
	if len(set.Workloads) == 0 {
		return Set{}, noPods(files)
	}
	for i := range set.Workloads {
		w := &set.Workloads[i]
		w.Written = w.Pod.DeepCopy()
		setDefaults(w.Pod, set.ServiceAccounts)
	}
	return set, nil
}

// add takes in one object.
func (s *Set) add(namespace string, from located) error {
	meta := from.object.(metav1.Object)
	meta.SetNamespace(cmp.Or(meta.GetNamespace(), namespace))
	if meta.GetName() == "" && meta.GetGenerateName() != "" {
		meta.SetName(meta.GetGenerateName() + suffix)
	}
	key := types.NamespacedName{Namespace: meta.GetNamespace(), Name: meta.GetName()}
	kept := s.keep(key, from.object)
	w, has := workload(from.object)
	switch {
	case !has && !kept:
		s.PassedOver = append(s.PassedOver, from.where()+": "+from.object.GetObjectKind().GroupVersionKind().Kind+" "+key.Name)
		return nil
	case !has:
		return nil
	}
	w.Where, w.Namespace, w.Name = from.where(), key.Namespace, key.Name
	if w.Template != "" {
		w.Above = above(from.object)
	}
	if w.Name == "" {
		return from.wrong(w.Kind, fault{"metadata.name", "missing; name it"})
	}
	var faults []error
	for _, f := range check(w) {
		faults = append(faults, from.wrong(w.Kind+" "+w.Name, f))
	}
	s.Workloads = append(s.Workloads, w)
	return errors.Join(faults...)
}

// keep takes in what pods are made of; false: the object is of no such kind.
func (s *Set) keep(key types.NamespacedName, object runtime.Object) bool {
	switch o := object.(type) {
	case *corev1.ConfigMap:
		s.ConfigMaps[key] = o
	case *corev1.Secret:
		s.Secrets[key] = withDefaults(o)
	case *corev1.ServiceAccount:
		s.ServiceAccounts[key] = o
	case *corev1.Service:
		s.Services = append(s.Services, withAddress(o))
	case *corev1.PersistentVolumeClaim:
		s.Storage.Claims[key] = o
	case *corev1.PersistentVolume:
		s.Storage.Volumes[key.Name] = o
	case *storagev1.StorageClass:
		s.Storage.Classes[key.Name] = o
	case *appsv1.StatefulSet:
		s.Storage.addTemplates(o)
	default:
		return false
	}
	return true
}

func noPods(files []File) error {
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
	}
	return fmt.Errorf("%s: no pods in it; %s", strings.Join(slices.Compact(names), ", "), kinds)
}
