package fargatesim

import (
	"bytes"
	"io"
	"sync"

	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// output is where one run of a container writes.
type output struct{ stdout, stderr io.Writer }

// close writes what has no end of line yet.
func (o *output) close() {
	for _, w := range []io.Writer{o.stdout, o.stderr} {
		if l, ok := w.(*lineWriter); ok {
			l.flush()
		}
	}
}

// openLog makes the log stream of a container, as the awslogs driver does when the container starts. Its error is
// the stopped reason of the task. What other drivers get is not kept.
func (s *Server) openLog(t *task, m *member) (*output, error) {
	c := m.definition.LogConfiguration
	if c == nil || c.LogDriver != ecstypes.LogDriverAwslogs {
		return &output{io.Discard, io.Discard}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := c.Options["awslogs-group"]
	group := s.logGroups[name]
	if group == nil && c.Options["awslogs-create-group"] == "true" && c.Options["awslogs-region"] == s.config.Region {
		if err := s.mayInTask(t, access{action: "logs:CreateLogGroup", resource: s.logStreamARN(name, "")}); err != nil {
			return nil, logError("failed to create Cloudwatch log group", asError(err))
		}
		group = s.newLogGroup(name)
		s.logGroups[name] = group
	}
	if group == nil || c.Options["awslogs-region"] != s.config.Region {
		return nil, resourceError("failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1")
	}
	streamName := logStreamName(c.Options["awslogs-stream-prefix"], t, m.definition)
	if err := s.mayInTask(t, access{action: "logs:CreateLogStream", resource: s.logStreamARN(name, streamName)}); err != nil {
		return nil, logError("failed to create Cloudwatch log stream", asError(err))
	}
	stream := group.stream(streamName)
	if err := s.mayInTask(t, access{action: "logs:PutLogEvents", resource: s.logStreamARN(name, streamName)}); err != nil {
		return &output{io.Discard, io.Discard}, nil // the driver only notes it on the host, and drops the lines
	}
	return &output{&lineWriter{server: s, stream: stream}, &lineWriter{server: s, stream: stream}}, nil
}

// logError words what the awslogs driver may not do ("ResourceInitializationError" in the developer guide).
func logError(what string, err *Error) error {
	return resourceError("failed to validate logger args: create stream has been retried 1 times: %s: %s: %s status code: 400, request id: %s: exit status 1", what, err.Code, err.Message, requestID())
}

// lineWriter makes a log event of each line.
type lineWriter struct {
	server *Server
	stream *logStream

	mu   sync.Mutex // guards rest
	rest []byte     // without an end of line yet
}

// maxEvent is where a line is cut into several events: the buffer of the container engine's log copier.
const maxEvent = 16 << 10 // bytes

func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, p...)
	for {
		line, rest, found := bytes.Cut(w.rest, []byte("\n"))
		if !found && len(line) < maxEvent {
			return len(p), nil
		}
		if len(line) > maxEvent {
			line, rest = w.rest[:maxEvent], w.rest[maxEvent:]
		}
		w.emit(line)
		w.rest = rest
	}
}

func (w *lineWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.rest) > 0 {
		w.emit(w.rest)
		w.rest = nil
	}
}

// emit drops empty lines, as CloudWatch Logs has no events without a message.
func (w *lineWriter) emit(line []byte) {
	if line = bytes.TrimSuffix(line, []byte("\r")); len(line) == 0 {
		return
	}
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	w.stream.add(string(line), w.server.config.Delays.Logs)
	w.server.announce()
}
