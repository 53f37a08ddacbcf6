package podenv

import (
	"fmt"
	"log/slog"
)

// hidden is what a Value shows of itself.
const hidden = "[secret]"

// Value is a text that shows itself to nobody who prints, logs or encodes it, not even from within
// another struct: it is held by a closure, which reflection cannot look into. The zero Value is empty.
type Value struct{ reveal func() string }

// Hide makes a Value of a text.
func Hide(text string) Value { return Value{func() string { return text }} }

// Reveal is the text, for whoever puts it where it belongs.
func (v Value) Reveal() string {
	if v.reveal == nil {
		return ""
	}
	return v.reveal()
}

func (Value) String() string               { return hidden }
func (Value) Format(f fmt.State, _ rune)   { fmt.Fprint(f, hidden) }
func (Value) GoString() string             { return hidden }
func (Value) MarshalText() ([]byte, error) { return []byte(hidden), nil }
func (Value) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }
func (Value) LogValue() slog.Value         { return slog.StringValue(hidden) }
