package fargatesim_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

// code is the AWS error code of an error, "" for none.
func code(err error) string {
	if api := smithy.APIError(nil); errors.As(err, &api) {
		return api.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

type (
	definitionInput = ecs.RegisterTaskDefinitionInput
	containerInput  = ecstypes.ContainerDefinition
)

// app changes the only container of the good definition.
func app(change func(*containerInput)) func(*definitionInput) {
	return func(in *definitionInput) { change(&in.ContainerDefinitions[0]) }
}

type efsInput = ecstypes.EFSVolumeConfiguration

// efs gives the definition a volume on a file system.
func efs(change func(*efsInput)) func(*definitionInput) {
	return func(in *definitionInput) {
		e := &efsInput{FileSystemId: aws.String("fs-0123456789abcdef0")}
		change(e)
		in.Volumes = []ecstypes.Volume{{Name: aws.String("data"), EfsVolumeConfiguration: e}}
	}
}

// tmpfs adds one to the only container, which has a volume at /v.
func tmpfs(path string, sizeMiB int32, options ...string) func(*definitionInput) {
	return func(in *definitionInput) {
		in.Volumes = []ecstypes.Volume{{Name: aws.String("v")}}
		c := &in.ContainerDefinitions[0]
		c.MountPoints = []ecstypes.MountPoint{{SourceVolume: aws.String("v"), ContainerPath: aws.String("/v")}}
		c.LinuxParameters = &ecstypes.LinuxParameters{Tmpfs: []ecstypes.Tmpfs{{ContainerPath: &path, Size: sizeMiB, MountOptions: options}}}
	}
}

// with adds a container to the good definition.
func with(name string, change func(*containerInput)) func(*definitionInput) {
	return func(in *definitionInput) {
		c := containerInput{Name: &name, Image: aws.String("busybox")}
		change(&c)
		in.ContainerDefinitions = append(in.ContainerDefinitions, c)
	}
}

func awslogs(options map[string]string) *ecstypes.LogConfiguration {
	return &ecstypes.LogConfiguration{LogDriver: ecstypes.LogDriverAwslogs, Options: options}
}

var badDefinitions = map[string]func(*definitionInput){
	"a family with a dot":         func(in *definitionInput) { in.Family = aws.String("web.app") },
	"a family of 256 letters":     func(in *definitionInput) { in.Family = aws.String(strings.Repeat("a", 256)) },
	"no container":                func(in *definitionInput) { in.ContainerDefinitions = []containerInput{} },
	"for EC2":                     func(in *definitionInput) { in.RequiresCompatibilities = []ecstypes.Compatibility{"EC2"} },
	"bridge networking":           func(in *definitionInput) { in.NetworkMode = ecstypes.NetworkModeBridge },
	"the host's processes":        func(in *definitionInput) { in.PidMode = ecstypes.PidModeHost },
	"shared memory between tasks": func(in *definitionInput) { in.IpcMode = ecstypes.IpcModeTask },
	"Windows": func(in *definitionInput) {
		in.RuntimePlatform = &ecstypes.RuntimePlatform{OperatingSystemFamily: "WINDOWS_SERVER_2022_CORE"}
	},
	"no cpu":                               func(in *definitionInput) { in.Cpu = nil },
	"no memory":                            func(in *definitionInput) { in.Memory = nil },
	"cpu that is no number":                func(in *definitionInput) { in.Cpu = aws.String("much") },
	"memory that the cpu does not go with": func(in *definitionInput) { in.Memory = aws.String("4096") },
	"33 vCPU":                              func(in *definitionInput) { in.Cpu, in.Memory = aws.String("33792"), aws.String("245760") },
	"placement on Fargate": func(in *definitionInput) {
		in.PlacementConstraints = []ecstypes.TaskDefinitionPlacementConstraint{{Type: "memberOf"}}
	},
	"20 GiB of ephemeral storage": func(in *definitionInput) { in.EphemeralStorage = &ecstypes.EphemeralStorage{SizeInGiB: 20} },
	"a role that is none":         func(in *definitionInput) { in.TaskRoleArn = aws.String("arn:aws:iam::1:role/x") },
	"a volume from the host": func(in *definitionInput) {
		in.Volumes = []ecstypes.Volume{{Name: aws.String("v"), Host: &ecstypes.HostVolumeProperties{SourcePath: aws.String("/etc")}}}
	},
	"a docker volume": func(in *definitionInput) {
		in.Volumes = []ecstypes.Volume{{Name: aws.String("v"), DockerVolumeConfiguration: &ecstypes.DockerVolumeConfiguration{}}}
	},
	"a volume twice": func(in *definitionInput) {
		in.Volumes = []ecstypes.Volume{{Name: aws.String("v")}, {Name: aws.String("v")}}
	},
	"a container of no name":      app(func(c *containerInput) { c.Name = nil }),
	"a container name with a dot": app(func(c *containerInput) { c.Name = aws.String("a.b") }),
	"a container name twice":      with("app", func(*containerInput) {}),
	"no image":                    app(func(c *containerInput) { c.Image = nil }),
	"an image with a long name": app(func(c *containerInput) {
		c.Image = aws.String(strings.Repeat("i", 256) + "@sha256:" + strings.Repeat("0", 64))
	}),
	"an image with a long tag":   app(func(c *containerInput) { c.Image = aws.String("nginx:" + strings.Repeat("1", 250)) }),
	"an image with a blank":      app(func(c *containerInput) { c.Image = aws.String("nginx 1.9") }),
	"an image by another digest": app(func(c *containerInput) { c.Image = aws.String("nginx@sha512:00") }),
	"no essential container":     app(func(c *containerInput) { c.Essential = aws.Bool(false) }),
	"privileged":                 app(func(c *containerInput) { c.Privileged = aws.Bool(true) }),
	"links":                      app(func(c *containerInput) { c.Links = []string{"db"} }),
	"a hostname":                 app(func(c *containerInput) { c.Hostname = aws.String("web-0") }),
	"hosts": app(func(c *containerInput) {
		c.ExtraHosts = []ecstypes.HostEntry{{Hostname: aws.String("a"), IpAddress: aws.String("1.2.3.4")}}
	}),
	"DNS servers":      app(func(c *containerInput) { c.DnsServers = []string{"10.0.0.10"} }),
	"security options": app(func(c *containerInput) { c.DockerSecurityOptions = []string{"no-new-privileges"} }),
	"a GPU": app(func(c *containerInput) {
		c.ResourceRequirements = []ecstypes.ResourceRequirement{{Type: "GPU", Value: aws.String("1")}}
	}),
	"NET_ADMIN": app(func(c *containerInput) {
		c.LinuxParameters = &ecstypes.LinuxParameters{Capabilities: &ecstypes.KernelCapabilities{Add: []string{"NET_ADMIN"}}}
	}),
	"a capability that is none": app(func(c *containerInput) {
		c.LinuxParameters = &ecstypes.LinuxParameters{Capabilities: &ecstypes.KernelCapabilities{Drop: []string{"FLY"}}}
	}),
	"a device": app(func(c *containerInput) {
		c.LinuxParameters = &ecstypes.LinuxParameters{Devices: []ecstypes.Device{{HostPath: aws.String("/dev/fuse")}}}
	}),
	"shared memory": app(func(c *containerInput) {
		c.LinuxParameters = &ecstypes.LinuxParameters{SharedMemorySize: aws.Int32(64)}
	}),
	"4 MiB":                                  app(func(c *containerInput) { c.Memory = aws.Int32(4) }),
	"a reservation above the limit":          app(func(c *containerInput) { c.Memory, c.MemoryReservation = aws.Int32(128), aws.Int32(256) }),
	"more memory than the task":              app(func(c *containerInput) { c.Memory = aws.Int32(1024) }),
	"more cpu than the task":                 app(func(c *containerInput) { c.Cpu = 512 }),
	"two containers with more than the task": with("b", func(c *containerInput) { c.MemoryReservation = aws.Int32(513) }),
	"a stop timeout of 121 s":                app(func(c *containerInput) { c.StopTimeout = aws.Int32(121) }),
	"a start timeout of 1 s":                 app(func(c *containerInput) { c.StartTimeout = aws.Int32(1) }),
	"a health check each second": app(func(c *containerInput) {
		c.HealthCheck = &ecstypes.HealthCheck{Command: []string{"CMD", "true"}, Interval: aws.Int32(1)}
	}),
	"a health check without CMD": app(func(c *containerInput) { c.HealthCheck = &ecstypes.HealthCheck{Command: []string{"true"}} }),
	"11 retries of a health check": app(func(c *containerInput) {
		c.HealthCheck = &ecstypes.HealthCheck{Command: []string{"CMD", "true"}, Retries: aws.Int32(11)}
	}),
	"a restart every 10 s": app(func(c *containerInput) {
		c.RestartPolicy = &ecstypes.ContainerRestartPolicy{Enabled: aws.Bool(true), RestartAttemptPeriod: aws.Int32(10)}
	}),
	"a variable of no name": app(func(c *containerInput) { c.Environment = []ecstypes.KeyValuePair{{Value: aws.String("x")}} }),
	"a secret without a role": app(func(c *containerInput) {
		c.Secrets = []ecstypes.Secret{{Name: aws.String("A"), ValueFrom: aws.String("/db/password")}}
	}),
	"a secret from nowhere": app(func(c *containerInput) {
		c.Secrets = []ecstypes.Secret{{Name: aws.String("A"), ValueFrom: aws.String("arn:aws:s3:::x")}}
	}),
	"a private image without a role": app(func(c *containerInput) { c.Image = aws.String("123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1") }),
	"another port on the host": app(func(c *containerInput) {
		c.PortMappings = []ecstypes.PortMapping{{ContainerPort: aws.Int32(80), HostPort: aws.Int32(8080)}}
	}),
	"port 0": app(func(c *containerInput) { c.PortMappings = []ecstypes.PortMapping{{ContainerPort: aws.Int32(0)}} }),
	"a port for tcp and udp": app(func(c *containerInput) {
		c.PortMappings = []ecstypes.PortMapping{{ContainerPort: aws.Int32(53), Protocol: "tcp"}, {ContainerPort: aws.Int32(53), Protocol: "udp"}}
	}),
	"json-file logs": app(func(c *containerInput) { c.LogConfiguration = &ecstypes.LogConfiguration{LogDriver: "json-file"} }),
	"logs without a stream prefix": app(func(c *containerInput) {
		c.LogConfiguration = awslogs(map[string]string{"awslogs-group": "/demo", "awslogs-region": "us-east-1"})
	}),
	"logs without a role": app(func(c *containerInput) {
		c.LogConfiguration = awslogs(map[string]string{"awslogs-group": "/demo", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "vk"})
	}),
	"a log option that is none": app(func(c *containerInput) {
		c.LogConfiguration = awslogs(map[string]string{"awslogs-group": "/demo", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "vk", "colour": "blue"})
	}),
	"a volume of two kinds": func(in *definitionInput) {
		in.Volumes = []ecstypes.Volume{{Name: aws.String("v"), Host: &ecstypes.HostVolumeProperties{}, ConfiguredAtLaunch: aws.Bool(true)}}
	},
	"a file system that has no such name":   efs(func(e *efsInput) { e.FileSystemId = aws.String("data") }),
	"a relative directory of a file system": efs(func(e *efsInput) { e.RootDirectory = aws.String("data") }),
	"a port that there is not":              efs(func(e *efsInput) { e.TransitEncryptionPort = aws.Int32(65536) }),
	"IAM in clear text": efs(func(e *efsInput) {
		e.AuthorizationConfig = &ecstypes.EFSAuthorizationConfig{Iam: ecstypes.EFSAuthorizationConfigIAMEnabled}
	}),
	"an access point in clear text": efs(func(e *efsInput) {
		e.AuthorizationConfig = &ecstypes.EFSAuthorizationConfig{AccessPointId: aws.String("fsap-0123456789abcdef0")}
	}),
	"an access point that has no such name": efs(func(e *efsInput) {
		e.TransitEncryption = ecstypes.EFSTransitEncryptionEnabled
		e.AuthorizationConfig = &ecstypes.EFSAuthorizationConfig{AccessPointId: aws.String("app")}
	}),
	"an access point and a directory": efs(func(e *efsInput) {
		e.TransitEncryption, e.RootDirectory = ecstypes.EFSTransitEncryptionEnabled, aws.String("/data")
		e.AuthorizationConfig = &ecstypes.EFSAuthorizationConfig{AccessPointId: aws.String("fsap-0123456789abcdef0")}
	}),
	"a tmpfs without a size":                   tmpfs("/cache", 0),
	"a tmpfs that is nowhere":                  tmpfs("", 8),
	"a tmpfs at a relative place":              tmpfs("cache", 8),
	"a tmpfs with an option Linux lacks":       tmpfs("/cache", 8, "fast"),
	"a tmpfs with its size as an option":       tmpfs("/cache", 8, "size=8m"),
	"a tmpfs with a mode that is none":         tmpfs("/cache", 8, "mode=rwx"),
	"a tmpfs with a mode that is not octal":    tmpfs("/cache", 8, "mode=0789"),
	"a tmpfs with a mode that is not said":     tmpfs("/cache", 8, "mode"),
	"a tmpfs with a user by name":              tmpfs("/cache", 8, "uid=nobody"),
	"a tmpfs with a flag that takes no value":  tmpfs("/cache", 8, "noexec=true"),
	"a tmpfs where a volume is":                tmpfs("/v", 8),
	"a tmpfs where a volume is, spelled other": tmpfs("/./v/", 8),
	"a tmpfs twice": app(func(c *containerInput) {
		t := ecstypes.Tmpfs{ContainerPath: aws.String("/cache"), Size: 8}
		c.LinuxParameters = &ecstypes.LinuxParameters{Tmpfs: []ecstypes.Tmpfs{t, t}}
	}),
	"two volumes at one place": func(in *definitionInput) {
		in.Volumes = []ecstypes.Volume{{Name: aws.String("a")}, {Name: aws.String("b")}}
		in.ContainerDefinitions[0].MountPoints = []ecstypes.MountPoint{
			{SourceVolume: aws.String("a"), ContainerPath: aws.String("/v")}, {SourceVolume: aws.String("b"), ContainerPath: aws.String("/v/")}}
	},
	"a volume at a relative place": func(in *definitionInput) {
		in.Volumes = []ecstypes.Volume{{Name: aws.String("a")}}
		in.ContainerDefinitions[0].MountPoints = []ecstypes.MountPoint{{SourceVolume: aws.String("a"), ContainerPath: aws.String("v")}}
	},
	"a mount of no volume": app(func(c *containerInput) {
		c.MountPoints = []ecstypes.MountPoint{{SourceVolume: aws.String("v"), ContainerPath: aws.String("/v")}}
	}),
	"a system control of the host": app(func(c *containerInput) {
		c.SystemControls = []ecstypes.SystemControl{{Namespace: aws.String("vm.overcommit_memory"), Value: aws.String("1")}}
	}),
	"a dependency on nobody": app(func(c *containerInput) {
		c.DependsOn = []ecstypes.ContainerDependency{{ContainerName: aws.String("x"), Condition: "START"}}
	}),
	"a dependency on itself": app(func(c *containerInput) {
		c.DependsOn = []ecstypes.ContainerDependency{{ContainerName: aws.String("app"), Condition: "START"}}
	}),
	"the success of an essential container": with("b", func(c *containerInput) {
		c.DependsOn = []ecstypes.ContainerDependency{{ContainerName: aws.String("app"), Condition: "SUCCESS"}}
	}),
	"the health of a container without checks": with("b", func(c *containerInput) {
		c.DependsOn = []ecstypes.ContainerDependency{{ContainerName: aws.String("app"), Condition: "HEALTHY"}}
	}),
	"firelens without a router": app(func(c *containerInput) { c.LogConfiguration = &ecstypes.LogConfiguration{LogDriver: "awsfirelens"} }),
	"App Mesh": func(in *definitionInput) {
		in.ProxyConfiguration = &ecstypes.ProxyConfiguration{ContainerName: aws.String("app")}
	},
	"eleven containers": func(in *definitionInput) {
		for i := range 10 {
			with(string(rune('a'+i)), func(*containerInput) {})(in)
		}
	},
	"a definition of more than 64 KiB": app(func(c *containerInput) { c.Command = []string{strings.Repeat("x", 65536)} }),
	"a ring of dependencies": func(in *definitionInput) {
		for i, name := range []string{"a", "b", "c"} {
			with(name, func(c *containerInput) {
				c.DependsOn = []ecstypes.ContainerDependency{{ContainerName: aws.String([]string{"c", "a", "b"}[i]), Condition: "START"}}
			})(in)
		}
	},
}

var badTags = map[string]func(*definitionInput){
	"a tag of AWS's own": func(in *definitionInput) {
		in.Tags = []ecstypes.Tag{{Key: aws.String("aws:x"), Value: aws.String("y")}}
	},
	"a tag with a bracket": func(in *definitionInput) { in.Tags = []ecstypes.Tag{{Key: aws.String("x"), Value: aws.String("[y]")}} },
	"a tag twice":          func(in *definitionInput) { in.Tags = []ecstypes.Tag{{Key: aws.String("x")}, {Key: aws.String("x")}} },
}

func TestBadDefinitionsAreRefused(t *testing.T) {
	a := open(t, fargatesim.Config{Unthrottled: true})
	for want, table := range map[string]map[string]func(*definitionInput){"ClientException": badDefinitions, "InvalidParameterException": badTags} {
		for why, change := range table {
			t.Run(why, func(t *testing.T) {
				in := goodDefinition()
				change(in)
				_, err := a.ecs.RegisterTaskDefinition(t.Context(), in)
				if got := code(err); got != want {
					t.Errorf("a definition with %s: want %s, got %v", why, want, err)
				}
			})
		}
	}
	if n := len(a.Definitions()); n != 0 {
		t.Errorf("%d refused definitions exist", n)
	}
}

func TestAFullDefinitionIsTaken(t *testing.T) {
	a := open(t, fargatesim.Config{})
	got := a.register(func(in *definitionInput) {
		in.Cpu, in.Memory = aws.String("32 vCPU"), aws.String("244GB")
		in.ExecutionRoleArn = aws.String("arn:aws:iam::123456789012:role/path/execution")
		in.PidMode = ecstypes.PidModeTask
		in.Volumes = []ecstypes.Volume{{Name: aws.String("scratch")}}
		in.ContainerDefinitions[0] = containerInput{
			Name: aws.String("app"), Image: aws.String("registry.example:5000/" + strings.Repeat("app", 77) + "@sha256:" + strings.Repeat("0", 64)),
			Cpu: 1024, Memory: aws.Int32(2048), MemoryReservation: aws.Int32(1024),
			PortMappings: []ecstypes.PortMapping{{ContainerPort: aws.Int32(80)}, {ContainerPortRange: aws.String("9000-9010")}},
			Secrets:      []ecstypes.Secret{{Name: aws.String("PASSWORD"), ValueFrom: aws.String("arn:aws:secretsmanager:us-east-1:123456789012:secret:vk/db-a1B2c3:password::")}},
			LogConfiguration: awslogs(map[string]string{"awslogs-group": "/demo", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "vk",
				"mode": "non-blocking", "max-buffer-size": "25m"}),
			LinuxParameters: &ecstypes.LinuxParameters{
				Capabilities: &ecstypes.KernelCapabilities{Add: []string{"SYS_PTRACE"}, Drop: []string{"ALL"}},
				Tmpfs:        []ecstypes.Tmpfs{{ContainerPath: aws.String("/tmp"), Size: 64, MountOptions: []string{"mode=1777", "uid=1000", "gid=0", "noexec", "nr_inodes=4k"}}}},
			MountPoints: []ecstypes.MountPoint{{SourceVolume: aws.String("scratch"), ContainerPath: aws.String("/scratch")}},
			StopTimeout: aws.Int32(120),
			HealthCheck: &ecstypes.HealthCheck{Command: []string{"CMD-SHELL", "true"}},
		}
	})
	port := got.ContainerDefinitions[0].PortMappings[0]
	if *port.HostPort != 80 || port.Protocol != "tcp" || !*got.ContainerDefinitions[0].Essential || got.Revision != 1 {
		t.Errorf("AWS fills in ports, essential and the revision: %+v", got)
	}
}
