package taskdef_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// asked translates a pod with these annotations of ours on a node with these settings.
func asked(t *testing.T, annotations string, change func(*taskdef.Input)) (taskdef.Translation, error) {
	t.Helper()
	pod := barePod()
	pod.Annotations = asking(t, annotations)
	sources := nodeSources()
	sources.Secrets["splunk"] = &corev1.Secret{Data: map[string][]byte{"token": []byte("hunter2"), "user": []byte("hunter2")}}
	environment, _ := podenv.Resolve(pod, sources)
	in := input(pod, environment)
	in.LogSecrets, _ = podenv.Resolve(taskdef.LogSecrets(pod), sources)
	in.Secrets = published(environment, in.LogSecrets.Secrets()...)
	if change != nil {
		change(&in)
	}
	return taskdef.Translate(in)
}

func TestWhatAnnotationsAreRefused(t *testing.T) {
	const mend = "; mend it, or remove the annotation"
	const splunk = `log-driver: splunk, log-options: 'splunk-url=https://granted.test:8088'`
	noRole := func(in *taskdef.Input) { in.Settings.ExecutionRoleARN, in.Settings.LogGroup = "", "" }
	for why, row := range map[string]struct {
		annotations string
		change      func(*taskdef.Input)
		want        string // of the first refusal, without the field's beginning
	}{
		"no subnet":                        {`{subnets: ""}`, nil, `subnets]: "" is no ID such as subnet-0123456789abcdef0` + mend},
		"a group among subnets":            {`{subnets: "subnet-0a, sg-0a"}`, nil, `subnets]: "sg-0a" is no ID such as subnet-0123456789abcdef0` + mend},
		"17 subnets":                       {`{subnets: "` + ids("subnet-", 17) + `"}`, nil, "subnets]: it names 17, and ECS takes 16 at most" + mend},
		"6 security groups":                {`{security-groups: "` + ids("sg-", 6) + `"}`, nil, "security-groups]: it names 6, and ECS takes 5 at most" + mend},
		"a subnet of others":               {`{subnets: "subnet-0a,subnet-0f"}`, nil, `subnets]: subnet-0f: fargate.toml does not grant it to namespace "default"; the table [[Grants]] with the lines Namespaces = ["default"] and Subnets = ["subnet-0f"] would; ask whoever runs the node for that, or remove the annotation`},
		"no grants at all":                 {`{security-groups: "sg-granted"}`, func(in *taskdef.Input) { in.Settings.Grants = nil }, `security-groups]: sg-granted: fargate.toml does not grant it to namespace "default"; the table [[Grants]] with the lines Namespaces = ["default"] and SecurityGroups = ["sg-granted"] would; ask whoever runs the node for that, or remove the annotation`},
		"a public address":                 {`{assign-public-ip: "true"}`, nil, `assign-public-ip]: true: fargate.toml does not grant it to namespace "default"; the table [[Grants]] with the lines Namespaces = ["default"] and PublicIPv4Address = true would; ask whoever runs the node for that, or remove the annotation`},
		"neither true nor false":           {`{assign-public-ip: "True"}`, nil, `assign-public-ip]: "True" is none of true, false` + mend},
		"no capacity type":                 {`{capacity-type: SPOT}`, nil, `capacity-type]: "SPOT" is none of spot, on-demand` + mend},
		"no number":                        {`{ulimits: "nofile"}`, nil, `ulimits]: "nofile" is no limit such as nofile=65535:1048576, of numbers from 0 to 2147483647` + mend},
		"less than nothing":                {`{ulimits: "core=-1"}`, nil, `ulimits]: "core=-1" is no limit such as nofile=65535:1048576, of numbers from 0 to 2147483647` + mend},
		"more than an int32":               {`{ulimits: "fsize=2147483648"}`, nil, `ulimits]: "fsize=2147483648" is no limit such as nofile=65535:1048576, of numbers from 0 to 2147483647` + mend},
		"an unknown limit":                 {`{ulimits: "files=5"}`, nil, `ulimits]: "files" is no limit that ECS knows, which are core, cpu, data, fsize, locks, memlock, msgqueue, nice, nofile, nproc, rss, rtprio, rttime, sigpending, stack` + mend},
		"soft above hard":                  {`{ulimits: "nproc=9:8"}`, nil, "ulimits]: of nproc the soft limit is above the hard one" + mend},
		"more files than Fargate has":      {`{ulimits: "nofile=1048577"}`, nil, "ulimits]: nofile is 1048576 on Fargate at most" + mend},
		"a limit twice":                    {`{ulimits: "nofile=5,nofile=6"}`, nil, "ulimits]: nofile is there twice" + mend},
		"a driver of EC2":                  {`{log-driver: fluentd}`, nil, `log-driver]: "fluentd" is none of awslogs, splunk, awsfirelens` + mend},
		"awslogs without a group":          {`{log-driver: awslogs}`, func(in *taskdef.Input) { in.Settings.LogGroup = "" }, "log-driver]: fargate.toml names no log group, and fargate.virtual-kubelet.io/log-options no awslogs-group" + mend},
		"awslogs without a role":           {`{log-options: awslogs-group=/granted}`, noRole, "log-options]: logs are written by the task's execution role, and this node has none; ExecutionRoleArn in fargate.toml sets it" + mend},
		"options for no logs":              {`{log-options: awslogs-datetime-format=%Y}`, noRole, "log-options]: fargate.toml names no log group, and the options no awslogs-group" + mend},
		"a mode for the log router":        {`{log-driver: awsfirelens, log-options: Name=granted, log-mode: blocking}`, nil, "log-mode]: containers never wait for the log router; the option log-driver-buffer-limit bounds what waits for it" + mend},
		"a mode for no logs":               {`{log-mode: blocking}`, noRole, "log-mode]: the pod has no logs: fargate.toml names no log group" + mend},
		"a group of others":                {`{log-options: awslogs-group=/other}`, nil, `log-options]: awslogs:/other: fargate.toml does not grant it to namespace "default"; the table [[Grants]] with the lines Namespaces = ["default"] and LogDestinations = ["awslogs:/other"] would; ask whoever runs the node for that, or remove the annotation`},
		"no name of a group":               {`{log-options: "awslogs-group=/granted/ä"}`, nil, `log-options]: "/granted/ä" is no name of a log group` + mend},
		"the prefix of streams":            {`{log-options: awslogs-stream-prefix=x}`, nil, `log-options]: "awslogs-stream-prefix" is no option that a pod may set for awslogs, which are awslogs-group, awslogs-create-group, awslogs-datetime-format, awslogs-multiline-pattern, max-buffer-size` + mend},
		"the mode as an option":            {`{log-options: mode=blocking}`, nil, "log-options]: the mode is an annotation of its own, fargate.virtual-kubelet.io/log-mode" + mend},
		"a buffer nobody fills":            {`{log-mode: blocking, log-options: max-buffer-size=4m}`, nil, "log-options]: max-buffer-size is for the mode non-blocking" + mend},
		"a buffer of no size":              {`{log-options: max-buffer-size=big}`, nil, "log-options]: max-buffer-size is a number with b, k, m or g, such as 25m" + mend},
		"neither list nor JSON":            {`{log-options: hunter2}`, nil, "log-options]: its 7 characters are not NAME=VALUE between commas, each name once, or a JSON object of strings" + mend},
		"broken JSON":                      {`{log-options: '{"a": "hunter2"'}`, nil, "log-options]: its 15 characters are not NAME=VALUE between commas, each name once, or a JSON object of strings" + mend},
		"an empty value":                   {`{log-options: awslogs-datetime-format=}`, nil, "log-options]: its 24 characters are not NAME=VALUE between commas, each name once, or a JSON object of strings, none of them empty" + mend},
		"a token in clear":                 {`{log-driver: splunk, log-options: 'splunk-url=https://granted.test,splunk-token=hunter2'}`, nil, `log-driver]: it needs splunk-token in fargate.virtual-kubelet.io/log-secret-options` + mend},
		"a password in clear":              {`{log-driver: awsfirelens, log-options: 'Name=granted,HTTP_Passwd=hunter2'}`, nil, `log-options]: a task definition would show "HTTP_Passwd", which looks like a secret; name a Secret that has it in fargate.virtual-kubelet.io/log-secret-options` + mend},
		"a password in a URL":              {`{log-driver: awsfirelens, log-options: 'Name=granted,Proxy=http://u:hunter2@proxy'}`, nil, `log-options]: a task definition would show "Proxy", which looks like a secret; name a Secret that has it in fargate.virtual-kubelet.io/log-secret-options` + mend},
		"a bearer":                         {`{log-driver: awsfirelens, log-options: 'Name=granted,Header=X Bearer hunter2'}`, nil, `log-options]: a task definition would show "Header", which looks like a secret; name a Secret that has it in fargate.virtual-kubelet.io/log-secret-options` + mend},
		"a key in a header":                {`{log-driver: awsfirelens, log-options: '{"Name": "granted", "Header": "X-Api-Key hunter2"}'}`, nil, `log-options]: a task definition would show "Header", which looks like a secret; name a Secret that has it in fargate.virtual-kubelet.io/log-secret-options` + mend},
		"a token in a query":               {`{log-driver: awsfirelens, log-options: '{"Name": "granted", "URI": "/in?access_token=hunter2"}'}`, nil, `log-options]: a task definition would show "URI", which looks like a secret; name a Secret that has it in fargate.virtual-kubelet.io/log-secret-options` + mend},
		"a password in JSON":               {`{log-driver: awsfirelens, log-options: '{"Name": "granted", "Login": "{\"password\": \"hunter2\"}"}'}`, nil, `log-options]: a task definition would show "Login", which looks like a secret; name a Secret that has it in fargate.virtual-kubelet.io/log-secret-options` + mend},
		"Splunk without a URL":             {`{log-driver: splunk, log-secret-options: splunk-token=splunk/token}`, nil, "log-driver]: it needs splunk-url in fargate.virtual-kubelet.io/log-options" + mend},
		"Splunk without a token":           {`{` + splunk + `}`, nil, "log-driver]: it needs splunk-token in fargate.virtual-kubelet.io/log-secret-options" + mend},
		"Splunk elsewhere":                 {`{log-driver: splunk, log-options: 'splunk-url=https://evil.test', log-secret-options: splunk-token=splunk/token}`, nil, `log-options]: splunk:https://evil.test: fargate.toml does not grant it to namespace "default"; the table [[Grants]] with the lines Namespaces = ["default"] and LogDestinations = ["splunk:https://evil.test"] would; ask whoever runs the node for that, or remove the annotation`},
		"Splunk without a role":            {`{` + splunk + `, log-secret-options: splunk-token=splunk/token}`, noRole, "log-secret-options]: secrets are read by the task's execution role, and this node has none; ExecutionRoleArn in fargate.toml sets it" + mend},
		"no URL":                           {`{log-driver: splunk, log-options: 'splunk-url=granted', log-secret-options: splunk-token=splunk/token}`, nil, "log-options]: the driver splunk needs the option splunk-url, https://HOST:PORT" + mend},
		"a token that is no reference":     {`{` + splunk + `, log-secret-options: splunk-token=hunter2}`, nil, "log-driver]: it needs splunk-token in fargate.virtual-kubelet.io/log-secret-options" + mend},
		"secrets of awslogs":               {`{log-secret-options: a=splunk/token}`, nil, "log-secret-options]: the driver awslogs has no secret options" + mend},
		"an option in both":                {`{log-driver: awsfirelens, log-options: 'Name=granted,Host=x', log-secret-options: Host=splunk/user}`, nil, "log-secret-options]: Host is in fargate.virtual-kubelet.io/log-options too" + mend},
		"an output hidden in another case": {`{log-driver: awsfirelens, log-options: 'Name=granted,name=http'}`, nil, "log-options]: an option is there twice, for upper and lower case are the same to the log router" + mend},
		"an output hidden in a Secret":     {`{log-driver: awsfirelens, log-options: Name=granted, log-secret-options: name=splunk/user}`, nil, "log-secret-options]: name is in fargate.virtual-kubelet.io/log-options too" + mend},
		"an output hidden in a value":      {`{log-driver: awsfirelens, log-options: '{"Name": "granted", "a": "b\n[OUTPUT]\n Name http"}'}`, nil, "log-options]: its names are letters, digits and ._-@, and no value has line breaks or other control characters" + mend},
		"a router without an output":       {`{log-driver: awsfirelens, log-options: region=eu-west-1}`, nil, "log-options]: the driver awsfirelens needs the option Name, the plugin that the log router writes to" + mend},
		"a router without options":         {`{log-driver: awsfirelens}`, nil, "log-driver]: it needs fargate.virtual-kubelet.io/log-options, with the log router's output as Name" + mend},
		"an output of others":              {`{log-driver: awsfirelens, log-options: name=http}`, nil, `log-options]: awsfirelens:http: fargate.toml does not grant it to namespace "default"; the table [[Grants]] with the lines Namespaces = ["default"] and LogDestinations = ["awsfirelens:http"] would; ask whoever runs the node for that, or remove the annotation`},
		"a configuration in S3":            {`{log-driver: awsfirelens, log-options: Name=granted, log-router-config: "arn:aws:s3:::bucket/file"}`, nil, `log-router-config]: "arn:aws:s3:::bucket/file" is no absolute path of a file in the log router's image, the only place that Fargate takes its configuration from` + mend},
		"a configuration of no router":     {`{log-router-config: /file}`, nil, "log-router-config]: only the driver awsfirelens has a log router" + mend},
		"a quoted value is cut to size":    {`{capacity-type: ` + strings.Repeat("a", 300) + `}`, nil, `capacity-type]: "` + strings.Repeat("a", 100) + `" is none of spot, on-demand` + mend},
	} {
		t.Run(why, func(t *testing.T) {
			_, err := asked(t, row.annotations, row.change)
			if taskdef.AsUnsupported(err) == nil {
				t.Fatalf("error %v, want a refusal", err)
			}
			first, _, _ := strings.Cut(err.Error(), "\n")
			if diff := cmp.Diff("metadata.annotations["+podid.AnnotationPrefix+row.want, first); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the refusal shows what looks like a secret: %v", err)
			}
		})
	}
}

