package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/hack/local/image"
	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

// Policies are what the README says is enough at first (On AWS, step 3): one managed policy, which knows neither Secrets
// Manager nor GetLogEvents.
var Policies = []string{fargatesim.AmazonECSFullAccess}

// logs: with an execution role, and still with that policy alone, logs are read.
func (w *Walk) logs(ctx context.Context) error {
	w.say("fargate.toml gets ExecutionRoleArn and CloudWatchLogGroupName; the daemon's own policy stays AmazonECS_FullAccess")
	if err := w.reconfigure(ctx, stack.WithRoles+Settings); err != nil {
		return err
	}
	return w.runJob(ctx, "job.yaml", "hello", "hello from Fargate")
}

// planted is the password in examples/secret.yaml.
const planted = "correct-horse-battery-staple"

// secret: a value of a Secret reaches the container, and the definition does not hold it.
func (w *Walk) secret(ctx context.Context) error {
	w.say("the daemon's role gets the policy examples/iam/virtual-kubelet.json in the place of AmazonECS_FullAccess")
	policy, err := w.Stack.Policy("virtual-kubelet.json")
	if err != nil {
		return err
	}
	w.Stack.Fargate.SetPolicies(stack.DaemonKey, policy)
	said := fmt.Sprintf("the password has %d characters, the URL %d", len(planted), len("postgres://app:"+planted+"@db.example.internal/app"))
	if err := w.runJob(ctx, "secret.yaml", "database-client", said); err != nil {
		return err
	}
	if _, err := w.aws(ctx, "secretsmanager", "list-secrets", "--query", "SecretList[].Name"); err != nil {
		return err
	}
	return w.definitionsHide(ctx, planted)
}

// volumes: files reach containers with their modes and owners, no definition shows what a Secret holds, and an image that
// has no shell gives its files to another.
func (w *Walk) volumes(ctx context.Context) error {
	if w.Stack.Runtime != stack.Docker {
		w.say("SKIPPED: scripted containers have no files")
		return nil
	}
	said := fmt.Sprintf("hello from volumes: the password has %d characters, its mode is 440, I write in memory as 1000:2000 and may, the token has 2 dots, and I am at an address", len(planted))
	if err := w.runJob(ctx, "volumes.yaml", "volumes", said); err != nil {
		return err
	}
	if err := w.definitionsHide(ctx, planted); err != nil {
		return err
	}
	return w.runJob(ctx, "image-volume.yaml", "image-volume", "nginx is here twice, and I may not write")
}

// definitionsHide: no definition of ECS holds a text, and one names a secret.
func (w *Walk) definitionsHide(ctx context.Context, text string) error {
	active, err := w.ecs.ListTaskDefinitions(ctx, &ecs.ListTaskDefinitionsInput{})
	if err != nil {
		return err
	}
	named := 0
	for _, arn := range active.TaskDefinitionArns {
		found, err := w.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &arn})
		if err != nil {
			return err
		}
		for _, container := range found.TaskDefinition.ContainerDefinitions {
			for _, variable := range container.Environment {
				if strings.Contains(aws.ToString(variable.Value), text) {
					return fmt.Errorf("%s shows the value in the variable %s", arn, aws.ToString(variable.Name))
				}
			}
			for _, secret := range container.Secrets {
				named++
				w.say("%s has %s from %s", aws.ToString(container.Name), aws.ToString(secret.Name), aws.ToString(secret.ValueFrom))
			}
		}
	}
	if named == 0 {
		return errors.New("no definition names a secret")
	}
	return nil
}

// role: who makes pods gets no role of AWS by asking for it.
func (w *Walk) role(ctx context.Context) error {
	if err := w.manifest(ctx, "create", "task-role.yaml"); err != nil {
		return err
	}
	err := stack.Until(ctx, podsLimit, "pod with-role is refused, with the line to add", func(ctx context.Context) error {
		pod, err := w.Stack.Kubernetes.CoreV1().Pods(namespace).Get(ctx, "with-role", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if pod.Status.Phase != corev1.PodFailed || !strings.Contains(pod.Status.Message, "[[Grants]]") {
			return fmt.Errorf("it is %s: %s", pod.Status.Phase, pod.Status.Message)
		}
		w.say("%s: %s", pod.Status.Reason, pod.Status.Message)
		return nil
	})
	if err != nil {
		return w.withPods(ctx, err)
	}
	if err := w.manifest(ctx, "delete", "task-role.yaml"); err != nil {
		return err
	}
	w.say("fargate.toml grants the role to the namespace")
	grant := fmt.Sprintf("\n[[Grants]]\nNamespaces = [%q]\nTaskRoles = [%q]\n", namespace, stack.TaskRole)
	if err := w.reconfigure(ctx, stack.WithRoles+Settings+grant); err != nil {
		return err
	}
	if err := w.manifest(ctx, "create", "task-role.yaml"); err != nil {
		return err
	}
	if _, err := w.kubectl(ctx, "wait", "--for=condition=Ready", "pod/with-role", "--timeout=3m"); err != nil {
		return w.withPods(ctx, err)
	}
	return w.manifest(ctx, "delete", "task-role.yaml")
}

// reconfigure has the daemon start anew with other settings.
func (w *Walk) reconfigure(ctx context.Context, settings string) error {
	if err := w.Stack.Daemon.Configure(settings); err != nil {
		return err
	}
	fmt.Fprintf(w.Out, "$ kill %d    # virtual-kubelet\n", w.Stack.Daemon.PID())
	w.Stack.Daemon.Stop()
	return w.startDaemon(ctx)
}

// runJob runs a Job of the examples to its end, and wants a line in its log.
func (w *Walk) runJob(ctx context.Context, example, name, line string) error {
	if _, ok := image.Busybox(); !ok && w.Stack.Runtime == stack.Docker {
		w.say("SKIPPED: the Job's image is busybox, and this machine has none to make a stand-in of (Debian: package busybox-static)")
		return nil
	}
	if err := w.manifest(ctx, "create", example); err != nil {
		return err
	}
	if _, err := w.kubectl(ctx, "wait", "--for=condition=Complete", "job/"+name, "--timeout=3m"); err != nil {
		return w.withPods(ctx, err)
	}
	got, err := w.kubectl(ctx, "logs", "--follow", "job/"+name) // until the last lines have come: CloudWatch Logs is late
	if err != nil {
		return w.withPods(ctx, err)
	}
	if strings.TrimSpace(got) != line {
		return fmt.Errorf("the log of Job %s says %q, not %q", name, got, line)
	}
	return w.manifest(ctx, "delete", example)
}
