package taskdef

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
)

// Annotation is one that has a meaning on a pod.
type Annotation struct {
	Key      string // whole
	Provider bool   // the provider writes it; else the pod's author does
	Value    string // how it looks; as a rule an example
	Meaning  string // what it does
	Grant    string // the key of [[Grants]] in fargate.toml that it needs; empty: none
}

// Annotations are all, those of pods' authors first.
func Annotations() []Annotation {
	var all []Annotation
	for _, a := range annotations {
		all = append(all, a.Annotation)
	}
	return all
}

// annotation is one row of the table: what it means, how it is read, and what has to be granted for it.
type annotation struct {
	Annotation
	// read puts the value into asks and returns "", or says what is wrong with it. nil: it is read elsewhere.
	read func(text string, into *asks) (problem string)
	// check says what is wrong with the value beside the others and the node's settings. nil: nothing can be.
	check func(in Input, asked asks) (problem string)
	// wants are the values that have to be granted: none of those that the node gives everybody. nil: never any.
	wants   func(in Input, asked asks) []string
	granted func(g Grants, namespace, value string) bool
}

const byLogDriver = "the log driver of all containers"

var annotations = []annotation{
	{Annotation: Annotation{Key: AnnotationSize, Value: "`1024/4096`", Meaning: "CPU units/MiB of the task, instead of the cheapest size that fits"}},
	{Annotation: Annotation{Key: AnnotationRole, Value: "`arn:aws:iam::123456789012:role/shop`", Meaning: "the task role: the IAM role whose credentials the containers get", Grant: "TaskRoles"}},
	{Annotation: Annotation{Key: AnnotationToken, Value: "`true` or `false`", Meaning: "whether the pod gets the token of its ServiceAccount in the volume that Kubernetes adds to every pod, where `ServiceAccountToken` in fargate.toml says `annotated`"},
		read: choice(func(a *asks) *string { return &a.token }, "true", "false")},
	{Annotation: Annotation{Key: AnnotationEBS, Value: "`scratch,size=200Gi,type=gp3`", Meaning: "the emptyDir of that name lies on an EBS volume, which is made for the task and goes with it; its sizeLimit counts where no size is given, and iops=, throughput= and filesystem= (xfs, ext3, ext4) may follow. It needs `InfrastructureRoleArn` in fargate.toml"},
		read: func(string, *asks) string { return "" }, check: checkEBS},
	{Annotation: Annotation{Key: annotationSubnets, Value: "`subnet-0a,subnet-0b`", Meaning: "the subnets that the task may run in, at most 16, instead of all of fargate.toml's; others than those have to be granted", Grant: "Subnets"},
		read: list(func(a *asks) *[]string { return &a.subnets }, subnetID, maxSubnets), wants: unlessGiven(func(a asks) []string { return a.subnets }, func(s Settings) []string { return s.Subnets }),
		granted: Grants.Subnet},
	{Annotation: Annotation{Key: annotationSecurityGroups, Value: "`sg-0a,sg-0b`", Meaning: "the security groups of the task, at most 5, instead of fargate.toml's; others than those have to be granted", Grant: "SecurityGroups"},
		read: list(func(a *asks) *[]string { return &a.securityGroups }, securityGroupID, maxSecurityGroups), wants: unlessGiven(func(a asks) []string { return a.securityGroups }, func(s Settings) []string { return s.SecurityGroups }),
		granted: Grants.SecurityGroup},
	{Annotation: Annotation{Key: annotationPublicIP, Value: "`true` or `false`", Meaning: "whether the task has a public IPv4 address, instead of what fargate.toml says; true has to be granted where that says false", Grant: "PublicIPv4Address"},
		read: choice(func(a *asks) *string { return &a.publicIP }, "true", "false"), wants: wantsPublicIP,
		granted: func(g Grants, namespace, _ string) bool { return g.PublicAddress(namespace) }},
	{Annotation: Annotation{Key: annotationCapacityType, Value: "`spot` or `on-demand`", Meaning: "the capacity that the task runs on; it wins over what nodeSelector and required node affinity say of `" + labelCapacityType + "` and `" + labelEKSCapacityType + "`, and over fargate.toml"},
		read: choice(func(a *asks) *string { return &a.capacityType }, string(Spot), string(OnDemand))},
	{Annotation: Annotation{Key: annotationUlimits, Value: "`nofile=65535:1048576,core=0`", Meaning: "limits of each container, soft:hard or one number for both; nofile is 65535 by default and 1048576 at most"},
		read: readUlimits},
	{Annotation: Annotation{Key: annotationLogDriver, Value: "`awslogs`, `splunk` or `awsfirelens`", Meaning: byLogDriver + ", instead of awslogs with fargate.toml's log group; awsfirelens adds a container, the log router of fargate.toml. `kubectl logs` reads awslogs alone"},
		read: choice(func(a *asks) *string { return &a.log.driver }, awslogs, splunk, firelens), check: checkLogDriver},
	{Annotation: Annotation{Key: annotationLogOptions, Value: "`awslogs-group=/shop/web` or a JSON object of strings", Meaning: "options of " + byLogDriver + ", of which the log group, Splunk's URL or the log router's output has to be granted", Grant: "LogDestinations"},
		read: readLogOptions, check: checkLogOptions, wants: wantsDestination, granted: Grants.LogDestination},
	{Annotation: Annotation{Key: annotationLogSecrets, Value: "`splunk-token=SECRET/KEY`", Meaning: "options of " + byLogDriver + " that come from Secrets of the pod's namespace, by way of AWS Secrets Manager"},
		read: readLogSecrets, check: checkLogSecrets},
	{Annotation: Annotation{Key: annotationLogMode, Value: "`blocking` or `non-blocking`", Meaning: "whether containers wait when their log cannot be written, instead of losing what exceeds 25 MiB"},
		read: choice(func(a *asks) *string { return &a.log.mode }, "blocking", "non-blocking"), check: checkLogMode},
	{Annotation: Annotation{Key: annotationLogRouterConfig, Value: "`/fluent-bit/configs/parse-json.conf`", Meaning: "a configuration file in the image of the log router, besides what the options say"},
		read: readRouterConfig, check: checkRouterConfig},
	{Annotation: Annotation{Key: podid.AnnotationTaskARN, Provider: true, Value: "an ARN", Meaning: "the newest task of the pod"}},
	{Annotation: Annotation{Key: podid.AnnotationAttempt, Provider: true, Value: "a number", Meaning: "the number of that task, from 0"}},
	{Annotation: Annotation{Key: podid.AnnotationCapacity, Provider: true, Value: "`0.25vCPU 1GB`", Meaning: "what Fargate bills"}},
}

