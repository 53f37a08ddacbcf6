package taskdef

import (
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
)

const (
	// AnnotationRole is the pod annotation that asks for a task role: the ARN of the role whose credentials
	// the pod's containers get.
	AnnotationRole = "iam.amazonaws.com/role"
	// AnnotationServiceAccountRole asks for the same, on the ServiceAccount, as on EKS; see Input.
	AnnotationServiceAccountRole = "eks.amazonaws.com/role-arn"

	fieldRole           = "metadata.annotations[" + AnnotationRole + "]"
	fieldServiceAccount = "spec.serviceAccountName"
)

// Grants say what AWS is asked for on behalf of the pods of a namespace. What is not granted is refused.
type Grants interface {
	TaskRole(namespace, roleARN string) bool
	Subnet(namespace, id string) bool
	SecurityGroup(namespace, id string) bool
	PublicAddress(namespace string) bool
	LogDestination(namespace, destination string) bool // DRIVER:GROUP, URL or OUTPUT, as in providerconfig.Grant
	FileSystem(namespace, fileSystemID string) bool
}

// askedRole is the role that the pod asks for, and the field that does: the pod's own annotation before its
// ServiceAccount's. Both are empty for a pod that asks for none.
func askedRole(in Input) (role, field string) {
	if role := in.Pod.Annotations[AnnotationRole]; role != "" {
		return role, fieldRole
	}
	if in.ServiceAccountRole != "" {
		return in.ServiceAccountRole, fieldServiceAccount
	}
	return "", ""
}

// taskRole is the ARN of the role that the pod's containers get, or "". Check has refused what is not granted.
func taskRole(in Input) string {
	role, _ := askedRole(in)
	return role
}

func granted(in Input, role string) bool {
	return in.Settings.Grants != nil && in.Settings.Grants.TaskRole(in.Pod.Namespace, role)
}

// roleARN is what ECS takes as a role besides a bare name; IAM user guide: "IAM identifiers".
var roleARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}):role/(?:[\w+=,.@/-]*/)?([\w+=,.@-]+)$`)

// sameRole tells whether two ARNs name one role: within an account a role's name is unique, whatever its
// path and the case of its letters (IAM user guide: "IAM and AWS STS quotas", names).
func sameRole(a, b string) bool {
	one, other := roleARN.FindStringSubmatch(a), roleARN.FindStringSubmatch(b)
	return one != nil && other != nil && one[1] == other[1] && strings.EqualFold(one[2], other[2])
}

// What EKS's webhooks add to a pod whose ServiceAccount has a role or a Pod Identity association. The AWS
// SDKs would prefer it to the task role, and neither the token nor the agent's address exists on Fargate.
// (github.com/aws/amazon-eks-pod-identity-webhook; EKS user guide: "How EKS Pod Identity works".)
var (
	webhookVolumes = []string{"aws-iam-token", "eks-pod-identity-token"}

	webIdentity     = []string{"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"}
	webIdentityFrom = []string{"/var/run/secrets/eks.amazonaws.com/"}

	podIdentity     = []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"}
	podIdentityFrom = []string{"http://169.254.170.23/", "http://[fd00:ec2::23]/"}
)

// isWebhookVolume tells whether an EKS webhook added the volume: it holds a token for AWS and nothing else.
func isWebhookVolume(v *corev1.Volume) bool {
	return v.Projected != nil && slices.Contains(webhookVolumes, v.Name) &&
		!slices.ContainsFunc(v.Projected.Sources, func(s corev1.VolumeProjection) bool { return s.ServiceAccountToken == nil })
}

// withoutWebhooks leaves out the variables that EKS's webhooks added. What the pod's author set to values
// of his own stays.
func withoutWebhooks(variables []podenv.Variable) []podenv.Variable {
	for _, added := range []struct{ names, values []string }{{webIdentity, webIdentityFrom}, {podIdentity, podIdentityFrom}} {
		byWebhook := slices.ContainsFunc(variables, func(v podenv.Variable) bool {
			return v.Name == added.names[0] && slices.ContainsFunc(added.values, func(value string) bool { return strings.HasPrefix(v.Value, value) })
		})
		if byWebhook {
			variables = slices.DeleteFunc(slices.Clone(variables), func(v podenv.Variable) bool { return slices.Contains(added.names, v.Name) })
		}
	}
	return variables
}
