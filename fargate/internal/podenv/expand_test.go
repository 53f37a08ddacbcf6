package podenv

import "testing"

// The cases are those of Kubernetes' own test of its expansion, third_party/forked/golang/expansion.
func TestExpand(t *testing.T) {
	known := map[string]string{"VAR_A": "A", "VAR_B": "B", "VAR_C": "C", "VAR_REF": "$(VAR_A)", "VAR_EMPTY": ""}
	lookup := func(name string) (binding, bool) {
		value, ok := known[name]
		return binding{Variable: Variable{Value: value}}, ok
	}
	for text, want := range map[string]string{
		"$(VAR_A)":                       "A",
		"___$(VAR_B)___":                 "___B___",
		"___$(VAR_C)":                    "___C",
		"$(VAR_A)-$(VAR_A)":              "A-A",
		"$(VAR_A)$(VAR_B)":               "AB",
		"$(VAR_REF)":                     "$(VAR_A)",
		"%%$(VAR_REF)--$(VAR_REF)%%":     "%%$(VAR_A)--$(VAR_A)%%",
		"foo$(VAR_EMPTY)bar":             "foobar",
		"foo$$(VAR_A)bar":                "foo$(VAR_A)bar",
		"$$$(VAR_A)":                     "$A",
		"$$$$(VAR_A)":                    "$$(VAR_A)",
		"$$$$$$$(VAR_A)":                 "$$$A",
		"foo$(VAR_Awhoops!":              "foo$(VAR_Awhoops!",
		"foo$(VAR_A)$":                   "fooA$",
		"foo(VAR_A)":                     "foo(VAR_A)",
		"$?_boo_$(VAR_A)":                "$?_boo_A",
		"$(MISSING)-$(VAR_A)":            "$(MISSING)-A",
		"$()":                            "$()",
		"$VAR_A":                         "$VAR_A",
		"$":                              "$",
		"":                               "",
		"$(VAR_A":                        "$(VAR_A",
		"$((VAR_A)":                      "$((VAR_A)",
		"f000-$VAR_A":                    "f000-$VAR_A",
		"\\$(VAR_A)":                     "\\A",
		"$é$(VAR_B)":                     "$éB",
		"$$$$$$foo$$$$bar$$(VAR_A)$(OK)": "$$$foo$$bar$(VAR_A)$(OK)",
	} {
		if got, _, _ := expand(text, lookup); got != want {
			t.Errorf("expand(%q) = %q, want %q", text, got, want)
		}
	}
}
