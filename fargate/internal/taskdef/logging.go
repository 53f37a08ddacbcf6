package taskdef

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
)

// The log drivers of Fargate (API reference: LogConfiguration).
const (
	awslogs  = string(ecstypes.LogDriverAwslogs)
	splunk   = string(ecstypes.LogDriverSplunk)
	firelens = string(ecstypes.LogDriverAwsfirelens)
)

const (
	annotationLogDriver       = podid.AnnotationPrefix + "log-driver"
	annotationLogOptions      = podid.AnnotationPrefix + "log-options"
	annotationLogSecrets      = podid.AnnotationPrefix + "log-secret-options"
	annotationLogMode         = podid.AnnotationPrefix + "log-mode"
	annotationLogRouterConfig = podid.AnnotationPrefix + "log-router-config"

	optionGroup  = "awslogs-group"
	optionURL    = "splunk-url"
	optionToken  = "splunk-token"
	optionOutput = "Name" // of the log router's plugin

	logBuffer = "25m" // what waits in memory for a slow log, of each container
)

// logging is what a pod asks for its logs.
type logging struct {
	driver       string            // empty: awslogs
	mode         string            // empty: non-blocking
	options      map[string]string // in clear
	secrets      []logSecret       // by name
	routerConfig string            // a file in the router's image; empty: none of its own
}

// logSecret is an option that comes from a Secret.
type logSecret struct{ option, secret, key string }

func (l logging) driverOrDefault() string { return cmp.Or(l.driver, awslogs) }

// logConfiguration is that of all of the pod's containers; nil: they have no logs. It never lets a slow log hold up a
// container (non-blocking) unless the pod asks for that.
func logConfiguration(in Input) *ecstypes.LogConfiguration {
	asked, _ := asksOf(in.Pod)
	options := maps.Clone(asked.log.options)
	if options == nil {
		options = map[string]string{}
	}
	switch asked.log.driverOrDefault() {
	case awslogs:
		options[optionGroup] = cmp.Or(options[optionGroup], in.Settings.LogGroup)
		if options[optionGroup] == "" {
			return nil
		}
		options["awslogs-region"], options["awslogs-stream-prefix"] = in.Settings.Region, LogStreamPrefix
		delivery(options, cmp.Or(asked.log.mode, "non-blocking"))
	case splunk:
		delivery(options, cmp.Or(asked.log.mode, "non-blocking"))
	case firelens: // the options are the plugin's, and one that it does not know would keep the router from starting
	}
	return &ecstypes.LogConfiguration{LogDriver: ecstypes.LogDriver(asked.log.driverOrDefault()), Options: options, SecretOptions: secretOptions(in)}
}

// delivery sets how log lines are handed over.
func delivery(options map[string]string, mode string) {
	options["mode"] = mode
	if mode == "non-blocking" {
		options["max-buffer-size"] = cmp.Or(options["max-buffer-size"], logBuffer)
	}
}

// LogSecrets is a pod whose environment is the options of the log driver that come from Secrets: what its variables name
// has to be fetched and resolved, as for the pod itself, for Input.LogSecrets.
func LogSecrets(pod *corev1.Pod) *corev1.Pod {
	asked, _ := asksOf(pod)
	named := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "log"}}}}
	named.Namespace = pod.Namespace
	for _, s := range asked.log.secrets {
		named.Spec.Containers[0].Env = append(named.Spec.Containers[0].Env, corev1.EnvVar{Name: s.option, ValueFrom: &corev1.EnvVarSource{
			SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: s.secret}, Key: s.key}}})
	}
	return named
}

// FieldLogSecrets is the field that names the Secrets of LogSecrets.
const FieldLogSecrets = "metadata.annotations[" + annotationLogSecrets + "]"

func secretOptions(in Input) []ecstypes.Secret {
	for _, c := range in.LogSecrets.Containers {
		return secrets(c, in)
	}
	return nil
}

// needsRouter tells whether the pod's logs go through a log router, a container beside its own.
func needsRouter(pod *corev1.Pod) bool {
	asked, _ := asksOf(pod)
	return asked.log.driver == firelens
}

