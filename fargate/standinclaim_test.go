package fargate_test

import (
	"strings"
	"testing"

	"github.com/virtual-kubelet/aws-fargate/fargate"
)

// What the files say of storage decides, and what they do not say is assumed.
func TestExplainOfClaims(t *testing.T) {
	const (
		pod = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: a, volumeMounts: [{name: v, mountPath: /v}]}], volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]}}\n---\n"
		set = "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}, spec: {volumeClaimTemplates: [{metadata: {name: v}, spec: {storageClassName: fast}}], template: {spec: {containers: [{name: a, image: a, volumeMounts: [{name: v, mountPath: /v}]}]}}}}\n---\n"

		claim  = "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: c}, spec: {SPEC}}\n---\n"
		volume = "{apiVersion: v1, kind: PersistentVolume, metadata: {name: pv}, spec: {SPEC, csi: {driver: DRIVER.csi.aws.com, volumeHandle: HANDLE}}}\n---\n"
		class  = "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: fast}, provisioner: DRIVER.csi.aws.com, parameters: {fileSystemId: fs-12345678}}\n---\n"
		byName = "volumeName: pv"
	)
	efs := func(text, spec string) string {
		return strings.NewReplacer("SPEC, ", spec, "DRIVER", "efs", "HANDLE", "fs-87654321").Replace(text)
	}
	ebs := func(text, spec string) string {
		return strings.NewReplacer("SPEC, ", spec, "DRIVER", "ebs", "HANDLE", "vol-1").Replace(text)
	}
	of := func(spec string) string { return strings.Replace(claim, "SPEC", spec, 1) }
	const refused = "it is an EBS volume"
	for name, row := range map[string]struct {
		text    string
		want    fargate.Outcome
		verdict string // of a finding about the volume; empty: there is none
		says    string
	}{
		"a volume that the claim names":         {pod + of(byName) + ebs(volume, ""), fargate.Refused, "refused", refused},
		"the same of EFS":                       {pod + of(byName) + efs(volume, ""), fargate.Runs, "", ""},
		"a volume that names the claim":         {pod + of("storageClassName: x") + ebs(volume, "claimRef: {name: c, namespace: default}, "), fargate.Refused, "refused", refused},
		"the same, and no claim":                {pod + ebs(volume, "claimRef: {name: c, namespace: default}, "), fargate.Refused, "assumed", `bound to PersistentVolume "pv", which names it`},
		"a volume that fits":                    {pod + of("storageClassName: x, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}") + ebs(volume, "storageClassName: x, capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], "), fargate.Refused, "assumed", `bound to PersistentVolume "pv", which fits it`},
		"a volume that is too small":            {pod + of("storageClassName: x, resources: {requests: {storage: 2Gi}}") + ebs(volume, "storageClassName: x, capacity: {storage: 1Gi}, "), fargate.Runs, "assumed", "is taken to be bound to a volume of EFS"},
		"a volume of another mode":              {pod + of("storageClassName: x, accessModes: [ReadWriteMany]") + ebs(volume, "storageClassName: x, accessModes: [ReadWriteOnce], "), fargate.Runs, "assumed", "is taken to be bound to a volume of EFS"},
		"a volume of another class":             {pod + of("storageClassName: x") + ebs(volume, "storageClassName: z, "), fargate.Runs, "assumed", "is taken to be bound to a volume of EFS"},
		"a volume with other labels":            {pod + of("selector: {matchLabels: {a: b}}") + ebs(volume, ""), fargate.Runs, "assumed", "is taken to be bound to a volume of EFS"},
		"a volume that is another claim's":      {pod + of(byName) + efs(volume, "claimRef: {name: other, namespace: default}, "), fargate.Waits, "waits", "PV pv is not bound to PVC c"},
		"a claim that has lost its volume":      {pod + strings.Replace(of(byName), "spec:", "status: {phase: Lost}, spec:", 1) + efs(volume, ""), fargate.Waits, "waits", "PVC c is not bound"},
		"a claim as a cluster has it":           {pod + strings.Replace(of(byName), "name: c}", "name: c, uid: u-1}", 1) + efs(volume, "claimRef: {name: c, namespace: default, uid: u-1}, "), fargate.Runs, "", ""},
		"a volume that is not in the files":     {pod + of(byName), fargate.Runs, "assumed", `PersistentVolume "pv" is not in the files, and is taken to be one of EFS`},
		"nothing":                               {pod, fargate.Runs, "assumed", "is taken to be bound to a volume of EFS"},
		"a class that is not in the files":      {set, fargate.Runs, "assumed", "is taken to be bound to a volume of EFS"},
		"a class of EBS":                        {set + ebs(class, ""), fargate.Refused, "refused", refused},
		"a class of EFS":                        {set + efs(class, ""), fargate.Runs, "assumed", `a volume that StorageClass "fast" makes, by efs.csi.aws.com`},
		"the default class":                     {pod + of("accessModes: [ReadWriteOnce]") + strings.Replace(ebs(class, ""), "name: fast", `name: fast, annotations: {storageclass.kubernetes.io/is-default-class: "true"}`, 1), fargate.Refused, "refused", refused},
		"a class whose volumes somebody makes":  {set + strings.Replace(class, "DRIVER.csi.aws.com", "kubernetes.io/no-provisioner", 1), fargate.Runs, "assumed", "is taken to be bound to a volume of EFS"},
		"a claim of the name that a set's has":  {set + strings.Replace(of(byName), "name: c", "name: v-a-0", 1) + ebs(volume, ""), fargate.Refused, "refused", refused},
		"a directory of what a class makes":     {strings.Replace(set, "mountPath: /v", "mountPath: /v, subPath: d", 1) + efs(class, ""), fargate.Refused, "", ""},
		"a claim that no container mounts":      {strings.Replace(pod, "volumeMounts: [{name: v, mountPath: /v}]", "tty: false", 1) + of(byName) + ebs(volume, ""), fargate.Runs, "", ""},
		"the volume of another namespace's pvc": {pod + of("storageClassName: x") + ebs(volume, "claimRef: {name: c, namespace: other}, "), fargate.Runs, "assumed", "is taken to be bound to a volume of EFS"},
	} {
		t.Run(name, func(t *testing.T) {
			x := explainOne(t, row.text, nil)
			if x.Outcome != row.want {
				t.Errorf("it %s, want %s: %v", x.Outcome, row.want, x.Findings)
			}
			if row.verdict != "" && !told(x, row.verdict, "spec.volumes[0].persistentVolumeClaim", row.says) {
				t.Errorf("nothing is %s that says %q: %v", row.verdict, row.says, x.Findings)
			}
			if row.verdict == "" && row.want == fargate.Runs && len(x.Findings) > 0 {
				t.Errorf("%v", x.Findings)
			}
		})
	}
}
