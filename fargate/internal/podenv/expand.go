package podenv

import (
	"strings"
	"unicode/utf8"
)

// expand replaces each $(NAME) in the text by what lookup knows of it, and $$ by a single $. A name
// that lookup does not know stays as it is written, as does an unfinished reference. It returns the
// marks of everything that went in. (The rules are Kubernetes', third_party/forked/golang/expansion.)
func expand(text string, lookup func(name string) (Variable, bool)) (string, Marks) {
	var out strings.Builder
	var marks Marks
	for {
		before, after, found := strings.Cut(text, "$")
		out.WriteString(before)
		if !found {
			return out.String(), marks
		}
		name, length := reference(after)
		switch v, known := lookup(name); {
		case length > 0 && known:
			out.WriteString(v.Value)
			marks = marks.with(v.Marks)
		case length > 0:
			out.WriteString("$" + after[:length])
		default:
			length = literal(&out, after)
		}
		text = after[length:]
	}
}

// reference reads "(NAME)" at the start of the text that follows a $; length is 0 if there is none.
func reference(text string) (name string, length int) {
	if !strings.HasPrefix(text, "(") {
		return "", 0
	}
	end := strings.IndexByte(text, ')')
	if end < 0 {
		return "", 0
	}
	return text[1:end], end + 1
}

// literal writes a $ that begins no reference, with the character that follows it, and returns how
// many bytes of the text it used up: the second $ of $$ is gone, so that $$(NAME) comes out as $(NAME).
func literal(out *strings.Builder, text string) int {
	out.WriteByte('$')
	if text == "" || text[0] == '$' {
		return min(1, len(text))
	}
	_, size := utf8.DecodeRuneInString(text)
	out.WriteString(text[:size])
	return size
}
