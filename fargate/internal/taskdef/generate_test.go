package taskdef_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/randfill"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// generated makes of any bytes a pod that an API server would admit, of any of PodSpec's fields, and a node's settings. What
// Fargate refuses is in it, but seldom: most pods are to get through.
func generated(data []byte) (*corev1.Pod, taskdef.Settings) {
	pod, node := &corev1.Pod{}, settings
	var seldom func() bool
	filler := randfill.NewFromGoFuzz(data).NilChance(0.7).NumElements(0, 2).MaxDepth(12)
	filler.Funcs(
		func(s *corev1.PodSpec, c randfill.Continue) {
			seldom = func() bool { return c.Intn(24) == 0 }
			c.FillNoCustom(s)
			generateSpec(s, c, seldom)
			pod.Annotations = generateAnnotations(c)
			generateSettings(&node, c)
		},
		func(k *corev1.Container, c randfill.Continue) {
			c.FillNoCustom(k)
			generateContainer(k, c, seldom)
		},
		func(k *corev1.EphemeralContainer, _ randfill.Continue) { k.Name, k.Image = "debug", "busybox" },
		func(v *corev1.VolumeSource, c randfill.Continue) { oneField(v, c) },
		func(h *corev1.ProbeHandler, c randfill.Continue) { oneField(h, c) },
		func(h *corev1.LifecycleHandler, c randfill.Continue) { oneField(h, c) },
		func(e *corev1.EnvVar, c randfill.Continue) {
			e.Name = pick(c, "USER", "PASSWORD", "URL", "LONG_NAME", "VK_ATTEMPT", "HOSTNAME", "a.b-c")
			if c.Bool() {
				e.Value = pick(c, "", "plain", "$(PASSWORD)", "u:$(PASSWORD)@$(HOSTNAME)", "$(NOTHING)", "$$(USER)", strings.Repeat("x", 3000))
			} else {
				e.ValueFrom = &corev1.EnvVarSource{}
				oneField(e.ValueFrom, c)
				if e.ValueFrom.FileKeyRef != nil && c.Intn(4) > 0 {
					e.ValueFrom = nil
				}
			}
		},
		func(e *corev1.EnvFromSource, c randfill.Continue) {
			e.Prefix = pick(c, "", "PRE_")
			if c.Bool() {
				e.ConfigMapRef = &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "config"}}
			} else {
				e.SecretRef = &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "login"}}
			}
		},
		func(f *corev1.ObjectFieldSelector, c randfill.Continue) {
			f.FieldPath = pick(c, "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "metadata.labels['app']", "metadata.annotations['a']")
		},
		func(f *corev1.ResourceFieldSelector, c randfill.Continue) {
			f.Resource = pick(c, "limits.cpu", "requests.memory", "limits.ephemeral-storage")
		},
		func(r *corev1.ConfigMapKeySelector, c randfill.Continue) {
			r.Name, r.Key = "config", pick(c, "key", "SIZE", "COLOUR")
		},
		func(r *corev1.SecretKeySelector, c randfill.Continue) {
			r.Name, r.Key = "login", pick(c, "PASSWORD", "USER")
		},
		func(r *corev1.ResourceRequirements, c randfill.Continue) { generateResources(r, c, seldom) },
		func(l *corev1.ResourceList, c randfill.Continue) {
			*l = quantities("10m", pick(c, "", "64Mi", "100Mi"))
		},
		func(p *corev1.ContainerPort, c randfill.Continue) {
			p.Name, p.ContainerPort, p.Protocol = "web", int32(1+c.Intn(65535)), pick(c, corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP, "")
			if seldom() {
				p.HostPort, p.HostIP = p.ContainerPort, "10.0.0.1"
			}
		},
		func(s *corev1.Sysctl, c randfill.Continue) {
			s.Name, s.Value = pick(c, "net.core.somaxconn", "kernel/shmmax", "fs.mqueue.msg_max", "kernel.sem"), "1024"
			if seldom() {
				s.Name = "vm.swappiness"
			}
		},
		func(k *corev1.Capabilities, c randfill.Continue) {
			for range c.Intn(3) {
				k.Add = append(k.Add, pick[corev1.Capability](c, "SYS_PTRACE", "NET_BIND_SERVICE", "CAP_CHOWN"))
				k.Drop = append(k.Drop, pick[corev1.Capability](c, "ALL", "NET_RAW", "mknod"))
			}
			if seldom() {
				k.Add = append(k.Add, "NET_ADMIN")
			}
		},
		func(p *corev1.SeccompProfile, c randfill.Continue) {
			if p.Type = pick(c, corev1.SeccompProfileTypeRuntimeDefault, corev1.SeccompProfileTypeUnconfined); seldom() {
				p.Type = corev1.SeccompProfileTypeLocalhost
			}
		},
		func(r *corev1.NodeSelectorRequirement, c randfill.Continue) {
			r.Key, r.Operator, r.Values = pick(c, "type", "karpenter.sh/capacity-type", "kubernetes.io/arch"), pick(c, corev1.NodeSelectorOpIn, corev1.NodeSelectorOpNotIn), []string{pick(c, "spot", "amd64", "arm64", "x")}
		},
		func(m *map[string]string, c randfill.Continue) {
			*m = map[string]string{pick(c, "type", "karpenter.sh/capacity-type", "kubernetes.io/arch"): pick(c, "spot", "amd64", "virtual-kubelet")}
		},
		func(t *metav1.LabelSelector, _ randfill.Continue) { t.MatchLabels = map[string]string{"app": "web"} },
		func(v *intstr.IntOrString, c randfill.Continue) { *v = intstr.FromInt32(int32(1 + c.Intn(65535))) },
		func(q *resource.Quantity, c randfill.Continue) { *q = resource.MustParse(pick(c, "1", "64Mi", "1Gi")) },
		func(p *corev1.ProcMountType, _ randfill.Continue) { *p = corev1.DefaultProcMount },
		func(p *corev1.PullPolicy, c randfill.Continue) {
			*p = pick(c, corev1.PullAlways, corev1.PullIfNotPresent)
		},
		func(p *corev1.TerminationMessagePolicy, c randfill.Continue) {
			*p = pick(c, corev1.TerminationMessageReadFile, corev1.TerminationMessageFallbackToLogsOnError)
		},
		func(p *corev1.RestartPolicy, c randfill.Continue) {
			*p = pick(c, corev1.RestartPolicyAlways, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever)
		},
		func(p *corev1.DNSPolicy, c randfill.Continue) {
			*p = pick(c, corev1.DNSClusterFirst, corev1.DNSDefault)
		},
		func(s *string, c randfill.Continue) {
			*s = pick(c, "a", "config", "login", "/data", "text $(USER)", "x-y")
		},
		func(i *int64, c randfill.Continue) { *i = pick[int64](c, 0, 1, 30, 121, 600, 65534) },
		func(i *int32, c randfill.Continue) { *i = pick[int32](c, 1, 5, 30, 8080) },
	)
	filler.Fill(&pod.Spec)
	pod.Namespace, pod.Name, pod.UID = "default", "web-5d59d67564-aaaaa", "5b1c2c40-0000-4000-8000-00000000000a"
	pod.Labels = map[string]string{"app": "web", "pod-template-hash": "5d59d67564"}
	controller := true
	pod.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "web-5d59d67564", UID: "owner", Controller: &controller}}
	return pod, node
}

