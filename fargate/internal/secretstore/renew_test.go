package secretstore_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/secretstore"
)

const tokenAddress = podenv.Address("shop/serviceaccount/builder/a-1/d41d8cd98f00b204e9800998ecf8427e")

// issuer gives out tokens that are good for an hour.
type issuer struct {
	mu sync.Mutex // guards n
	n  int
}

func (i *issuer) fetch(context.Context) (secretstore.Passing, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.n++
	return secretstore.Passing{Content: podenv.Hide(`{"token":"planted-` + strconv.Itoa(i.n) + `"}`), Expires: time.Now().Add(time.Hour)}, nil
}

func renew(t *testing.T, s *secretstore.Store, fetch func(context.Context) (secretstore.Passing, error)) podenv.SecretVersion {
	t.Helper()
	where, err := s.Renew(t.Context(), tokenAddress, fetch)
	if err != nil {
		t.Fatal(err)
	}
	return where
}

// The ARN stays for ever, or replicas of one template would not share a definition; the content is young enough.
func TestRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, from := newFake(), &issuer{}
		s := newStore(f)
		first := renew(t, s, from.fetch)
		if first.ARN == "" || first.ID != "" {
			t.Fatalf("%+v, want an ARN and no version", first)
		}
		time.Sleep(29 * time.Minute)
		if again := renew(t, s, from.fetch); again != first || from.n != 1 {
			t.Errorf("%+v after half an hour, %d tokens", again, from.n)
		}
		time.Sleep(2 * time.Minute)
		if again := renew(t, s, from.fetch); again != first || from.n != 2 {
			t.Errorf("%+v after more than half of its life, %d tokens", again, from.n)
		}
		if got := f.secrets[prefix+string(tokenAddress)].value; got != `{"token":"planted-2"}` {
			t.Errorf("the secret holds %s", got)
		}
		if again := renew(t, newStore(f), from.fetch); again != first || from.n != 3 {
			t.Errorf("another process has %+v, %d tokens", again, from.n)
		}
	})
}

func TestReplicasShareTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, from := newFake(), &issuer{}
		s := newStore(f)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { renew(t, s, from.fetch) })
		}
		all.Wait()
		if from.n != 1 || f.count("Create") != 1 {
			t.Errorf("%d tokens for replicas that start at once", from.n)
		}
	})
}

func TestRenewNamesThatAreTaken(t *testing.T) {
	name := prefix + string(tokenAddress)
	for test, row := range map[string]struct {
		why     string
		prepare func(*testing.T, *fakeManager)
		want    string
	}{
		"by somebody else": {"it is not ours to write into", func(_ *testing.T, f *fakeManager) { f.put(secret{name: name, arn: "arn:theirs"}) }, name + "/2"},
		"by one deleted for good": {"AWS frees the name some time later",
			func(_ *testing.T, f *fakeManager) { f.put(secret{name: name, arn: "arn:gone", forced: true}) }, name + "/2"},
		"by ours, scheduled for deletion": {"it is taken back", func(t *testing.T, f *fakeManager) {
			renew(t, newStore(f), new(issuer).fetch)
			f.change(name, func(s *secret) { s.deleted = aws.Time(time.Now()) })
		}, name},
	} {
		t.Run(test, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				row.prepare(t, f)
				where := renew(t, newStore(f), new(issuer).fetch)
				got := f.secrets[row.want]
				if got == nil || got.arn != where.ARN || got.deleted != nil || got.value != `{"token":"planted-1"}` {
					t.Errorf("%s: the secret is %+v, ARN %s", row.why, got, where.ARN)
				}
			})
		})
	}
}

func TestRenewRefusals(t *testing.T) {
	refused := errors.New("serviceaccounts is forbidden")
	for name, row := range map[string]struct {
		operation string
		err       error
	}{
		"by the API server": {"", refused},
		"by AWS":            {"Create", &smithy.GenericAPIError{Code: "ValidationException", Message: `Value '{"token":"planted-1"}' at 'secretString'`}},
		"when written":      {"Put", &smtypes.LimitExceededException{Message: aws.String("quota")}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, from := newFake(), &issuer{}
				fetch := from.fetch
				switch row.operation {
				case "":
					fetch = func(context.Context) (secretstore.Passing, error) { return secretstore.Passing{}, refused }
				case "Put":
					renew(t, newStore(f), from.fetch)
				}
				f.setWrong(row.operation, row.err)
				s := newStore(f)
				_, err := s.Renew(t.Context(), tokenAddress, fetch)
				if err == nil || strings.Contains(err.Error(), "planted") || row.operation == "" && !errors.Is(err, refused) {
					t.Fatalf("error %v", err)
				}
				f.setWrong(row.operation, nil)
				renew(t, s, from.fetch)
			})
		})
	}
}

// What happens behind our back is noticed a while later, and mended; the token stays good meanwhile.
func TestTokensDeletedBehindOurBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, from := newFake(), &issuer{}
		s := newStore(f)
		first := renew(t, s, from.fetch)
		f.change(prefix+string(tokenAddress), func(s *secret) { s.deleted = aws.Time(time.Now()) })
		time.Sleep(6 * time.Minute)
		if again := renew(t, s, from.fetch); again != first || from.n != 1 || f.secrets[prefix+string(tokenAddress)].deleted != nil {
			t.Errorf("one that is scheduled for deletion is not taken back: %+v, %d tokens", again, from.n)
		}
		delete(f.secrets, prefix+string(tokenAddress))
		time.Sleep(6 * time.Minute)
		if again := renew(t, s, from.fetch); again == first || from.n != 2 {
			t.Errorf("one that is gone is not made anew: %+v, %d tokens", again, from.n)
		}
	})
}

// A token that a definition names is not swept away, and one that none names is.
func TestTokensAreSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		s := newStore(f)
		where := renew(t, s, new(issuer).fetch)
		sweep := func(inUse bool) {
			if _, err := s.Sweep(t.Context(), func(arn string) bool { return inUse && arn == where.ARN }, time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		sweep(true)
		time.Sleep(2 * time.Hour)
		sweep(false)
		time.Sleep(2 * time.Hour)
		sweep(false)
		if left := f.left(); len(left) != 0 {
			t.Errorf("left: %v", left)
		}
		if again := renew(t, s, new(issuer).fetch); again == where {
			t.Error("a secret that was deleted is given out again")
		}
	})
}
