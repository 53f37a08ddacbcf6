package taskdef_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
)

const roles = "arn:aws:iam::123456789012:role/"

// everything grants all there is to every namespace.
type everything struct{}

func (everything) TaskRole(string, string) bool       { return true }
func (everything) FileSystem(_, _ string) bool        { return true }
func (everything) Subnet(string, string) bool         { return true }
func (everything) SecurityGroup(string, string) bool  { return true }
func (everything) PublicAddress(string) bool          { return true }
func (everything) LogDestination(string, string) bool { return true }

func TestTaskRole(t *testing.T) {
	for name, test := range map[string]struct {
		why                 string
		pod, serviceAccount string // what their annotations say
		grants              taskdef.Grants
		want                string // task role
		refusal             string // begins the error
	}{
		"none":                      {"most pods ask for none", "", "", everything{}, "", ""},
		"the pod's":                 {"the namespace has it", roles + "task-a", "", settings.Grants, roles + "task-a", ""},
		"the ServiceAccount's":      {"as on EKS", "", roles + "task-a", settings.Grants, roles + "task-a", ""},
		"both":                      {"the pod's is the nearer", roles + "task-a", roles + "admin", settings.Grants, roles + "task-a", ""},
		"not granted":               {"the message says which lines would do", roles + "admin", "", settings.Grants, "", `metadata.annotations[iam.amazonaws.com/role]: ` + roles + `admin: fargate.toml does not grant this role to namespace "default"; the table [[Grants]] with the lines Namespaces = ["default"] and TaskRoles = ["` + roles + `admin"] would; ask whoever`},
		"not granted to the other":  {"a ServiceAccount's annotation is the namespace's word too", "", roles + "admin", settings.Grants, "", "spec.serviceAccountName: " + roles + "admin: fargate.toml does not grant"},
		"no grants at all":          {"nothing is granted by default", roles + "task-a", "", nil, "", "metadata.annotations[iam.amazonaws.com/role]: " + roles + "task-a: fargate.toml does not grant"},
		"a name":                    {"the original provider took ARNs alone, and a name may be the execution role's", "execution", "", everything{}, "", `metadata.annotations[iam.amazonaws.com/role]: "execution": that is no role's ARN`},
		"the execution role":        {"it reads all secrets of the node", settings.ExecutionRoleARN, "", everything{}, "", "metadata.annotations[iam.amazonaws.com/role]: " + settings.ExecutionRoleARN + ": that is the execution role, which is never given to containers"},
		"the same in other letters": {"IAM's names are unique without regard to case", roles + "EXECUTION", "", everything{}, "", "metadata.annotations[iam.amazonaws.com/role]: " + roles + "EXECUTION: that is the execution role"},
		"the same with a path":      {"and without regard to the path", "", roles + "some/path/execution", everything{}, "", "spec.serviceAccountName: " + roles + "some/path/execution: that is the execution role"},
		"its namesake elsewhere":    {"another account's is another role", strings.Replace(settings.ExecutionRoleARN, "123456789012", "210987654321", 1), "", everything{}, "arn:aws:iam::210987654321:role/execution", ""},
	} {
		t.Run(name, func(t *testing.T) {
			pod := replicaAlone(0)
			if test.pod != "" {
				pod.Annotations = map[string]string{taskdef.AnnotationRole: test.pod}
			}
			environment, _ := podenv.Resolve(pod, nodeSources())
			in := input(pod, environment)
			without, _ := taskdef.Translate(input(replicaAlone(1), environment))
			in.ServiceAccountRole, in.Settings.Grants = test.serviceAccount, test.grants
			got, err := taskdef.Translate(in)
			if test.refusal != "" {
				if err == nil || !strings.HasPrefix(err.Error(), test.refusal) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s: error %v", test.why, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if role := aws.ToString(got.Run.Overrides.TaskRoleArn); role != test.want {
				t.Errorf("%s: role %q, want %q", test.why, role, test.want)
			}
			if got.Definition.TaskRoleArn != nil || got.Run.Overrides.ExecutionRoleArn != nil || got.Digest != without.Digest {
				t.Errorf("%s: the definition is not that of a pod without a role", test.why)
			}
		})
	}
}

// replicaAlone is a replica that needs nothing but itself.
func replicaAlone(i int) *corev1.Pod {
	pod := replica(i)
	pod.Spec.Containers[0].EnvFrom = nil
	return pod
}

// What EKS's webhooks add goes where a task role replaces it; what the pod's author set stays.
func TestWebhooksVariables(t *testing.T) {
	token := "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"
	for name, test := range map[string]struct {
		why  string
		set  map[string]string
		role string
		want []string // names that are left of those set
	}{
		"roles for ServiceAccounts": {"the SDKs would prefer the token, which does not exist",
			map[string]string{"AWS_ROLE_ARN": "r", "AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1"}, roles + "task-a", []string{"AWS_DEFAULT_REGION", "AWS_REGION"}},
		"Pod Identity": {"its agent does not exist",
			map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token"}, roles + "task-a", nil},
		"Pod Identity over IPv6": {"the agent's other address",
			map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://[fd00:ec2::23]/v1/credentials"}, roles + "task-a", nil},
		"the author's own token": {"it is no webhook's",
			map[string]string{"AWS_ROLE_ARN": "r", "AWS_WEB_IDENTITY_TOKEN_FILE": "/mine"}, roles + "task-a", []string{"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"}},
		"no task role": {"nothing replaces it",
			map[string]string{"AWS_ROLE_ARN": "r", "AWS_WEB_IDENTITY_TOKEN_FILE": token}, "", []string{"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"}},
	} {
		t.Run(name, func(t *testing.T) {
			pod := barePod()
			for _, key := range slices.Sorted(maps.Keys(test.set)) {
				pod.Spec.Containers[0].Env = append(pod.Spec.Containers[0].Env, corev1.EnvVar{Name: key, Value: test.set[key]})
			}
			environment, _ := podenv.Resolve(pod, nodeSources())
			in := input(pod, environment)
			in.ServiceAccountRole = test.role
			translation, err := taskdef.Translate(in)
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, v := range translation.Definition.ContainerDefinitions[0].Environment {
				if _, set := test.set[*v.Name]; set {
					left = append(left, *v.Name)
				}
			}
			if diff := cmp.Diff(test.want, left); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.why, diff)
			}
		})
	}
}

// Only a volume that holds nothing but the token is a webhook's.
func TestWebhooksVolumes(t *testing.T) {
	for volumes, isFilled := range map[string]bool{
		"volumes: [{name: aws-iam-token, projected: {sources: [{serviceAccountToken: {path: token}}]}}]":                         false,
		"volumes: [{name: eks-pod-identity-token, projected: {sources: [{serviceAccountToken: {path: token}}]}}]":                false,
		"volumes: [{name: aws-iam-token, projected: {sources: [{serviceAccountToken: {path: token}}, {configMap: {name: c}}]}}]": true,
		"volumes: [{name: mine, projected: {sources: [{serviceAccountToken: {path: token}}]}}]":                                  true,
	} {
		pod := barePod()
		decodeStrict(t, volumes, &pod.Spec)
		pod.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: pod.Spec.Volumes[0].Name, MountPath: "/token"}}
		sources := nodeSources()
		sources.ConfigMaps["c"] = &corev1.ConfigMap{}
		in, _ := resolved(pod, sources)
		in.ServiceAccountRole = roles + "task-a"
		if got, err := taskdef.Translate(in); err != nil || (len(got.Definition.Volumes) > 0) != isFilled {
			t.Errorf("%s: %v, volumes %v", volumes, err, got.Definition.Volumes)
		}
	}
}
