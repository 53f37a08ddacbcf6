package taskdef_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// judgedWithin are the structs whose fields have verdicts of their own. Every other field is judged whole.
var judgedWithin = map[reflect.Type]bool{
	reflect.TypeFor[corev1.Container]():            true,
	reflect.TypeFor[corev1.ContainerPort]():        true,
	reflect.TypeFor[corev1.VolumeMount]():          true,
	reflect.TypeFor[corev1.EnvVar]():               true,
	reflect.TypeFor[corev1.EnvVarSource]():         true,
	reflect.TypeFor[corev1.EnvFromSource]():        true,
	reflect.TypeFor[corev1.ResourceRequirements](): true,
	reflect.TypeFor[corev1.Lifecycle]():            true,
	reflect.TypeFor[corev1.SecurityContext]():      true,
	reflect.TypeFor[corev1.Capabilities]():         true,
	reflect.TypeFor[corev1.PodSecurityContext]():   true,
	reflect.TypeFor[corev1.Volume]():               true,
	reflect.TypeFor[corev1.VolumeSource]():         true,
}

// judgedWhole are fields that are not looked into although their type is: all of them is refused or warned
// about at once, or follows from other rows.
var judgedWhole = map[string]bool{"spec.initContainers": true, "spec.ephemeralContainers": true, "spec.resources": true}

// A field that appears in a newer k8s.io/api fails here until it has a row.
func TestEveryFieldHasAVerdict(t *testing.T) {
	judged := map[string]bool{}
	for _, row := range taskdef.Verdicts() {
		judged[row.Field] = true
	}
	all := fields("spec", reflect.TypeFor[corev1.PodSpec]())
	if len(all) < 130 { // k8s.io/api v0.36.6 has 136
		t.Errorf("only %d fields were found", len(all))
	}
	for _, field := range all {
		if !judged[field] {
			t.Errorf("%s has no row in the verdict table", field)
		}
	}
}

func TestEveryRowNamesAField(t *testing.T) {
	known := map[string]bool{"spec": true, "spec.containers": true, "spec.containers[].resources": true}
	for _, field := range fields("spec", reflect.TypeFor[corev1.PodSpec]()) {
		known[field] = true
	}
	for _, row := range taskdef.Verdicts() {
		field, _, _ := strings.Cut(row.Field, "[ephemeral")
		source, _ := strings.CutPrefix(field, "spec.volumes[].projected.sources[].")
		_, isSource := reflect.TypeFor[corev1.VolumeProjection]().FieldByNameFunc(func(name string) bool { return strings.EqualFold(name, source) })
		if !known[field] && !isSource && !strings.HasPrefix(field, "metadata.annotations[") {
			t.Errorf("%s is no field of a pod", row.Field)
		}
		if row.What == "" {
			t.Errorf("%s does not say what happens", row.Field)
		}
		if speaks(row) != (row.WayOut != "") {
			t.Errorf("%s (%s): a way out belongs to what is warned about or refused, and to nothing else", row.Field, row.Verdict)
		}
	}
}

func speaks(row taskdef.Row) bool {
	return row.Verdict == taskdef.Warned || row.Verdict == taskdef.Refused
}

// fields are the paths of all fields that are to be judged, named as in a manifest.
func fields(path string, of reflect.Type) []string {
	var paths []string
	for i := range of.NumField() {
		field := of.Field(i)
		if field.Anonymous {
			paths = append(paths, fields(path, field.Type)...)
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		inner, child := field.Type, path+"."+name
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			if inner.Kind() == reflect.Slice && judgedWithin[inner.Elem()] && !judgedWhole[child] {
				child += "[]"
			}
			inner = inner.Elem()
		}
		if judgedWithin[inner] && !judgedWhole[child] {
			paths = append(paths, fields(child, inner)...)
		} else {
			paths = append(paths, child)
		}
	}
	return paths
}

