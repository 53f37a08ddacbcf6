package launcher_test

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

const cluster = "vk"

// fakeECS keeps definitions and tasks as ECS does. Each call takes a tenth of a second.
type fakeECS struct {
	mu          sync.Mutex                            // guards all below
	definitions map[string][]*ecstypes.TaskDefinition // by family, oldest first
	tags        map[string][]ecstypes.Tag             // by ARN of the definition
	tasks       map[string]ecstypes.Task              // by ARN
	tokens      map[string]launch                     // by client token
	calls       map[string]int                        // by operation
	wrong       map[string]error                      // by operation or "operation family": what it answers instead
	refuse      []ecstypes.Failure                    // RunTask's failures
	sticky      bool                                  // what is deregistered still shows as active
	losing      bool                                  // RunTask starts the task and its reply is lost
	during      func(operation string)                // called in the middle of each call; may be nil
}

type launch struct {
	request ecs.RunTaskInput
	taskARN string
}

func newFake() *fakeECS {
	return &fakeECS{definitions: map[string][]*ecstypes.TaskDefinition{}, tags: map[string][]ecstypes.Tag{},
		tasks: map[string]ecstypes.Task{}, tokens: map[string]launch{}, calls: map[string]int{}, wrong: map[string]error{}}
}

// begin counts a call and returns with mu held, unless the call goes wrong.
func (f *fakeECS) begin(ctx context.Context, operation, family string) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(100 * time.Millisecond): // of the clock of testing/synctest
	}
	if f.during != nil {
		f.during(operation)
	}
	f.mu.Lock()
	f.calls[operation]++
	for _, key := range []string{operation, operation + " " + family} {
		if err := f.wrong[key]; err != nil {
			f.mu.Unlock()
			return err
		}
	}
	return nil
}

// count returns how often an operation was called, and begins anew.
func (f *fakeECS) count(operation string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.calls[operation]
	f.calls[operation] = 0
	return n
}

func (f *fakeECS) setWrong(key string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wrong[key] = err
}

func refused(message string) error { return &ecstypes.ClientException{Message: &message} }

func (f *fakeECS) RegisterTaskDefinition(ctx context.Context, in *ecs.RegisterTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.RegisterTaskDefinitionOutput, error) {
	if err := f.begin(ctx, "Register", *in.Family); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	revision := int32(len(f.definitions[*in.Family]) + 1)
	definition := &ecstypes.TaskDefinition{
		TaskDefinitionArn:    aws.String(fmt.Sprintf("arn:aws:ecs:eu-west-1:1:task-definition/%s:%d", *in.Family, revision)),
		Family:               in.Family,
		Revision:             revision,
		Status:               ecstypes.TaskDefinitionStatusActive,
		Cpu:                  in.Cpu,
		Memory:               in.Memory,
		ContainerDefinitions: in.ContainerDefinitions,
		RegisteredAt:         aws.Time(time.Now()), // as ECS adds members of its own
	}
	f.definitions[*in.Family] = append(f.definitions[*in.Family], definition)
	f.tags[*definition.TaskDefinitionArn] = in.Tags
	return &ecs.RegisterTaskDefinitionOutput{TaskDefinition: definition}, nil
}

func (f *fakeECS) DescribeTaskDefinition(ctx context.Context, in *ecs.DescribeTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	if err := f.begin(ctx, "Describe", *in.TaskDefinition); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	for _, definition := range slices.Backward(f.definitions[*in.TaskDefinition]) {
		if definition.Status == ecstypes.TaskDefinitionStatusActive {
			out := &ecs.DescribeTaskDefinitionOutput{TaskDefinition: definition}
			if slices.Contains(in.Include, ecstypes.TaskDefinitionFieldTags) {
				out.Tags = f.tags[*definition.TaskDefinitionArn]
			}
			return out, nil
		}
	}
	return nil, refused("Unable to describe task definition.")
}

func (f *fakeECS) DeregisterTaskDefinition(ctx context.Context, in *ecs.DeregisterTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DeregisterTaskDefinitionOutput, error) {
	family, _, _ := strings.Cut((*in.TaskDefinition)[strings.LastIndex(*in.TaskDefinition, "/")+1:], ":")
	if err := f.begin(ctx, "Deregister", family); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	definition := f.find(*in.TaskDefinition)
	if definition == nil || definition.Status != ecstypes.TaskDefinitionStatusActive {
		return nil, refused("The specified task definition is inactive. Specify an active task definition and try again.")
	}
	if !f.sticky {
		f.deactivate(definition)
	}
	return &ecs.DeregisterTaskDefinitionOutput{}, nil
}

func (f *fakeECS) ListTaskDefinitionFamilies(ctx context.Context, in *ecs.ListTaskDefinitionFamiliesInput, _ ...func(*ecs.Options)) (*ecs.ListTaskDefinitionFamiliesOutput, error) {
	if err := f.begin(ctx, "List", ""); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	const page = 2
	var families []string
	for _, family := range f.active() {
		if strings.HasPrefix(family, *in.FamilyPrefix) && family > aws.ToString(in.NextToken) {
			families = append(families, family)
		}
	}
	out := &ecs.ListTaskDefinitionFamiliesOutput{Families: families}
	if len(families) > page {
		out.Families, out.NextToken = families[:page], &families[page-1]
	}
	return out, nil
}

