package secretstore_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/virtual-kubelet/aws-fargate/fargate/fargatesim"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/secretstore"
)

// Kubernetes says what a pod gets. A process that does not know the secret is told that making it succeeded, for the
// version that it would make is there, edited or not.
func TestEditedByHandIsNotUsedByTheNextProcess(t *testing.T) {
	sim := fargatesim.New(fargatesim.Config{Unthrottled: true})
	client := secretsmanager.New(secretsmanager.Options{Region: "us-east-1", HTTPClient: sim.Client(),
		Credentials: credentials.NewStaticCredentialsProvider("id", "key", "")})
	arn := publish(t, secretstore.New(client, owner, nil), address)
	edit := &secretsmanager.PutSecretValueInput{SecretId: &arn, SecretString: aws.String(`{"PASSWORD":"edited"}`)}
	if _, err := client.PutSecretValue(t.Context(), edit); err != nil {
		t.Fatal(err)
	}
	places, err := secretstore.New(client, owner, nil).Publish(t.Context(), []podenv.Document{document(address)})
	if err != nil {
		t.Fatal(err)
	}
	where := places[address]
	got, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &where.ARN, VersionId: &where.ID})
	if err != nil || *got.SecretString != content {
		t.Errorf("the pod gets %v, Kubernetes says %s (%v)", got, content, err)
	}
}