func fieldOf(key string) string { return "metadata.annotations[" + key + "]" }

// askRules are the verdicts on the annotations of the table.
var askRules = rulesOf(annotations)

func rulesOf(table []annotation) []rule {
	var rules []rule
	for _, a := range table {
		if a.read == nil {
			continue
		}
		field := fieldOf(a.Key)
		rules = append(rules, quiet(field, Mapped, a.Meaning),
			loud(field, "any other value", Refused, "it cannot be done as it is written", "mend it, or remove the annotation", a.unreadable))
		if a.wants != nil {
			rules = append(rules, loud(field, notGranted, Refused, "fargate.toml does not grant it", grantIt, a.ungranted))
		}
	}
	return append(rules, loud(fieldOf(podid.AnnotationPrefix+"..."), "any other name, or one with a prefix much like it", Warned, "no annotation of the provider has this name", "mend or remove it", unknownAnnotations))
}

// unreadable finds the annotation with a value that means nothing, by itself or beside others.
func (a annotation) unreadable(in Input) []hit {
	if _, given := in.Pod.Annotations[a.Key]; !given {
		return nil
	}
	asked, problems := asksOf(in.Pod)
	problem := problems[a.Key]
	if problem == "" && a.check != nil {
		problem = a.check(in, asked)
	}
	if problem == "" {
		return nil
	}
	return []hit{{what: problem}}
}