func pick[T any](c randfill.Continue, values ...T) T { return values[c.Intn(len(values))] }

// oneField fills one of a union's pointers.
func oneField(union any, c randfill.Continue) {
	v := reflect.ValueOf(union).Elem()
	field := v.Field(c.Intn(v.NumField()))
	field.Set(reflect.New(field.Type().Elem()))
	c.Fill(field.Interface())
}

// generateSpec makes what was filled something that an API server takes, with what Fargate refuses left out mostly.
func generateSpec(s *corev1.PodSpec, c randfill.Continue, seldom func() bool) {
	if len(s.Containers) == 0 || c.Bool() {
		s.Containers = append(s.Containers, corev1.Container{Image: "nginx:1.29"})
	}
	for i := range s.InitContainers {
		s.InitContainers[i].Name = fmt.Sprintf("init-%d", i)
		s.InitContainers[i].RestartPolicy = nil
		if c.Bool() {
			always := corev1.ContainerRestartPolicyAlways
			s.InitContainers[i].RestartPolicy = &always
		}
	}
	for i := range s.Containers {
		s.Containers[i].Name = fmt.Sprintf("c-%d", i)
	}
	s.ImagePullSecrets = nil
	for range c.Intn(3) {
		s.ImagePullSecrets = append(s.ImagePullSecrets, corev1.LocalObjectReference{Name: pick(c, "hub", "ghcr", "token", "gone")})
	}
	if s.OS != nil {
		s.OS.Name = corev1.Linux
	}
	if s.Resources != nil {
		s.Resources.Claims = nil
	}
	s.HostNetwork, s.HostPID, s.HostIPC = false, false, false
	s.Volumes, s.HostAliases, s.DNSConfig, s.ResourceClaims, s.RuntimeClassName = nil, nil, nil, nil, nil
	if s.SecurityContext != nil {
		s.SecurityContext.WindowsOptions = nil
	}
	if seldom() {
		generateRefused(s, c)
	}
	generateVolumes(s, c, seldom)
}

