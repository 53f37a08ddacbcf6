package fargate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/awserr"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/launcher"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podfile"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podstatus"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/pullsecret"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// configRetry is how soon a pod whose ConfigMap is missing looks again.
const configRetry = 5 * time.Second

// launch is one turn of a pod: fetch what it names, resolve its environment and translate (draft.go), publish its secrets,
// launch, observe. Whatever keeps it from a task is shown on the pod and tried again, unless the pod itself has to change.
func (p *Provider) launch(ctx context.Context, t turn) {
	if j, _ := p.joins.get(t.uid); j.refusal != "" && !p.settled(ctx, t.uid) {
		p.launches.AddAfter(t, settleRetry) // what it was before may have been started
		return
	}
	id, pod, ok := p.begin(t)
	if !ok {
		return
	}
	defer p.done(t.uid)
	if j, _ := p.joins.get(t.uid); j.unprepared {
		p.account.ensureLogGroup(ctx, p.log)
	}
	from, err := p.fetch(ctx, pod)
	if err != nil {
		p.log.Debug("fetch what the pod names", "pod", pod.Namespace+"/"+pod.Name, "error", err)
		p.wait(pod.UID, awserr.ReasonNotPrepared, "the API server does not tell what the pod names; it is asked again")
		p.launches.AddRateLimited(t)
		return
	}
	translation, ok := p.prepare(ctx, t, drafted(pod, id, from, p.account.settings()))
	if !ok {
		return
	}
	p.tellFindings(pod, translation)
	task, err := p.launcher.Launch(ctx, translation)
	if err != nil {
		p.postpone(ctx, t, pod, err)
		return
	}
	p.launched(id, pod, translation, task)
}

// begin says whether the pod still wants a task, and marks a launch as under way.
func (p *Provider) begin(t turn) (id podid.ID, pod *corev1.Pod, ok bool) {
	p.joins.update(t.uid, func(j *join) {
		if j.launching || j.taskARN != "" || j.held || j.over || j.deleting || j.pod.DeletionTimestamp != nil {
			return
		}
		if wait := time.Until(j.notBefore); wait > 0 {
			p.launches.AddAfter(t, wait)
			return
		}
		if j.refusal != "" {
			p.fail(j)
			return
		}
		j.launching, ok, pod = true, true, j.view()
		id = podid.ID{Owner: p.owner, Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID, Attempt: j.attempt}
	})
	return id, pod, ok
}

// done ends what begin marked; a stop that was wanted meanwhile, for a deletion or of the task alone, goes on.
func (p *Provider) done(uid types.UID) {
	p.joins.update(uid, func(j *join) {
		j.launching = false
		if j.deleting || j.finished != "" {
			p.stops.Add(uid)
		}
	})
}

// fetch gets what the pod's task is made of. What does not exist is left out.
func (p *Provider) fetch(ctx context.Context, pod *corev1.Pod) (fetched, error) {
	services, err := p.services.Services(pod.Namespace).List(everything)
	if err != nil {
		return fetched{}, fmt.Errorf("list services: %w", err)
	}
	sources := podenv.Sources{
		ConfigMaps: map[string]*corev1.ConfigMap{}, Secrets: map[string]*corev1.Secret{},
		Services: services, APIServer: p.account.apiServer(p.apiServer),
		NodeName: p.owner.NodeName, HostIP: p.internalIP(), Allocatable: p.node.Status.Allocatable,
	}
	api, tokens := p.client.CoreV1(), wantsToken(pod, p.account.config.ServiceAccountToken)
	for _, reference := range references(pod, tokens) {
		name := reference.Name
		if reference.Kind == podenv.ConfigMap {
			sources.ConfigMaps[name], err = existing(api.ConfigMaps(pod.Namespace).Get(ctx, name, metav1.GetOptions{}))
		} else {
			sources.Secrets[name], err = existing(api.Secrets(pod.Namespace).Get(ctx, name, metav1.GetOptions{}))
		}
		if err != nil {
			return fetched{}, fmt.Errorf("get %s %s: %w", reference.Kind, name, err)
		}
	}
	for _, name := range pullsecret.Names(pod) {
		if sources.Secrets[name], err = existing(api.Secrets(pod.Namespace).Get(ctx, name, metav1.GetOptions{})); err != nil {
			return fetched{}, fmt.Errorf("get image pull secret %s: %w", name, err)
		}
	}
	from := fetched{sources: sources, tokens: tokens}
	if from.claims, from.missing, err = p.fetchClaims(ctx, pod); err != nil {
		return fetched{}, err
	}
	if name := pod.Spec.ServiceAccountName; name != "" { // it is empty where the admission plugin that sets it is off
		if from.account, err = existing(api.ServiceAccounts(pod.Namespace).Get(ctx, name, metav1.GetOptions{})); err != nil {
			return fetched{}, fmt.Errorf("get ServiceAccount %s: %w", name, err)
		}
	}
	return from, nil
}