func (f *fakeECS) RunTask(ctx context.Context, in *ecs.RunTaskInput, _ ...func(*ecs.Options)) (*ecs.RunTaskOutput, error) {
	if err := f.begin(ctx, "RunTask", ""); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	if before, used := f.tokens[*in.ClientToken]; used {
		return f.again(before, *in)
	}
	if d := f.find(*in.TaskDefinition); d == nil || d.Status != ecstypes.TaskDefinitionStatusActive {
		return nil, refused("TaskDefinition is inactive")
	}
	if len(f.refuse) > 0 {
		return &ecs.RunTaskOutput{Failures: f.refuse}, nil
	}
	task := ecstypes.Task{
		TaskArn:           aws.String("arn:aws:ecs:eu-west-1:1:task/vk/" + strconv.Itoa(len(f.tasks)+1)),
		TaskDefinitionArn: in.TaskDefinition, LastStatus: aws.String("PROVISIONING"), DesiredStatus: aws.String("RUNNING"),
		Version: 1, Containers: []ecstypes.Container{{Name: aws.String("web")}},
	}
	f.tasks[*task.TaskArn] = task
	f.tokens[*in.ClientToken] = launch{*in, *task.TaskArn}
	if f.losing {
		return nil, fmt.Errorf("read tcp 10.0.0.9:443: connection reset by peer")
	}
	return &ecs.RunTaskOutput{Tasks: []ecstypes.Task{task}}, nil
}

// again answers a token that was used before: the task, or of one that has stopped little more than its
// ARN, or a conflict if the request is another one.
func (f *fakeECS) again(before launch, in ecs.RunTaskInput) (*ecs.RunTaskOutput, error) {
	if !reflect.DeepEqual(before.request, in) {
		return nil, &ecstypes.ConflictException{Message: aws.String("the token was used with other parameters"), ResourceIds: []string{before.taskARN}}
	}
	task, known := f.tasks[before.taskARN]
	if !known || *task.LastStatus == "STOPPED" {
		task = ecstypes.Task{TaskArn: &before.taskARN, LastStatus: aws.String("STOPPED"), DesiredStatus: aws.String("STOPPED")}
	}
	return &ecs.RunTaskOutput{Tasks: []ecstypes.Task{task}}, nil
}

func (f *fakeECS) StopTask(ctx context.Context, in *ecs.StopTaskInput, _ ...func(*ecs.Options)) (*ecs.StopTaskOutput, error) {
	if err := f.begin(ctx, "StopTask", ""); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	task, known := f.tasks[*in.Task]
	if !known {
		return nil, &ecstypes.InvalidParameterException{Message: aws.String("The referenced task was not found.")}
	}
	task.DesiredStatus, task.StoppedReason = aws.String("STOPPED"), in.Reason
	f.tasks[*in.Task] = task
	return &ecs.StopTaskOutput{Task: &task}, nil
}

func (f *fakeECS) DescribeTasks(ctx context.Context, in *ecs.DescribeTasksInput, _ ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	if err := f.begin(ctx, "DescribeTasks", ""); err != nil {
		return nil, err
	}
	defer f.mu.Unlock()
	out := &ecs.DescribeTasksOutput{}
	for _, arn := range in.Tasks {
		if task, known := f.tasks[arn]; known {
			out.Tasks = append(out.Tasks, task)
		} else {
			out.Failures = append(out.Failures, ecstypes.Failure{Arn: aws.String(arn), Reason: aws.String("MISSING")})
		}
	}
	return out, nil
}

func (f *fakeECS) find(definitionARN string) *ecstypes.TaskDefinition {
	for _, revisions := range f.definitions {
		for _, definition := range revisions {
			if *definition.TaskDefinitionArn == definitionARN {
				return definition
			}
		}
	}
	return nil
}

// deactivate replaces a definition by its inactive self: what was handed out before stays as it was.
func (f *fakeECS) deactivate(definition *ecstypes.TaskDefinition) {
	inactive := *definition
	inactive.Status = ecstypes.TaskDefinitionStatusInactive
	f.definitions[*definition.Family][definition.Revision-1] = &inactive
}

// behindOurBack deregisters all that a family has.
func (f *fakeECS) behindOurBack(family string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, definition := range f.definitions[family] {
		f.deactivate(definition)
	}
}

// active are the families with an active revision, sorted.
func (f *fakeECS) active() []string {
	families := maps.Clone(f.definitions)
	maps.DeleteFunc(families, func(_ string, revisions []*ecstypes.TaskDefinition) bool {
		return !slices.ContainsFunc(revisions, func(d *ecstypes.TaskDefinition) bool { return d.Status == ecstypes.TaskDefinitionStatusActive })
	})
	return slices.Sorted(maps.Keys(families))
}

func (f *fakeECS) activeFamilies() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.active()
}

// translation is what a pod of that family asks for; each pod has a token of its own.
func translation(family, pod string) taskdef.Translation {
	digest := "digest of " + family
	return taskdef.Translation{
		Digest: digest,
		Definition: &ecs.RegisterTaskDefinitionInput{
			Family: &family, Cpu: aws.String("256"), Memory: aws.String("512"),
			ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: aws.String("web"), Image: aws.String("nginx:1.27")}},
			Tags:                 []ecstypes.Tag{{Key: aws.String(taskdef.TagDigest), Value: &digest}},
		},
		Run: &ecs.RunTaskInput{Cluster: aws.String(cluster), ClientToken: aws.String("token of " + pod), StartedBy: aws.String("vk/us")},
	}
}
