package secretstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/secretstore"
)

var owner = podid.Owner{ClusterUID: "8f14e45f-ceea-467f-a8d1-3f1b2c4d5e6f", NodeName: "virtual-kubelet"}

const (
	prefix  = "vk/8f14e45f-b4742f44/"
	address = podenv.Address("shop/login/77e0c1f2-0000-4000-8000-000000000001/4711/b7f41461e0aebd2545d7b92a5ca93582")
	content = `{"PASSWORD":"hunter2"}`
)

func document(address podenv.Address) podenv.Document {
	return podenv.Document{Address: address, Content: podenv.Hide(content)}
}

func newStore(f *fakeManager) *secretstore.Store {
	return secretstore.New(f, owner, map[string]string{"team": "web"})
}

// publish returns the ARN of the document, which must be published.
func publish(t *testing.T, s *secretstore.Store, address podenv.Address) string {
	t.Helper()
	places, err := s.Publish(t.Context(), []podenv.Document{document(address)})
	if err != nil {
		t.Fatal(err)
	}
	return places[address].ARN
}

func TestPublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		arn := publish(t, newStore(f), address)
		got := f.secrets[prefix+string(address)]
		if got == nil || got.arn != arn || got.value != content {
			t.Fatalf("the secret is %+v, ARN %s", got, arn)
		}
		want := map[string]string{"fargate.virtual-kubelet.io/started-by": owner.StartedBy(), "team": "web"}
		tags := map[string]string{}
		for _, tag := range got.tags {
			tags[*tag.Key] = *tag.Value
		}
		if diff := cmp.Diff(want, tags); diff != "" {
			t.Errorf("tags (-want +got):\n%s", diff)
		}
		if len(got.version) != 64 { // API reference: CreateSecret takes 32 to 64
			t.Errorf("client request token of %d characters", len(got.version))
		}
	})
}

func TestPublishingNothing(t *testing.T) {
	arns, err := newStore(newFake()).Publish(t.Context(), nil)
	if err != nil || len(arns) != 0 {
		t.Errorf("got %v, %v", arns, err)
	}
}

// Replicas that start at once, and later, share one secret and one call.
func TestReplicasShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		s := newStore(f)
		arns := make([]string, 50)
		var all sync.WaitGroup
		for i := range arns {
			all.Go(func() { arns[i] = publish(t, s, address) })
		}
		all.Wait()
		for i, arn := range arns {
			if arn == "" || arn != arns[0] {
				t.Fatalf("replica %d has ARN %q, the first %q", i, arn, arns[0])
			}
		}
		publish(t, s, address)
		if n := f.count("Create") + f.count("Describe"); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
	})
}

// A process that was killed after publishing finds what it published.
func TestAnotherProcessFindsTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		first := publish(t, newStore(f), address)
		if again := publish(t, newStore(f), address); again != first {
			t.Errorf("ARN %s, then %s", first, again)
		}
		if n := len(f.left()); n != 1 {
			t.Errorf("%d secrets", n)
		}
	})
}

func TestNamesThatAreTaken(t *testing.T) {
	name := prefix + string(address)
	for test, row := range map[string]struct {
		why     string
		prepare func(*testing.T, *fakeManager)
		want    string // name under which the document is
		same    bool   // it is the secret that was there
	}{
		"by somebody else": {"its content is not ours, whatever its name",
			func(t *testing.T, f *fakeManager) { f.put(secret{name: name, arn: "arn:theirs", value: "evil"}) }, name + "/2", false},
		"by another daemon's tag": {"never touch what another owner has",
			func(t *testing.T, f *fakeManager) {
				publish(t, newStore(f), address)
				f.change(name, func(s *secret) {
					s.value = "theirs"
					s.tags = []smtypes.Tag{{Key: aws.String("fargate.virtual-kubelet.io/started-by"), Value: aws.String("vk/other")}}
				})
			}, name + "/2", false},
		"by ours, edited by hand": {"the pod gets what Kubernetes says",
			func(t *testing.T, f *fakeManager) {
				publish(t, newStore(f), address)
				f.change(name, func(s *secret) { s.version, s.value = "edited", "{}" })
			}, name + "/2", false},
		"by ours, scheduled for deletion": {"it is taken back",
			func(t *testing.T, f *fakeManager) {
				publish(t, newStore(f), address)
				f.change(name, func(s *secret) { s.deleted = aws.Time(time.Now()) })
			}, name, true},
		"by somebody's, scheduled for deletion": {"it is not ours to restore",
			func(t *testing.T, f *fakeManager) {
				f.put(secret{name: name, arn: "arn:theirs", deleted: aws.Time(time.Now())})
			}, name + "/2", false},
		"by one deleted for good": {"AWS frees the name some time later",
			func(t *testing.T, f *fakeManager) { f.put(secret{name: name, arn: "arn:gone", forced: true}) }, name + "/2", false},
	} {
		t.Run(test, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				row.prepare(t, f)
				before := f.secrets[name].arn
				arn := publish(t, newStore(f), address)
				got := f.secrets[row.want]
				if got == nil || got.arn != arn || got.value != content || got.deleted != nil {
					t.Fatalf("%s: the secret is %+v, ARN %s", row.why, got, arn)
				}
				if same := arn == before; same != row.same {
					t.Errorf("%s: ARN %s, before %s", row.why, arn, before)
				}
			})
		})
	}
}

func TestAllNamesTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		for _, suffix := range []string{"", "/2", "/3", "/4"} {
			f.put(secret{name: prefix + string(address) + suffix, arn: "arn:theirs" + suffix})
		}
		_, err := newStore(f).Publish(t.Context(), []podenv.Document{document(address)})
		if err == nil || !strings.Contains(err.Error(), prefix+string(address)+": this name and 3 more are held") {
			t.Errorf("error %v", err)
		}
	})
}

// A secret that vanished behind our back is noticed once it is looked at again, and made anew.
func TestDeletedBehindOurBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		s := newStore(f)
		first := publish(t, s, address)
		time.Sleep(6 * time.Minute)
		if again := publish(t, s, address); again != first || f.count("Create") != 1 {
			t.Errorf("one that is still there is not kept: %s, then %s", first, again)
		}
		delete(f.secrets, prefix+string(address))
		time.Sleep(6 * time.Minute)
		if again := publish(t, s, address); again == first || len(f.left()) != 1 {
			t.Errorf("ARN %s again, %v", again, f.left())
		}
	})
}

// Whatever AWS refuses is passed on, with its code, and the next try finds everything as it should be.
func TestRefusalsPassOut(t *testing.T) {
	for name, row := range map[string]struct {
		operation string
		err       error
	}{
		"throttled":           {"Create", &smithy.GenericAPIError{Code: "ThrottlingException", Message: "Rate exceeded"}},
		"denied":              {"Create", &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "not authorized to perform: secretsmanager:CreateSecret"}},
		"expired":             {"Create", &smithy.GenericAPIError{Code: "ExpiredTokenException", Message: "The security token included in the request is expired"}},
		"no look":             {"Describe", &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "not authorized to perform: secretsmanager:DescribeSecret"}},
		"not to be restored":  {"Restore", &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "not authorized to perform: secretsmanager:RestoreSecret"}},
		"no secrets any more": {"Create", &smtypes.LimitExceededException{Message: aws.String("The request failed because it would exceed one of the Secrets Manager quotas.")}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				if row.operation != "Create" {
					publish(t, newStore(f), address)
					f.change(prefix+string(address), func(s *secret) { s.deleted = aws.Time(time.Now()) })
				}
				s := newStore(f)
				f.setWrong(row.operation, row.err)
				_, err := s.Publish(t.Context(), []podenv.Document{document(address)})
				if !errors.Is(err, row.err) || !strings.Contains(err.Error(), prefix+string(address)) {
					t.Fatalf("error %v, want one that wraps %v and names the secret", err, row.err)
				}
				f.setWrong(row.operation, nil)
				publish(t, s, address)
			})
		})
	}
}

// The end of the launch that asked first is not the end of the publication.
func TestTheFirstToAskGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		s := newStore(f)
		ctx, cancel := context.WithCancel(t.Context())
		f.during = func(string) { cancel() }
		if _, err := s.Publish(ctx, []podenv.Document{document(address)}); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		synctest.Wait()
		f.during = nil
		publish(t, s, address)
		if n := f.count("Create"); n != 1 {
			t.Errorf("%d secrets were made", n)
		}
	})
}

// AWS's validation quotes what it does not like.
func TestNoValueInErrors(t *testing.T) {
	for name, echo := range map[string]string{
		"as it is":   `Value 'hunter2 "and" more' at 'secretString' failed to satisfy constraint`,
		"as JSON":    `Value '{"A":"hunter2 \"and\" more"}' at 'secretString' failed to satisfy constraint`,
		"cut":        `Value '{"A":"hunter2 \"an...' at 'secretString' failed to satisfy constraint`,
		"not at all": "Member must have length less than or equal to 65536", // nobody can tell
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.setWrong("Create", &smithy.GenericAPIError{Code: "ValidationException", Message: echo})
				d := podenv.Document{Address: address, Content: podenv.Hide(`{"A":"hunter2 \"and\" more"}`)}
				_, err := newStore(f).Publish(t.Context(), []podenv.Document{d})
				var refusal smithy.APIError
				if !errors.As(err, &refusal) || refusal.ErrorCode() != "ValidationException" {
					t.Fatalf("error %v has lost its code", err)
				}
				for _, shown := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", errors.Unwrap(err))} {
					if strings.Contains(shown, "hunter2") {
						t.Errorf("error shows the value: %s", shown)
					}
				}
			})
		})
	}
}
