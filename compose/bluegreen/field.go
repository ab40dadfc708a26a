package bluegreen

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// field is a value of x-bluegreen and where it stands, such as "service web:
// x-bluegreen.health.path". Its methods read the value; what is wrong with it is kept, so that one
// look shows all mistakes.
type field struct {
	at    string
	value any
	errs  *[]error
}

func newField(at string, value any) field {
	return field{at: at, value: value, errs: &[]error{}}
}

// err joins all mistakes that were found.
func (f field) err() error { return errors.Join(*f.errs...) }

func (f field) errorf(format string, args ...any) {
	*f.errs = append(*f.errs, fmt.Errorf("%s: %s", f.at, fmt.Sprintf(format, args...)))
}

// given says whether the key is there and not null.
func (f field) given() bool { return f.value != nil }

// keys reads a mapping that may have the allowed keys only. Keys that are not there give fields
// without value.
func (f field) keys(allowed ...string) map[string]field {
	out := map[string]field{}
	for _, key := range allowed {
		out[key] = field{at: f.at + "." + key, errs: f.errs}
	}
	if !f.given() {
		return out
	}
	m := tree.Mapping(f.value)
	if m == nil {
		f.errorf("%s is not a mapping; allowed are the keys %s", show(f.value), strings.Join(allowed, ", "))
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(allowed, key) {
			hint := "; allowed are "
			if meant := tree.DidYouMean(key, allowed); meant != "" {
				hint = meant + " Allowed are "
			}
			f.errorf("unknown key %q%s%s", key, hint, strings.Join(allowed, ", "))
			continue
		}
		out[key] = field{at: f.at + "." + key, value: m[key], errs: f.errs}
	}
	return out
}

// list reads a list; want says what its items are.
func (f field) list(want string) []field {
	if !f.given() {
		return nil
	}
	items, ok := f.value.([]any)
	if !ok {
		f.errorf("%s is not a list of %s", show(f.value), want)
	}
	out := make([]field, len(items))
	for i, item := range items {
		out[i] = field{at: fmt.Sprintf("%s[%d]", f.at, i), value: item, errs: f.errs}
	}
	return out
}

func (f field) text(fallback string) string {
	if !f.given() {
		return fallback
	}
	text, ok := f.value.(string)
	if !ok {
		f.errorf("%s is not text: put it in quotes", show(f.value))
	}
	return text
}

// required reads text that must not be empty; want says what it is.
func (f field) required(want string) string {
	text := f.text("")
	if _, ok := f.value.(string); text == "" && (ok || !f.given()) {
		f.errorf("it is empty: give %s", want)
	}
	return text
}

func (f field) oneOf(fallback string, allowed ...string) string {
	if !f.given() {
		return fallback
	}
	text := tree.Scalar(f.value)
	if !slices.Contains(allowed, text) {
		f.errorf("%s is not one of %s", show(f.value), strings.Join(allowed, ", "))
	}
	return text
}

// number reads a whole number, also one that a variable gave as text.
func (f field) number(fallback, low, high int) int {
	if !f.given() {
		return fallback
	}
	number, err := strconv.Atoi(tree.Scalar(f.value))
	if err != nil || number < low || number > high {
		f.errorf("%s is not a whole number from %d to %d", show(f.value), low, high)
	}
	return number
}

// decimal reads a number that must be given, such as 0.01.
func (f field) decimal() float64 {
	n, err := strconv.ParseFloat(tree.Scalar(f.value), 64)
	if !f.given() || err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		f.errorf("%s is not a number such as 0.01", show(f.value))
	}
	return n
}

var validPercent = regexp.MustCompile(`^(\d{1,3}(?:\.\d+)?) ?%?$`)

// percent reads a share such as 1% or 0.5%; the sign may be left out.
func (f field) percent(fallback float64) float64 {
	if !f.given() {
		return fallback
	}
	n := -1.0
	if m := validPercent.FindStringSubmatch(tree.Scalar(f.value)); m != nil {
		n, _ = strconv.ParseFloat(m[1], 64) // digits are a number
	}
	if n < 0 || n > 100 {
		f.errorf("%s is not a percentage from 0%% to 100%% (examples: 1%%, 0.5%%)", show(f.value))
	}
	return n
}

// MaxDuration is well within the timers of HAProxy, which end at 24 days.
const MaxDuration = 24 * time.Hour

// duration reads a duration of at least low, such as 30s.
func (f field) duration(fallback, low time.Duration) time.Duration {
	if !f.given() {
		return fallback
	}
	text := tree.Scalar(f.value)
	d, err := time.ParseDuration(text)
	switch {
	case err != nil && text == "0":
		d = 0
	case err != nil:
		f.errorf("%s is not a duration (examples: 500ms, 30s, 5m)", show(f.value))
		return fallback
	}
	if d < low || d > MaxDuration {
		f.errorf("%s is not between %s and %s", show(f.value), low, MaxDuration)
	}
	return d
}

// show is a value as messages show it: text in quotes.
func show(value any) string {
	switch v := value.(type) {
	case string:
		return strconv.Quote(v)
	case map[string]any:
		return "a mapping"
	case []any:
		return "a list"
	case nil:
		return "null"
	default:
		return fmt.Sprint(v)
	}
}
