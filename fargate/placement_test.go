package fargate_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate"
	"github.com/virtual-kubelet/aws-fargate/providerconfig"
)

// What would keep a scheduler from giving the node the pods is noted.
func TestExplainOfPlacement(t *testing.T) {
	const (
		one     = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {SPEC, containers: [{name: a, image: a}]}}"
		three   = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 3, template: {metadata: {labels: {app: a}}, spec: {SPEC, containers: [{name: a, image: a}]}}}}"
		term    = "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, TERM}]}}"
		spread  = "topologySpreadConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: a}}}]"
		pinned  = "nodeSelector: {type: virtual-kubelet}, "
		apart   = "one of the 3 pods can be on the node, for no two may have the same kubernetes.io/hostname"
		skewed  = "the node takes at most 1 more of the pods than the emptiest of the nodes that count: where one takes none, 2 of 3 stay Pending"
		atTerm  = "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]"
		atFirst = "spec.topologySpreadConstraints[0]"
	)
	with := func(text, spec string) string { return strings.Replace(text, "SPEC", spec, 1) }
	apartBy := func(rest string) string { return with(three, strings.Replace(term, "TERM", rest, 1)) }
	for name, row := range map[string]struct {
		text        string
		field, says string // of the one finding; empty: there is none
	}{
		"a label that the node does not have":       {with(one, `nodeSelector: {node-role.kubernetes.io/worker: ""}`), "spec.nodeSelector[node-role.kubernetes.io/worker]", `the node has no label node-role.kubernetes.io/worker="", so`},
		"another value":                             {with(one, "nodeSelector: {kubernetes.io/hostname: other}"), "spec.nodeSelector[kubernetes.io/hostname]", `the node has no label kubernetes.io/hostname="other", so`},
		"labels that it has":                        {with(one, "nodeSelector: {type: virtual-kubelet, kubernetes.io/hostname: vk, kubernetes.io/os: linux, kubernetes.io/arch: amd64}"), "", ""},
		"a region and a zone that nobody knows yet": {with(one, "nodeSelector: {topology.kubernetes.io/region: r, topology.kubernetes.io/zone: z}"), "", ""},
		"pods apart from their like":                {apartBy("labelSelector: {matchLabels: {app: a}}"), atTerm, apart},
		"in all namespaces":                         {apartBy("namespaceSelector: {}, labelSelector: {matchLabels: {app: a}}"), atTerm, apart},
		"in namespaces with their own":              {apartBy("namespaces: [default], labelSelector: {matchLabels: {app: a}}"), atTerm, apart},
		"in another namespace":                      {apartBy("namespaces: [other], labelSelector: {matchLabels: {app: a}}"), "", ""},
		"from those of other labels":                {apartBy("labelSelector: {matchLabels: {app: b}}"), "", ""},
		"from those with another value":             {apartBy("mismatchLabelKeys: [app], labelSelector: {matchLabels: {app: a}}"), "", ""},
		"by a label that the node does not have":    {strings.Replace(apartBy("labelSelector: {matchLabels: {app: a}}"), "topologyKey: kubernetes.io/hostname", "topologyKey: rack", 1), "", ""},
		"one pod alone":                             {strings.Replace(apartBy("labelSelector: {matchLabels: {app: a}}"), "replicas: 3", "replicas: 1", 1), "", ""},
		"if possible":                               {with(three, "affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, podAffinityTerm: {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: a}}}}]}}"), "", ""},
		"spread with others":                        {with(three, spread), atFirst, skewed},
		"spread over virtual nodes":                 {with(three, pinned+spread), "", ""},
		"spread over nodes that it does not select": {with(three, pinned+strings.Replace(spread, "maxSkew", "nodeAffinityPolicy: Ignore, maxSkew", 1)), atFirst, skewed},
		"spread over two nodes":                     {with(three, pinned+strings.Replace(spread, "maxSkew", "minDomains: 2, maxSkew", 1)), atFirst, "1 of the 3 pods can be on the node until there are 2 such nodes (minDomains)"},
		"spread with a skew that holds":             {with(three, strings.Replace(spread, "maxSkew: 1", "maxSkew: 3", 1)), "", ""},
		"spread if possible":                        {with(three, strings.Replace(spread, "DoNotSchedule", "ScheduleAnyway", 1)), "", ""},
		"spread over zones":                         {with(three, strings.Replace(spread, "kubernetes.io/hostname", "topology.kubernetes.io/zone", 1)), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			x := explainOne(t, row.text, nil)
			if x.Outcome != fargate.Runs {
				t.Errorf("it %s: %v", x.Outcome, x.Findings)
			}
			if row.field == "" && len(x.Findings) > 0 || row.field != "" && (len(x.Findings) != 1 || !told(x, "noted", row.field, row.says)) {
				t.Errorf("%v, want one of %s that says %q", x.Findings, row.field, row.says)
			}
		})
	}
}

// A region and a zone that fargate.toml names are known.
func TestExplainKnowsTheConfiguredZone(t *testing.T) {
	config := providerconfig.Default()
	config.Region, config.Node.Zone = "us-east-1", "us-east-1a"
	const pod = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {nodeSelector: {topology.kubernetes.io/region: us-east-1, topology.kubernetes.io/zone: us-east-1b}, containers: [{name: a, image: a}]}}"
	x := explainOne(t, pod, &config)
	if len(x.Findings) != 1 || !told(x, "noted", "spec.nodeSelector[topology.kubernetes.io/zone]", "us-east-1b") {
		t.Errorf("%v", x.Findings)
	}
}

// An annotation of ours above the template is on no pod.
func TestExplainOfAnnotationsAboveTheTemplate(t *testing.T) {
	const (
		size       = `{fargate.virtual-kubelet.io/size: "512/1024", iam.amazonaws.com/role: arn:aws:iam::123456789012:role/a, other: x}`
		deployment = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, annotations: " + size + "}, spec: {template: {metadata: {}, spec: {containers: [{name: a, image: a}]}}}}"
		cronJob    = "{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {jobTemplate: {metadata: {annotations: {fargate.virtual-kubelet.io/sise: x}}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}}}}"
	)
	for name, row := range map[string]struct {
		text string
		want []string
	}{
		"of a Deployment": {deployment, []string{
			"metadata.annotations[fargate.virtual-kubelet.io/size]: no pod of the Deployment has it, so that it has no effect: it belongs to spec.template.metadata.annotations",
			"metadata.annotations[iam.amazonaws.com/role]: no pod of the Deployment has it, so that it has no effect: it belongs to spec.template.metadata.annotations"}},
		"of a CronJob's Job": {cronJob, []string{
			"spec.jobTemplate.metadata.annotations[fargate.virtual-kubelet.io/sise]: no pod of the CronJob has it, so that it has no effect: it belongs to spec.jobTemplate.spec.template.metadata.annotations"}},
		"that the template has too": {strings.Replace(strings.Replace(deployment, "metadata: {},", "metadata: {annotations: "+size+"},", 1), ", iam.amazonaws.com/role: arn:aws:iam::123456789012:role/a", "", 2), nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range explainOne(t, row.text, nil).Findings {
				if f.Verdict == "warned" {
					got = append(got, f.Field+": "+f.Message)
				}
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