// provocations are pods that make a row speak, keyed by the row's field and case. A text that begins with
// a brace is the container's, any other is the pod's spec; both are merged into a pod that is fine.
var provocations = map[string]string{
	"metadata.annotations[fargate.virtual-kubelet.io/size]|a size that Fargate does not have, or too small":  "annotation 1024/9000",
	"metadata.annotations[iam.amazonaws.com/role]|not granted to the namespace":                              "role arn:aws:iam::123456789012:role/admin",
	"metadata.annotations[iam.amazonaws.com/role]|no role's ARN, or the execution role":                      "role admin",
	"metadata.annotations[fargate.virtual-kubelet.io/service-account-token]|any other value":                 `ask {service-account-token: "yes"}`,
	"metadata.annotations[fargate.virtual-kubelet.io/subnets]|any other value":                               `ask {subnets: subnet-A}`,
	"metadata.annotations[fargate.virtual-kubelet.io/subnets]|not granted to the namespace":                  `ask {subnets: subnet-0f}`,
	"metadata.annotations[fargate.virtual-kubelet.io/security-groups]|any other value":                       `ask {security-groups: "sg-1,sg-1"}`,
	"metadata.annotations[fargate.virtual-kubelet.io/security-groups]|not granted to the namespace":          `ask {security-groups: sg-0f}`,
	"metadata.annotations[fargate.virtual-kubelet.io/assign-public-ip]|any other value":                      `ask {assign-public-ip: "yes"}`,
	"metadata.annotations[fargate.virtual-kubelet.io/assign-public-ip]|not granted to the namespace":         `ask {assign-public-ip: "true"}`,
	"metadata.annotations[fargate.virtual-kubelet.io/capacity-type]|any other value":                         `ask {capacity-type: reserved}`,
	"metadata.annotations[fargate.virtual-kubelet.io/ulimits]|any other value":                               `ask {ulimits: nofile=many}`,
	"metadata.annotations[fargate.virtual-kubelet.io/log-driver]|any other value":                            `ask {log-driver: json-file}`,
	"metadata.annotations[fargate.virtual-kubelet.io/log-options]|any other value":                           `ask {log-options: awslogs-region=eu-west-1}`,
	"metadata.annotations[fargate.virtual-kubelet.io/log-options]|not granted to the namespace":              `ask {log-options: awslogs-group=/secret}`,
	"metadata.annotations[fargate.virtual-kubelet.io/log-secret-options]|any other value":                    `ask {log-secret-options: splunk-token=hunter2}`,
	"metadata.annotations[fargate.virtual-kubelet.io/log-mode]|any other value":                              `ask {log-mode: lossy}`,
	"metadata.annotations[fargate.virtual-kubelet.io/log-router-config]|any other value":                     `ask {log-router-config: "s3://bucket/file"}`,
	"metadata.annotations[fargate.virtual-kubelet.io/...]|any other name, or one with a prefix much like it": `ask {subnet: subnet-0a}`,
	"spec.nodeSelector|of another operating system than Linux":                                               "nodeSelector: {kubernetes.io/os: windows}",
	"spec.affinity|required, of another architecture than the node's":                                        "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/arch, operator: In, values: [arm64]}]}]}}}",
	"spec.nodeSelector|of another architecture than the node's":                                              "nodeSelector: {kubernetes.io/arch: arm64}",
	"spec.affinity|required, of another operating system than Linux":                                         "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows]}]}]}}}",
	"spec.containers|more than 10, init containers and the provider's own included":                          "{restartPolicy: Never, initContainers: [{name: i, image: i}], containers: [" + strings.Repeat("{name: c, image: i}, ", 9) + "]}",
	"spec.containers[].name|vk-keeper, vk-files, vk-log-router, vk-image-..., vk-dirs-...":                   "{name: vk-dirs-a}",
	"spec.volumes[].image|without a reference, or with one of more than 255 characters":                      `{volumes: [{name: v, image: {}}]}`,
	"spec.volumes[].image|pullPolicy Never":                                                                  `{volumes: [{name: v, image: {reference: files, pullPolicy: Never}}]}`,
	"spec.volumes[].image|of a private Amazon ECR registry, without ExecutionRoleArn in fargate.toml":        `{volumes: [{name: v, image: {reference: "123456789012.dkr.ecr.us-east-1.amazonaws.com/files:1"}}]}`,
	"spec.ephemeralContainers|":                      "ephemeralContainers: [{name: e, image: i}]",
	"spec.terminationGracePeriodSeconds|above 120":   "terminationGracePeriodSeconds: 121",
	"spec.dnsPolicy|None, where that cannot be done": "dnsPolicy: None",
	"spec.hostNetwork|true":                          "hostNetwork: true",
	"spec.hostPID|true":                              "hostPID: true",
	"spec.hostIPC|true":                              "hostIPC: true",
	"spec.imagePullSecrets|with credentials for an image, without ExecutionRoleArn in fargate.toml": "imagePullSecrets: [{name: registry}]",
	"spec.imagePullSecrets|with nothing but an identity or registry token for an image":             "imagePullSecrets: [{name: token}]",
	"spec.hostname|other than the pod's name":                                                       "hostname: other",
	"spec.dnsConfig|options alone, where that cannot be done":                                       "dnsConfig: {options: [{name: ndots, value: '2'}]}",
	"spec.dnsConfig|nameservers or searches, where that cannot be done":                             "dnsConfig: {nameservers: [10.0.0.1]}",
	"spec.runtimeClassName|":                                             "runtimeClassName: gvisor",
	"spec.setHostnameAsFQDN|true":                                        "setHostnameAsFQDN: true",
	"spec.os|other than linux":                                           "os: {name: windows}",
	"spec.hostUsers|false":                                               "hostUsers: false",
	"spec.resourceClaims|":                                               "resourceClaims: [{name: gpu}]",
	"spec.resources|other than cpu and memory":                           "resources: {limits: {hugepages-2Mi: 2Mi}}",
	"spec.hostnameOverride|":                                             "hostnameOverride: other",
	"spec.securityContext.seLinuxOptions|":                               "securityContext: {seLinuxOptions: {level: s0}}",
	"spec.securityContext.windowsOptions|":                               "securityContext: {windowsOptions: {runAsUserName: a}}",
	"spec.securityContext.supplementalGroups|":                           "securityContext: {supplementalGroups: [5]}",
	"spec.securityContext.fsGroup|beside a runAsUser without runAsGroup": "securityContext: {runAsUser: 1000, fsGroup: 2000}",
	"spec.securityContext.sysctls|any other":                             "securityContext: {sysctls: [{name: vm.swappiness, value: '1'}]}",
	"spec.securityContext.seccompProfile|Localhost":                      "securityContext: {seccompProfile: {type: Localhost, localhostProfile: p}}",
	"spec.securityContext.seccompProfile|Unconfined":                     "securityContext: {seccompProfile: {type: Unconfined}}",
	"spec.securityContext.appArmorProfile|other than RuntimeDefault":     "securityContext: {appArmorProfile: {type: Unconfined}}",
	"spec.containers[].image|more than 255 characters":                   "{image: " + strings.Repeat("i", 256) + "}",
	"spec.containers[].image|of a private Amazon ECR registry, without ExecutionRoleArn in fargate.toml":                      "{image: 123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1}",
	"spec.containers[].ports[].hostPort|the containerPort":                                                                    "{ports: [{containerPort: 1, hostPort: 1}]}",
	"spec.containers[].ports[].hostPort|another than the containerPort":                                                       "{ports: [{containerPort: 1, hostPort: 2}]}",
	"spec.containers[].ports[].protocol|SCTP":                                                                                 "{ports: [{containerPort: 1, protocol: SCTP}]}",
	"spec.containers[].ports[].hostIP|":                                                                                       "{ports: [{containerPort: 1, hostIP: 10.0.0.1}]}",
	"spec.containers[].resources|more than the largest size":                                                                  "{resources: {requests: {cpu: 33}}}",
	"spec.containers[].resources.requests[ephemeral-storage]|more than 200 GiB":                                               "{resources: {requests: {ephemeral-storage: 201Gi}}}",
	"spec.containers[].resources|other than cpu, memory and ephemeral-storage":                                                "{resources: {limits: {nvidia.com/gpu: 1}}}",
	"spec.containers[].resources|extended resources that are no known device":                                                 "{resources: {limits: {example.com/token: 1}}}",
	"spec.containers[].resources.claims|":                                                                                     "{resources: {claims: [{name: gpu}]}}",
	"spec.containers[].restartPolicy|other than the pod's":                                                                    "{restartPolicy: Never}",
	"spec.containers[].restartPolicyRules|":                                                                                   "{restartPolicyRules: [{action: Restart}]}",
	"spec.containers[].volumeDevices|":                                                                                        "{volumeDevices: [{name: v, devicePath: /dev/x}]}",
	"spec.containers[].lifecycle.stopSignal|":                                                                                 "{lifecycle: {stopSignal: SIGUSR1}}",
	"spec.containers[].terminationMessagePath|other than /dev/termination-log":                                                "{terminationMessagePath: /tmp/m}",
	"spec.containers[].imagePullPolicy|Never":                                                                                 "{imagePullPolicy: Never}",
	"spec.containers[].stdinOnce|true":                                                                                        "{stdinOnce: true}",
	"spec.hostAliases|where that cannot be done":                                                                              "hostAliases: [{ip: 10.0.0.1, hostnames: [a]}]",
	"spec.volumes[].emptyDir|medium Memory, mounted more than once or by subPath":                                             "{volumes: [{name: v, emptyDir: {medium: Memory}}], initContainers: [{name: i, image: i, volumeMounts: [{name: v, mountPath: /v}]}], containers: [{name: c, image: i, volumeMounts: [{name: v, mountPath: /v}]}]}",
	"spec.volumes[].emptyDir|medium Memory, sizeLimit above the task's memory":                                                "volumes: [{name: v, emptyDir: {medium: Memory, sizeLimit: 2Gi}}]",
	"spec.volumes[].emptyDir|on disk, sizeLimits of more than 200 GiB":                                                        "volumes: [{name: v, emptyDir: {sizeLimit: 500Gi}}]",
	"spec.volumes[].emptyDir|medium HugePages":                                                                                "volumes: [{name: v, emptyDir: {medium: HugePages-2Mi}}]",
	"spec.volumes[].secret|without ExecutionRoleArn in fargate.toml":                                                          "volumes: [{name: v, secret: {secretName: login}}]",
	"metadata.annotations[fargate.virtual-kubelet.io/ebs-volume]|any other value":                                             `ask {ebs-volume: scratch}`,
	"spec.volumes[].nfs|no file system of EFS":                                                                                "volumes: [{name: v, nfs: {server: nas, path: /}}]",
	"spec.volumes[].nfs|not granted to the namespace":                                                                         "volumes: [{name: v, nfs: {server: fs-0f0f0f0f.efs.us-east-1.amazonaws.com, path: /}}]",
	"spec.volumes[].csi|no file system of EFS":                                                                                "volumes: [{name: v, csi: {driver: secrets-store.csi.k8s.io}}]",
	"spec.volumes[].csi|not granted to the namespace":                                                                         "volumes: [{name: v, csi: {driver: efs.csi.aws.com, volumeAttributes: {volumeHandle: fs-0f0f0f0f}}}]",
	"spec.volumes[].persistentVolumeClaim|bound to anything else":                                                             "volumes: [{name: v, persistentVolumeClaim: {claimName: claim}}]",
	"spec.volumes[].downwardAPI|what is not known before the task starts":                                                     "volumes: [{name: v, downwardAPI: {items: [{path: ip, fieldRef: {fieldPath: status.podIP}}]}}]",
	"spec.volumes[].configMap|more than 16 KiB, packed, without ExecutionRoleArn in fargate.toml":                             "volumes: [{name: v, configMap: {name: large}}]",
	"spec.volumes[].projected|with content of Secrets, tokens, or more than 16 KiB, without ExecutionRoleArn in fargate.toml": "volumes: [{name: v, projected: {sources: [{secret: {name: login}}]}}]",
	"spec.volumes[].projected.sources[].serviceAccountToken|where fargate.toml says ServiceAccountToken = \"never\"":          "volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: t}}]}}]",
	"spec.volumes[].projected.sources[].clusterTrustBundle|":                                                                  "volumes: [{name: v, projected: {sources: [{clusterTrustBundle: {path: t}}]}}]",
	"spec.volumes[].projected.sources[].podCertificate|":                                                                      "volumes: [{name: v, projected: {sources: [{podCertificate: {keyType: ED25519}}]}}]",
	"spec.containers[].volumeMounts[].subPath|what cannot be mounted so":                                                      "{volumes: [{name: v, emptyDir: {}}], containers: [{name: c, image: i, volumeMounts: [{name: v, mountPath: /v, subPath: a}, {name: v, mountPath: /w, subPath: a/b}]}]}",
	"spec.containers[].volumeMounts[].mountPath|the path of another":                                                          "{volumes: [{name: v, emptyDir: {}}, {name: w, emptyDir: {medium: Memory}}], containers: [{name: c, image: i, volumeMounts: [{name: v, mountPath: /v}, {name: w, mountPath: v//}]}]}",
	"spec.containers[].volumeMounts[].subPathExpr|made of the pod's address":                                                  "{volumes: [{name: v, emptyDir: {}}], containers: [{name: c, image: i, command: [c], env: [{name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}], volumeMounts: [{name: v, mountPath: /v, subPathExpr: $(IP)}]}]}",
	"spec.containers[].env[].valueFrom.fieldRef|status.podIP, podIPs, beside a probe that is a command":                       "{command: [c], readinessProbe: {exec: {command: [x]}}, env: [{name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]}",
	"spec.containers[].volumeMounts[].subPathExpr|expanded from a value of a Secret":                                          "{volumes: [{name: v, emptyDir: {}}], containers: [{name: c, image: i, envFrom: [{secretRef: {name: login}}], volumeMounts: [{name: v, mountPath: /v, subPathExpr: $(PASSWORD)}]}]}",
	"spec.containers[].volumeMounts[].mountPropagation|other than None":                                                       "{volumes: [{name: v, emptyDir: {}}], containers: [{name: c, image: i, volumeMounts: [{name: v, mountPath: /v, mountPropagation: Bidirectional}]}]}",
	"spec.containers[].lifecycle.postStart|exec":                                                                              "{lifecycle: {postStart: {exec: {command: [a]}}}}",
	"spec.containers[].lifecycle.preStop|exec":                                                                                "{lifecycle: {preStop: {exec: {command: [a]}}}}",
	"spec.containers[].env[].name|VK_CLUSTER_UID, VK_NODE_NAME, VK_POD_NAMESPACE, VK_POD_NAME, VK_POD_UID, VK_ATTEMPT":        "{env: [{name: VK_ATTEMPT, value: '9'}]}",
	"spec.containers[].env[].valueFrom.fieldRef|status.podIP, podIPs, where the container does not name its command":          "{env: [{name: A, valueFrom: {fieldRef: {fieldPath: status.podIPs}}}]}",
	"spec.containers[].env[].valueFrom.fieldRef|anything else":                                                                "{env: [{name: A, valueFrom: {fieldRef: {fieldPath: status.phase}}}]}",
	"spec.containers[].env[].valueFrom.resourceFieldRef|other than cpu, memory, ephemeral-storage":                            "{env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.hugepages-2Mi}}}]}",
	"spec.containers[].env[].valueFrom.secretKeyRef|or another value from a Secret, without ExecutionRoleArn in fargate.toml": "{env: [{name: A, valueFrom: {secretKeyRef: {name: login, key: PASSWORD}}}]}",
	"spec.containers[].env[].valueFrom.secretKeyRef|or another value from a Secret, not published":                            "{env: [{name: A, valueFrom: {secretKeyRef: {name: login, key: PASSWORD}}}]}",
	"spec|volumes with more than 1.9 MB of files, packed":                                                                     "volumes: [{name: v, configMap: {name: huge}}, {name: w, configMap: {name: huge}}]",
	"spec.volumes[].configMap|a path that no file can have":                                                                   `volumes: [{name: v, configMap: {name: plain, items: [{key: a, path: "x\0y"}]}}]`,
	"spec.volumes[].secret|a path that no file can have":                                                                      `volumes: [{name: v, secret: {secretName: login, items: [{key: a, path: "x\0y"}]}}]`,
	"spec.volumes[].downwardAPI|a path that no file can have":                                                                 `volumes: [{name: v, downwardAPI: {items: [{path: "x\0y", fieldRef: {fieldPath: metadata.name}}]}}]`,
	"spec.volumes[].projected|a path that no file can have":                                                                   `volumes: [{name: v, projected: {sources: [{secret: {name: login, items: [{key: a, path: "x\0y"}]}}]}}]`,
	"spec.serviceAccountName|annotated eks.amazonaws.com/role-arn, not granted to the namespace":                              "serviceAccountName: s",
	"spec.serviceAccountName|annotated eks.amazonaws.com/role-arn, no role's ARN, or the execution role":                      "serviceAccountName: s",
	"spec.volumes[].projected|aws-iam-token or eks-pod-identity-token, from EKS, without a task role":                         "volumes: [{name: aws-iam-token, projected: {sources: [{serviceAccountToken: {path: token}}]}}]",
	"spec.containers[].env[].valueFrom.fileKeyRef|":                                                                           "{env: [{name: A, valueFrom: {fileKeyRef: {volumeName: v, path: p, key: k}}}]}",
	"spec.containers[].command|expanded from a value of a Secret":                                                             "{envFrom: [{secretRef: {name: login}}], command: [$(PASSWORD)]}",
	"spec.containers[].args|expanded from a value of a Secret":                                                                "{envFrom: [{secretRef: {name: login}}], args: [$(PASSWORD)]}",
	"spec.containers[].securityContext.capabilities.add|any other":                                                            "{securityContext: {capabilities: {add: [NET_ADMIN]}}}",
	"spec.containers[].securityContext.capabilities.drop|a name that no capability has":                                       "{securityContext: {capabilities: {drop: [NET_BIND]}}}",
	"spec.containers[].securityContext.privileged|true":                                                                       "{securityContext: {privileged: true}}",
	"spec.containers[].securityContext.seLinuxOptions|":                                                                       "{securityContext: {seLinuxOptions: {level: s0}}}",
	"spec.containers[].securityContext.windowsOptions|":                                                                       "{securityContext: {windowsOptions: {runAsUserName: a}}}",
	"spec.containers[].securityContext.runAsGroup|without runAsUser, here or for the pod":                                     "{securityContext: {runAsGroup: 5}}",
	"spec.containers[].securityContext.runAsNonRoot|true beside user 0, here or for the pod":                                  "{securityContext: {runAsNonRoot: true, runAsUser: 0}}",
	"spec.containers[].securityContext.runAsNonRoot|true without runAsUser, here or for the pod":                              "{securityContext: {runAsNonRoot: true}}",
	"spec.containers[].securityContext.procMount|Unmasked":                                                                    "{securityContext: {procMount: Unmasked}}",
	"spec.containers[].securityContext.seccompProfile|Localhost":                                                              "{securityContext: {seccompProfile: {type: Localhost, localhostProfile: p}}}",
	"spec.containers[].securityContext.seccompProfile|Unconfined":                                                             "{securityContext: {seccompProfile: {type: Unconfined}}}",
	"spec.containers[].securityContext.appArmorProfile|other than RuntimeDefault":                                             "{securityContext: {appArmorProfile: {type: Unconfined}}}",
	"spec.containers[].env[].name|no name of a shell variable, one of PWD, OLDPWD, SHLVL, IFS, OPTIND, PPID, or one that begins with vk_, where something is done before the command": "{command: [c], env: [{name: a.b, value: c}, {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]}",
	"spec.volumes[].persistentVolumeClaim|mount option iam, without a task role":                                                                                                      "volumes: [{name: v, persistentVolumeClaim: {claimName: claim}}]",

	"spec.containers[].startupProbe|of a sidecar, not exec, or with another command than its other probes":             "{volumes: [], initContainers: [{name: i, image: i, restartPolicy: Always, startupProbe: {tcpSocket: {port: 80}}}]}",
	"spec.containers[].lifecycle.postStart|of a sidecar":                                                               "{volumes: [], initContainers: [{name: i, image: i, restartPolicy: Always, lifecycle: {postStart: {sleep: {seconds: 1}}}}]}",
	"spec.containers[].livenessProbe|exec, another command than the readiness probe's":                                 "{livenessProbe: {exec: {command: [a]}}, readinessProbe: {exec: {command: [b]}}}",
	"spec.containers[].livenessProbe|exec, beyond what a health check can do":                                          "{livenessProbe: {exec: {command: [a]}, periodSeconds: 1}}",
	"spec.containers[].readinessProbe|exec, beyond what a health check can do":                                         "{readinessProbe: {exec: {command: [a]}, successThreshold: 2}}",
	"spec.containers[].startupProbe|exec, another command than the readiness or liveness probe's":                      "{startupProbe: {exec: {command: [a]}}, livenessProbe: {exec: {command: [b]}}}",
	"spec.containers[].livenessProbe|terminationGracePeriodSeconds other than the pod's":                               "{livenessProbe: {terminationGracePeriodSeconds: 5, tcpSocket: {port: 80}}}",
	"spec.containers[].startupProbe|terminationGracePeriodSeconds other than the pod's":                                "{startupProbe: {terminationGracePeriodSeconds: 60, tcpSocket: {port: 80}}}",
	"spec.containers[].terminationMessagePolicy|FallbackToLogsOnError, without CloudWatchLogGroupName in fargate.toml": "{terminationMessagePolicy: FallbackToLogsOnError}",
	"spec.containers[].terminationMessagePolicy|FallbackToLogsOnError, with the log driver splunk or awsfirelens":      "{terminationMessagePolicy: FallbackToLogsOnError}",
	"spec.containers[].startupProbe|exec, beyond what a health check can do":                                           "{startupProbe: {exec: {command: [a]}, timeoutSeconds: 61}}",
}

