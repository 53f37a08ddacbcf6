package manifest

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// setDefaults fills in what the API server would and a translation may look at: defaults of pods (kubernetes'
// pkg/apis/core/v1/defaults.go) and what admission adds for the ServiceAccount.
func setDefaults(pod *corev1.Pod, accounts map[types.NamespacedName]*corev1.ServiceAccount) {
	s := &pod.Spec
	pod.UID = cmp.Or(pod.UID, "POD-UID")
	s.RestartPolicy = cmp.Or(s.RestartPolicy, corev1.RestartPolicyAlways)
	s.DNSPolicy = cmp.Or(s.DNSPolicy, corev1.DNSClusterFirst)
	s.SchedulerName = cmp.Or(s.SchedulerName, corev1.DefaultSchedulerName)
	s.ServiceAccountName = cmp.Or(s.ServiceAccountName, s.DeprecatedServiceAccount, "default")
	s.TerminationGracePeriodSeconds = cmp.Or(s.TerminationGracePeriodSeconds, ptr.To[int64](corev1.DefaultTerminationGracePeriodSeconds))
	s.EnableServiceLinks = cmp.Or(s.EnableServiceLinks, ptr.To(corev1.DefaultEnableServiceLinks))
	s.SecurityContext = cmp.Or(s.SecurityContext, &corev1.PodSecurityContext{})
	for i := range s.Volumes {
		if reflect.ValueOf(s.Volumes[i].VolumeSource).IsZero() {
			s.Volumes[i].EmptyDir = &corev1.EmptyDirVolumeSource{}
		}
	}
	for i := range s.Containers {
		setContainerDefaults(&s.Containers[i])
	}
	account := accounts[types.NamespacedName{Namespace: pod.Namespace, Name: s.ServiceAccountName}]
	addToken(pod, account)
	if account != nil && len(s.ImagePullSecrets) == 0 {
		s.ImagePullSecrets = slices.Clone(account.ImagePullSecrets) // admission plugin ServiceAccount
	}
}

func setContainerDefaults(c *corev1.Container) {
	c.TerminationMessagePath = cmp.Or(c.TerminationMessagePath, corev1.TerminationMessagePathDefault)
	c.TerminationMessagePolicy = cmp.Or(c.TerminationMessagePolicy, corev1.TerminationMessageReadFile)
	c.ImagePullPolicy = cmp.Or(c.ImagePullPolicy, pullPolicy(c.Image))
	for i := range c.Ports {
		c.Ports[i].Protocol = cmp.Or(c.Ports[i].Protocol, corev1.ProtocolTCP)
	}
	for name, limit := range c.Resources.Limits {
		if _, said := c.Resources.Requests[name]; !said {
			if c.Resources.Requests == nil {
				c.Resources.Requests = corev1.ResourceList{}
			}
			c.Resources.Requests[name] = limit
		}
	}
}

func pullPolicy(image string) corev1.PullPolicy {
	name := image[strings.LastIndex(image, "/")+1:]
	if strings.HasSuffix(name, ":latest") || !strings.ContainsAny(name, ":@") {
		return corev1.PullAlways
	}
	return corev1.PullIfNotPresent
}

// tokenPath is where containers find their ServiceAccount's token.
const tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount"

// addToken mounts the token of the pod's ServiceAccount where there is none yet (admission plugin ServiceAccount).
// account may be nil.
func addToken(pod *corev1.Pod, account *corev1.ServiceAccount) {
	wanted := pod.Spec.AutomountServiceAccountToken
	if wanted == nil && account != nil {
		wanted = account.AutomountServiceAccountToken
	}
	if !ptr.Deref(wanted, true) {
		return
	}
	name, there := tokenVolume(pod)
	mounted := false
	for _, containers := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range containers {
			c := &containers[i]
			if !slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == tokenPath }) {
				c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: name, ReadOnly: true, MountPath: tokenPath})
				mounted = true
			}
		}
	}
	if mounted && !there {
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
			Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
				{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}},
				{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "kube-root-ca.crt"}}},
				{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{
					{Path: "namespace", FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.namespace"}},
				}}},
			}}}})
	}
}

// tokenVolume is the name of the volume with the token, and tells whether there is one.
func tokenVolume(pod *corev1.Pod) (name string, there bool) {
	const prefix = "kube-api-access-"
	for _, v := range pod.Spec.Volumes {
		if strings.HasPrefix(v.Name, prefix) {
			return v.Name, true
		}
	}
	return prefix + suffix, false
}

// withDefaults is a Secret as it comes back from the API server, which moves stringData to data and gives a version.
func withDefaults(secret *corev1.Secret) *corev1.Secret {
	data := map[string][]byte{}
	for key, value := range secret.Data {
		data[key] = value
	}
	for key, value := range secret.StringData {
		data[key] = []byte(value)
	}
	secret.Data, secret.StringData = data, nil
	return Identified(secret)
}

// Identified gives a Secret that no cluster has seen the words that stand for its UID and version.
func Identified(secret *corev1.Secret) *corev1.Secret {
	secret.UID = cmp.Or(secret.UID, "SECRET-UID")
	secret.ResourceVersion = cmp.Or(secret.ResourceVersion, "VERSION")
	return secret
}

// withAddress is a Service with the address that the cluster would give it; headless ones have none.
func withAddress(service *corev1.Service) *corev1.Service {
	if service.Spec.Type != corev1.ServiceTypeExternalName {
		service.Spec.ClusterIP = cmp.Or(service.Spec.ClusterIP, "CLUSTER-IP")
	}
	return service
}
