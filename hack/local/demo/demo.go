// Package demo goes through the user's own story on a local stack: each step is printed as
// the command a user would type with its output, and is held to what the story promises.
// The first step that does not hold ends it, with the reason. It looks only where a user
// looks: at kubectl, at HTTP answers, and at ECS through a client of AWS.
package demo

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/virtual-kubelet/aws-fargate/hack/local/stack"
)

// Settings are what the daemon's fargate.toml has to say beyond its cluster, so that the end
// of the story, definitions included, can be waited for.
const Settings = `
[TaskDefinitions]
KeepTime = "30s"
`

// Limits of the waits. On two idle cores everything takes a small part of them; the machine
// may be busy.
const (
	podsLimit        = 3 * time.Minute
	httpLimit        = 30 * time.Second
	notReadyLimit    = 2 * time.Minute // Kubernetes gives a silent node 50 s
	definitionsLimit = 3 * time.Minute // keep time, and one deregistration a second
)

// Walk is one walk through the story.
type Walk struct {
	Stack    *stack.Stack
	Examples string // directory of the manifests
	Out      io.Writer

	ecs *ecs.Client
}

type step struct {
	title string
	do    func(*Walk, context.Context) error
}

// The story. A step relies on those before it.
var story = []step{
	{"The virtual node is there, beside two ordinary workers", (*Walk).nodes},
	{"A Deployment of three pods, placed by its nodeSelector alone", (*Walk).deploy},
	{"Each pod answers at its own address", (*Walk).answersOld},
	{"The pods are tasks in ECS, and recognisable", (*Walk).tasks},
	{"A Service lists the pods' addresses", (*Walk).service},
	{"Pods that Fargate cannot run, or that never asked for it, stay on the ordinary workers", (*Walk).ordinary},
	{"A rolling update, and the daemon is killed in the middle of it", (*Walk).update},
	{"Every pod answers with the new version, and the Service has followed", (*Walk).answersNew},
	{"Stopping the daemon leaves the tasks running, and starting it again finds them", (*Walk).restart},
	{"Twenty replicas come up in seconds, and share one task definition", (*Walk).twenty},
	{"Scaling down stops tasks", (*Walk).scaleDown},
	{"An execution role lets kubectl logs work", (*Walk).logs},
	{"A Secret reaches its container, and no definition shows it", (*Walk).secret},
	{"Volumes are filled before the containers start, and a Secret's files are theirs alone", (*Walk).volumes},
	{"A role of AWS is for those to whom it is granted", (*Walk).role},
	{"Deleting everything leaves nothing behind in ECS", (*Walk).clean},
}

// Run goes through the story. The error names the step that does not hold.
func (w *Walk) Run(ctx context.Context) error {
	w.ecs = newECS(w.Stack.Endpoint)
	for number, s := range story {
		fmt.Fprintf(w.Out, "\n=== %d. %s\n", number+1, s.title)
		if err := s.do(w, ctx); err != nil {
			return fmt.Errorf("step %d does not hold (%s): %w", number+1, s.title, err)
		}
	}
	fmt.Fprintf(w.Out, "\nEvery step of the walkthrough holds (%d steps, %s containers).\n", len(story), w.Stack.Runtime)
	return nil
}

// say prints a remark, as a comment between commands.
func (w *Walk) say(format string, args ...any) { fmt.Fprintf(w.Out, "# "+format+"\n", args...) }