// circumstances are what has to hold besides the pod for a row to speak.
var circumstances = map[string]func(*taskdef.Input){
	"of a private Amazon ECR registry, without ExecutionRoleArn in fargate.toml": noRole,
	"bound to anything else":                                                                         func(in *taskdef.Input) { in.Claims = taskdef.Claims{"claim": &corev1.PersistentVolume{}} },
	"mount option iam, without a task role":                                                          claimByIAM,
	"without ExecutionRoleArn in fargate.toml":                                                       noRole,
	"more than 16 KiB, packed, without ExecutionRoleArn in fargate.toml":                             noRole,
	"with content of Secrets, tokens, or more than 16 KiB, without ExecutionRoleArn in fargate.toml": noRole,
	`where fargate.toml says ServiceAccountToken = "never"`:                                          func(in *taskdef.Input) { in.Settings.NoTokens = true },
	"or another value from a Secret, without ExecutionRoleArn in fargate.toml":                       func(in *taskdef.Input) { in.Settings.ExecutionRoleARN = "" },
	"with credentials for an image, without ExecutionRoleArn in fargate.toml":                        func(in *taskdef.Input) { in.Settings.ExecutionRoleARN = "" },
	"or another value from a Secret, not published":                                                  func(in *taskdef.Input) { in.Secrets = nil },
	"annotated eks.amazonaws.com/role-arn, not granted to the namespace":                             func(in *taskdef.Input) { in.ServiceAccountRole = "arn:aws:iam::123456789012:role/admin" },
	"annotated eks.amazonaws.com/role-arn, no role's ARN, or the execution role":                     func(in *taskdef.Input) { in.ServiceAccountRole = settings.ExecutionRoleARN },
	"FallbackToLogsOnError, with the log driver splunk or awsfirelens":                               logsElsewhere,
	"FallbackToLogsOnError, without CloudWatchLogGroupName in fargate.toml":                          func(in *taskdef.Input) { in.Settings.LogGroup = "" },
}

