package process

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// Enough of a log to see the reason of an end, little enough to fit on a screen.
const (
	tailBytes = 8 << 10
	tailLines = 25
)

// Tail returns the last lines of the program's log, each indented, under the name of the file.
func (p *Process) Tail() string {
	lines, err := lastLines(p.Log)
	if err != nil {
		return fmt.Sprintf("(its log cannot be read: %v)", err)
	}
	return fmt.Sprintf("the end of %s:\n    %s", p.Log, strings.Join(lines, "\n    "))
}

func lastLines(path string) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	from := max(0, info.Size()-tailBytes)
	text, err := io.ReadAll(io.NewSectionReader(file, from, tailBytes))
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return lines[max(0, len(lines)-tailLines):], nil
}
