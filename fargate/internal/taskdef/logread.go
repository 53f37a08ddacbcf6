package taskdef

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

const optionForm = "NAME=VALUE between commas, each name once, or a JSON object of strings"

// readLogOptions reads NAME=VALUE between commas or, where values have commas, a JSON object.
func readLogOptions(text string, a *asks) string {
	options := map[string]string{}
	if strings.HasPrefix(text, "{") {
		if err := json.Unmarshal([]byte(text), &options); err != nil {
			return unset(text, optionForm)
		}
	} else if !pairs(text, func(name, value string) bool {
		_, twice := options[name]
		options[name] = value
		return !twice
	}) {
		return unset(text, optionForm)
	}
	folded := map[string]bool{}
	for name, value := range options {
		lower := strings.ToLower(name)
		switch {
		case value == "":
			return unset(text, optionForm+", none of them empty")
		case !optionName.MatchString(name), strings.ContainsFunc(value, unicode.IsControl):
			return "its names are letters, digits and ._-@, and no value has line breaks or other control characters" // the log router's configuration is made of them
		case folded[lower]:
			return "an option is there twice, for upper and lower case are the same to the log router"
		}
		folded[lower] = true
	}
	a.log.options = options
	return ""
}

// unset says that a text with options is none, without showing it: it may hold what nobody should see.
func unset(text, form string) string {
	return fmt.Sprintf("its %d characters are not %s", len(text), form)
}

// pairs reads NAME=VALUE between commas; false: it is not written so, or take says no.
func pairs(text string, take func(name, value string) bool) bool {
	for element := range strings.SplitSeq(text, ",") {
		name, value, found := strings.Cut(element, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !found || !take(name, value) {
			return false
		}
	}
	return true
}

var (
	optionName = regexp.MustCompile(`^[A-Za-z0-9._@-]{1,255}$`)
	objectName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`) // Kubernetes: DNS subdomain
	secretKey  = regexp.MustCompile(`^[-._a-zA-Z0-9]{1,253}$`)                // Kubernetes: keys of a Secret
)

// readLogSecrets reads OPTION=SECRET/KEY between commas, sorted by option.
func readLogSecrets(text string, a *asks) string {
	var secrets []logSecret
	if !pairs(text, func(option, reference string) bool {
		name, key, _ := strings.Cut(reference, "/")
		twice := slices.ContainsFunc(secrets, func(s logSecret) bool { return strings.EqualFold(s.option, option) })
		secrets = append(secrets, logSecret{option, name, key})
		return optionName.MatchString(option) && objectName.MatchString(name) && secretKey.MatchString(key) && !twice
	}) {
		return unset(text, "OPTION=SECRET/KEY between commas, each option once")
	}
	slices.SortFunc(secrets, func(x, y logSecret) int { return cmp.Compare(x.option, y.option) })
	a.log.secrets = secrets
	return ""
}

var routerFile = regexp.MustCompile(`^/[A-Za-z0-9._/-]{1,254}$`)

func readRouterConfig(text string, a *asks) string {
	if !routerFile.MatchString(text) {
		return shortened(text) + " is no absolute path of a file in the log router's image, the only place that Fargate takes its configuration from"
	}
	a.log.routerConfig = text
	return ""
}