func claimByIAM(in *taskdef.Input) {
	efs := &corev1.CSIPersistentVolumeSource{Driver: "efs.csi.aws.com", VolumeHandle: "fs-0a0a0a0a"}
	in.Claims = taskdef.Claims{"claim": &corev1.PersistentVolume{Spec: corev1.PersistentVolumeSpec{
		MountOptions: []string{"tls", "iam"}, PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: efs}}}}
}

func logsElsewhere(in *taskdef.Input) {
	const prefix = "fargate.virtual-kubelet.io/"
	in.Pod.Annotations = map[string]string{prefix + "log-driver": "awsfirelens", prefix + "log-options": "Name=granted"}
}

func noRole(in *taskdef.Input) { in.Settings.ExecutionRoleARN = "" }

// Every row that warns or refuses speaks when its pod comes, by name, with its reason and its way out; and
// one that refuses keeps the pod from being translated.
func TestEveryWarningAndRefusalSpeaks(t *testing.T) {
	for _, row := range taskdef.Verdicts() {
		if !speaks(row) || row.Case == "a definition above 64 KiB" { // that is TestDefinitionAbove64KiB
			continue
		}
		t.Run(row.Field+"|"+row.Case, func(t *testing.T) {
			pod := provoke(t, row)
			sources := nodeSources()
			sources.Secrets["login"] = &corev1.Secret{Data: map[string][]byte{"PASSWORD": []byte("hunter2")}}
			sources.Secrets["registry"] = registrySecret(`{"username":"u","password":"hunter2"}`)
			sources.Secrets["token"] = registrySecret(`{"identitytoken":"hunter2"}`)
			sources.ConfigMaps["huge"] = &corev1.ConfigMap{BinaryData: map[string][]byte{"noise": noise(1_000_000)}}
			sources.ConfigMaps["large"] = &corev1.ConfigMap{BinaryData: map[string][]byte{"noise": noise(20_000)}}
			in, _ := resolved(pod, sources)
			if change := circumstances[row.Case]; change != nil {
				change(&in)
			}

			found := finding(taskdef.Check(in), row)
			if found == nil {
				t.Fatalf("not found; the pod's findings: %v", taskdef.Check(in))
			}
			if !strings.HasSuffix(found.Message, "; "+row.WayOut) {
				t.Errorf("message %q lacks the way out %q", found.Message, row.WayOut)
			}
			if strings.Contains(found.Message, "hunter2") {
				t.Errorf("message %q shows a Secret's value", found.Message)
			}
			_, err := taskdef.Translate(in)
			if refused := taskdef.AsUnsupported(err) != nil; refused != (row.Verdict == taskdef.Refused) {
				t.Errorf("verdict %s, but Translate says %v", row.Verdict, err)
			}
		})
	}
}

