package launcher_test

import (
	"errors"
	"io"
	"net/http"
	"testing"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/launcher"
)

func TestUnansweredLaunches(t *testing.T) {
	answer := func(status int, err error) error {
		return &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: err}
	}
	for name, c := range map[string]struct {
		reason  string
		arrange func(*fakeECS)
		want    bool
	}{
		"no answer": {"the request may have arrived",
			func(f *fakeECS) { f.wrong["RunTask"] = io.ErrUnexpectedEOF }, true},
		"a fault of AWS's own": {"it may have come after the task",
			func(f *fakeECS) { f.wrong["RunTask"] = answer(500, &ecstypes.ServerException{}) }, true},
		"a throttle": {"RunTask was not let in",
			func(f *fakeECS) {
				f.wrong["RunTask"] = answer(400, &smithy.GenericAPIError{Code: "ThrottlingException"})
			}, false},
		"a refusal": {"RunTask did not like it",
			func(f *fakeECS) { f.wrong["RunTask"] = answer(400, refused("no")) }, false},
		"no capacity": {"RunTask says that it started nothing",
			func(f *fakeECS) { f.refuse = []ecstypes.Failure{{}} }, false},
		"no answer to a registration": {"RunTask was not asked",
			func(f *fakeECS) { f.wrong["Register"] = io.ErrUnexpectedEOF }, false},
	} {
		t.Run(name, func(t *testing.T) {
			launching(t, func(t *testing.T, f *fakeECS, l *launcher.Launcher) {
				c.arrange(f)
				_, err := l.Launch(t.Context(), translation("vk-a-web-1", "web-0"))
				if got := errors.As(err, new(*launcher.UnansweredError)); err == nil || got != c.want {
					t.Errorf("%s: error %v, unanswered %t, want %t", c.reason, err, got, c.want)
				}
			})
		})
	}
}