func ids(prefix string, n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("%s%02d", prefix, i))
	}
	return strings.Join(list, ",")
}

// What the node gives everybody, pods may choose from without a grant.
func TestTheNodesOwnNeedsNoGrant(t *testing.T) {
	got, err := asked(t, `{subnets: "subnet-0b", security-groups: sg-0a, assign-public-ip: "true", log-options: awslogs-group=/virtual-kubelet}`, func(in *taskdef.Input) {
		in.Settings.Grants, in.Settings.AssignPublicIP = nil, true
	})
	if err != nil {
		t.Fatal(err)
	}
	want := &ecstypes.AwsVpcConfiguration{Subnets: []string{"subnet-0b"}, SecurityGroups: []string{"sg-0a"}, AssignPublicIp: ecstypes.AssignPublicIpEnabled}
	if diff := cmp.Diff(string(wire(t, want)), string(wire(t, got.Run.NetworkConfiguration.AwsvpcConfiguration))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func wire(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(taskdef.Wire(value))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestPublicAddress(t *testing.T) {
	for why, row := range map[string]struct {
		annotations string
		node        bool
		namespace   string
		want        ecstypes.AssignPublicIp
	}{
		"as the node, without":         {`{}`, false, "default", ecstypes.AssignPublicIpDisabled},
		"as the node, with":            {`{}`, true, "default", ecstypes.AssignPublicIpEnabled},
		"one less needs no grant":      {`{assign-public-ip: "false"}`, true, "default", ecstypes.AssignPublicIpDisabled},
		"one more where it is granted": {`{assign-public-ip: "true"}`, false, "public", ecstypes.AssignPublicIpEnabled},
	} {
		got, err := asked(t, row.annotations, func(in *taskdef.Input) {
			in.Settings.AssignPublicIP, in.Pod.Namespace = row.node, row.namespace
		})
		if err != nil || got.Run.NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp != row.want {
			t.Errorf("%s: %v, %v", why, got.Run, err)
		}
	}
}

func TestCapacity(t *testing.T) {
	const required = "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: "
	for why, row := range map[string]struct {
		annotations, spec string
		node              taskdef.CapacityType
		want              taskdef.CapacityType
	}{
		"on demand by default":                  {`{}`, `{}`, "", taskdef.OnDemand},
		"the node's":                            {`{}`, `{}`, taskdef.Spot, taskdef.Spot},
		"the annotation":                        {`{capacity-type: spot}`, `{}`, "", taskdef.Spot},
		"the annotation over the node":          {`{capacity-type: on-demand}`, `{}`, taskdef.Spot, taskdef.OnDemand},
		"Karpenter's label":                     {`{}`, `nodeSelector: {karpenter.sh/capacity-type: spot}`, "", taskdef.Spot},
		"EKS's label":                           {`{}`, `nodeSelector: {eks.amazonaws.com/capacityType: SPOT}`, "", taskdef.Spot},
		"on demand by EKS's label":              {`{}`, `nodeSelector: {eks.amazonaws.com/capacityType: ON_DEMAND}`, taskdef.Spot, taskdef.OnDemand},
		"the annotation over labels":            {`{capacity-type: on-demand}`, `nodeSelector: {karpenter.sh/capacity-type: spot}`, "", taskdef.OnDemand},
		"required affinity":                     {`{}`, required + "[{matchExpressions: [{key: karpenter.sh/capacity-type, operator: In, values: [spot]}]}]}}}", "", taskdef.Spot},
		"one of two terms":                      {`{}`, required + "[{matchExpressions: [{key: karpenter.sh/capacity-type, operator: In, values: [spot]}]}, {matchExpressions: [{key: a, operator: Exists}]}]}}}", "", taskdef.OnDemand},
		"either is no wish":                     {`{}`, required + "[{matchExpressions: [{key: karpenter.sh/capacity-type, operator: In, values: [spot, on-demand]}]}]}}}", "", taskdef.OnDemand},
		"preferred affinity is the scheduler's": {`{}`, "affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: {matchExpressions: [{key: karpenter.sh/capacity-type, operator: In, values: [spot]}]}}]}}", "", taskdef.OnDemand},
		"no terms select nothing":               {`{}`, required + "[]}}}", "", taskdef.OnDemand},
	} {
		t.Run(why, func(t *testing.T) {
			got, err := asked(t, row.annotations, func(in *taskdef.Input) {
				decodeStrict(t, row.spec, &in.Pod.Spec)
				in.Settings.CapacityType = row.node
			})
			if err != nil {
				t.Fatal(err)
			}
			spot := len(got.Run.CapacityProviderStrategy) == 1 && aws.ToString(got.Run.CapacityProviderStrategy[0].CapacityProvider) == "FARGATE_SPOT"
			if onDemand := got.Run.LaunchType == ecstypes.LaunchTypeFargate; spot != (row.want == taskdef.Spot) || onDemand == spot {
				t.Errorf("want %s, got launch type %q, strategy %v", row.want, got.Run.LaunchType, got.Run.CapacityProviderStrategy)
			}
		})
	}
}

// Whether it runs on Spot is no part of a definition: replicas that change their mind go on sharing it.
func TestCapacityLeavesTheDefinition(t *testing.T) {
	one, err := asked(t, `{}`, nil)
	other, otherErr := asked(t, `{capacity-type: spot, subnets: subnet-granted, security-groups: sg-granted}`, nil)
	if err != nil || otherErr != nil || one.Digest != other.Digest {
		t.Errorf("digests %s and %s; %v, %v", one.Digest, other.Digest, err, otherErr)
	}
}

// For 16 vCPU and 60 GiB Fargate has 16 vCPU with 64 GiB and 32 vCPU with 60: which is cheaper is up to the prices.
func TestSpotPricesChooseTheSize(t *testing.T) {
	cheapCPU, cheapMemory := taskdef.Prices{VCPU: 1e-9, MemoryGB: 1}, taskdef.Prices{VCPU: 1, MemoryGB: 1e-9}
	for annotations, want := range map[string]int{`{}`: 32768, `{capacity-type: spot}`: 16384} {
		got, err := asked(t, annotations, func(in *taskdef.Input) {
			decodeStrict(t, "{resources: {requests: {cpu: 16, memory: 60Gi}}}", &in.Pod.Spec.Containers[0])
			in.Settings.Prices, in.Settings.SpotPrices = cheapCPU, cheapMemory
		})
		if err != nil || got.Size.CPUUnits != want {
			t.Errorf("%s: size %+v, %v", annotations, got.Size, err)
		}
	}
}

func TestArchitecture(t *testing.T) {
	const required = "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: "
	for why, row := range map[string]struct {
		node, spec string
		want       ecstypes.CPUArchitecture
		refusal    string
	}{
		"amd64 by default":           {"", `{}`, ecstypes.CPUArchitectureX8664, ""},
		"an ARM node":                {"arm64", `{}`, ecstypes.CPUArchitectureArm64, ""},
		"an ARM node, selected":      {"arm64", `nodeSelector: {kubernetes.io/arch: arm64}`, ecstypes.CPUArchitectureArm64, ""},
		"either":                     {"arm64", required + "[{matchExpressions: [{key: kubernetes.io/arch, operator: In, values: [arm64, amd64]}]}]}}}", ecstypes.CPUArchitectureArm64, ""},
		"one term of two":            {"", required + "[{matchExpressions: [{key: kubernetes.io/arch, operator: In, values: [arm64]}]}, {matchExpressions: [{key: kubernetes.io/arch, operator: Exists}]}]}}}", ecstypes.CPUArchitectureX8664, ""},
		"another":                    {"", `nodeSelector: {kubernetes.io/arch: arm64}`, "", "spec.nodeSelector: the node's kubernetes.io/arch is amd64, which the pod rules out; let it select a node of that kind, for which [Node] Architecture in fargate.toml makes one"},
		"another by the older label": {"arm64", `nodeSelector: {beta.kubernetes.io/arch: amd64}`, "", "spec.nodeSelector: the node's beta.kubernetes.io/arch is arm64"},
		"another by affinity":        {"arm64", required + "[{matchExpressions: [{key: kubernetes.io/arch, operator: NotIn, values: [arm64]}]}]}}}", "", "spec.affinity: the node's kubernetes.io/arch is arm64"},
		"Windows":                    {"", `nodeSelector: {kubernetes.io/os: windows}`, "", "spec.nodeSelector: the node's kubernetes.io/os is linux, which the pod rules out; choose a node of that operating system"},
		"Windows by affinity":        {"", required + "[{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows]}]}]}}}", "", "spec.affinity: the node's kubernetes.io/os is linux, which the pod rules out; choose a node of that operating system"},
		"no label":                   {"", required + "[{matchExpressions: [{key: kubernetes.io/arch, operator: DoesNotExist}]}]}}}", "", "spec.affinity: the node's kubernetes.io/arch is amd64"},
	} {
		t.Run(why, func(t *testing.T) {
			got, err := asked(t, `{}`, func(in *taskdef.Input) {
				decodeStrict(t, row.spec, &in.Pod.Spec)
				in.Settings.Architecture = row.node
			})
			if row.refusal != "" {
				if err == nil || !strings.HasPrefix(err.Error(), row.refusal) {
					t.Errorf("error %v, want %s", err, row.refusal)
				}
				return
			}
			if err != nil || got.Definition.RuntimePlatform.CpuArchitecture != row.want {
				t.Errorf("platform %+v, %v", got.Definition, err)
			}
		})
	}
}

func TestWhereLogsAre(t *testing.T) {
	for why, row := range map[string]struct{ annotations, group, driver string }{
		"the node's group":                         {`{}`, "/virtual-kubelet", ""},
		"a group of its own":                       {`{log-options: awslogs-group=/granted/web}`, "/granted/web", ""},
		"one that the annotations got later":       {`{log-options: awslogs-group=/other}`, "/virtual-kubelet", ""},
		"Splunk":                                   {`{log-driver: splunk}`, "", "splunk"},
		"a log router":                             {`{log-driver: awsfirelens}`, "", "awsfirelens"},
		"a driver that nobody has started it with": {`{log-driver: gelf}`, "/virtual-kubelet", ""},
	} {
		pod := barePod()
		pod.Annotations = asking(t, row.annotations)
		if group, driver := taskdef.LogGroup(pod, settings); group != row.group || driver != row.driver {
			t.Errorf("%s: group %q, driver %q", why, group, driver)
		}
	}
}

// A prefix that is ours but for a slip asks for nothing; those of others stay unread.
func TestAnnotationsWithAPrefixMuchLikeOurs(t *testing.T) {
	for key, told := range map[string]bool{
		"fargate.virtual-kubelet/size": true, "fargate.virtual-kubelet.io.size": true, "fargate.virtualkubelet.io/log-mode": true, "fargat.virtual-kubelet.io/size": true, "fargate.virtual-kubelet.io": true,
		"virtual-kubelet.io/last-applied-node-taints": false, "eks.amazonaws.com/size": false, "size": false, "fargate.example.com/size": false,
	} {
		pod := barePod()
		pod.Annotations = map[string]string{key: "512/1024"}
		in, _ := resolved(pod, nodeSources())
		want := ""
		if told {
			want = "warned the provider's annotations begin with fargate.virtual-kubelet.io/; mend or remove it"
		}
		if diff := cmp.Diff(want, saidOf(in, "metadata.annotations["+key+"]")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
	}
}

func TestUnknownAnnotations(t *testing.T) {
	for name, nearest := range map[string]string{"subnet": "subnets", "log_driver": "log-driver", "capacitytype": "capacity-type", "public-ip": "assign-public-ip", "log-option": "log-options"} {
		got, err := asked(t, "{"+name+": x}", nil)
		want := []taskdef.Finding{{Field: "metadata.annotations[fargate.virtual-kubelet.io/" + name + "]", Verdict: taskdef.Warned,
			Message: "no annotation of the provider has this name, and fargate.virtual-kubelet.io/" + nearest + " comes nearest; mend or remove it"}}
		if diff := cmp.Diff(want, got.Findings); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	if got, err := asked(t, `{task-arn: a, attempt: "1", capacity-provisioned: b, size: 256/512}`, nil); err != nil || len(got.Findings) > 0 {
		t.Errorf("of the provider's own: %v, %v", got.Findings, err)
	}
}