// generateVolumes makes some volumes of any kind, most of them such as can be had, and mounts them somewhere.
func generateVolumes(s *corev1.PodSpec, c randfill.Continue, seldom func() bool) {
	for n := range c.Intn(4) {
		v := corev1.Volume{Name: fmt.Sprintf("v-%d", n)}
		v.VolumeSource = volumeSource(c)
		if seldom() {
			c.Fill(&v.VolumeSource)
		}
		s.Volumes = append(s.Volumes, v)
	}
	if c.Intn(3) == 0 {
		s.Volumes = append(s.Volumes, corev1.Volume{Name: "kube-api-access-" + pick(c, "abcde", "vwxyz"), VolumeSource: corev1.VolumeSource{
			Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}}}}}})
	}
	for i := range s.InitContainers {
		s.InitContainers[i].VolumeMounts = volumeMounts(s.Volumes, c, seldom)
	}
	for i := range s.Containers {
		s.Containers[i].VolumeMounts = volumeMounts(s.Volumes, c, seldom)
	}
}

func volumeSource(c randfill.Continue) corev1.VolumeSource {
	items := []corev1.KeyToPath{{Key: "key", Path: pick(c, "key", "dir/it's", "a/b/c")}}
	if c.Bool() {
		items = nil
	}
	limit := resource.MustParse(pick(c, "1Mi", "64Mi", "30Gi"))
	local := corev1.LocalObjectReference{Name: "config"}
	switch c.Intn(8) {
	case 0:
		return corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
	case 1:
		return corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMedium(pick(c, "", "Memory")), SizeLimit: &limit}}
	case 2:
		return corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: local, Items: items}}
	case 3:
		return corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "login", Items: items}}
	case 4:
		return corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{Items: []corev1.DownwardAPIVolumeFile{
			{Path: "key", FieldRef: &corev1.ObjectFieldSelector{FieldPath: pick(c, "metadata.name", "metadata.labels", "metadata.namespace")}}}}}
	case 5:
		return corev1.VolumeSource{NFS: &corev1.NFSVolumeSource{Server: "fs-0a0a0a0a.efs.us-east-1.amazonaws.com", Path: pick(c, "/", "/data")}}
	case 6:
		return corev1.VolumeSource{Image: &corev1.ImageVolumeSource{Reference: pick(c, "ghcr.io/team/files:1", "files"), PullPolicy: corev1.PullPolicy(pick(c, "", "Always", "Never"))}}
	}
	return corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
		{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "login"}, Items: items}},
		{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: local}},
		{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "tokens/t", Audience: pick(c, "", "vault")}},
	}}}
}

