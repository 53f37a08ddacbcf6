package podenv

import (
	"strings"
	"unicode/utf8"
)

// binding is a variable while its container is worked through.
type binding struct {
	Variable
	pieces []piece // what a Secret variable is made of, in order; nil of any other, whose Value says it all
}

// piece is a text in clear or, if from is set, the value of a Secret's key.
type piece struct {
	text string
	from *secretKey
}

// composition grows a text out of literals and variables. As soon as a Secret's value is among them the
// text exists in pieces alone.
type composition struct {
	text   strings.Builder // since the last piece
	pieces []piece
	marks  Marks
}

func (c *composition) add(b binding) {
	c.marks = c.marks.with(b.Marks)
	if !b.Secret {
		c.text.WriteString(b.Value)
		return
	}
	c.cut()
	c.pieces = append(c.pieces, b.pieces...)
}

// cut makes a piece of the text so far.
func (c *composition) cut() {
	if c.text.Len() > 0 {
		c.pieces = append(c.pieces, piece{text: c.text.String()})
		c.text.Reset()
	}
}

// value is the whole: a text in clear or, if marked as secret, pieces.
func (c *composition) value() (text string, pieces []piece, marks Marks) {
	if c.marks.Secret {
		c.cut()
		return "", c.pieces, c.marks
	}
	return c.text.String(), nil, c.marks
}

// expand replaces each $(NAME) in the text by what lookup knows of it, and $$ by a single $. A name
// that lookup does not know stays as it is written, as does an unfinished reference. It returns the
// marks of everything that went in. (The rules are Kubernetes', third_party/forked/golang/expansion.)
func expand(text string, lookup func(name string) (binding, bool)) (string, []piece, Marks) {
	var out composition
	for {
		before, after, found := strings.Cut(text, "$")
		out.text.WriteString(before)
		if !found {
			return out.value()
		}
		name, length := reference(after)
		switch b, known := lookup(name); {
		case length > 0 && known:
			out.add(b)
		case length > 0:
			out.text.WriteString("$" + after[:length])
		default:
			length = literal(&out.text, after)
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
