package taskdef

import "fmt"

const (
	bySources     = "task role of the containers, if [[Grants]] in fargate.toml gives it to the namespace"
	notGranted    = "not granted to the namespace"
	notARole      = "no role's ARN, or the execution role"
	grantIt       = "ask whoever runs the node for that, or remove the annotation"
	useAnotherOne = "name a role of the pod's own by its whole ARN, arn:aws:iam::ACCOUNT:role/NAME"
	ofAccount     = "annotated " + AnnotationServiceAccountRole + ", "
)

var roleRules = []rule{
	quiet(fieldRole, Mapped, bySources+"; variables and volumes that EKS's webhooks add for the same end are left out"),
	loud(fieldRole, notGranted, Refused, "fargate.toml does not grant it", grantIt, ungrantedRole(fieldRole)),
	loud(fieldRole, notARole, Refused, "containers cannot have this role", useAnotherOne, impossibleRole(fieldRole)),
}

var serviceAccountRules = []rule{
	quiet(fieldServiceAccount, Mapped, "its annotation "+AnnotationServiceAccountRole+" as "+AnnotationRole+" of the pod, which wins"),
	loud(fieldServiceAccount, ofAccount+notGranted, Refused, "fargate.toml does not grant it", grantIt, ungrantedRole(fieldServiceAccount)),
	loud(fieldServiceAccount, ofAccount+notARole, Refused, "containers cannot have this role", useAnotherOne, impossibleRole(fieldServiceAccount)),
}

// impossibleRole finds a role that no grant makes possible.
func impossibleRole(field string) func(Input) []hit {
	return func(in Input) []hit {
		role, asking := askedRole(in)
		switch {
		case asking != field:
			return nil
		case !roleARN.MatchString(role):
			return []hit{{detail: shortened(role), what: "that is no role's ARN"}}
		case sameRole(role, in.Settings.ExecutionRoleARN):
			return []hit{{detail: role, what: "that is the execution role, which is never given to containers"}}
		}
		return nil
	}
}

// ungrantedRole finds a role that fargate.toml does not grant, and says which lines would.
func ungrantedRole(field string) func(Input) []hit {
	return func(in Input) []hit {
		role, asking := askedRole(in)
		if asking != field || granted(in, role) || len(impossibleRole(field)(in)) > 0 {
			return nil
		}
		return []hit{{detail: role, what: fmt.Sprintf("fargate.toml does not grant this role to namespace %q; the table [[Grants]] with the lines Namespaces = [%q] and TaskRoles = [%q] would",
			in.Pod.Namespace, in.Pod.Namespace, role)}}
	}
}

// shortened quotes what a pod's author wrote, which may be anything.
func shortened(text string) string {
	const longest = 100
	return fmt.Sprintf("%q", text[:min(len(text), longest)])
}
