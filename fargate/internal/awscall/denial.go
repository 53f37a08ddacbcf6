package awscall

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
)

// Denial is an action that IAM refuses to this daemon.
type Denial struct {
	Action string // as policies name it: "secretsmanager:CreateSecret"
	// For is what the daemon needs it for, and what serves in its place if anything does; "" if nobody has written it down.
	For string
}

// denialLasts is how long a denial is shown that no later call has refuted: its action may be one that is needed once
// a day, and have been allowed since.
const denialLasts = time.Hour

// denials remembers what IAM refused.
type denials struct {
	mu      sync.Mutex // guards what follows
	current map[string]refusal
}

type refusal struct {
	by   place     // the call that met it, which may need more than the action of its own name
	last time.Time // that it did
}

func newDenials() *denials { return &denials{current: map[string]refusal{}} }

// ended takes in how a call ended, nil: well, and reports whether that changes what is denied.
func (d *denials) ended(at place, err error, now time.Time) (changed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		for action, denial := range d.current {
			if denial.by == at {
				delete(d.current, action)
				changed = true
			}
		}
		return changed
	}
	if !awserr.IsAccessDenied(err) {
		return false
	}
	action := cmp.Or(awserr.DeniedAction(err), actionName(at.service, at.operation))
	_, before := d.current[action]
	d.current[action] = refusal{by: at, last: now}
	return !before
}

func (d *denials) now(now time.Time) []Denial {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := []Denial{}
	for action, denial := range d.current {
		if now.Sub(denial.last) < denialLasts {
			all = append(all, Denial{Action: action, For: Purposes[action]})
		}
	}
	slices.SortFunc(all, func(a, b Denial) int { return cmp.Compare(a.Action, b.Action) })
	return all
}

// Purposes are the IAM actions that the daemon may need, and what for. There is no other that it asks for.
var Purposes = map[string]string{
	"ecs:CreateCluster":              "makes the ECS cluster where there is none",
	"ecs:DescribeClusters":           "finds the ECS cluster",
	"ecs:DescribeTaskDefinition":     "finds the definition that a pod template has already",
	"ecs:RegisterTaskDefinition":     "registers the definition of a pod template",
	"ecs:DeregisterTaskDefinition":   "cleans up definitions that no pod has used for their keep time",
	"ecs:ListTaskDefinitionFamilies": "finds definitions, and secrets that they name, to clean up",
	"ecs:RunTask":                    "starts the task of a pod",
	"ecs:StopTask":                   "stops tasks: of deleted and finished pods, after failed probes, deadlines and changed images, and those whose pod is gone",
	"ecs:DescribeTasks":              "tells what becomes of tasks",
	"ecs:ListTasks":                  "finds tasks that run already, and those whose pod is gone",
	"ecs:TagResource":                "tags tasks and definitions when they are made, for people and bills, and to know them again",
	"iam:PassRole":                   "hands the execution role and granted task roles to tasks, and the infrastructure role to ECS",

	"ec2:DescribeSecurityGroups": "checks fargate.toml at start; unchecked where it is denied",
	"ec2:DescribeSubnets":        "checks fargate.toml at start and tells the node's zone; neither where it is denied",

	"logs:CreateLogGroup":     "makes the log group where there is none; it must exist where this is denied",
	"logs:PutRetentionPolicy": "lets lines of a new log group go after 30 days; they are kept, and cost, for ever where it is denied",
	"logs:GetLogEvents":       "kubectl logs, and what a failed container wrote last; logs:FilterLogEvents serves, more slowly, where it is denied",
	"logs:FilterLogEvents":    "kubectl logs where logs:GetLogEvents is denied",

	"secretsmanager:CreateSecret":   "publishes values of Kubernetes Secrets for the tasks that need them",
	"secretsmanager:TagResource":    "marks published secrets as this node's when they are made",
	"secretsmanager:DescribeSecret": "finds secrets that are published already",
	"secretsmanager:PutSecretValue": "renews published tokens of ServiceAccounts",
	"secretsmanager:RestoreSecret":  "takes back a published secret that somebody scheduled for deletion",
	"secretsmanager:ListSecrets":    "finds published secrets that no definition names any more",
	"secretsmanager:DeleteSecret":   "cleans up published secrets that no definition names any more",
}
