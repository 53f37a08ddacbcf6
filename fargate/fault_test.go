package fargate_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	k8stesting "k8s.io/client-go/testing"

	"github.com/virtual-kubelet/aws-fargate/fargate"
	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
)

func TestSecretsGoWhenTheExecutionRoleIsTakenAway(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.config.ExecutionRoleARN, w.config.TaskDefinitions.KeepTime = executionRole, 3*time.Hour
		w.createSecret("1")
		w.start()
		w.create(withPassword(nginx("web")))
		w.awaitPod("web", "running", running)
		w.remove("web")
		w.stopProvider()
		w.config.ExecutionRoleARN = ""
		w.start()
		time.Sleep(24 * time.Hour) // on the bubble's clock
		if got := w.sim.Secrets(); len(got) > 0 {
			t.Errorf("%d secrets are left, and nobody ever takes them away", len(got))
		}
	})
}

// The admission plugin that sets it may be off.
func TestPodWithoutServiceAccountName(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.client.PrependReactor("get", "serviceaccounts", func(a k8stesting.Action) (bool, runtime.Object, error) {
			if a.(k8stesting.GetAction).GetName() != "" {
				return false, nil, nil
			}
			return true, nil, errors.New("resource name may not be empty") // as client-go says
		})
		w.start()
		w.create(nginx("web"))
		w.awaitPod("web", "running", running)
	})
}

// Temporary credentials that nobody renews for half an hour: what runs runs on, what comes waits and says why.
func TestCredentialsExpireForAWhile(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.start()
		w.create(nginx("web"))
		w.awaitPod("web", "running", running)
		w.sim.Break("", fargatesim.Fault{Error: fargatesim.Expired()})
		w.create(nginx("late"))
		w.awaitPod("late", "told", waitsFor("AWSCredentialsInvalid"))
		time.Sleep(30 * time.Minute) // on the bubble's clock
		if got := w.nodeCondition(fargate.ConditionFargate); got.Status != corev1.ConditionFalse || got.Reason != "CredentialsInvalid" {
			t.Errorf("the node's condition is %+v", got)
		}
		if !running(w.pod("default", "web")) {
			t.Error("a running pod suffers from credentials that it does not use")
		}
		w.sim.Mend()
		w.awaitPod("late", "running", running)
		w.await("the node's condition to clear", func() bool { return w.nodeCondition(fargate.ConditionFargate).Status == corev1.ConditionTrue })
		if tasks := len(w.sim.Tasks()); tasks != 2 {
			t.Errorf("%d tasks for two pods", tasks)
		}
	})
}

// A signature is good for five minutes by AWS's clock. An EC2 instance whose clock has run away must not be locked out.
func TestClockSkew(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"AWS is ahead": 20 * time.Minute, "AWS is behind": -3 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			tell(t, fargatesim.Config{ClockAhead: ahead}, func(w *world) {
				w.config.ExecutionRoleARN = executionRole
				w.createSecret("1")
				w.start()
				w.create(withPassword(nginx("web")))
				w.awaitPod("web", "running", running)
				if got := w.nodeCondition(fargate.ConditionFargate); got.Status == corev1.ConditionFalse {
					t.Errorf("the node's condition is %+v", got)
				}
				w.remove("web")
				if left := w.active(); len(left) > 0 {
					t.Errorf("%d tasks left", len(left))
				}
			})
		})
	}
}

func TestSecretsManagerThrottles(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.config.ExecutionRoleARN = executionRole
		w.createSecret("1")
		w.start()
		w.sim.Inject("CreateSecret", 9, fargatesim.Fault{Error: fargatesim.Throttled()})
		w.create(withPassword(nginx("web")))
		w.awaitPod("web", "told", waitsFor("FargateThrottled"))
		w.awaitPod("web", "running", running)
		if got := len(w.sim.Secrets()); got != 2 { // the Secret's, and what is made of it
			t.Errorf("%d secrets for one Secret", got)
		}
	})
}

// environments are those that containers were started with.
type environments struct {
	mu   sync.Mutex // guards seen
	seen []map[string]string
}