// noise does not get smaller when it is packed.
func noise(length int) []byte {
	random := rand.NewChaCha8([32]byte{})
	bytes := make([]byte, length)
	_, _ = random.Read(bytes)
	return bytes
}

// registrySecret has this entry for the registry of barePod's image.
func registrySecret(entry string) *corev1.Secret {
	return &corev1.Secret{Type: corev1.SecretTypeDockerConfigJson,
		Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte(`{"auths":{"https://index.docker.io/v1/":` + entry + `}}`)}}
}

var indexes = regexp.MustCompile(`\[[0-9]+\]`)

func finding(findings []taskdef.Finding, row taskdef.Row) *taskdef.Finding {
	for _, f := range findings {
		field := indexes.ReplaceAllString(f.Field, "[]")
		field = strings.Replace(field, "spec.initContainers[]", "spec.containers[]", 1)
		if strings.HasSuffix(row.Field, "command") || strings.HasSuffix(row.Field, "args") {
			field = strings.TrimSuffix(field, "[]") // the word that is meant
		}
		if beginning, any := strings.CutSuffix(row.Field, "...]"); any && strings.HasPrefix(field, beginning) {
			field = row.Field
		}
		if (field == row.Field || strings.HasPrefix(field, row.Field+".items") || strings.HasPrefix(field, row.Field+".sources")) && f.Verdict == row.Verdict && strings.HasSuffix(f.Message, row.WayOut) {
			return &f
		}
	}
	return nil
}

