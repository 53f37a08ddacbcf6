package secretstore_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podenv"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/podid"
	"github.com/virtual-kubelet/aws-fargate/fargate/internal/secretstore"
)

const keep = time.Hour

func nobody(string) bool { return false }

// sweep looks once and returns how many secrets it deleted.
func sweep(t *testing.T, s *secretstore.Store, inUse func(string) bool) int {
	t.Helper()
	n, err := s.Sweep(t.Context(), inUse, keep)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		s := newStore(f)
		others := secretstore.New(f, podid.Owner{ClusterUID: owner.ClusterUID, NodeName: "other"}, nil)
		if _, err := others.Publish(t.Context(), []podenv.Document{document("shop/theirs")}); err != nil {
			t.Fatal(err)
		}
		f.put(secret{name: prefix + "shop/handmade", arn: "arn:handmade"})
		used := publish(t, s, "shop/used")
		for _, a := range []podenv.Address{"shop/a", "shop/b", "shop/c"} { // more than a page
			publish(t, s, a)
		}
		before := f.left()
		inUse := func(arn string) bool { return arn == used }
		for range 3 {
			if n := sweep(t, s, inUse); n != 0 {
				t.Fatalf("%d deleted before their time", n)
			}
			time.Sleep(keep / 4)
		}
		if diff := cmp.Diff(before, f.left()); diff != "" {
			t.Fatalf("(-before +after):\n%s", diff)
		}
		time.Sleep(keep)
		if n := sweep(t, s, inUse); n != 3 {
			t.Errorf("%d deleted, want 3", n)
		}
		want := []string{"vk/8f14e45f-9e02adbf/shop/theirs", prefix + "shop/handmade", prefix + "shop/used"}
		if diff := cmp.Diff(want, f.left()); diff != "" {
			t.Errorf("what is left (-want +got):\n%s", diff)
		}
		if n := sweep(t, s, inUse); n != 0 {
			t.Errorf("%d deleted once more", n)
		}
	})
}

// One look deletes nothing, however short a time is kept.
func TestTwoLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		s := newStore(f)
		publish(t, s, address)
		for look, want := range []int{0, 1} {
			n, err := s.Sweep(t.Context(), nobody, 0)
			if err != nil || n != want {
				t.Errorf("look %d deleted %d (%v), want %d", look, n, err, want)
			}
		}
	})
}

// A launch that comes back to a secret keeps it, be it that it is idle for long or about to be deleted.
func TestGivenOutAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		s := newStore(f)
		first := publish(t, s, address)
		sweep(t, s, nobody)
		time.Sleep(keep - time.Minute)
		publish(t, s, address)
		time.Sleep(2 * time.Minute)
		if n := sweep(t, s, nobody); n != 0 || publish(t, s, address) != first {
			t.Errorf("%d deleted right after it was given out", n)
		}
		sweep(t, s, nobody)
		time.Sleep(keep)
		f.during = func(operation string) {
			if operation == "List" {
				f.during = nil
				publish(t, s, address) // in the middle of the sweep
			}
		}
		if n := sweep(t, s, nobody); n != 0 {
			t.Errorf("%d deleted while it was given out", n)
		}
	})
}

// A launch that comes while the secret is being deleted gets another one.
func TestPublishedWhileDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		s := newStore(f)
		first := publish(t, s, address)
		sweep(t, s, nobody)
		time.Sleep(keep)
		var during string
		f.during = func(operation string) {
			if operation == "Delete" {
				f.during = nil
				during = publish(t, s, address)
			}
		}
		if n := sweep(t, s, nobody); n != 1 {
			t.Fatalf("%d deleted, want 1", n)
		}
		if during == first || during == "" {
			t.Errorf("the launch got %q, the first was %q", during, first)
		}
		if again := publish(t, s, address); again != during {
			t.Errorf("ARN %s, then %s", during, again)
		}
		if diff := cmp.Diff([]string{prefix + string(address) + "/2"}, f.left()); diff != "" {
			t.Errorf("what is left (-want +got):\n%s", diff)
		}
	})
}

func TestSweepGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		s := newStore(f)
		publish(t, s, address)
		sweep(t, s, nobody)
		time.Sleep(keep)
		denied := errors.New("denied")
		f.setWrong("Delete", denied)
		if n, err := s.Sweep(t.Context(), nobody, keep); n != 0 || !errors.Is(err, denied) {
			t.Errorf("deleted %d, error %v", n, err)
		}
		f.setWrong("Delete", nil)
		f.setWrong("List", denied)
		if n, err := s.Sweep(t.Context(), nobody, keep); n != 0 || !errors.Is(err, denied) {
			t.Errorf("deleted %d, error %v", n, err)
		}
		f.setWrong("List", nil)
		if n := sweep(t, s, nobody); n != 1 {
			t.Errorf("%d deleted, want 1", n)
		}
	})
}
