package fargatesim

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// fargateDrivers are the log drivers on Fargate (API reference: LogConfiguration).
var fargateDrivers = []ecstypes.LogDriver{ecstypes.LogDriverAwslogs, ecstypes.LogDriverSplunk, ecstypes.LogDriverAwsfirelens}

// The options of the awslogs driver (API reference: LogConfiguration). On Fargate a stream prefix is required too.
var (
	awslogsRequired = []string{"awslogs-group", "awslogs-region", "awslogs-stream-prefix"}
	awslogsOptions  = append([]string{"awslogs-create-group", "awslogs-datetime-format", "awslogs-multiline-pattern", "mode", "max-buffer-size"}, awslogsRequired...)
)

func checkLogging(c ecstypes.ContainerDefinition) error {
	l := c.LogConfiguration
	if l == nil {
		return nil
	}
	if !slices.Contains(fargateDrivers, l.LogDriver) {
		return invalidSetting(c, "Fargate supports the log drivers awslogs, splunk and awsfirelens, not '%s'.", l.LogDriver)
	}
	if err := checkLogMode(c, l.Options); err != nil || l.LogDriver != ecstypes.LogDriverAwslogs {
		return err
	}
	var missing, unknown []string
	for _, name := range awslogsRequired {
		if l.Options[name] == "" {
			missing = append(missing, name)
		}
	}
	for name := range l.Options {
		if !slices.Contains(awslogsOptions, name) {
			unknown = append(unknown, name)
		}
	}
	switch {
	case missing != nil:
		return clientError("Log driver awslogs requires options: %s", strings.Join(missing, ", "))
	case unknown != nil:
		return clientError("Log driver awslogs disallows options: %s", strings.Join(unknown, ", "))
	case !isLogGroupName(l.Options["awslogs-group"]):
		return clientError("Log driver awslogs: invalid awslogs-group '%s'", l.Options["awslogs-group"])
	case strings.ContainsAny(l.Options["awslogs-stream-prefix"], ":*"):
		return clientError("Log driver awslogs: invalid awslogs-stream-prefix '%s'", l.Options["awslogs-stream-prefix"])
	}
	return nil
}

func checkLogMode(c ecstypes.ContainerDefinition, options map[string]string) error {
	mode, size := options["mode"], options["max-buffer-size"]
	if mode != "" && mode != "blocking" && mode != "non-blocking" {
		return invalidSetting(c, "The log option mode is blocking or non-blocking, not '%s'.", mode)
	}
	if size != "" && mode == "blocking" {
		return invalidSetting(c, "The log option max-buffer-size is for the mode non-blocking.")
	}
	number := strings.TrimRight(strings.ToLower(size), "bkmg")
	if n, ok := parseAmount(number, "\x00"); size != "" && (!ok || n == 0) {
		return invalidSetting(c, "The log option max-buffer-size is not a size: '%s'.", size)
	}
	return nil
}

// checkFirelens: the driver awsfirelens needs one container that is the router.
func checkFirelens(in *ecs.RegisterTaskDefinitionInput) error {
	routers, users := 0, 0
	for _, c := range in.ContainerDefinitions {
		if c.FirelensConfiguration != nil {
			routers++
		}
		if c.LogConfiguration != nil && c.LogConfiguration.LogDriver == ecstypes.LogDriverAwsfirelens {
			users++
		}
	}
	if routers > 1 || users > 0 && routers == 0 {
		return clientError("The log driver awsfirelens needs one container with a firelensConfiguration, not %d.", routers)
	}
	return nil
}
