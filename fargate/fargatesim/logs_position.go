package fargatesim

import (
	"fmt"
	"strconv"
	"strings"
)

// position is a place between two events of a stream: what a token of GetLogEvents stands for.
type position struct {
	direction string // "f" or "b"
	n         int    // events before it
	empty     bool   // an empty page was given for it (Config.SparsePages)
}

// token writes a position as AWS does: a letter and 56 digits.
func (p position) token() *string {
	flag := 0
	if p.empty {
		flag = 1
	}
	return ptr(fmt.Sprintf("%s/%055d%d", p.direction, p.n, flag))
}

// ended: at an end the token that was given comes back, with its flag.
func (p position) ended(from, to int) bool { return p.empty && from == to }

// parsePosition reads the token for a stream of so many events.
func parsePosition(token string, events int) (position, error) {
	direction, digits, _ := strings.Cut(token, "/")
	if len(digits) == 56 && (direction == "f" || direction == "b") {
		n, err := strconv.Atoi(digits[:55])
		if flag := digits[55]; err == nil && n <= events && (flag == '0' || flag == '1') {
			return position{direction, n, flag == '1'}, nil
		}
	}
	return position{}, invalidParameter("The specified nextToken is invalid.")
}
