package fargate

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
)

// join is what is remembered of a pod until it is gone: which task runs it, the status derived last, and what is under way.
// All of it is found again, or begins anew, after a restart.
type join struct {
	pod    *corev1.Pod      // newest object from the API server's cache: read only
	status corev1.PodStatus // derived last; what notify sends

	attempt    int               // of the task below, or of the next one if there is none
	taskARN    string            // of the task that runs the pod; "": none
	definition string            // ARN of the task definition used last; "": none yet
	images     map[string]string // of the task's containers; nil: not seen yet
	capacity   string            // what Fargate bills, "0.25vCPU 0.5GB"; "": unknown
	launched   *launched
	claimed    bool // the task is known from the pod's annotations alone, which anybody may have written

	launching  bool      // a RunTask may be under way
	unanswered time.Time // when a RunTask ended without an answer, whose task is not known; zero: none did
	notBefore  time.Time // of the next launch
	failures   int       // attempts in a row that ended soon: the back-off's count
	unprepared bool      // the last task did not start for want of what it was to find: its log group, perhaps
	held       bool      // not to be launched: a DaemonSet's
	refusal    string    // why Fargate cannot run the pod; it fails at notBefore
	warned     bool      // the findings were told

	heard      map[string]bool // containers, by ID, whose last words were asked for
	listening  int             // how many of these are still awaited
	quietUntil time.Time       // the status is held back for these until then

	over      bool   // the pod has its final phase
	deleting  bool   // its task is to end
	alive     bool   // its task runs, and is meant to: probes count
	finished  string // why its task is to end though the pod stays; "": it is not
	stopAsked bool   // ECS was told

	endingSince time.Time     // when the end of its task was wanted: hooks count from it; zero: it was not
	probeGrace  time.Duration // of the probe because of which it is; 0: the pod's own counts
	preStop     *preStop      // nil: no hook was called

	ended bool // deleting, and nothing runs any more
	gone  bool // the object is gone: forget the join when it has ended
}

// launched is the newest task, as the pod's annotations tell it.
type launched struct {
	taskARN string
	attempt int
}

// view is the pod as the rules see it: the object, with the status derived last.
func (j *join) view() *corev1.Pod {
	pod := *j.pod
	pod.Status = j.status
	if j.deleting && pod.DeletionTimestamp == nil {
		pod.DeletionTimestamp = &metav1.Time{} // what we end ourselves is not restarted
	}
	return &pod
}

func (j *join) name() string { return j.pod.Namespace + "/" + j.pod.Name }

// annotate sets what the pod's annotations tell about its task.
func (j *join) annotate(annotations map[string]string) {
	if j.launched != nil {
		annotations[podid.AnnotationTaskARN] = j.launched.taskARN
		annotations[podid.AnnotationAttempt] = strconv.Itoa(j.launched.attempt)
	}
	if j.capacity != "" {
		annotations[podid.AnnotationCapacity] = j.capacity
	}
}

// endFor marks the pod's task as to end, though the pod stays, and why.
func (j *join) endFor(why string, since time.Time, grace time.Duration) {
	j.finished, j.endingSince, j.probeGrace = why, since, grace
}

// attach makes a task the one that runs the pod.
func (j *join) attach(taskARN string) {
	j.taskARN, j.claimed, j.unanswered = taskARN, false, time.Time{}
	j.finished, j.refusal, j.stopAsked, j.alive = "", "", false, false
	j.preStop.abandon()
	j.preStop, j.probeGrace, j.heard, j.images = nil, 0, nil, nil
	if !j.deleting && j.pod.DeletionTimestamp == nil {
		j.endingSince = time.Time{}
	}
	j.launched = &launched{taskARN: taskARN, attempt: j.attempt}
}

// joins are all pods of this node that we know, by UID and by the task that runs them.
type joins struct {
	mu     sync.Mutex // guards all below and the contents of each join
	byUID  map[types.UID]*join
	byTask map[string]types.UID
}

func newJoins() *joins {
	return &joins{byUID: map[types.UID]*join{}, byTask: map[string]types.UID{}}
}

// add remembers a pod and reports whether it is new.
func (s *joins) add(j *join) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byUID[j.pod.UID] != nil {
		return false
	}
	s.byUID[j.pod.UID] = j
	if j.taskARN != "" {
		s.byTask[j.taskARN] = j.pod.UID
	}
	return true
}

// update changes one join under the lock and reports whether it exists. change must not block, and not
// call back.
func (s *joins) update(uid types.UID, change func(*join)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.byUID[uid]
	if j == nil {
		return false
	}
	before := j.taskARN
	change(j)
	if j.taskARN != before {
		delete(s.byTask, before)
		if j.taskARN != "" {
			s.byTask[j.taskARN] = uid
		}
	}
	return true
}

// get returns a copy of a join; what it points to is read only.
func (s *joins) get(uid types.UID) (join, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.byUID[uid]; j != nil {
		return *j, true
	}
	return join{}, false
}

// ofTask returns the pod that a task runs.
func (s *joins) ofTask(taskARN string) (types.UID, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	uid, ok := s.byTask[taskARN]
	return uid, ok
}

// named returns the joins of that name: one, or more while an older pod of the name still ends.
func (s *joins) named(namespace, name string) []join {
	return s.list(func(j *join) bool { return j.pod.Namespace == namespace && j.pod.Name == name })
}

// list returns copies of the joins that match.
func (s *joins) list(match func(*join) bool) []join {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []join
	for _, j := range s.byUID {
		if match(j) {
			found = append(found, *j)
		}
	}
	return found
}

// forget drops a join whose object is gone and of which nothing runs.
func (s *joins) forget(uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.byUID[uid]; j != nil && j.gone && j.ended {
		delete(s.byTask, j.taskARN)
		delete(s.byUID, uid)
	}
}

// familiesInUse are the task definition families that pods may still need.
func (s *joins) familiesInUse() map[string]bool {
	families := map[string]bool{}
	for _, j := range s.list(func(j *join) bool { return !j.over && !j.ended && j.definition != "" }) {
		families[familyOf(j.definition)] = true
	}
	return families
}

// familyOf cuts arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY:REVISION.
func familyOf(definitionARN string) string {
	_, name, _ := strings.Cut(definitionARN, "/")
	family, _, _ := strings.Cut(name, ":")
	return family
}

// definitionOf is the ARN of the definition that a task runs.
func definitionOf(task ecstypes.Task) string { return aws.ToString(task.TaskDefinitionArn) }