// volumeMounts are each at a place of its own, as the API server demands.
func volumeMounts(volumes []corev1.Volume, c randfill.Continue, seldom func() bool) []corev1.VolumeMount {
	var mounts []corev1.VolumeMount
	for i, v := range volumes {
		if c.Intn(3) == 0 {
			continue
		}
		m := corev1.VolumeMount{Name: v.Name, MountPath: fmt.Sprintf("/mnt/%d", i), ReadOnly: c.Bool()}
		if c.Intn(4) == 0 {
			m.SubPath = pick(c, "key", "data", "data/more", "dir", "./data")
		}
		if c.Intn(8) == 0 {
			m.SubPath, m.SubPathExpr = "", pick(c, "data", "$(USER)", "logs/$(HOSTNAME)", "$(PASSWORD)")
		}
		if seldom() {
			c.Fill(&m.MountPropagation)
			c.Fill(&m.RecursiveReadOnly)
		}
		mounts = append(mounts, m)
	}
	return mounts
}

// generateRefused puts in one thing that is refused.
func generateRefused(s *corev1.PodSpec, c randfill.Continue) {
	switch c.Intn(8) {
	case 0:
		s.HostNetwork = true
	case 1:
		s.HostPID = true
	case 2:
		s.HostIPC = true
	case 3:
		s.HostAliases = []corev1.HostAlias{{IP: "10.0.0.1", Hostnames: []string{"a"}}}
	case 4:
		s.DNSConfig = &corev1.PodDNSConfig{Nameservers: []string{"10.0.0.1"}}
	case 5:
		s.ResourceClaims = []corev1.PodResourceClaim{{Name: "gpu"}}
	case 6:
		class := "gvisor"
		s.RuntimeClassName = &class
	case 7:
		s.SecurityContext = &corev1.PodSecurityContext{WindowsOptions: &corev1.WindowsSecurityContextOptions{}}
	}
}

func generateContainer(k *corev1.Container, c randfill.Continue, seldom func() bool) {
	k.Image = pick(c, "nginx:1.29", "busybox", "ghcr.io/team/app:1", "registry.test:5000/a/b@sha256:"+strings.Repeat("0", 64), "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1")
	if !seldom() {
		k.RestartPolicy = nil
	}
	if !seldom() {
		k.VolumeDevices, k.RestartPolicyRules = nil, nil
		if k.Lifecycle != nil {
			k.Lifecycle.PostStart = nil
		}
		if s := k.SecurityContext; s != nil {
			s.WindowsOptions, s.Privileged = nil, nil
		}
	}
}

// generateResources has requests that are not above the limits.
func generateResources(r *corev1.ResourceRequirements, c randfill.Continue, seldom func() bool) {
	for name, amounts := range map[corev1.ResourceName][]string{
		corev1.ResourceCPU: {"1m", "100m", "250m", "1", "1500m", "4"}, corev1.ResourceMemory: {"1", "1Mi", "100Mi", "512Mi", "3Gi", "40Gi"},
		corev1.ResourceEphemeralStorage: {"1Gi", "19Gi", "21Gi", "60Gi"},
	} {
		limit := c.Intn(len(amounts))
		if c.Bool() {
			r.Limits = with(r.Limits, name, amounts[limit])
		}
		if c.Bool() {
			r.Requests = with(r.Requests, name, amounts[c.Intn(limit+1)])
		}
	}
	if seldom() {
		r.Limits = with(r.Limits, "nvidia.com/gpu", "1")
	}
	if seldom() {
		r.Claims = []corev1.ResourceClaim{{Name: "gpu"}}
	}
}

func with(list corev1.ResourceList, name corev1.ResourceName, amount string) corev1.ResourceList {
	if list == nil {
		list = corev1.ResourceList{}
	}
	list[name] = resource.MustParse(amount)
	return list
}