// runtime keeps the environments of nginx's containers, which it runs.
func (e *environments) runtime() *fargatesim.Scripted {
	return &fargatesim.Scripted{Choose: func(_ fargatesim.TaskSpec, c fargatesim.ContainerSpec) (fargatesim.Script, bool) {
		if c.Name != "" { // else it is about the image
			e.mu.Lock()
			defer e.mu.Unlock()
			e.seen = append(e.seen, c.Environment)
		}
		return fargatesim.Script{}, false
	}}
}

func (e *environments) last(name string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.seen[len(e.seen)-1][name]
}

// It is another Secret, though it has the name, and perhaps the version, of the one before.
func TestSecretIsDeletedAndMadeAgainUnderItsName(t *testing.T) {
	var e environments
	tell(t, fargatesim.Config{Runtime: e.runtime()}, func(w *world) {
		w.config.ExecutionRoleARN = executionRole
		w.createSecret("1")
		w.start()
		w.create(withPassword(nginx("web-a")))
		w.awaitPod("web-a", "running", running)
		secrets := w.client.CoreV1().Secrets("default")
		if err := secrets.Delete(w.Context(), "db", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		w.create(withPassword(nginx("web-b")))
		w.awaitPod("web-b", "told", waitsFor("CreateContainerConfigError"))
		again := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "db", UID: "another-uid", ResourceVersion: "1"},
			Data: map[string][]byte{"password": []byte("another")}}
		if _, err := secrets.Create(w.Context(), again, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		w.awaitPod("web-b", "running", running)
		if got := e.last("PASSWORD"); got != "another" {
			t.Errorf("the container has the password %q", got)
		}
		if got := e.last("DATABASE_URL"); got != "postgres://u:another@db/app" {
			t.Errorf("the container has the URL %q", got)
		}
	})
}

// A Secret that changes is for the pods that come: those that run keep what they started with, as with any kubelet.
func TestSecretChanges(t *testing.T) {
	var e environments
	tell(t, fargatesim.Config{Runtime: e.runtime()}, func(w *world) {
		w.config.ExecutionRoleARN = executionRole
		w.createSecret("1")
		w.start()
		w.create(withPassword(nginx("web-a")))
		before := w.awaitPod("web-a", "running", running)
		changed := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: "default", UID: "secret-uid", ResourceVersion: "2"},
			Data: map[string][]byte{"password": []byte("renewed")}}
		if err := w.client.Tracker().Update(corev1.SchemeGroupVersion.WithResource("secrets"), changed, "default"); err != nil {
			t.Fatal(err)
		}
		w.create(withPassword(nginx("web-b")))
		w.awaitPod("web-b", "running", running)
		if got := e.last("PASSWORD"); got != "renewed" {
			t.Errorf("the container has the password %q", got)
		}
		if got := w.pod("default", "web-a"); got.Status.PodIP != before.Status.PodIP {
			t.Error("the pod that ran was restarted")
		}
	})
}

func TestLogGroupIsDeletedBehindOurBack(t *testing.T) {
	tell(t, fargatesim.Config{}, func(w *world) {
		w.config.ExecutionRoleARN, w.config.CloudWatchLogGroupName = executionRole, logGroup
		w.start()
		w.create(nginx("web"))
		w.awaitPod("web", "running", running)
		client := cloudwatchlogs.New(cloudwatchlogs.Options{Region: "us-east-1", HTTPClient: w.sim.Client(),
			Credentials: credentials.NewStaticCredentialsProvider("other", "key", "")})
		group := logGroup
		if _, err := client.DeleteLogGroup(w.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: &group}); err != nil {
			t.Fatal(err)
		}
		w.create(nginx("late"))
		pod := w.awaitPod("late", "told", waitsFor("CreateContainerConfigError"))
		if got := container(pod).State.Waiting.Message; !strings.Contains(got, "log group does not exist") {
			t.Errorf("message %q lacks AWS's words", got)
		}
		pod = w.awaitPod("late", "running", running)
		if got := container(pod).RestartCount; got != 0 {
			t.Errorf("restart count %d of a container that had never run", got)
		}
	})
}
