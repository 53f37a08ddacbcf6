package fargatesim

import (
	"regexp"
	"slices"
	"strings"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// dropped are the capabilities that may be dropped (API reference: KernelCapabilities).
var dropped = strings.Fields(`ALL AUDIT_CONTROL AUDIT_WRITE BLOCK_SUSPEND CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID
	IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW
	SETFCAP SETGID SETPCAP SETUID SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO
	SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG SYSLOG WAKE_ALARM`)

func checkLinuxParameters(c ecstypes.ContainerDefinition) error {
	p := deref(c.LinuxParameters)
	capabilities := deref(p.Capabilities)
	for _, name := range capabilities.Add {
		if name != "SYS_PTRACE" { // API reference: KernelCapabilities, on Fargate
			return invalidSetting(c, "Fargate compatible task definitions do not support adding the capability '%s'.", name)
		}
	}
	for _, name := range capabilities.Drop {
		if !slices.Contains(dropped, name) {
			return invalidSetting(c, "Unknown capability to drop: '%s'.", name)
		}
	}
	switch {
	case len(p.Devices) > 0:
		return invalidSetting(c, "Fargate compatible task definitions do not support devices.")
	case p.SharedMemorySize != nil, p.MaxSwap != nil, p.Swappiness != nil:
		return invalidSetting(c, "Fargate compatible task definitions do not support sharedMemorySize, maxSwap and swappiness.")
	}
	return nil
}

var (
	secretARN     = regexp.MustCompile(`^arn:aws[\w-]*:(secretsmanager:[\w-]+:\d{12}:secret:[\w/+=.@-]+(:[^:]*:[^:]*:[^:]*)?|ssm:[\w-]+:\d{12}:parameter/[\w./-]+)$`)
	parameterName = regexp.MustCompile(`^/?[\w.-]+(/[\w.-]+)*$`)
)

func checkEnvironment(c ecstypes.ContainerDefinition) error {
	plain := map[string]bool{}
	for _, v := range c.Environment {
		if deref(v.Name) == "" || strings.ContainsAny(*v.Name, "=\x00") {
			return invalidSetting(c, "An environment variable needs a name without '='.")
		}
		plain[*v.Name] = true
	}
	for _, s := range c.Secrets {
		if !secretARN.MatchString(*s.ValueFrom) && !parameterName.MatchString(*s.ValueFrom) {
			return invalidSetting(c, "Invalid valueFrom of the secret '%s': neither the ARN of a secret or parameter, nor the name of a parameter.", *s.Name)
		}
		if r := parseReference(*s.ValueFrom); r.stage != "" && r.version != "" { // developer guide: secrets as environment variables
			return invalidSetting(c, "Invalid valueFrom of the secret '%s': it has both a version stage and a version ID.", *s.Name)
		}
		if plain[*s.Name] {
			return clientError("The secret name must be unique and not shared with any new or existing environment variables set on the container, such as '%s'.", *s.Name)
		}
		plain[*s.Name] = true
	}
	if r := c.RepositoryCredentials; r != nil && !secretARN.MatchString(*r.CredentialsParameter) && !parameterName.MatchString(*r.CredentialsParameter) {
		return invalidSetting(c, "Invalid repositoryCredentials.credentialsParameter.")
	}
	return nil
}

const maxOpenFiles = 1048576 // developer guide: ulimits on Fargate

func checkUlimits(c ecstypes.ContainerDefinition) error {
	seen := map[ecstypes.UlimitName]bool{}
	for _, u := range c.Ulimits {
		switch {
		case u.SoftLimit > u.HardLimit:
			return invalidSetting(c, "The soft limit of the ulimit '%s' is above its hard limit.", u.Name)
		case u.Name == ecstypes.UlimitNameNofile && u.HardLimit > maxOpenFiles:
			return invalidSetting(c, "The ulimit nofile is above %d.", maxOpenFiles)
		case seen[u.Name]:
			return invalidSetting(c, "The ulimit '%s' is given twice.", u.Name)
		}
		seen[u.Name] = true
	}
	return nil
}

// sysctl are the kernel parameters that are supported (API reference: SystemControl).
var sysctl = regexp.MustCompile(`^(net\..+|fs\.mqueue\..+|kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced))$`)

func checkSystemControls(c ecstypes.ContainerDefinition) error {
	for _, control := range c.SystemControls {
		if !sysctl.MatchString(deref(control.Namespace)) || control.Value == nil {
			return invalidSetting(c, "The system control '%s' is not supported.", deref(control.Namespace))
		}
	}
	return nil
}
