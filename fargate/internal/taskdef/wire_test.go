package taskdef_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// described is what ECS answers about a definition: with members of its own, variables in its own order.
func described(t taskdef.Translation) *ecstypes.TaskDefinition {
	d := t.Definition
	got := &ecstypes.TaskDefinition{
		Family: d.Family, Cpu: d.Cpu, Memory: d.Memory, NetworkMode: d.NetworkMode, PidMode: d.PidMode,
		ExecutionRoleArn: d.ExecutionRoleArn, EphemeralStorage: d.EphemeralStorage,
		RequiresCompatibilities: d.RequiresCompatibilities, RuntimePlatform: d.RuntimePlatform,
		Revision: 4, Status: ecstypes.TaskDefinitionStatusActive,
		Compatibilities:   []ecstypes.Compatibility{ecstypes.CompatibilityEc2, ecstypes.CompatibilityFargate},
		TaskDefinitionArn: aws.String("arn:aws:ecs:us-east-1:123456789012:task-definition/x:4"),
		Volumes:           []ecstypes.Volume{},
	}
	for _, c := range d.ContainerDefinitions {
		c.Environment = slices.Clone(c.Environment)
		slices.Reverse(c.Environment)
		c.Command, c.Secrets = slices.Clone(c.Command), slices.Clone(c.Secrets)
		c.PortMappings = slices.Clone(c.PortMappings)
		for i := range c.PortMappings {
			c.PortMappings[i].HostPort = c.PortMappings[i].ContainerPort
		}
		c.MountPoints = []ecstypes.MountPoint{}
		got.ContainerDefinitions = append(got.ContainerDefinitions, c)
	}
	return got
}

func TestSame(t *testing.T) {
	for name, test := range map[string]struct {
		why    string
		change func(*ecstypes.TaskDefinition)
		want   bool
	}{
		"as ECS describes it":    {"defaults and order are ECS's business", func(*ecstypes.TaskDefinition) {}, true},
		"an empty value is gone": {"an empty variable and none are told apart by name alone", func(d *ecstypes.TaskDefinition) { blank(d) }, true},
		"another image":          {"somebody registered a revision by hand", func(d *ecstypes.TaskDefinition) { d.ContainerDefinitions[0].Image = aws.String("evil") }, false},
		"another role":           {"it would run with other rights", func(d *ecstypes.TaskDefinition) { d.ExecutionRoleArn = aws.String("arn:other") }, false},
		"a variable changed":     {"values count", func(d *ecstypes.TaskDefinition) { d.ContainerDefinitions[0].Environment[0].Value = aws.String("x") }, false},
		"a variable more":        {"a longer list is another list", func(d *ecstypes.TaskDefinition) { more(d) }, false},
		"a container more": {"it would run something that nobody asked for", func(d *ecstypes.TaskDefinition) {
			d.ContainerDefinitions = append(d.ContainerDefinitions, ecstypes.ContainerDefinition{})
		}, false},
		"an argument out of turn": {"the order of words is their meaning", func(d *ecstypes.TaskDefinition) { slices.Reverse(d.ContainerDefinitions[0].Command) }, false},
		"a secret elsewhere": {"it would read what somebody else put there", func(d *ecstypes.TaskDefinition) {
			d.ContainerDefinitions[0].Secrets[0].ValueFrom = aws.String("arn:other")
		}, false},
		"a task role that nobody asked for": {"it would run with rights that were not granted", func(d *ecstypes.TaskDefinition) { d.TaskRoleArn = aws.String("arn:admin") }, false},
		"an entry point beside the image's": {"it would run what somebody else wrote", func(d *ecstypes.TaskDefinition) {
			d.ContainerDefinitions[0].EntryPoint = append(d.ContainerDefinitions[0].EntryPoint, "-c")
		}, false},
		"another user": {"root may be more than the image's", func(d *ecstypes.TaskDefinition) { d.ContainerDefinitions[0].User = aws.String("0") }, false},
		"a secret more": {"it would read another namespace's", func(d *ecstypes.TaskDefinition) {
			d.ContainerDefinitions[0].Secrets = append(d.ContainerDefinitions[0].Secrets, ecstypes.Secret{Name: aws.String("X"), ValueFrom: aws.String("arn:other")})
		}, false},
		"no capabilities dropped": {"security is part of the content", func(d *ecstypes.TaskDefinition) { d.ContainerDefinitions[0].LinuxParameters = nil }, false},
	} {
		t.Run(name, func(t *testing.T) {
			pod := barePod()
			decodeStrict(t, `{command: [a, b, c], ports: [{containerPort: 80}], env: [{name: E, value: ""}, {name: F, value: "1"}, {name: S, valueFrom: {secretKeyRef: {name: login, key: PASSWORD}}}], securityContext: {capabilities: {drop: [ALL]}}}`, &pod.Spec.Containers[0])
			environment, _ := podenv.Resolve(pod, secretSources("1"))
			translation, err := taskdef.Translate(input(pod, environment))
			if err != nil {
				t.Fatal(err)
			}
			got := described(translation)
			test.change(got)
			if same := taskdef.Same(translation.Definition, got); same != test.want {
				t.Errorf("Same is %t: %s", same, test.why)
			}
		})
	}
	if taskdef.Same(nil, nil) {
		t.Error("a definition that does not exist is the same as none")
	}
}

func blank(d *ecstypes.TaskDefinition) {
	for i, v := range d.ContainerDefinitions[0].Environment {
		if *v.Value == "" {
			d.ContainerDefinitions[0].Environment[i].Value = nil
		}
	}
}

func more(d *ecstypes.TaskDefinition) {
	c := &d.ContainerDefinitions[0]
	c.Environment = append(c.Environment, ecstypes.KeyValuePair{Name: aws.String("X"), Value: aws.String("x")})
}
