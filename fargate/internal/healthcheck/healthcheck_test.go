package healthcheck_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/virtual-kubelet/aws-fargate/fargate/internal/healthcheck"
)

// run is a probe that runs a command, with its period, failure threshold and initial delay.
func run(command string, period, failures, delay int32) *corev1.Probe {
	return &corev1.Probe{PeriodSeconds: period, FailureThreshold: failures, InitialDelaySeconds: delay,
		ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: strings.Fields(command)}}}
}

func within(probe *corev1.Probe, timeout int32) *corev1.Probe {
	probe.TimeoutSeconds = timeout
	return probe
}

func TestOneCheckForAllProbes(t *testing.T) {
	overNetwork := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{}}}
	type numbers struct{ Interval, Timeout, Retries, StartPeriod int32 }
	for why, c := range map[string]struct {
		spec    corev1.Container
		command string
		numbers numbers
		shared  string // by s, l, r; those left out in capitals
	}{
		"no command, no check":                             {corev1.Container{LivenessProbe: overNetwork}, "", numbers{}, ""},
		"an empty command is none":                         {corev1.Container{LivenessProbe: run("", 0, 0, 0)}, "", numbers{}, ""},
		"the defaults are the API server's, within limits": {corev1.Container{ReadinessProbe: run("a", 0, 0, 0)}, "a", numbers{10, 2, 3, 0}, "r"},
		"as it is written":                                 {corev1.Container{LivenessProbe: within(run("a b", 20, 5, 60), 7)}, "a b", numbers{20, 7, 5, 60}, "l"},
		"readiness comes first":                            {corev1.Container{StartupProbe: run("s", 10, 30, 0), LivenessProbe: run("l", 10, 3, 0), ReadinessProbe: run("r", 10, 3, 5)}, "r", numbers{10, 2, 3, 270}, "SLr"},
		"then liveness":                                    {corev1.Container{StartupProbe: run("s", 10, 30, 0), LivenessProbe: run("l", 10, 3, 0), ReadinessProbe: overNetwork}, "l", numbers{10, 2, 3, 270}, "Sl"},
		"then startup: UNHEALTHY when its budget is spent": {corev1.Container{StartupProbe: run("s", 10, 12, 15), LivenessProbe: overNetwork}, "s", numbers{10, 2, 10, 35}, "s"},
		"the same command serves all":                      {corev1.Container{StartupProbe: run("a", 5, 30, 0), LivenessProbe: within(run("a", 20, 3, 30), 5), ReadinessProbe: run("a", 10, 3, 0)}, "a", numbers{5, 5, 6, 120}, "slr"},
		"too often, and at once":                           {corev1.Container{ReadinessProbe: run("a", 1, 1, 0)}, "a", numbers{5, 2, 1, 0}, "r"},
		"too often":                                        {corev1.Container{ReadinessProbe: run("a", 1, 4, 0)}, "a", numbers{5, 2, 4, 0}, "r"},
		"too seldom":                                       {corev1.Container{LivenessProbe: within(run("a", 600, 2, 400), 90)}, "a", numbers{300, 60, 4, 300}, "l"},
		"as long as it gets":                               {corev1.Container{LivenessProbe: run("a", math.MaxInt32, math.MaxInt32, math.MaxInt32)}, "a", numbers{300, 2, 10, 300}, "l"},
		"commands are expanded before they are compared":   {corev1.Container{Env: []corev1.EnvVar{{Name: "PORT", Value: "5432"}}, LivenessProbe: run("a $(PORT)", 10, 3, 0), ReadinessProbe: run("a 5432", 10, 3, 0)}, "a 5432", numbers{10, 2, 3, 0}, "lr"},
		"more retries than ECS has":                        {corev1.Container{LivenessProbe: run("a", 10, 20, 0)}, "a", numbers{10, 2, 10, 0}, "l"},
	} {
		t.Run(why, func(t *testing.T) {
			check := healthcheck.Of(&c.spec)
			got := numbers{check.Interval, check.Timeout, check.Retries, check.StartPeriod}
			if diff := cmp.Diff(c.numbers, got); diff != "" || strings.Join(check.Command, " ") != c.command {
				t.Errorf("command %v (-want +got):\n%s", check.Command, diff)
			}
			var shared string
			for _, sharer := range []struct {
				letter string
				probe  *corev1.Probe
			}{{"s", check.Startup}, {"S", check.LeftOut.Startup}, {"l", check.Liveness}, {"L", check.LeftOut.Liveness}, {"r", check.Readiness}} {
				if sharer.probe != nil {
					shared += sharer.letter
				}
			}
			if shared != c.shared {
				t.Errorf("shared by %q, want %q", shared, c.shared)
			}
		})
	}
}

func TestWhenSharersFail(t *testing.T) {
	for why, c := range map[string]struct {
		spec      corev1.Container
		probe     func(*corev1.Container) *corev1.Probe
		unhealthy int // seconds after the start
		want      int
	}{
		"ECS's word is enough":                               {corev1.Container{LivenessProbe: run("a", 10, 3, 0)}, liveness, 40, 40},
		"a threshold above ECS's":                            {corev1.Container{LivenessProbe: run("a", 10, 20, 0)}, liveness, 500, 600},
		"a delay above ECS's":                                {corev1.Container{LivenessProbe: run("a", 10, 3, 600)}, liveness, 330, 630},
		"the slower of two takes longer":                     {corev1.Container{LivenessProbe: run("a", 10, 6, 0), ReadinessProbe: run("a", 10, 3, 0)}, liveness, 100, 130},
		"the quicker does not":                               {corev1.Container{LivenessProbe: run("a", 10, 6, 0), ReadinessProbe: run("a", 10, 3, 0)}, readiness, 100, 100},
		"readiness may be the slower":                        {corev1.Container{LivenessProbe: run("a", 10, 1, 0), ReadinessProbe: run("a", 10, 3, 0)}, readiness, 100, 120},
		"startup has its whole budget":                       {corev1.Container{StartupProbe: run("a", 10, 60, 0)}, startup, 400, 600},
		"liveness waits for a startup probe that is not run": {corev1.Container{StartupProbe: run("b", 10, 60, 0), LivenessProbe: run("a", 10, 3, 0)}, liveness, 330, 600},
		"never":         {corev1.Container{LivenessProbe: run("a", math.MaxInt32, math.MaxInt32, 0)}, liveness, 4000, 4000 + math.MaxInt32 - 3000},
		"and no longer": {corev1.Container{StartupProbe: run("b", 10, 60, 0), LivenessProbe: run("a", 10, 3, 0)}, liveness, 700, 700},
	} {
		t.Run(why, func(t *testing.T) {
			check, start := healthcheck.Of(&c.spec), time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
			at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
			if got := check.FailsAt(c.probe(&c.spec), start, at(c.unhealthy)); !got.Equal(at(c.want)) {
				t.Errorf("it fails %s after the start, want %d s", got.Sub(start), c.want)
			}
		})
	}
}

func startup(c *corev1.Container) *corev1.Probe   { return c.StartupProbe }
func liveness(c *corev1.Container) *corev1.Probe  { return c.LivenessProbe }
func readiness(c *corev1.Container) *corev1.Probe { return c.ReadinessProbe }
