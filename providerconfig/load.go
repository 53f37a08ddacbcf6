package providerconfig

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Load reads the file at path. Its error is a *Faults when the file must be mended, another when it cannot be read.
func Load(path string) (Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read provider configuration: %w", err)
	}
	return Parse(path, data)
}

// Parse reads a file's content; name stands for it in messages. Its error is a *Faults.
func Parse(name string, data []byte) (Config, error) {
	r := reader{file: name, text: strings.Split(string(data), "\n"), config: Default(), lines: map[string]int{}}
	var top map[string]toml.Primitive
	var err error
	if r.meta, err = toml.Decode(string(data), &top); err != nil {
		return Config{}, r.syntax(err)
	}
	r.table("", top)
	r.check()
	if err := faultsOf(r.faults); err != nil {
		return Config{}, err
	}
	return r.config, nil
}

// reader goes through one file. It takes value by value, for decoding the whole at once stops at the first fault.
type reader struct {
	file   string
	meta   toml.MetaData
	config Config
	faults []Fault
	// lines holds where the keys stand that the file sets, by full name.
	lines map[string]int

	text  []string // line by line
	begun []int    // lines in which the repeated tables begin that were read so far
}

func (r *reader) fault(line int, key, format string, args ...any) {
	r.faults = append(r.faults, Fault{File: r.file, Line: line, Key: key, Problem: fmt.Sprintf(format, args...)})
}

// syntax is the error of a text that is not TOML. Its parser stops at the first mistake.
func (r *reader) syntax(err error) error {
	var parse toml.ParseError
	if errors.As(err, &parse) {
		r.fault(parse.Position.Line, "", "not valid TOML: %s", parse.Message)
	} else {
		r.fault(0, "", "not valid TOML: %v", err)
	}
	return faultsOf(r.faults)
}

// table takes the keys of one table; prefix is "", or the table's name and a dot.
func (r *reader) table(prefix string, entries map[string]toml.Primitive) {
	for _, written := range slices.Sorted(maps.Keys(entries)) {
		value, line := r.value(entries[written])
		if _, isRepeated := repeated[strings.TrimSuffix(prefix, ".")]; isRepeated {
			line = r.within(written)
		}
		k, known := findKey(prefix, written)
		if !known {
			r.fault(line, prefix+written, "no such key; %s", keysUnder(prefix))
			continue
		}
		if before, twice := r.lines[k.name]; twice {
			r.fault(line, k.name, "set in line %d already; upper and lower case are the same here", before)
			continue
		}
		r.lines[k.name] = line
		r.take(k, entries[written], value)
	}
}

// take puts one key's value into the config, or goes into the table it names.
func (r *reader) take(k key, entry toml.Primitive, value any) {
	line := r.lines[k.name]
	if k.set != nil {
		if offending := k.set(&r.config, value); offending != nil {
			r.fault(line, k.name, "must be %s, not %s", k.allowed, shown(offending))
		}
		return
	}
	if _, isRepeated := repeated[k.name]; isRepeated {
		r.tables(k, entry, value)
		return
	}
	var inner map[string]toml.Primitive
	if _, isTable := value.(map[string]any); !isTable || r.meta.PrimitiveDecode(entry, &inner) != nil {
		r.fault(line, k.name, "must be a table [%s], not %s", k.name, shown(value))
		return
	}
	r.table(k.name+".", inner)
}

// tables takes tables of one name, one after another; each may set each key once.
func (r *reader) tables(k key, entry toml.Primitive, value any) {
	var inner []map[string]toml.Primitive
	if r.meta.PrimitiveDecode(entry, &inner) != nil {
		r.fault(r.lines[k.name], k.name, "must be tables [[%s]], not %s", k.name, shown(value))
		return
	}
	prefix := k.name + "."
	for i, keys := range inner {
		maps.DeleteFunc(r.lines, func(name string, _ int) bool { return strings.HasPrefix(name, prefix) })
		r.begun = append(r.begun, r.header(k.name, i))
		repeated[k.name].begin(&r.config)
		r.table(prefix, keys)
		repeated[k.name].check(r)
	}
}

// header returns the line of the nth [[table]], from 0; that of the key if the file writes it as an inline array.
func (r *reader) header(table string, n int) int {
	for i, text := range r.text {
		if strings.EqualFold(strings.Join(strings.Fields(strings.Split(text, "#")[0]), ""), "[["+table+"]]") {
			if n--; n < 0 {
				return i + 1
			}
		}
	}
	return r.lines[table]
}

// within returns the line of a key in the repeated table begun last, that of its header if the key is not found. The
// parser knows the keys of the last such table alone.
func (r *reader) within(written string) int {
	begun := r.begun[len(r.begun)-1]
	for i, text := range r.text[begun:] {
		name, _, isKey := strings.Cut(text, "=")
		switch {
		case isKey && strings.Trim(name, " \t\"'") == written:
			return begun + 1 + i
		case strings.HasPrefix(strings.TrimSpace(text), "["):
			return begun
		}
	}
	return begun
}

// value returns what stands in an entry as the TOML parser understood it, and the line it stands in. The parser tells
// a line only with an error, so this makes one.
func (r *reader) value(entry toml.Primitive) (value any, line int) {
	err := r.meta.PrimitiveDecode(entry, unmarshalFunc(func(v any) error {
		value = v
		return errors.New("tell the line")
	}))
	var parse toml.ParseError
	if errors.As(err, &parse) {
		line = parse.Position.Line
	}
	return value, line
}

// unmarshalFunc is a toml.Unmarshaler.
type unmarshalFunc func(v any) error

func (f unmarshalFunc) UnmarshalTOML(v any) error { return f(v) }