// ungranted finds what is asked for and not granted, and says which lines would grant it.
func (a annotation) ungranted(in Input) []hit {
	if _, given := in.Pod.Annotations[a.Key]; !given || len(a.unreadable(in)) > 0 {
		return nil
	}
	asked, _ := asksOf(in.Pod)
	var hits []hit
	for _, value := range a.wants(in, asked) {
		if in.Settings.Grants != nil && a.granted(in.Settings.Grants, in.Pod.Namespace, value) {
			continue
		}
		hits = append(hits, hit{detail: value, what: fmt.Sprintf("fargate.toml does not grant it to namespace %q; the table [[Grants]] with the lines Namespaces = [%q] and %s would",
			in.Pod.Namespace, in.Pod.Namespace, grantLine(a.Grant, value))})
	}
	return hits
}

// grantLine is the line of fargate.toml that grants a value.
func grantLine(key, value string) string {
	if value == "true" {
		return key + " = true"
	}
	return fmt.Sprintf("%s = [%q]", key, value)
}

// unlessGiven are the values asked for that the node does not give everybody.
func unlessGiven(asked func(asks) []string, given func(Settings) []string) func(Input, asks) []string {
	return func(in Input, a asks) []string {
		return slices.DeleteFunc(slices.Clone(asked(a)), func(value string) bool { return slices.Contains(given(in.Settings), value) })
	}
}

// unknownAnnotations finds those with our prefix that mean nothing, and the name that may be meant; and those with a
// prefix that may be meant to be ours.
func unknownAnnotations(in Input) []hit {
	var hits []hit
	for _, key := range slices.Sorted(maps.Keys(in.Pod.Annotations)) {
		name, ours := strings.CutPrefix(key, podid.AnnotationPrefix)
		if !ours && isNearlyOurs(key) {
			hits = append(hits, hit{field: fieldOf(key), what: "the provider's annotations begin with " + podid.AnnotationPrefix})
		}
		if known := knownNames(); ours && !slices.Contains(known, name) {
			nearest := slices.MinFunc(known, func(a, b string) int { return cmp.Compare(apart(a, name), apart(b, name)) })
			hits = append(hits, hit{field: fieldOf(key), what: "no annotation of the provider has this name, and " + podid.AnnotationPrefix + nearest + " comes nearest"})
		}
	}
	return hits
}

// isNearlyOurs tells whether a key has our prefix but for a slip or two, or begins as it does.
func isNearlyOurs(key string) bool {
	domain, _, _ := strings.Cut(key, "/")
	ours := strings.TrimSuffix(podid.AnnotationPrefix, "/")
	return distance(domain, ours) <= 2 || strings.HasPrefix(key, strings.TrimSuffix(ours, ".io"))
}

// knownNames are those of the table with our prefix, without it.
func knownNames() []string {
	var names []string
	for _, a := range annotations {
		if name, ours := strings.CutPrefix(a.Key, podid.AnnotationPrefix); ours {
			names = append(names, name)
		}
	}
	return names
}

// apart is how far a name is from a known one: not at all if it is a part of it.
func apart(known, name string) int {
	if strings.Contains(known, name) {
		return 0
	}
	return distance(known, name)
}

// distance is Levenshtein's: how many characters have to be put in, taken out or changed.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal, row[j+1] = row[j+1], min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// asks are what a pod's annotations ask for, of those that are read by the table. The zero value asks for nothing.
type asks struct {
	token                   string // "": the pod does not say
	subnets, securityGroups []string
	publicIP                string // true, false; empty: as the node
	capacityType            string // of CapacityType; empty: as the node
	ulimits                 []ulimit
	log                     logging
}

// asksOf reads the annotations; problems are by key, of what cannot be read and so is not asked for.
func asksOf(pod *corev1.Pod) (asked asks, problems map[string]string) {
	problems = map[string]string{}
	for _, a := range annotations {
		text, given := pod.Annotations[a.Key]
		if !given || a.read == nil {
			continue
		}
		if problem := a.read(strings.TrimSpace(text), &asked); problem != "" {
			problems[a.Key] = problem
		}
	}
	return asked, problems
}