// routerMiB is what the log router gets: AWS's examples reserve 50 (developer guide: "Example Amazon ECS task definition:
// Route logs to FireLens").
const routerMiB = 64

// router sends on what the other containers write, which ECS starts after it without being told. What it has to say
// itself goes to the node's log group. On Fargate its configuration can only be a file of its image (API reference:
// FirelensConfiguration).
func router(in Input) ecstypes.ContainerDefinition {
	asked, _ := asksOf(in.Pod)
	options := map[string]string{"enable-ecs-log-metadata": "true"}
	if asked.log.routerConfig != "" {
		options["config-file-type"], options["config-file-value"] = "file", asked.log.routerConfig
	}
	plain := in
	plain.Pod, plain.LogSecrets.Containers = &corev1.Pod{}, nil
	return ecstypes.ContainerDefinition{
		Name: aws.String(podid.RouterName), Image: aws.String(in.Settings.LogRouterImage), Essential: aws.Bool(true),
		MemoryReservation: aws.Int32(routerMiB), User: aws.String("0"),
		StopTimeout:           aws.Int32(stopTimeout(in.Pod)),
		LogConfiguration:      logConfiguration(plain),
		FirelensConfiguration: &ecstypes.FirelensConfiguration{Type: ecstypes.FirelensConfigurationTypeFluentbit, Options: options},
	}
}

// LogGroup is the CloudWatch Logs group that has the pod's logs, "" if there is none: then driver is where they go instead,
// or "" if they go nowhere. Annotations may have changed since the pod was started, so that a group that is not granted is
// passed over.
func LogGroup(pod *corev1.Pod, settings Settings) (group, driver string) {
	asked, _ := asksOf(pod)
	if asked.log.driverOrDefault() != awslogs {
		return "", asked.log.driver
	}
	group = asked.log.options[optionGroup]
	if group == "" || settings.Grants == nil || !settings.Grants.LogDestination(pod.Namespace, awslogs+":"+group) {
		group = settings.LogGroup
	}
	return group, ""
}

// wantsDestination is where the pod wants to log to, unless it is where all others do.
func wantsDestination(in Input, asked asks) []string {
	switch options := asked.log.options; asked.log.driverOrDefault() {
	case awslogs:
		if group := options[optionGroup]; group != "" && group != in.Settings.LogGroup {
			return []string{awslogs + ":" + group}
		}
		return nil
	case splunk:
		return []string{splunk + ":" + options[optionURL]}
	default:
		return []string{firelens + ":" + output(options)}
	}
}

// output is the plugin that the options name, in whatever case.
func output(options map[string]string) string {
	for name, value := range options {
		if strings.EqualFold(name, optionOutput) {
			return value
		}
	}
	return ""
}

// awslogsOptions are those that a pod may set; the others are the node's, for kubectl logs has to find the lines.
var awslogsOptions = []string{optionGroup, "awslogs-create-group", "awslogs-datetime-format", "awslogs-multiline-pattern", "max-buffer-size"}

func checkLogDriver(in Input, asked asks) string {
	_, options := in.Pod.Annotations[annotationLogOptions]
	switch {
	case asked.log.driver == awslogs && in.Settings.LogGroup == "" && asked.log.options[optionGroup] == "":
		return "fargate.toml names no log group, and " + annotationLogOptions + " no " + optionGroup
	case in.Settings.ExecutionRoleARN == "" && asked.log.driver == awslogs:
		return "logs are written by the task's execution role, and this node has none; ExecutionRoleArn in fargate.toml sets it"
	case asked.log.driver == splunk && !options:
		return "it needs " + optionURL + " in " + annotationLogOptions
	case asked.log.driver == splunk && !slices.ContainsFunc(asked.log.secrets, func(s logSecret) bool { return s.option == optionToken }):
		return "it needs " + optionToken + " in " + annotationLogSecrets
	case asked.log.driver == firelens && !options:
		return "it needs " + annotationLogOptions + ", with the log router's output as " + optionOutput
	}
	return ""
}

