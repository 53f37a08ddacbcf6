package fargate

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podfile"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/secretstore"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/taskdef"
	"github.com/virtual-kubelet/aws-fargate/providerconfig"
)

// wantsToken tells whether the API server's own volume with the ServiceAccount's token is filled for a pod.
func wantsToken(pod *corev1.Pod, mode providerconfig.TokenMode) bool {
	switch mode {
	case providerconfig.TokenAlways:
		return true
	case providerconfig.TokenNever:
		return false
	}
	return pod.Annotations[taskdef.AnnotationToken] == "true"
}

// publish puts what the draft's definition names into Secrets Manager, and returns where each is. Tokens come first: the
// API server may refuse them.
func (p *Provider) publish(ctx context.Context, d draft) (map[podenv.Address]podenv.SecretVersion, error) {
	published := map[podenv.Address]podenv.SecretVersion{}
	for _, token := range taskdef.Tokens(d.input) {
		where, err := p.secrets.Renew(ctx, token.Stored.Address, func(ctx context.Context) (secretstore.Passing, error) {
			return p.token(ctx, d.input.Pod, token)
		})
		if err != nil {
			return nil, err
		}
		published[token.Stored.Address] = where
	}
	places, err := p.secrets.Publish(ctx, d.documents())
	if err != nil {
		return nil, err
	}
	maps.Copy(published, places)
	return published, nil
}

// tokenError is a token that the API server does not give.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }

// token asks the API server for a token of the pod's ServiceAccount. It is not bound to the pod, for all replicas and
// restarts share it.
func (p *Provider) token(ctx context.Context, pod *corev1.Pod, t podfile.Token) (secretstore.Passing, error) {
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: &t.ExpirationSeconds,
	}}
	if t.Audience != "" {
		request.Spec.Audiences = []string{t.Audience}
	}
	name := pod.Spec.ServiceAccountName
	answer, err := p.client.CoreV1().ServiceAccounts(pod.Namespace).CreateToken(ctx, name, request, metav1.CreateOptions{})
	if err != nil {
		return secretstore.Passing{}, &tokenError{fmt.Errorf("failed to fetch a token of ServiceAccount %s/%s: %w", pod.Namespace, name, err)}
	}
	content, err := json.Marshal(map[string]string{podfile.KeyToken: answer.Status.Token})
	if err != nil {
		return secretstore.Passing{}, &tokenError{fmt.Errorf("token of ServiceAccount %s/%s: %w", pod.Namespace, name, err)}
	}
	return secretstore.Passing{Content: podenv.Hide(string(content)), Expires: answer.Status.ExpirationTimestamp.Time}, nil
}
