package prober

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// tcp is a probe by thresholds; 0: the default.
func tcp(successes, failures int32) *corev1.Probe {
	return &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{}}, SuccessThreshold: successes, FailureThreshold: failures}
}

// said reads one letter of a row: + success, - failure, ? a probe that could not be made.
func said(letter rune) verdict {
	return map[rune]verdict{'+': success, '-': failure, '?': unknown}[letter]
}

// TestThresholds says probe after probe and reads where it stands after each: + - as above, . unknown.
func TestThresholds(t *testing.T) {
	for name, c := range map[string]struct {
		reason    string
		kind      Kind
		probe     *corev1.Probe
		say, want string // x: not asked for any more
	}{
		"readiness":                  {"failing from the start, ready at the first success, not ready at the third failure in a row", Readiness, tcp(0, 0), "-+--+---+", "-++++++-+"},
		"readiness, three successes": {"a failure in between starts the count anew", Readiness, tcp(3, 1), "++-+++-", "-----+-"},
		"readiness without a word":   {"a probe that could not be made neither counts nor breaks a run", Readiness, tcp(2, 2), "+?+-?-", "--+++-"},
		"liveness":                   {"alive from the start, failed for good", Liveness, tcp(0, 0), "--+---+", "+++++-x"},
		"liveness, one failure":      {"failed at once", Liveness, tcp(0, 1), "-+", "-x"},
		"startup succeeds":           {"once is enough, and no probe follows", Startup, tcp(0, 3), "--+-", "..+x"},
		"startup fails":              {"no success afterwards can help", Startup, tcp(0, 3), "-+", ".+"},
		"startup fails for good":     {"in a row", Startup, tcp(0, 2), "--+", ".-x"},
		"startup, unknown":           {"for ever, if no probe can be made", Startup, tcp(0, 1), "???", "..."},
	} {
		t.Run(name, func(t *testing.T) {
			spec := &corev1.Container{}
			*[kinds]**corev1.Probe{&spec.StartupProbe, &spec.LivenessProbe, &spec.ReadinessProbe}[c.kind] = c.probe
			course := begin(Container{})
			course.follow(spec, false)
			var got string
			for _, letter := range c.say {
				if !course.take(c.kind, said(letter)) {
					got += "x"
					continue
				}
				got += map[verdict]string{success: "+", failure: "-", unknown: "."}[course.tallies[c.kind].stands]
			}
			if got != c.want {
				t.Errorf("%s: after %s it stands at %s, want %s", c.reason, c.say, got, c.want)
			}
		})
	}
}

// TestWhatResultsMean has all three probes, one result enough for each, and names them by their letters.
func TestWhatResultsMean(t *testing.T) {
	all := corev1.Container{StartupProbe: tcp(1, 1), LivenessProbe: tcp(1, 1), ReadinessProbe: tcp(1, 1)}
	none := corev1.Container{}
	for name, c := range map[string]struct {
		reason string
		spec   corev1.Container
		told   Container
		say    string // probe and verdict: s+ l- r+
		ending bool
		want   state
		wants  string
	}{
		"no probes":            {"ready when it runs", none, Container{}, "", false, state{started: true, ready: true}, ""},
		"only readiness":       {"started when it runs, not ready", corev1.Container{ReadinessProbe: tcp(1, 1)}, Container{}, "", false, state{started: true}, "r"},
		"only liveness":        {"alive and ready until it fails", corev1.Container{LivenessProbe: tcp(1, 1)}, Container{}, "", false, state{started: true, ready: true}, "l"},
		"only startup":         {"ready once it has started", corev1.Container{StartupProbe: tcp(1, 1)}, Container{}, "s+", false, state{started: true, ready: true}, ""},
		"new":                  {"startup holds the others back", all, Container{}, "", false, state{}, "s"},
		"held back":            {"what comes in before its time does not count", all, Container{}, "l- r+", false, state{}, "s"},
		"started":              {"the others begin", all, Container{}, "s+", false, state{started: true}, "lr"},
		"startup failed":       {"all stops until there is another container", all, Container{}, "s-", false, state{failed: true, kind: Startup}, ""},
		"ready":                {"by readiness alone", all, Container{}, "s+ r+", false, state{started: true, ready: true}, "lr"},
		"liveness failed":      {"readiness goes on as long as it runs", all, Container{}, "s+ r+ l-", false, state{started: true, ready: true, failed: true, kind: Liveness}, "r"},
		"known as started":     {"a daemon that starts again does not ask for the start again", all, Container{Started: true}, "", false, state{started: true}, "lr"},
		"known as ready":       {"it stays ready until it fails", all, Container{Started: true, Ready: true}, "", false, state{started: true, ready: true}, "lr"},
		"known, then fails":    {"what was known is no more than where it begins", all, Container{Started: true, Ready: true}, "r-", false, state{started: true}, "lr"},
		"ready, not started":   {"makes no sense and is not believed", all, Container{Ready: true}, "s+", false, state{started: true}, "lr"},
		"ending":               {"readiness alone is probed", all, Container{}, "s+ r+", true, state{started: true, ready: true}, "r"},
		"ending, not started":  {"kubelet takes it for started, so that nothing restarts it", all, Container{}, "", true, state{started: true}, "r"},
		"ending after failing": {"a failure is no longer of interest", all, Container{}, "s+ l-", true, state{started: true}, "r"},
	} {
		t.Run(name, func(t *testing.T) {
			course := begin(c.told)
			course.follow(&c.spec, false)
			for i := 0; i+1 < len(c.say); i += 3 {
				course.take(kindOf(c.say[i]), said(rune(c.say[i+1])))
			}
			course.follow(&c.spec, c.ending)
			if diff := cmp.Diff(c.want, course.state(), cmp.AllowUnexported(state{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
			var wants string
			for kind := range Kind(kinds) {
				if course.wants(kind) {
					wants += "slr"[kind : kind+1]
				}
			}
			if wants != c.wants {
				t.Errorf("%s: it wants %q, want %q", c.reason, wants, c.wants)
			}
		})
	}
}

func kindOf(letter byte) Kind {
	return map[byte]Kind{'s': Startup, 'l': Liveness, 'r': Readiness}[letter]
}

func TestDefaultsAreThoseOfTheAPIServer(t *testing.T) {
	zero, set := &corev1.Probe{}, &corev1.Probe{PeriodSeconds: 7, TimeoutSeconds: 2, SuccessThreshold: 4, FailureThreshold: 5}
	type numbers struct {
		Period, Timeout  time.Duration
		Success, Failure int32
	}
	of := func(p *corev1.Probe) numbers {
		return numbers{period(p), timeout(p), threshold(success, p), threshold(failure, p)}
	}
	want := []numbers{{10 * time.Second, time.Second, 1, 3}, {7 * time.Second, 2 * time.Second, 4, 5}}
	if diff := cmp.Diff(want, []numbers{of(zero), of(set)}); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