// annotationValues are some of each annotation that pods' authors write, good ones first.
var annotationValues = map[string][]string{
	taskdef.AnnotationToken:                         {"true", "false", "yes"},
	taskdef.AnnotationEBS:                           {"v-0,size=20Gi", "v-1,size=1Gi,type=io2,iops=100", "v-0"},
	"fargate.virtual-kubelet.io/size":               {"4096/30720", "16384/122880", "256/512", "1000/1"},
	"iam.amazonaws.com/role":                        {"arn:aws:iam::123456789012:role/task-a", "arn:aws:iam::123456789012:role/admin"},
	"fargate.virtual-kubelet.io/subnets":            {"subnet-0a", "subnet-granted1,subnet-0b", "subnet-0f", "sg-0a"},
	"fargate.virtual-kubelet.io/security-groups":    {"sg-0a", "sg-granted1", "sg-0f", ","},
	"fargate.virtual-kubelet.io/assign-public-ip":   {"false", "true", ""},
	"fargate.virtual-kubelet.io/capacity-type":      {"spot", "on-demand", "Spot"},
	"fargate.virtual-kubelet.io/ulimits":            {"nofile=65535:1048576,core=0", "nproc=1", "nofile=1:0"},
	"fargate.virtual-kubelet.io/log-driver":         {"awslogs", "splunk", "awsfirelens", "syslog"},
	"fargate.virtual-kubelet.io/log-options":        {"awslogs-group=/granted/a,max-buffer-size=1m", "splunk-url=https://granted.test", "Name=granted", `{"Name":"granted","a":"b"}`, "Name=http", "{"},
	"fargate.virtual-kubelet.io/log-secret-options": {"splunk-token=login/PASSWORD", "apikey=login/USER", "x"},
	"fargate.virtual-kubelet.io/log-mode":           {"blocking", "non-blocking", "never"},
	"fargate.virtual-kubelet.io/log-router-config":  {"/a/b.conf", "b.conf"},
	"fargate.virtual-kubelet.io/unknown":            {"x"},
}

func generateAnnotations(c randfill.Continue) map[string]string {
	annotations := map[string]string{"a": "b"}
	for _, a := range append(taskdef.Annotations(), taskdef.Annotation{Key: podid.AnnotationPrefix + "unknown"}) {
		if values := annotationValues[a.Key]; len(values) > 0 && c.Intn(6) == 0 {
			annotations[a.Key] = values[c.Intn(1+c.Intn(len(values)))] // the good ones more often
		}
	}
	return annotations
}

func generateSettings(node *taskdef.Settings, c randfill.Continue) {
	if c.Intn(8) == 0 {
		node.Architecture = "arm64"
	}
	if c.Intn(8) == 0 {
		node.CapacityType = taskdef.Spot
	}
	if c.Intn(8) == 0 {
		node.ExecutionRoleARN, node.LogGroup = "", ""
	}
	if c.Intn(4) == 0 {
		node.DefaultMilliCPU, node.DefaultMemoryMiB = 100, 256
	}
}

// The generator leaves no field out that a pod can have, no annotation, and lets a good part of the pods through.
func TestGeneratedPodsCoverEverything(t *testing.T) {
	missing := map[string]bool{}
	for _, field := range fields("spec", reflect.TypeFor[corev1.PodSpec]()) {
		missing[field] = true
	}
	for _, a := range taskdef.Annotations() {
		if !a.Provider {
			missing["metadata.annotations["+a.Key+"]"] = true
		}
	}
	accepted, pods := 0, 2000
	for seed := range pods {
		pod, node := generated(bytesOf(seed))
		for _, field := range fieldsSet(pod) {
			delete(missing, field)
		}
		if _, err := fuzzed(t, pod, node); err == nil {
			accepted++
		}
	}
	if len(missing) > 0 {
		t.Errorf("never generated: %v", missing)
	}
	t.Logf("%d of %d accepted", accepted, pods)
	if accepted < pods/10 {
		t.Errorf("of %d pods %d are accepted: too few to tell anything of translations", pods, accepted)
	}
}

// fieldsSet are the fields of the verdict table that hold something.
func fieldsSet(pod *corev1.Pod) []string {
	return taskdef.Holding(pod, append(fields("spec", reflect.TypeFor[corev1.PodSpec]()), annotationFields()...))
}

func annotationFields() []string {
	var all []string
	for key := range annotationValues {
		all = append(all, "metadata.annotations["+key+"]")
	}
	return all
}

// bytesOf are some bytes of a seed, as a fuzzer would give them.
func bytesOf(seed int) []byte {
	data := make([]byte, 2048)
	state := uint64(seed)*2862933555777941757 + 3037000493
	for i := range data {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		data[i] = byte(state >> 32)
	}
	return data
}
