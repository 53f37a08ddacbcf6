package vknode

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

func TestLogOptions(t *testing.T) {
	since := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	for name, c := range map[string]struct {
		why   string
		query string
		want  corev1.PodLogOptions // with stream All where it has none
		fault string
	}{
		"nothing is all there is": {
			why: "kubectl logs without flags",
		},
		"everything at once": {
			why:   "each parameter that the API server sends",
			query: "follow=true&previous=true&timestamps=true&sinceSeconds=60&tailLines=5&limitBytes=100&stream=All",
			want: corev1.PodLogOptions{Follow: true, Previous: true, Timestamps: true,
				SinceSeconds: ptr.To[int64](60), TailLines: ptr.To[int64](5), LimitBytes: ptr.To[int64](100)},
		},
		"no lines is not all lines": {
			why:   "kubectl logs -f --tail=0 shows what comes from now on",
			query: "tailLines=0",
			want:  corev1.PodLogOptions{TailLines: ptr.To[int64](0)},
		},
		"a time": {
			why:   "--since-time",
			query: "sinceTime=2026-01-02T03:04:05Z",
			want:  corev1.PodLogOptions{SinceTime: &since},
		},
		"a switch that is off": {
			why:   "clients may send what is false",
			query: "follow=false&timestamps=0",
		},
		"a switch without a value": {
			why:   "the kubelet takes it for on",
			query: "follow=",
			want:  corev1.PodLogOptions{Follow: true},
		},
		"one stream": {
			why:   "the provider says whether it can tell them apart",
			query: "stream=Stderr",
			want:  corev1.PodLogOptions{Stream: ptr.To(corev1.LogStreamStderr)},
		},
		"a parameter of no log": {
			why:   "the kubelet ignores it, and newer API servers may have more",
			query: "colour=red",
		},
		"words for numbers": {
			why:   "showing everything instead would be wrong",
			query: "tailLines=all&sinceTime=yesterday",
			fault: "unable to decode query: sinceTime: parsing time \"yesterday\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"yesterday\" as \"2006\"\n" +
				"unable to decode query: tailLines: strconv.ParseInt: parsing \"all\": invalid syntax",
		},
		"fewer than no lines": {
			query: "tailLines=-1",
			fault: "tailLines: Invalid value: -1: must be greater than or equal to 0",
		},
		"no bytes": {
			query: "limitBytes=0",
			fault: "limitBytes: Invalid value: 0: must be greater than 0",
		},
		"no seconds": {
			query: "sinceSeconds=0",
			fault: "sinceSeconds: Invalid value: 0: must be greater than 0",
		},
		"two beginnings": {
			why:   "neither is right",
			query: "sinceSeconds=5&sinceTime=2026-01-02T03:04:05Z",
			fault: "[]: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified",
		},
		"an unknown stream": {
			query: "stream=stdlog",
			fault: `stream: Unsupported value: "stdlog": supported values: "All", "Stderr", "Stdout"`,
		},
		"the last lines of one stream": {
			query: "stream=Stdout&tailLines=1",
			fault: "[]: Forbidden: `tailLines` and specific `stream` are mutually exclusive for now",
		},
	} {
		t.Run(name, func(t *testing.T) {
			query, err := url.ParseQuery(c.query)
			if err != nil {
				t.Fatal(err)
			}
			got, err := logOptions(query)
			if c.fault != "" {
				if err == nil || err.Error() != c.fault {
					t.Errorf("%s: %v, want %s", c.why, err, c.fault)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s: %v", c.why, err)
			}
			if c.want.Stream == nil {
				c.want.Stream = ptr.To(corev1.LogStreamAll)
			}
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Errorf("%s: -want +got:\n%s", c.why, diff)
			}
		})
	}
}
