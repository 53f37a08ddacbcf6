package fargatesim_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

func TestFaultsOfACall(t *testing.T) {
	for why, row := range map[string]struct {
		fault fargatesim.Fault
		code  string // contained in the error
		tasks int    // started all the same
	}{
		"throttled":         {fargatesim.Fault{Error: fargatesim.Throttled()}, "ThrottlingException", 0},
		"a fault at AWS":    {fargatesim.Fault{Error: fargatesim.Unavailable()}, "ServerException", 0},
		"access denied":     {fargatesim.Fault{Error: fargatesim.AccessDenied("ecs:RunTask")}, "AccessDeniedException", 0},
		"endpoint down":     {fargatesim.Fault{Refuse: true}, "EOF", 0},
		"a lost reply":      {fargatesim.Fault{Lose: true}, "EOF", 1},
		"half a reply":      {fargatesim.Fault{Truncate: true}, "EOF", 1},
		"late, but no more": {fargatesim.Fault{Delay: time.Millisecond}, "", 1},
	} {
		t.Run(why, func(t *testing.T) {
			local := open(t, fargatesim.Config{})
			remote, _ := local.overHTTP()
			for where, a := range map[string]account{"in the process": local, "over a socket": remote} {
				a.register(nil)
				before := len(a.Tasks())
				a.Inject("RunTask", 1, row.fault)
				_, err := a.ecs.RunTask(t.Context(), goodRun())
				if row.code == "" && err != nil || row.code != "" && (err == nil || !strings.Contains(err.Error(), row.code)) {
					t.Errorf("%s: want %q, got %v", where, row.code, err)
				}
				if n := len(a.Tasks()) - before; n != row.tasks {
					t.Errorf("%s: want %d tasks started, got %d", where, row.tasks, n)
				}
				a.run(nil) // the next call is well
			}
		})
	}
}

func TestABrokenEndpointStaysBrokenUntilMended(t *testing.T) {
	a := open(t, fargatesim.Config{})
	a.register(nil)
	a.Break("", fargatesim.Fault{Refuse: true})
	for range 3 {
		if _, err := a.ecs.RunTask(t.Context(), goodRun()); err == nil {
			t.Fatal("a call got through")
		}
	}
	a.Mend()
	a.run(nil)
	if diff := cmp.Diff([]string{"RegisterTaskDefinition", "RunTask"}, a.Operations()); diff != "" {
		t.Errorf("operations called (-want +got):\n%s", diff)
	}
	if n := a.Calls("RunTask"); n != 4 {
		t.Errorf("want 4 calls counted, got %d", n)
	}
}

func TestAHookDecidesByTheNumberOfTheCall(t *testing.T) {
	a := open(t, fargatesim.Config{Fault: func(operation string, n int) *fargatesim.Fault {
		if operation == "RunTask" && n == 2 {
			return &fargatesim.Fault{Error: fargatesim.Throttled()}
		}
		return nil
	}})
	a.register(nil)
	a.run(nil)
	if _, err := a.ecs.RunTask(t.Context(), goodRun()); code(err) != "ThrottlingException" {
		t.Errorf("the second call: %v", err)
	}
	a.run(nil)
}

func TestNoCapacityIsAFailureAndNoError(t *testing.T) {
	a := open(t, fargatesim.Config{})
	a.register(nil)
	a.NoCapacity(1)
	in := goodRun()
	in.Count = aws.Int32(2)
	out, err := a.ecs.RunTask(t.Context(), in)
	if err != nil || len(out.Failures) != 1 || len(out.Tasks) != 1 || !strings.Contains(*out.Failures[0].Reason, "Capacity is unavailable") {
		t.Errorf("want one failure and one task, got %v, %+v", err, out)
	}
}

func TestTheQuotaOfVCPUs(t *testing.T) {
	a := open(t, fargatesim.Config{VCPUs: 1})
	a.register(func(in *ecs.RegisterTaskDefinitionInput) { in.Cpu = aws.String("512"); in.Memory = aws.String("1024") })
	a.run(nil)
	a.run(nil)
	out, err := a.ecs.RunTask(t.Context(), goodRun())
	if err != nil || len(out.Failures) != 1 || !strings.Contains(*out.Failures[0].Reason, "limit on the number of vCPUs") {
		t.Errorf("three half vCPUs in one: %v, %+v", err, out)
	}
}

