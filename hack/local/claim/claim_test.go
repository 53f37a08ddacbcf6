package claim_test

import (
	"testing"

	"github.com/virtual-kubelet/aws-fargate/hack/local/claim"
)

func take(t *testing.T) *claim.Claim {
	t.Helper()
	c, err := claim.Take()
	if err != nil {
		t.Skipf("every number is taken on this machine: %v", err)
	}
	t.Cleanup(c.Release)
	return c
}

func TestNumbersAreTakenOnceAndGivenBack(t *testing.T) {
	first, second := take(t), take(t)
	if second.Number <= first.Number {
		t.Errorf("two stacks got %d and %d: they would take each other's containers", first.Number, second.Number)
	}
	freed := first.Number
	first.Release()
	if again := take(t); again.Number != freed {
		t.Errorf("number %d was given back, the next stack got %d: what the killed one left would stay", freed, again.Number)
	}
}