func provoke(t *testing.T, row taskdef.Row) *corev1.Pod {
	t.Helper()
	pod := barePod()
	text, ok := provocations[row.Field+"|"+row.Case]
	kind, isVolume := strings.CutPrefix(row.Field, "spec.volumes[].")
	switch {
	case ok && strings.HasPrefix(text, "annotation "):
		pod.Annotations = map[string]string{taskdef.AnnotationSize: strings.TrimPrefix(text, "annotation ")}
	case ok && strings.HasPrefix(text, "ask "):
		pod.Annotations = asking(t, strings.TrimPrefix(text, "ask "))
	case ok && strings.HasPrefix(text, "role "):
		pod.Annotations = map[string]string{taskdef.AnnotationRole: strings.TrimPrefix(text, "role ")}
	case ok && strings.HasPrefix(row.Field, "spec.containers[]") && !strings.HasPrefix(text, "{volumes:"):
		decodeStrict(t, text, &pod.Spec.Containers[0])
	case ok:
		decodeStrict(t, text, &pod.Spec)
	case isVolume:
		decodeStrict(t, fmt.Sprintf("volumes: [{name: v, %s: {}}]", kind), &pod.Spec)
	default:
		t.Fatal("no pod provokes this row; add one to provocations")
	}
	if c := &pod.Spec.Containers[0]; len(c.VolumeMounts) == 0 { // what nobody mounts does not count
		for _, v := range pod.Spec.Volumes {
			c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: v.Name, MountPath: "/" + v.Name})
		}
	}
	return pod
}

// asking are annotations of ours, written as a map without the prefix.
func asking(t *testing.T, text string) map[string]string {
	t.Helper()
	names := map[string]string{}
	decode(t, text, &names)
	annotations := map[string]string{}
	for name, value := range names {
		annotations[podid.AnnotationPrefix+name] = value
	}
	return annotations
}

func barePod() *corev1.Pod {
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "busybox"}}}}
	pod.Namespace, pod.Name, pod.UID = "default", "pod", "5b1c2c40-0000-4000-8000-00000000000a"
	return pod
}