func TestWhyTasksStop(t *testing.T) {
	logged := func(in *ecs.RegisterTaskDefinitionInput) {
		in.ExecutionRoleArn = aws.String("execution")
		in.ContainerDefinitions[0].LogConfiguration = awslogs(map[string]string{"awslogs-group": "/none", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "vk"})
	}
	image := func(name string) func(*ecs.RegisterTaskDefinitionInput) {
		return app(func(c *containerInput) { c.Image = &name })
	}
	type wanted struct {
		code     ecstypes.TaskStopCode
		reason   string // beginning of the task's
		exitCode *int32
		why      string // beginning of the container's
	}
	const essential = "Essential container in task exited"
	for why, row := range map[string]struct {
		define func(*ecs.RegisterTaskDefinitionInput)
		then   func(a account, arn string) // when it runs; nil: it never does
		want   wanted
	}{
		"an image that is not there": {image("missing:1"), nil, wanted{"TaskFailedToStart", "CannotPullContainerError: no such image", nil, "CannotPullContainerError"}},
		"a pull that a test forbids": {image("forbidden:1"), nil, wanted{"TaskFailedToStart", "CannotPullContainerError: toomanyrequests", nil, "CannotPullContainerError"}},
		"a program that is not there": {image("broken:1"), nil,
			wanted{"TaskFailedToStart", "Task failed to start", nil, "CannotStartContainerError: no such file"}},
		"a log group that is not there": {logged, nil, wanted{"TaskFailedToStart", "ResourceInitializationError: failed to validate logger args", nil, ""}},
		"a secret that is not there": {func(in *ecs.RegisterTaskDefinitionInput) {
			in.ExecutionRoleArn = aws.String("execution")
			in.ContainerDefinitions[0].Secrets = []ecstypes.Secret{{Name: aws.String("A"), ValueFrom: aws.String("arn:aws:secretsmanager:us-east-1:123456789012:secret:none-a1B2c3")}}
		}, nil, wanted{"TaskFailedToStart", "ResourceInitializationError: unable to pull secrets", nil, ""}},
		"a parameter that is not there": {func(in *ecs.RegisterTaskDefinitionInput) {
			in.ExecutionRoleArn = aws.String("execution")
			in.ContainerDefinitions[0].Secrets = []ecstypes.Secret{{Name: aws.String("A"), ValueFrom: aws.String("/db/password")}}
		}, nil, wanted{"TaskFailedToStart", "ResourceInitializationError: unable to pull secrets", nil, ""}},
		"a file system that is not there": {func(in *ecs.RegisterTaskDefinitionInput) {
			in.Volumes = []ecstypes.Volume{{Name: aws.String("data"), EfsVolumeConfiguration: &ecstypes.EFSVolumeConfiguration{FileSystemId: aws.String("fs-0123456789abcdef0")}}}
		}, nil, wanted{"TaskFailedToStart", "ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes: stderr: Failed to resolve \"fs-0123456789abcdef0.efs.us-east-1.amazonaws.com\"", nil, ""}},
		"success":        {image("job:1"), nil, wanted{"EssentialContainerExited", essential, aws.Int32(0), ""}},
		"a crash":        {image("crash:1"), nil, wanted{"EssentialContainerExited", essential, aws.Int32(1), ""}},
		"no memory left": {image("hog:1"), nil, wanted{"EssentialContainerExited", essential, aws.Int32(137), "OutOfMemoryError: Container killed due to memory usage"}},
		"a test takes the memory": {image("app:1"), func(a account, arn string) { a.OutOfMemory(arn, "app") },
			wanted{"EssentialContainerExited", essential, aws.Int32(137), "OutOfMemoryError"}},
		"stopped by a user":          {image("app:1"), func(a account, arn string) { a.stop(arn) }, wanted{"UserInitiated", "Task stopped by user", aws.Int32(143), ""}},
		"stopped but deaf":           {image("deaf:1"), func(a account, arn string) { a.stop(arn) }, wanted{"UserInitiated", "Task stopped by user", aws.Int32(137), ""}},
		"a Spot interruption":        {image("app:1"), func(a account, arn string) { a.InterruptSpot(arn) }, wanted{"SpotInterruption", "Your Spot Task was interrupted.", aws.Int32(143), ""}},
		"a retirement":               {image("app:1"), func(a account, arn string) { a.Retire(arn) }, wanted{"TerminationNotice", "ECS is performing maintenance", aws.Int32(143), ""}},
		"a machine that is not well": {image("app:1"), func(a account, arn string) { a.LoseHost(arn) }, wanted{"InfrastructureHealth", "The infrastructure", aws.Int32(143), ""}},
	} {
		t.Run(why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := open(t, fargatesim.Config{Delays: fargatesim.FargateDelays, Runtime: &fargatesim.Scripted{Images: map[string]fargatesim.Script{
					"missing": {PullError: "no such image"},
					"broken":  {StartError: "no such file"},
					"job":     fargatesim.Exits(0, time.Minute),
					"crash":   fargatesim.Exits(1, 0),
					"hog":     {Ends: true, OOM: true},
					"deaf":    {IgnoreStop: true},
				}}})
				a.FailPull("forbidden:1", "toomanyrequests: You have reached your pull rate limit")
				a.register(row.define)
				arn := *a.run(nil).TaskArn
				if row.then != nil {
					a.await(arn, "RUNNING")
					row.then(a, arn)
				}
				got := a.await(arn, "STOPPED")
				c := got.Containers[0]
				if got.StopCode != row.want.code || !strings.HasPrefix(*got.StoppedReason, row.want.reason) ||
					!strings.HasPrefix(aws.ToString(c.Reason), row.want.why) || aws.ToInt32(c.ExitCode) != aws.ToInt32(row.want.exitCode) ||
					(c.ExitCode == nil) != (row.want.exitCode == nil) {
					t.Errorf("want %+v\ngot %s %q, container %q exit %v", row.want, got.StopCode, *got.StoppedReason, aws.ToString(c.Reason), c.ExitCode)
				}
			})
		})
	}
}

func TestAForeignContainerShowsUp(t *testing.T) {
	a := open(t, fargatesim.Config{})
	a.AddForeignContainer("aws-guardduty-agent-1a2b3")
	a.register(nil)
	if n := len(a.run(nil).Containers); n != 2 {
		t.Errorf("want 2 containers, got %d", n)
	}
}
