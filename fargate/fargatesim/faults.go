package fargatesim

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Fault is what goes wrong with one call. Its zero value is a call without a fault.
type Fault struct {
	Error    *Error        // this answer, and no effect
	Delay    time.Duration // before anything else
	Refuse   bool          // the connection dies before the request is read: no effect
	Lose     bool          // the effect happens, but the connection dies before the answer
	Truncate bool          // the effect happens, but the connection dies in the middle of the answer
}

// faults holds what tests have ordered. The Server's mu guards it.
type faults struct {
	calls    map[string]int
	injected map[string][]Fault // by operation, "" for any; the next call takes the first
	lasting  map[string]Fault   // by operation, "" for any
	capacity []string           // the reasons of the next failures of RunTask
	pull     map[string]string  // image to error text
	volumes  []string           // the reasons why the next EBS volumes cannot be attached
	private  map[string]login   // registry to who may pull
}

func newFaults() faults {
	return faults{calls: map[string]int{}, injected: map[string][]Fault{}, lasting: map[string]Fault{}, pull: map[string]string{}, private: map[string]login{}}
}

// Inject lets the next n calls of the operation ("" for any) fail so.
func (s *Server) Inject(operation string, n int, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.injected[operation] = append(s.faults.injected[operation], slices.Repeat([]Fault{f}, n)...)
}

// Break lets all calls of the operation ("" for any: the endpoint is down) fail so, until Mend.
func (s *Server) Break(operation string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.lasting[operation] = f
}

// Mend ends all faults that were injected or broken.
func (s *Server) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls, private := s.faults.calls, s.faults.private
	s.faults = newFaults()
	s.faults.calls, s.faults.private = calls, private
}

// NoCapacity lets the next n tasks that RunTask would start fail with AWS's words for it.
func (s *Server) NoCapacity(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.capacity = append(s.faults.capacity, slices.Repeat([]string{noCapacity}, n)...)
}

// noCapacity is the reason of a failure, as the troubleshooting pages of the developer guide quote it.
const noCapacity = "Capacity is unavailable at this time. Please try again later or in a different availability zone"

// FailPull lets each pull of the image fail with text, until text is empty.
func (s *Server) FailPull(image, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if text == "" {
		delete(s.faults.pull, image)
		return
	}
	s.faults.pull[image] = text
}

// PrivateRegistry lets images of the registry, a host with its port if it has one, be pulled with this user name and
// password alone.
func (s *Server) PrivateRegistry(host, username, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.private[host] = login{username, password}
}

// AddForeignContainer adds a container that the definition does not have to all tasks, as GuardDuty does
// ("aws-guardduty-agent-1a2b3").
func (s *Server) AddForeignContainer(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.foreigners = append(s.foreigners, name)
}

// InterruptSpot stops a task as Fargate Spot does. It reports whether there is such a task that was not stopping yet.
func (s *Server) InterruptSpot(taskARN string) bool {
	return s.stopFor(taskARN, ecstypes.TaskStopCodeSpotInterruption, "Your Spot Task was interrupted.")
}

// Retire stops a task as Fargate does for the maintenance of its platform.
func (s *Server) Retire(taskARN string) bool {
	return s.stopFor(taskARN, ecstypes.TaskStopCodeTerminationNotice,
		"ECS is performing maintenance on the underlying infrastructure hosting the task.")
}

// LoseHost stops a task as Fargate does when the machine under it is not healthy.
func (s *Server) LoseHost(taskARN string) bool {
	return s.stopFor(taskARN, ecstypes.TaskStopCode("InfrastructureHealth"), "The infrastructure hosting the task is unhealthy.")
}

func (s *Server) stopFor(taskARN string, code ecstypes.TaskStopCode, reason string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tasks[taskARN]
	return t != nil && s.stop(t, code, reason)
}

// count counts a call and takes the fault that awaits it.
func (s *Server) count(operation string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.calls[operation]++
	s.announce()
	if s.config.Fault != nil {
		if f := s.config.Fault(operation, s.faults.calls[operation]); f != nil {
			return *f
		}
	}
	for _, name := range []string{operation, ""} {
		if queue := s.faults.injected[name]; len(queue) > 0 {
			s.faults.injected[name] = queue[1:]
			return queue[0]
		}
		if f, broken := s.faults.lasting[name]; broken {
			return f
		}
	}
	return Fault{}
}

// truncate sends the first half of an answer and breaks the connection.
func truncate(w http.ResponseWriter, contentType string, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	answer(w, contentType, status, body[:len(body)/2])
	panic(http.ErrAbortHandler)
}

// Operations returns the names of the operations that were called, sorted.
func (s *Server) Operations() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.faults.calls))
}
