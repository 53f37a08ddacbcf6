package taskdef

import corev1 "k8s.io/api/core/v1"

const (
	notYet     = "volumes of this kind are not supported yet"
	notFargate = "Fargate mounts no volumes of this kind"
	elsewhere  = "run the pod on an ordinary node"

	webhooksOwn = "aws-iam-token or eks-pod-identity-token, from EKS"
)

var volumeRules = []rule{
	quiet("spec.volumes[].name", Accepted, "a volume is judged by its kind"),
	volume("hostPath", "there is no host on Fargate", elsewhere, func(v *corev1.Volume) bool { return v.HostPath != nil }),
	volume("emptyDir", notYet, "write to the container's own file system", func(v *corev1.Volume) bool { return v.EmptyDir != nil }),
	volume("gcePersistentDisk", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.GCEPersistentDisk != nil }),
	volume("awsElasticBlockStore", "an existing EBS volume cannot be attached to a Fargate task", elsewhere, func(v *corev1.Volume) bool { return v.AWSElasticBlockStore != nil }),
	volume("gitRepo", notFargate, "clone the repository at the beginning of the container's command", func(v *corev1.Volume) bool { return v.GitRepo != nil }),
	volume("secret", notYet, elsewhere, func(v *corev1.Volume) bool { return v.Secret != nil }),
	volume("nfs", notYet, elsewhere, func(v *corev1.Volume) bool { return v.NFS != nil }),
	volume("iscsi", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.ISCSI != nil }),
	volume("glusterfs", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.Glusterfs != nil }),
	volume("persistentVolumeClaim", notYet, elsewhere, func(v *corev1.Volume) bool { return v.PersistentVolumeClaim != nil }),
	volume("rbd", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.RBD != nil }),
	volume("flexVolume", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.FlexVolume != nil }),
	volume("cinder", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.Cinder != nil }),
	volume("cephfs", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.CephFS != nil }),
	volume("flocker", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.Flocker != nil }),
	volume("downwardAPI", notYet, "use env with fieldRef", func(v *corev1.Volume) bool { return v.DownwardAPI != nil }),
	volume("fc", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.FC != nil }),
	volume("azureFile", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.AzureFile != nil }),
	volume("configMap", notYet, "use env with configMapKeyRef, or envFrom", func(v *corev1.Volume) bool { return v.ConfigMap != nil }),
	volume("vsphereVolume", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.VsphereVolume != nil }),
	volume("quobyte", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.Quobyte != nil }),
	volume("azureDisk", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.AzureDisk != nil }),
	volume("photonPersistentDisk", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.PhotonPersistentDisk != nil }),
	quiet("spec.volumes[].projected", Accepted, "the API server's own "+tokenVolumeName+"... volume is left out: no token reaches the container yet"),
	quietCase("spec.volumes[].projected", webhooksOwn+", beside a task role", Accepted, "left out, for the task role replaces it"),
	loud("spec.volumes[].projected", webhooksOwn+", without a task role", Refused, "the identities that EKS gives to pods do not reach Fargate", "annotate the pod "+AnnotationRole+", or its ServiceAccount "+AnnotationServiceAccountRole, func(in Input) []hit {
		if role, _ := askedRole(in); role != "" {
			return nil
		}
		return onVolumes(isWebhookVolume)(in)
	}),
	projected("any other", notYet, "use env"),
	volume("portworxVolume", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.PortworxVolume != nil }),
	volume("scaleIO", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.ScaleIO != nil }),
	volume("storageos", notFargate, elsewhere, func(v *corev1.Volume) bool { return v.StorageOS != nil }),
	volume("csi", notYet, elsewhere, func(v *corev1.Volume) bool { return v.CSI != nil }),
	volume("ephemeral", notYet, "write to the container's own file system", func(v *corev1.Volume) bool { return v.Ephemeral != nil }),
	volume("image", notFargate, "put the files into the container's own image", func(v *corev1.Volume) bool { return v.Image != nil }),
}

// volume refuses one kind of volume. The message names the volume, for its index says little.
func volume(kind, what, wayOut string, is func(*corev1.Volume) bool) rule {
	return loud("spec.volumes[]."+kind, "", Refused, what, wayOut, onVolumes(is))
}

func projected(values, what, wayOut string) rule {
	return loud("spec.volumes[].projected", values, Refused, what, wayOut, onVolumes(func(v *corev1.Volume) bool {
		return v.Projected != nil && !isTokenVolume(v) && !isWebhookVolume(v)
	}))
}

func onVolumes(is func(*corev1.Volume) bool) func(Input) []hit {
	return func(in Input) []hit {
		var hits []hit
		for i := range in.Pod.Spec.Volumes {
			if v := &in.Pod.Spec.Volumes[i]; is(v) {
				hits = append(hits, hit{at: []int{i}, detail: "volume " + v.Name})
			}
		}
		return hits
	}
}
