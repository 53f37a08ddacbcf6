package providerconfig

import (
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// The functions here make a key's set: each names where the value goes and what is accepted. An empty string counts
// as a key left out, as it did for the original provider.

// text is a string, brought into its one spelling.
func text(field func(*Config) *string, spell func(string) string, ok func(string) bool) func(*Config, any) any {
	return func(c *Config, value any) any {
		written, isText := value.(string)
		if !isText {
			return value
		}
		s := spell(strings.TrimSpace(written))
		switch {
		case s == "":
		case !ok(s):
			return value
		default:
			*field(c) = s
		}
		return nil
	}
}

func asWritten(s string) string { return s }

func oneOf(choices ...string) func(string) bool {
	return func(s string) bool { return slices.Contains(choices, s) }
}

func isHostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	number, numberErr := strconv.ParseUint(port, 10, 16)
	return err == nil && numberErr == nil && number > 0 && host != "" && !strings.ContainsAny(host, "/ ")
}

func flag(field func(*Config) *bool) func(*Config, any) any {
	return func(c *Config, value any) any {
		b, isBool := value.(bool)
		if !isBool {
			return value
		}
		*field(c) = b
		return nil
	}
}

// list is an array of atLeast to atMost different strings.
func list(field func(*Config) *[]string, atLeast, atMost int, ok func(string) bool) func(*Config, any) any {
	return func(c *Config, value any) any {
		elements, isList := value.([]any)
		if !isList || len(elements) < atLeast || len(elements) > atMost {
			return value
		}
		var all []string
		for _, element := range elements {
			s, isText := element.(string)
			s = strings.TrimSpace(s)
			if !isText || !ok(s) || slices.Contains(all, s) {
				return element
			}
			all = append(all, s)
		}
		*field(c) = all
		return nil
	}
}

// quantity is a Kubernetes quantity, quoted or a bare number, that is not below atLeast.
func quantity(field func(*Config) *resource.Quantity, atLeast string) func(*Config, any) any {
	least := resource.MustParse(atLeast)
	return func(c *Config, value any) any {
		written, isScalar := scalar(value)
		if !isScalar {
			return value
		}
		if written == "" {
			return nil
		}
		q, err := resource.ParseQuantity(written)
		if err != nil || q.Cmp(least) < 0 {
			return value
		}
		*field(c) = q
		return nil
	}
}

// scalar is a string, or a number as one would write it.
func scalar(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return strings.TrimSpace(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	default:
		return "", false
	}
}

// whole narrows a set of Pods to numbers without a fraction.
func whole(set func(*Config, any) any) func(*Config, any) any {
	return func(c *Config, value any) any {
		before := c.Pods
		offending := set(c, value)
		if offending == nil && c.Pods.MilliValue()%1000 != 0 {
			c.Pods = before
			return value
		}
		return offending
	}
}

func keepTime(c *Config, value any) any {
	written, isText := value.(string)
	d, err := time.ParseDuration(written)
	if !isText || err != nil || d < 0 {
		return value
	}
	c.TaskDefinitions.KeepTime = d
	return nil
}

func limit(family string) func(*Config, any) any {
	return func(c *Config, value any) any {
		perSecond, ok := positive(value)
		if !ok {
			return value
		}
		if c.Limits == nil {
			c.Limits = map[string]float64{}
		}
		c.Limits[family] = perSecond
		return nil
	}
}

const priceAllowed = "a price in US dollars an hour above 0, such as 0.04"

func price(field func(*Config) *float64) func(*Config, any) any {
	return func(c *Config, value any) any {
		usd, ok := positive(value)
		if !ok {
			return value
		}
		*field(c) = usd
		return nil
	}
}

// positive is a number above 0. TOML has nan, which is above nothing, and inf.
func positive(value any) (n float64, ok bool) {
	switch v := value.(type) {
	case int64:
		n = float64(v)
	case float64:
		n = v
	}
	return n, n > 0 && !math.IsInf(n, 1)
}

const tagAllowed = `a string of at most 256 letters, digits, spaces or "+-=._:/@", ` +
	`under a name of at most 128 of these that starts neither with "aws:" nor with "` + ownPrefix + `"`

// ownPrefix is that of the tags we put on tasks ourselves.
const ownPrefix = "fargate.virtual-kubelet.io/"

func tag(name string) func(*Config, any) any {
	return func(c *Config, value any) any {
		s, isText := value.(string)
		if !isText || !tagValue(s) {
			return value
		}
		lowered := strings.ToLower(name)
		if !tagKey(name) || strings.HasPrefix(lowered, "aws:") || strings.HasPrefix(lowered, ownPrefix) {
			return name
		}
		if c.Tags == nil {
			c.Tags = map[string]string{}
		}
		c.Tags[name] = s
		return nil
	}
}

// shown is a value as it may stand in a message: as in the file, and short.
func shown(value any) string {
	const longest = 60
	var s string
	switch v := value.(type) {
	case string:
		s = strconv.Quote(v)
	case []any:
		s = fmt.Sprintf("a list of %d", len(v))
	case map[string]any, []map[string]any:
		s = "a table"
	default:
		s = fmt.Sprint(v)
	}
	if len(s) > longest {
		return s[:longest] + "..."
	}
	return s
}
