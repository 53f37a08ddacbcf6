package fargate

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// How much of a log becomes a message, as with kubelet: MaxContainerTerminationMessageLogLength and -Lines in
// pkg/kubelet/container/runtime.go.
const (
	lastWordsBytes = 2048
	lastWordsLines = 80
)

const (
	// lastWordsHold is how long the news of a container's end waits for its last words. Who waits for a pod to fail reads
	// its message then, and not later.
	lastWordsHold = 2 * time.Second
	// lastWordsSettle is when the log is asked again, as CloudWatch Logs may not have had the last lines: the awslogs
	// driver sends every 5 s, and they take a second or two.
	lastWordsSettle = 10 * time.Second
	// lastWordsLimit is how long that may take.
	lastWordsLimit = 15 * time.Second
	listeners      = 8 // asking at once
)

// ending is the end of a container, of which its log is asked: at once, and once more when it has settled. That second look
// lives in memory alone: a daemon that is stopped meanwhile leaves the status with the words of the first.
type ending struct {
	uid     types.UID
	end     podstatus.End
	settled bool
}

// listen has the logs asked of the containers of a task that have failed and whose pod wants that. Its status is held
// back until they have answered, for a moment. It is called under the lock of the joins.
func (p *Provider) listen(j *join, taskARN string) {
	if group, driver := taskdef.LogGroup(j.pod, p.account.settings()); j.deleting || group == "" || driver != "" {
		return
	}
	for _, end := range podstatus.Unexplained(j.pod, j.status, taskARN) {
		if j.heard[end.ContainerID] {
			continue
		}
		if j.heard == nil {
			j.heard = map[string]bool{}
		}
		j.heard[end.ContainerID] = true
		j.listening++
		j.quietUntil = time.Now().Add(lastWordsHold)
		p.changes.AddAfter(j.pod.UID, lastWordsHold)
		p.endings.Add(ending{uid: j.pod.UID, end: end})
	}
}

// hear asks a log for a container's last words, and has the status tell them.
func (p *Provider) hear(ctx context.Context, e ending) {
	limit := lastWordsHold
	if e.settled {
		limit = lastWordsLimit
	}
	j, known := p.joins.get(e.uid)
	if !known {
		return
	}
	words, err := p.lastWords(ctx, j.pod, e.end, limit)
	if err != nil {
		p.log.Debug("last words", "pod", j.name(), "container", e.end.Container, "error", err)
	}
	if ctx.Err() != nil {
		return // we are going; the next process asks again
	}
	var over bool
	p.joins.update(e.uid, func(j *join) {
		if !e.settled {
			j.listening--
		}
		if words != "" {
			j.status, _ = podstatus.Explained(j.status, e.end.ContainerID, messageOf(e.end, words))
		}
		over = j.over
	})
	p.changed(e.uid)
	if words != "" && over { // whether they came in time for the status, the pod shows
		p.amend(ctx, j.pod, e.end, messageOf(e.end, words))
	}
	if !e.settled {
		e.settled = true
		p.endings.AddAfter(e, lastWordsSettle)
	}
}

// messageOf joins what ECS and the container have to say, as kubelet does with what its runtime says.
func messageOf(end podstatus.End, words string) string {
	if end.Message == "" {
		return words
	}
	return end.Message + ": " + words
}

// lastWords are the end of a container's log; "": it is empty.
func (p *Provider) lastWords(ctx context.Context, pod *corev1.Pod, end podstatus.End, limit time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	group, _ := taskdef.LogGroup(pod, p.account.settings())
	log, err := p.logs.Open(ctx, streamOf(group, pod, end.Container, podstatus.TaskOf(end.ContainerID)),
		&corev1.PodLogOptions{TailLines: ptr.To[int64](lastWordsLines)})
	if err != nil {
		return "", err
	}
	defer func() { _ = log.Close() }()
	text, err := io.ReadAll(log)
	if err != nil {
		return "", err
	}
	words := strings.TrimSuffix(string(text), "\n") // which CloudWatch Logs does not have
	return strings.ToValidUTF8(words[max(len(words)-lastWordsBytes, 0):], "\uFFFD"), nil
}

// amend writes a message into the status of a pod that shows its final phase without it. That phase is the last that
// virtual-kubelet takes in; the API server takes whatever leaves an end an end.
func (p *Provider) amend(ctx context.Context, pod *corev1.Pod, end podstatus.End, message string) {
	live, err := p.pods.Pods(pod.Namespace).Get(pod.Name)
	if err != nil || live.UID != pod.UID || !over(live.Status.Phase) {
		return
	}
	patch := amendment(live, end, message)
	if patch == nil {
		return
	}
	_, err = p.client.CoreV1().Pods(live.Namespace).Patch(ctx, live.Name, types.JSONPatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil {
		p.log.Debug("last words come too late", "pod", live.Namespace+"/"+live.Name, "container", end.Container, "error", err)
	}
}

// amendment is the patch, which holds for that end of that container alone; nil: the pod does not show that, or does with
// the message.
func amendment(live *corev1.Pod, end podstatus.End, message string) []byte {
	for list, statuses := range map[string][]corev1.ContainerStatus{"initContainerStatuses": live.Status.InitContainerStatuses, "containerStatuses": live.Status.ContainerStatuses} {
		i := slices.IndexFunc(statuses, func(s corev1.ContainerStatus) bool {
			return s.State.Terminated != nil && s.State.Terminated.ContainerID == end.ContainerID
		})
		if i < 0 || statuses[i].State.Terminated.Message == message {
			continue
		}
		terminated := fmt.Sprintf("/status/%s/%d/state/terminated", list, i)
		patch, err := json.Marshal([]map[string]string{
			{"op": "test", "path": "/metadata/uid", "value": string(live.UID)},
			{"op": "test", "path": terminated + "/containerID", "value": end.ContainerID},
			{"op": "add", "path": terminated + "/message", "value": message},
		})
		if err != nil {
			panic(err) // strings can be marshalled
		}
		return patch
	}
	return nil
}
