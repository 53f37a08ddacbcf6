package fargatesim

import (
	"context"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/time/rate"
)

// Server is the local Fargate. It answers requests as soon as it is made; the tasks it accepts live while Run runs.
type Server struct {
	config  Config
	buckets map[string]*rate.Limiter
	shelf   Shelf

	recording sync.Mutex // one Record at a time

	mu         sync.Mutex // guards all that follows, and what it points to
	clusters   map[string]*cluster
	families   map[string]*family
	tasks      map[string]*task // by ARN
	order      []*task          // by age
	launches   map[launchKey]*launch
	network    *network
	logGroups  map[string]*logGroup
	secrets    map[string]*secret // by name
	iam        *accounts          // nil: everything is allowed
	calling    *principal         // who makes the call that holds mu
	faults     faults
	newborn    []*task       // accepted, not yet taken by Run
	changed    chan struct{} // closed and replaced at each change: what Await waits for
	taken      chan struct{} // wakes Run; holds at most one
	volumes    []EBSVolume   // by age
	foreigners []string      // names of containers that DescribeTasks adds
}

// New makes a Server. It starts nothing.
func New(config Config) *Server {
	s := &Server{
		config:    config.withDefaults(),
		clusters:  map[string]*cluster{},
		families:  map[string]*family{},
		tasks:     map[string]*task{},
		launches:  map[launchKey]*launch{},
		logGroups: map[string]*logGroup{},
		secrets:   map[string]*secret{},
		changed:   make(chan struct{}),
		taken:     make(chan struct{}, 1),
	}
	s.buckets = buckets(s.config)
	s.shelf = newShelf(s.config)
	s.network = newNetwork(s.config)
	s.faults = newFaults()
	s.iam = s.newAccounts(s.config.IAM)
	for _, name := range s.config.Clusters {
		s.clusters[name] = s.newCluster(name)
	}
	for _, name := range s.config.LogGroups {
		s.logGroups[name] = s.newLogGroup(name)
	}
	return s
}

// Run lets the tasks live until ctx ends; then their containers end with it, without passing through the states of a
// stop, and Run returns. A Server runs once.
func (s *Server) Run(ctx context.Context) error {
	var lives sync.WaitGroup
	defer lives.Wait()
	for {
		for _, t := range s.takeNewborn() {
			lives.Go(func() { s.live(ctx, t) })
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.taken:
		}
	}
}

func (s *Server) takeNewborn() []*task {
	s.mu.Lock()
	defer s.mu.Unlock()
	tasks := s.newborn
	s.newborn = nil
	return tasks
}

// deliver hands a new task to Run. The caller holds mu.
func (s *Server) deliver(t *task) {
	s.newborn = append(s.newborn, t)
	select {
	case s.taken <- struct{}{}:
	default: // Run is already awake
	}
}

// Await waits until the fact holds, looking again after each call, and after each change of a task or a log.
// The error is ctx's. fact runs outside the Server's lock and may ask it anything.
func (s *Server) Await(ctx context.Context, fact func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if fact() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// AwaitTask waits for a task that satisfies fact, and returns it.
func (s *Server) AwaitTask(ctx context.Context, fact func(ecstypes.Task) bool) (ecstypes.Task, error) {
	var found ecstypes.Task
	err := s.Await(ctx, func() bool {
		tasks := s.Tasks()
		i := slices.IndexFunc(tasks, fact)
		if i >= 0 {
			found = tasks[i]
		}
		return i >= 0
	})
	return found, err
}

// announce wakes those who Await. The caller holds mu.
func (s *Server) announce() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Tasks returns all tasks that can still be described, stopped ones included, oldest first, with their tags.
func (s *Server) Tasks() []ecstypes.Task {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	tasks := make([]ecstypes.Task, len(s.order))
	for i, t := range s.order {
		tasks[i] = clone(t.Task)
	}
	return tasks
}

// Definitions returns all task definitions, INACTIVE ones included, by family and revision.
func (s *Server) Definitions() []ecstypes.TaskDefinition {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []ecstypes.TaskDefinition
	for _, name := range slices.Sorted(maps.Keys(s.families)) {
		for _, d := range s.families[name].revisions {
			all = append(all, clone(d.TaskDefinition))
		}
	}
	return all
}

// Calls counts the requests for an operation ("RunTask") so far, refused and lost ones included.
func (s *Server) Calls(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.calls[operation]
}

// Exchange is one request and its answer as they went over the wire.
type Exchange struct {
	Service   string // "ecs", "logs", "secretsmanager", "ec2", "sts"
	Operation string
	Request   []byte // JSON, or a form for ec2 and sts
	Status    int
	Response  []byte // JSON or XML
	Lost      bool   // the client never saw the answer
}

func readAll(r *http.Request) ([]byte, error) { return io.ReadAll(io.LimitReader(r.Body, 1<<20)) }
