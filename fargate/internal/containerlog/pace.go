package containerlog

import "time"

const (
	leastPause   = time.Second
	longestPause = 5 * time.Second
	longestRetry = 30 * time.Second
	// followersAtOnce may ask at a time, of all followers: those of a hundred that are due would fill the queue of the
	// AWS client's budget for 20 s at 5 calls a second, and somebody's plain "kubectl logs" would stand behind them.
	followersAtOnce = 2
)

// pace is how often a follower asks. Its zero value begins.
type pace struct {
	pause time.Duration
	found bool // lines, since the last pause
}

// after is how long to wait after a question that reached the end: longer with each that found nothing, unless
// hurried, for the container has ended and its last lines are due.
func (p *pace) after(hurried bool) time.Duration {
	if p.pause == 0 || p.found || hurried {
		p.pause = leastPause
	} else {
		p.pause = min(p.pause*3/2, longestPause)
	}
	p.found = false
	return p.pause
}
