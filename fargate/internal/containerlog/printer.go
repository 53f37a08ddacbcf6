package containerlog

import (
	"bufio"
	"io"
	"math"
	"strings"
	"time"
)

// timeFormat is the kubelet's for timestamps: RFC3339Nano with all its digits (k8s.io/cri-client, RFC3339NanoFixed).
const timeFormat = "2006-01-02T15:04:05.000000000Z07:00"

// lineBuffer joins short lines into writes; a page is flushed at its end.
const lineBuffer = 32 << 10 // bytes

// printer writes lines as the kubelet does, up to what was asked for.
type printer struct {
	out        *bufio.Writer
	timestamps bool
	lines      int64 // left to write
	bytes      int64 // left to write
}

func newPrinter(w io.Writer, q query) *printer {
	p := &printer{out: bufio.NewWriterSize(w, lineBuffer), timestamps: q.timestamps, lines: math.MaxInt64, bytes: math.MaxInt64}
	if q.tail != nil && !q.follow {
		p.lines = *q.tail
	}
	if q.bytes != nil {
		p.bytes = *q.bytes
	}
	return p
}

// print writes lines and sends them off. It reports whether more are wanted.
func (p *printer) print(lines []line) (more bool, err error) {
	for _, l := range lines {
		if !p.wants() {
			break
		}
		p.lines--
		if p.timestamps {
			p.write(time.UnixMilli(l.at).UTC().Format(timeFormat) + " ")
		}
		p.write(l.text)
		if !strings.HasSuffix(l.text, "\n") {
			p.write("\n")
		}
	}
	return p.wants(), p.out.Flush()
}

func (p *printer) wants() bool { return p.lines > 0 && p.bytes > 0 }

// write cuts what goes over the limit. The buffer keeps its first error, and Flush returns it.
func (p *printer) write(s string) {
	s = s[:min(int64(len(s)), p.bytes)]
	p.bytes -= int64(len(s))
	_, _ = p.out.WriteString(s)
}