func checkLogOptions(in Input, asked asks) string {
	options := asked.log.options
	for _, name := range slices.Sorted(maps.Keys(options)) {
		switch {
		case looksSecret(name, options[name]):
			return "a task definition would show " + shortened(name) + ", which looks like a secret; name a Secret that has it in " + annotationLogSecrets
		case name == "mode":
			return "the mode is an annotation of its own, " + annotationLogMode
		case asked.log.driverOrDefault() == awslogs && !slices.Contains(awslogsOptions, name):
			return shortened(name) + " is no option that a pod may set for awslogs, which are " + strings.Join(awslogsOptions, ", ")
		case name == "max-buffer-size" && !bufferSize.MatchString(options[name]):
			return name + " is a number with b, k, m or g, such as 25m"
		case name == "max-buffer-size" && asked.log.mode == "blocking":
			return name + " is for the mode non-blocking"
		case name == "awslogs-create-group" && options[name] != "true" && options[name] != "false":
			return name + " is true or false"
		case name == optionGroup && !logGroup(options[name]):
			return shortened(options[name]) + " is no name of a log group"
		}
	}
	switch driver := asked.log.driverOrDefault(); {
	case driver == splunk && !isURL.MatchString(options[optionURL]):
		return "the driver splunk needs the option " + optionURL + ", https://HOST:PORT"
	case driver == firelens && output(options) == "":
		return "the driver awsfirelens needs the option " + optionOutput + ", the plugin that the log router writes to"
	case driver == awslogs && options[optionGroup] == "" && in.Settings.LogGroup == "":
		return "fargate.toml names no log group, and the options no " + optionGroup
	case driver == awslogs && in.Settings.ExecutionRoleARN == "":
		return "logs are written by the task's execution role, and this node has none; ExecutionRoleArn in fargate.toml sets it"
	}
	return ""
}

func checkLogSecrets(in Input, asked asks) string {
	switch {
	case asked.log.driverOrDefault() == awslogs:
		return "the driver awslogs has no secret options"
	case in.Settings.ExecutionRoleARN == "":
		return "secrets are read by the task's execution role, and this node has none; ExecutionRoleArn in fargate.toml sets it"
	}
	for _, s := range asked.log.secrets {
		for name := range asked.log.options {
			if strings.EqualFold(name, s.option) {
				return s.option + " is in " + annotationLogOptions + " too"
			}
		}
	}
	return ""
}

func checkLogMode(in Input, asked asks) string {
	if asked.log.driver == firelens {
		return "containers never wait for the log router; the option log-driver-buffer-limit bounds what waits for it"
	}
	if asked.log.driver == "" && in.Settings.LogGroup == "" && asked.log.options[optionGroup] == "" {
		return "the pod has no logs: fargate.toml names no log group"
	}
	return ""
}

func checkRouterConfig(_ Input, asked asks) string {
	if asked.log.driver != firelens {
		return "only the driver awsfirelens has a log router"
	}
	return ""
}

var (
	bufferSize = regexp.MustCompile(`^[1-9][0-9]{0,9}[bkmgBKMG]?$`)
	isURL      = regexp.MustCompile(`^https?://[A-Za-z0-9.:_-]+(/[A-Za-z0-9./_-]*)?$`)
	groupName  = regexp.MustCompile(`^[A-Za-z0-9_/.#-]+$`) // and 512 characters; CloudWatch Logs API reference: CreateLogGroup

	secretName  = regexp.MustCompile(`(?i)` + secretWord)
	secretValue = regexp.MustCompile(`(?i)bearer |basic |authorization|://[^/@]*:[^/@]*@|(` + secretWord + `)[a-z0-9_-]*["']?[ \t:=]+\S`)
)

// secretWord is of the names of what is secret, be it an option or a part of one: a header, a parameter, a member of JSON.
const secretWord = `token|passw|secret|api[_-]?key|(license|shared|access|private)[_-]?key|credential|authorization`

// looksSecret tells whether an option should not be read by everybody. It cannot know.
func looksSecret(name, value string) bool {
	return secretName.MatchString(name) || secretValue.MatchString(value)
}

func logGroup(name string) bool { return len(name) <= 512 && groupName.MatchString(name) }