// references are what a pod's environment and volumes name, each once.
func references(pod *corev1.Pod, tokens bool) []podenv.Reference {
	all := slices.Concat(podenv.References(pod), podenv.References(taskdef.LogSecrets(pod)))
	for _, r := range podfile.References(pod, tokens) {
		if !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	return all
}

// existing is what was got, nil if there is no such thing.
func existing[T any](object *T, err error) (*T, error) {
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return object, err
}

// prepare makes of a draft what can be launched: it publishes the pod's secret values. false: the pod cannot run, or not
// yet, and shows why. What refuses it does so before anything is published.
func (p *Provider) prepare(ctx context.Context, t turn, d draft) (taskdef.Translation, bool) {
	pod := d.input.Pod
	if problem := d.waitsFor(); problem != nil {
		reason := awserr.ReasonNotPrepared
		if problem.Reason == podfile.ReasonFailedMount { // a kubelet leaves it at that, and tells more by an event
			reason = podstatus.ReasonCreating
		}
		if p.wait(pod.UID, reason, problem.Message) {
			p.events.Event(pod, corev1.EventTypeWarning, problem.Reason, problem.Message)
		}
		p.launches.AddAfter(t, configRetry)
		return taskdef.Translation{}, false
	}
	p.tellNoted(pod, d.problems)
	translation, err := d.translation, d.refusal
	if in := d.input; err == nil && len(in.Secrets) > 0 {
		if in.Secrets, err = p.publish(ctx, d); err != nil {
			p.unpublished(ctx, t, pod, err)
			return taskdef.Translation{}, false
		}
		translation, err = taskdef.Translate(in)
	}
	if err != nil {
		p.refuse(t, pod, err)
		return taskdef.Translation{}, false
	}
	return translation, true
}

// unpublished shows why what the pod needs is not in Secrets Manager, and tries again later.
func (p *Provider) unpublished(ctx context.Context, t turn, pod *corev1.Pod, err error) {
	token := new(tokenError)
	if !errors.As(err, &token) {
		p.postpone(ctx, t, pod, err)
		return
	}
	if ctx.Err() == nil && p.wait(pod.UID, awserr.ReasonNotPrepared, token.Error()) {
		p.events.Event(pod, corev1.EventTypeWarning, podfile.ReasonFailedMount, token.Error())
	}
	p.launches.AddRateLimited(t)
}

// launched joins the pod to its task.
func (p *Provider) launched(id podid.ID, pod *corev1.Pod, translation taskdef.Translation, task ecstypes.Task) {
	p.join(id.UID, task, func(j *join) bool {
		j.capacity = billed(translation.Size)
		return true
	})
	arn := aws.ToString(task.TaskArn)
	p.log.Info("task started", "pod", pod.Namespace+"/"+pod.Name, "task", arn, "attempt", id.Attempt)
	p.events.Eventf(pod, corev1.EventTypeNormal, "TaskStarted", "Started ECS task %s with %s, definition %s",
		lastPart(arn), billed(translation.Size), lastPart(definitionOf(task)))
	p.metrics.launched(pod, id.Attempt)
}

// postpone shows why AWS did not start the task, and tries again later.
func (p *Provider) postpone(ctx context.Context, t turn, pod *corev1.Pod, err error) {
	if ctx.Err() != nil {
		return // we are going; the next process launches with the same token
	}
	if unanswered := new(launcher.UnansweredError); errors.As(err, &unanswered) {
		p.joins.update(pod.UID, func(j *join) { j.unanswered = time.Now() })
	}
	why := awserr.Launching(err)
	if p.wait(pod.UID, why.Reason, why.Message) {
		p.log.Info("launch postponed", "pod", pod.Namespace+"/"+pod.Name, "reason", why.Reason, "error", err)
		p.events.Event(pod, corev1.EventTypeWarning, why.Reason, why.Message)
	}
	p.metrics.postponed(why.Reason)
	p.launches.AddRateLimited(t)
}

// wait has the pod's containers wait for a reason, and reports whether that is news.
func (p *Provider) wait(uid types.UID, reason, message string) (news bool) {
	p.joins.update(uid, func(j *join) {
		if len(j.status.ContainerStatuses) > 0 {
			now := j.status.ContainerStatuses[0].State.Waiting
			news = now == nil || now.Reason != reason || now.Message != message
		}
		j.status = podstatus.Waiting(j.view(), reason, message)
	})
	p.changed(uid)
	return news
}

// tellFindings warns, once a pod, of the fields that have no effect on Fargate.
func (p *Provider) tellFindings(pod *corev1.Pod, translation taskdef.Translation) {
	first := false
	p.joins.update(pod.UID, func(j *join) { first, j.warned = !j.warned, true })
	if !first {
		return
	}
	var lines []string
	for _, finding := range translation.Findings {
		lines = append(lines, finding.String())
	}
	if len(lines) > 0 {
		p.events.Event(pod, corev1.EventTypeWarning, "FieldsNotApplied", strings.Join(lines, "; "))
	}
}

// tellNoted records what is odd about what the pod names and keeps nothing from running: once a pod, as
// the findings, which follow.
func (p *Provider) tellNoted(pod *corev1.Pod, problems []podenv.Problem) {
	if j, _ := p.joins.get(pod.UID); j.warned {
		return
	}
	for _, problem := range problems {
		if problem.Effect == podenv.Noted {
			p.events.Event(pod, corev1.EventTypeWarning, problem.Reason, problem.Message)
		}
	}
}

// billed is what Fargate bills for a size, worded as EKS on Fargate does: "0.25vCPU 0.5GB".
func billed(size taskdef.Size) string {
	return fmt.Sprintf("%gvCPU %gGB", float64(size.CPUUnits)/1024, float64(size.MemoryMiB)/1024)
}

func lastPart(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }
