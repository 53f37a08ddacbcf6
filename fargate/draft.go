package fargate

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podfile"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/pullsecret"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

// fetched is what a pod's task is made of besides the pod.
type fetched struct {
	sources podenv.Sources
	account *corev1.ServiceAccount // the pod's; nil: there is none
	claims  taskdef.Claims         // of the pod's volumes
	missing []podenv.Problem       // with the claims
	tokens  bool                   // the API server's own volume with the account's token is filled
}

// draft is a pod resolved and translated, before anything is published or launched for it. Launching and explaining
// begin with the same.
type draft struct {
	input       taskdef.Input
	problems    []podenv.Problem    // of all that the pod names
	translation taskdef.Translation // the zero value if there is a refusal; for ECS as it is if the pod has no secret values
	refusal     error               // a *taskdef.UnsupportedError; nil: Fargate can run the pod
}

// drafted resolves and translates a pod. Stand-ins take the place of secret values that are not published.
func drafted(pod *corev1.Pod, id podid.ID, from fetched, settings taskdef.Settings) draft {
	environment, problems := podenv.Resolve(pod, from.sources)
	files, fileProblems := podfile.Resolve(podfile.Input{Pod: pod, Sources: from.sources, Account: from.account, Tokens: from.tokens})
	pulls, pullProblems := pullsecret.Resolve(pod, from.sources.Secrets)
	logSecrets, logProblems := podenv.Resolve(taskdef.LogSecrets(pod), from.sources)
	for i := range logProblems {
		logProblems[i].Field = taskdef.FieldLogSecrets
	}
	d := draft{problems: slices.Concat(problems, from.missing, fileProblems, pullProblems, logProblems), input: taskdef.Input{
		Pod: pod, ID: id, Environment: environment, Files: files, Claims: from.claims, Pulls: pulls, LogSecrets: logSecrets, Settings: settings,
	}}
	if from.account != nil {
		d.input.ServiceAccountRole = from.account.Annotations[taskdef.AnnotationServiceAccountRole]
	}
	d.input.Secrets = taskdef.Unpublished(d.documents(), taskdef.Tokens(d.input))
	d.translation, d.refusal = taskdef.Translate(d.input)
	return d
}

// documents are what must be in Secrets Manager before the pod can be launched.
func (d draft) documents() []podenv.Document {
	return slices.Concat(d.input.Environment.Secrets(), d.input.Files.Documents(), d.input.Pulls.Documents(), d.input.LogSecrets.Secrets())
}

// waitsFor is the first thing that must change in the cluster before the pod can be launched; nil: nothing.
func (d draft) waitsFor() *podenv.Problem {
	for i := range d.problems {
		if d.problems[i].Effect == podenv.Waits {
			return &d.problems[i]
		}
	}
	return nil
}
