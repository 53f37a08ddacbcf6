package taskdef

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podfile"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
)

// AnnotationToken asks for the token of the pod's ServiceAccount that the API server's own volume holds: "true".
const AnnotationToken = podid.AnnotationPrefix + "service-account-token"

const (
	notFargate = "Fargate mounts no volumes of this kind"
	elsewhere  = "run the pod on an ordinary node"

	webhooksOwn     = "aws-iam-token or eks-pod-identity-token, from EKS"
	asFiles         = "files, which a small container of the provider's own lays out before all others start, with items, modes, fsGroup and subPath; they stay as they are while the task runs"
	noRole          = "without ExecutionRoleArn in fargate.toml"
	throughRole     = "this content reaches a task through AWS Secrets Manager and its execution role, and this node has none"
	setRole         = "set ExecutionRoleArn in fargate.toml to a role that may read secrets of this node"
	grantFileSystem = "ask whoever runs the node for that, or use a PersistentVolumeClaim"
	apiOwn          = "the API server's own kube-api-access-... volume"
)

var volumeRules = []rule{
	loud("spec", "volumes with more than 1.9 MB of files, packed", Refused, "they find no way into a task", "keep fewer or smaller files in volumes, mount them from EFS, or have the container fetch them", tooManyFiles),
	quiet("spec.volumes[].name", Mapped, "name of a volume of the task"),
	volume("hostPath", "there is no host on Fargate", elsewhere, func(v *corev1.Volume) bool { return v.HostPath != nil }),
	quiet("spec.volumes[].emptyDir", Mapped, "an empty volume of the task that everybody may write to; sizeLimit raises the task's ephemeral storage, to 200 GiB at most, and nothing enforces it"),
	quietCase("spec.volumes[].emptyDir", "medium Memory", Mapped, "a tmpfs, as large as sizeLimit, else the container's memory limit, else the task's memory; it counts as memory of the container"),
	loud("spec.volumes[].emptyDir", "medium Memory, mounted more than once or by subPath", Warned, "a Fargate tmpfs belongs to one container, so that the volume lies on disk", "mount it in one container alone, or use the default medium", onVolume(func(in Input, v *corev1.Volume) bool {
		return v.EmptyDir != nil && v.EmptyDir.Medium == corev1.StorageMediumMemory && isShared(in.Pod, v)
	})),
	ruleTmpfsTooLarge, ruleDisksTooLarge,
	loud("spec.volumes[].emptyDir", "medium HugePages", Refused, "Fargate has no huge pages", "use medium Memory", onVolumes(func(v *corev1.Volume) bool {
		return v.EmptyDir != nil && strings.HasPrefix(string(v.EmptyDir.Medium), string(corev1.StorageMediumHugePages))
	})),
	volume("gcePersistentDisk", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.GCEPersistentDisk != nil }),
	volume("awsElasticBlockStore", "an existing EBS volume cannot be attached to a Fargate task", elsewhere, func(v *corev1.Volume) bool { return v.AWSElasticBlockStore != nil }),
	volume("gitRepo", notFargate, "clone the repository at the beginning of the container's command", func(v *corev1.Volume) bool { return v.GitRepo != nil }),
	quiet("spec.volumes[].secret", Emulated, asFiles+"; the content reaches the task through AWS Secrets Manager, read by the execution role"),
	noPath("secret"),
	loud("spec.volumes[].secret", noRole, Refused, throughRole, setRole, withoutRole(func(v *corev1.Volume) bool { return v.Secret != nil })),
	quiet("spec.volumes[].nfs", Mapped, "EFS volume, where the server is a file system's own name, fs-ID.efs.REGION.amazonaws.com, which [[Grants]] in fargate.toml gives to the namespace"),
	loud("spec.volumes[].nfs", "no file system of EFS", Refused, "Fargate mounts file systems of EFS alone", elsewhere, fileSystemFaults(func(v *corev1.Volume) bool { return v.NFS != nil })),
	loud("spec.volumes[].nfs", notGranted, Refused, "fargate.toml does not grant it", grantFileSystem, ungrantedFileSystems(func(v *corev1.Volume) bool { return v.NFS != nil })),
	volume("iscsi", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.ISCSI != nil }),
	volume("glusterfs", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.Glusterfs != nil }),
	quiet("spec.volumes[].persistentVolumeClaim", Mapped, "EFS volume, where it is bound to a PersistentVolume of "+driverEFS+", or of NFS with a file system's own name; directories that subPath names must exist"),
	loud("spec.volumes[].persistentVolumeClaim", "bound to anything else", Refused, "Fargate mounts file systems of EFS alone", "use a PersistentVolume of EFS, or for room of the task's own emptyDir with the annotation "+AnnotationEBS, fileSystemFaults(func(v *corev1.Volume) bool { return v.PersistentVolumeClaim != nil })),
	loud("spec.volumes[].persistentVolumeClaim", "mount option iam, without a task role", Refused, "EFS is asked as the task role, and the pod has none", "annotate the pod "+AnnotationRole+", or its ServiceAccount "+AnnotationServiceAccountRole, onVolume(func(in Input, v *corev1.Volume) bool {
		fs, _ := fileSystemOf(in, v)
		return fs != nil && fs.byIAM && taskRole(in) == ""
	})),
	volume("rbd", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.RBD != nil }),
	volume("flexVolume", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.FlexVolume != nil }),
	volume("cinder", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.Cinder != nil }),
	volume("cephfs", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.CephFS != nil }),
	volume("flocker", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.Flocker != nil }),
	quiet("spec.volumes[].downwardAPI", Emulated, asFiles+"; what differs between replicas travels in the task's overrides"),
	noPath("downwardAPI"),
	loud("spec.volumes[].downwardAPI", "what is not known before the task starts", Refused, "the file cannot be written", "use env with fieldRef for the pod's address, else name what the pod itself says", unknownFiles),
	volume("fc", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.FC != nil }),
	volume("azureFile", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.AzureFile != nil }),
	quiet("spec.volumes[].configMap", Emulated, asFiles+"; up to 16 KiB, packed, lie in the task definition, more in AWS Secrets Manager"),
	noPath("configMap"),
	loud("spec.volumes[].configMap", "more than 16 KiB, packed, "+noRole, Refused, throughRole, setRole, withoutRole(func(v *corev1.Volume) bool { return v.ConfigMap != nil })),
	volume("vsphereVolume", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.VsphereVolume != nil }),
	volume("quobyte", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.Quobyte != nil }),
	volume("azureDisk", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.AzureDisk != nil }),
	volume("photonPersistentDisk", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.PhotonPersistentDisk != nil }),
	quiet("spec.volumes[].projected", Emulated, asFiles+"; each source as a volume of its kind"),
	noPath("projected"),
	quietCase("spec.volumes[].projected", apiOwn, Emulated, "by ServiceAccountToken in fargate.toml: left out, unless the pod is annotated "+AnnotationToken+": \"true\" or all pods get it"),
	quietCase("spec.volumes[].projected", webhooksOwn+", beside a task role", Accepted, "left out, for the task role replaces it"),
	loud("spec.volumes[].projected", webhooksOwn+", without a task role", Refused, "the identities that EKS gives to pods do not reach Fargate", "annotate the pod "+AnnotationRole+", or its ServiceAccount "+AnnotationServiceAccountRole, func(in Input) []hit {
		if role, _ := askedRole(in); role != "" {
			return nil
		}
		return onVolumes(isWebhookVolume)(in)
	}),
	loud("spec.volumes[].projected", "with content of Secrets, tokens, or more than 16 KiB, "+noRole, Refused, throughRole, setRole, withoutRole(func(v *corev1.Volume) bool { return v.Projected != nil && !isWebhookVolume(v) })),
	quiet("spec.volumes[].projected.sources[].serviceAccountToken", Emulated, "a token of the pod's ServiceAccount, kept in AWS Secrets Manager and renewed there; a task keeps the one that it started with"),
	loud("spec.volumes[].projected.sources[].serviceAccountToken", `where fargate.toml says ServiceAccountToken = "never"`, Refused, "this node gives no tokens to pods", "ask whoever runs the node for that, or remove the source", func(in Input) []hit {
		if !in.Settings.NoTokens {
			return nil
		}
		return onSources(func(s *corev1.VolumeProjection) bool { return s.ServiceAccountToken != nil })(in)
	}),
	loud("spec.volumes[].projected.sources[].clusterTrustBundle", "", Refused, "trust bundles are not supported yet", "put the certificates into a ConfigMap", onSources(func(s *corev1.VolumeProjection) bool { return s.ClusterTrustBundle != nil })),
	loud("spec.volumes[].projected.sources[].podCertificate", "", Refused, "nobody could renew the certificate inside a Fargate task", "put the certificate into a Secret", onSources(func(s *corev1.VolumeProjection) bool { return s.PodCertificate != nil })),
	volume("portworxVolume", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.PortworxVolume != nil }),
	volume("scaleIO", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.ScaleIO != nil }),
	volume("storageos", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.StorageOS != nil }),
	quiet("spec.volumes[].csi", Mapped, "EFS volume, of the driver "+driverEFS+" with the attribute "+attributeHandle+" as in a PersistentVolume, which [[Grants]] in fargate.toml gives to the namespace"),
	loud("spec.volumes[].csi", "no file system of EFS", Refused, "Fargate mounts file systems of EFS alone", elsewhere, fileSystemFaults(func(v *corev1.Volume) bool { return v.CSI != nil })),
	loud("spec.volumes[].csi", notGranted, Refused, "fargate.toml does not grant it", grantFileSystem, ungrantedFileSystems(func(v *corev1.Volume) bool { return v.CSI != nil })),
	volume("ephemeral", "no claim of a volume of its own is bound on a node without storage drivers", "use emptyDir, with the annotation "+AnnotationEBS+" for a volume of EBS", func(v *corev1.Volume) bool { return v.Ephemeral != nil }),
}

// volume refuses one kind of volume. The message names the volume, for its index says little.
func volume(kind, what, wayOut string, is func(*corev1.Volume) bool) rule {
	return loud("spec.volumes[]."+kind, "", Refused, what, wayOut, onVolumes(is))
}

func onVolumes(is func(*corev1.Volume) bool) func(Input) []hit {
	return onVolume(func(_ Input, v *corev1.Volume) bool { return is(v) })
}

func onVolume(is func(Input, *corev1.Volume) bool) func(Input) []hit {
	return func(in Input) []hit {
		var hits []hit
		for i := range in.Pod.Spec.Volumes {
			if v := &in.Pod.Spec.Volumes[i]; is(in, v) {
				hits = append(hits, hit{at: []int{i}, detail: "volume " + v.Name})
			}
		}
		return hits
	}
}

// onSources finds sources of projected volumes.
func onSources(is func(*corev1.VolumeProjection) bool) func(Input) []hit {
	return func(in Input) []hit {
		var hits []hit
		for i := range in.Pod.Spec.Volumes {
			v := &in.Pod.Spec.Volumes[i]
			if v.Projected == nil || isLeftOut(in, v) || isWebhookVolume(v) {
				continue
			}
			for n := range v.Projected.Sources {
				if is(&v.Projected.Sources[n]) {
					hits = append(hits, hit{at: []int{i, n}, detail: "volume " + v.Name})
				}
			}
		}
		return hits
	}
}

// withoutRole finds volumes with content that lies in Secrets Manager, where nobody could read it there.
func withoutRole(is func(*corev1.Volume) bool) func(Input) []hit {
	return onVolume(func(in Input, v *corev1.Volume) bool {
		files := in.Files.Of(v.Name)
		if in.Settings.ExecutionRoleARN != "" || files == nil || !is(v) {
			return false
		}
		return len(files.Tokens) > 0 || slices.ContainsFunc(files.Archives, func(a podfile.Archive) bool { return len(a.Stored) > 0 })
	})
}

// fileSystemFaults finds volumes that ought to be of EFS and are not.
func fileSystemFaults(is func(*corev1.Volume) bool) func(Input) []hit {
	return func(in Input) []hit {
		var hits []hit
		for i := range in.Pod.Spec.Volumes {
			v := &in.Pod.Spec.Volumes[i]
			if _, fault := fileSystemOf(in, v); fault != "" && is(v) {
				hits = append(hits, hit{at: []int{i}, detail: "volume " + v.Name, what: fault})
			}
		}
		return hits
	}
}

// ungrantedFileSystems finds those that the pod's author names himself and that nobody gave him.
func ungrantedFileSystems(is func(*corev1.Volume) bool) func(Input) []hit {
	return func(in Input) []hit {
		var hits []hit
		for i := range in.Pod.Spec.Volumes {
			v := &in.Pod.Spec.Volumes[i]
			fs, _ := fileSystemOf(in, v)
			if fs == nil || !is(v) || in.Settings.Grants != nil && in.Settings.Grants.FileSystem(in.Pod.Namespace, fs.id) {
				continue
			}
			hits = append(hits, hit{at: []int{i}, detail: "volume " + v.Name, what: fmt.Sprintf("fargate.toml does not grant %s to namespace %q; the table [[Grants]] with the lines Namespaces = [%q] and %s would",
				fs.id, in.Pod.Namespace, in.Pod.Namespace, grantLine("FileSystems", fs.id))})
		}
		return hits
	}
}

// unknownFiles finds those that cannot be written before the task starts.
func unknownFiles(in Input) []hit {
	return unsupportedFiles(in, func(field string) bool { return !strings.HasSuffix(field, ".path") })
}

// noPath refuses paths of files, in one kind of volume, that no file can have.
func noPath(kind string) rule {
	return loud("spec.volumes[]."+kind, "a path that no file can have", Refused, "the file cannot be written", "choose another path", func(in Input) []hit {
		return unsupportedFiles(in, func(field string) bool {
			_, within, _ := strings.Cut(field, "].") // spec.volumes[0].
			return strings.HasPrefix(within, kind+".") && strings.HasSuffix(field, ".path")
		})
	})
}

func unsupportedFiles(in Input, at func(field string) bool) []hit {
	var hits []hit
	for _, p := range podfile.Unsupported(in.Pod) {
		if at(p.Field) {
			hits = append(hits, hit{field: p.Field, what: p.Message})
		}
	}
	return hits
}

// mountFaults finds mounts that cannot be had.
func mountFaults(in Input) []hit {
	var hits []hit
	for _, f := range layoutOf(in).faults {
		hits = append(hits, f.hit())
	}
	return hits
}
