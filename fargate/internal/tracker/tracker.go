// Package tracker watches the tasks of one daemon: it polls ECS in batches and tells what changed.
//
// N tasks cost ceil(N/100) DescribeTasks a look: all of them every five seconds, those about to change twice a second.
// A sighting that is older than one already seen (Task.version) is dropped, so polls, launches and listings may race.
// The health of containers is news though it makes no new version. A task that ECS does not know counts as missing only
// when that has been so for the whole consistency window. The package never stops or starts a task and decides nothing
// about pods.
package tracker

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

const (
	maxDescribe = 100 // tasks a call, API reference: DescribeTasks
	maxList     = 100 // ARNs a page, API reference: ListTasks

	// Consistency is how long ECS may not know a task that it has started or shown. AWS gives no number
	// (API reference: RunTask says "eventual consistency", back off up to minutes).
	Consistency = 2 * time.Minute

	// silence is how long there may be no answer between two that count as one state.
	silence = Consistency / 2

	hurry = 500 * time.Millisecond // between looks at tasks about to change
	calm  = 5 * time.Second        // between looks at all of them
	// parallel calls of one look; the budget of awscall paces them.
	parallel = 4
)

// API is what a Tracker asks of ECS; *ecs.Client satisfies it.
type API interface {
	DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error)
	ListTasks(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error)
}

// Listener hears of tasks, for one task in order of its versions. Its methods may call the Tracker, but
// not Observe for the task they hear of, and must not block for long.
type Listener interface {
	TaskChanged(ecstypes.Task)
	TaskMissing(taskARN string) // ECS does not know it, and should
}

// Tracker watches tasks. Its methods may be called at once.
type Tracker struct {
	api      API
	cluster  string
	settled  func(ecstypes.Task) bool
	listener Listener
	log      *slog.Logger

	woken chan struct{} // a task has come that is about to change

	mu    sync.Mutex // guards tasks, and missedSince, missedLast and restless of each
	tasks map[string]*watched
}

type watched struct {
	missedSince time.Time // the first answer in a row that did not know it
	missedLast  time.Time // the last of these; zero: the answer before knew it, or there was none
	restless    bool      // about to change: looked at twice a second

	hearing sync.Mutex // guards version and health; held while the listener hears of this task, to keep versions in order
	version int64      // newest seen; 0: none yet
	health  string     // of its containers, as seen with that version
}

// New returns a Tracker that watches nothing yet. settled says of a task that it changes only by
// accident; such tasks are looked at less often.
func New(api API, cluster string, settled func(ecstypes.Task) bool, listener Listener, log *slog.Logger) *Tracker {
	return &Tracker{api: api, cluster: cluster, settled: settled, listener: listener, log: log,
		tasks: map[string]*watched{}, woken: make(chan struct{}, 1)}
}

// Watch begins to watch a task. A task watched already stays as it is.
func (t *Tracker) Watch(taskARN string) {
	t.mu.Lock()
	if t.tasks[taskARN] == nil {
		t.tasks[taskARN] = &watched{restless: true}
	}
	t.mu.Unlock()
	t.wake()
}

// Hurry looks at a watched task twice a second until it has settled: it was asked to stop.
func (t *Tracker) Hurry(taskARN string) {
	t.mu.Lock()
	if task := t.tasks[taskARN]; task != nil {
		task.restless = true
	}
	t.mu.Unlock()
	t.wake()
}

// Forget ends the watch of a task.
func (t *Tracker) Forget(taskARN string) {
	t.mu.Lock()
	delete(t.tasks, taskARN)
	t.mu.Unlock()
}

// Watched is the number of tasks that are watched.
func (t *Tracker) Watched() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.tasks)
}

// Observe takes in what is known of a task, from wherever: the listener hears of it if it is news.
// A task that is not watched is no news.
func (t *Tracker) Observe(task ecstypes.Task) {
	t.mu.Lock()
	w := t.tasks[aws.ToString(task.TaskArn)]
	if w != nil {
		w.missedLast = time.Time{}
	}
	t.mu.Unlock()
	if w == nil {
		return
	}
	w.hearing.Lock()
	defer w.hearing.Unlock()
	health := healthOf(task)
	if task.Version < w.version || task.Version == w.version && health == w.health {
		return
	}
	w.version, w.health = task.Version, health
	t.mu.Lock()
	w.restless = !t.settled(task)
	t.mu.Unlock()
	t.listener.TaskChanged(task)
}

// healthOf is the health of all containers of a task, to be compared.
func healthOf(task ecstypes.Task) string {
	var all strings.Builder
	for _, container := range task.Containers {
		all.WriteString(aws.ToString(container.Name) + "=" + string(container.HealthStatus) + " ")
	}
	return all.String()
}

// Run polls until ctx ends.
func (t *Tracker) Run(ctx context.Context) error {
	var next time.Time // of the next look at all tasks
	for {
		everything := !time.Now().Before(next)
		if everything {
			next = time.Now().Add(calm)
		}
		if err := t.look(ctx, t.due(everything)); err != nil && ctx.Err() == nil {
			t.log.Debug("look at tasks", "error", err)
		}
		if !t.rest(ctx, next) {
			return nil
		}
	}
}

// rest waits for the next look and reports whether there is one. With nothing about to change it
// waits for the calm one, or for a task to come.
func (t *Tracker) rest(ctx context.Context, calmLook time.Time) bool {
	pause := time.Until(calmLook)
	if len(t.due(false)) > 0 {
		pause = min(pause, hurry)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	case <-t.woken:
	}
	// What came just now was described by the call that started it; look when it can have changed.
	timer.Reset(hurry)
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (t *Tracker) wake() {
	select {
	case t.woken <- struct{}{}:
	default: // already woken
	}
}

// due are the tasks to look at, in a stable order.
func (t *Tracker) due(everything bool) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var arns []string
	for _, arn := range slices.Sorted(maps.Keys(t.tasks)) {
		if everything || t.tasks[arn].restless {
			arns = append(arns, arn)
		}
	}
	return arns
}
