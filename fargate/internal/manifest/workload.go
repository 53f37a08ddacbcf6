package manifest

import (
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
)

// Words that stand for what only a cluster knows.
const (
	suffix  = "XXXXX"     // the end of a generated name
	hash    = "HASH"      // of a pod template
	dueTime = "-00000000" // of a CronJob's Job: the minute it was due
)

// kinds are those with pods, as messages tell them.
const kinds = "kinds with pods are Pod and ReplicationController of v1, Deployment, ReplicaSet, StatefulSet and DaemonSet of apps/v1, Job and CronJob of batch/v1"

// Metadata are annotations of something other than a pod.
type Metadata struct {
	Field       string // metadata.annotations
	Annotations map[string]string
}

// above is the metadata of an object, and of the Job that it is to make, if it has one.
func above(object runtime.Object) []Metadata {
	const annotations = "metadata.annotations"
	meta, _ := object.(metav1.Object)
	all := []Metadata{{annotations, meta.GetAnnotations()}}
	if cron, is := object.(*batchv1.CronJob); is {
		all = append(all, Metadata{"spec.jobTemplate." + annotations, cron.Spec.JobTemplate.Annotations})
	}
	return all
}

// workload is the pod of an object, as its controller would make it; false for an object without.
func workload(object runtime.Object) (Workload, bool) {
	switch o := object.(type) {
	case *corev1.Pod:
		return Workload{Kind: "Pod", Replicas: 1, Pod: o}, true
	case *corev1.ReplicationController:
		template := ptr.Deref(o.Spec.Template, corev1.PodTemplateSpec{})
		return of("ReplicationController", replicas(o.Spec.Replicas), made(o.Namespace, "ReplicationController", o.Name, template, nil)), true
	case *appsv1.ReplicaSet:
		return of("ReplicaSet", replicas(o.Spec.Replicas), made(o.Namespace, "ReplicaSet", o.Name, o.Spec.Template, nil)), true
	case *appsv1.Deployment:
		pod := made(o.Namespace, "ReplicaSet", o.Name+"-"+hash, o.Spec.Template, map[string]string{appsv1.DefaultDeploymentUniqueLabelKey: hash})
		return of("Deployment", replicas(o.Spec.Replicas), pod), true
	case *appsv1.StatefulSet:
		return of("StatefulSet", replicas(o.Spec.Replicas), first(o)), true
	case *appsv1.DaemonSet:
		labels := map[string]string{appsv1.DefaultDaemonSetUniqueLabelKey: hash}
		return of("DaemonSet", 1, made(o.Namespace, "DaemonSet", o.Name, o.Spec.Template, labels)), true
	case *batchv1.Job:
		return of("Job", 0, ofJob(o.Namespace, o.Name, o.Spec)), true
	case *batchv1.CronJob:
		w := of("CronJob", 0, ofJob(o.Namespace, o.Name+dueTime, o.Spec.JobTemplate.Spec))
		w.Template = "spec.jobTemplate.spec.template"
		return w, true
	}
	return Workload{}, false
}

func of(kind string, replicas int, pod *corev1.Pod) Workload {
	return Workload{Kind: kind, Template: "spec.template", Replicas: replicas, Pod: pod}
}

func replicas(n *int32) int { return int(ptr.Deref(n, 1)) }

// made is the pod that a controller makes of a template, with the labels that it adds.
func made(namespace, kind, name string, template corev1.PodTemplateSpec, labels map[string]string) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: *template.ObjectMeta.DeepCopy(), Spec: *template.Spec.DeepCopy()}
	pod.Namespace, pod.Name, pod.GenerateName = namespace, name+"-"+suffix, name+"-"
	pod.Labels = maps.Clone(pod.Labels)
	for key, value := range labels {
		metav1.SetMetaDataLabel(&pod.ObjectMeta, key, value)
	}
	pod.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Name: name, Controller: ptr.To(true)}}
	return pod
}

// firstOf is the name of a StatefulSet's first pod.
func firstOf(set *appsv1.StatefulSet) string { return set.Name + "-0" }

// first is the first pod of a StatefulSet, whose names are known.
func first(set *appsv1.StatefulSet) *corev1.Pod {
	name := firstOf(set)
	pod := made(set.Namespace, "StatefulSet", set.Name, set.Spec.Template, map[string]string{
		appsv1.StatefulSetPodNameLabel: name, appsv1.PodIndexLabel: "0", appsv1.StatefulSetRevisionLabel: set.Name + "-" + hash,
	})
	pod.Name, pod.GenerateName = name, set.Name+"-"
	pod.Spec.Hostname, pod.Spec.Subdomain = name, set.Spec.ServiceName
	for _, claim := range set.Spec.VolumeClaimTemplates {
		volume := corev1.Volume{Name: claim.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claimOf(claim.Name, set)}}}
		others := slices.DeleteFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == claim.Name })
		pod.Spec.Volumes = append(others, volume) // pkg/controller/statefulset: updateStorage
	}
	return pod
}

func ofJob(namespace, name string, spec batchv1.JobSpec) *corev1.Pod {
	return made(namespace, "Job", name, spec.Template, map[string]string{
		batchv1.JobNameLabel: name, "job-name": name, batchv1.ControllerUidLabel: "JOB-UID", "controller-uid": "JOB-UID",
	})
}
