package compose

import (
	"testing"
)

// TestSubstitute also holds where docker compose and docker stack deploy differ: what both take is
// read as by docker compose, what only one of them takes is read as by that one.
func TestSubstitute(t *testing.T) {
	values := map[string]string{"SET": "value", "EMPTY": ""}
	lookup := func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
	for text, want := range map[string]string{
		"plain":                   "plain",
		"$SET ${SET} $$SET":       "value value $SET",
		"${EMPTY-a}${EMPTY:-b}":   "b",
		"${NONE-a}${NONE:-b}":     "ab",
		"${SET:+c}${NONE:+d}":     "c",
		"${NONE:-${SET}}":         "value",
		"${NONE:-${NONE:-inner}}": "inner",
		// stack deploy takes the next two otherwise: as ${NONE-x}.
		"$NONE-x": "-x",
		"$SET-x":  "value-x",
		// compose takes the next ones otherwise: as variables, or refuses them.
		"${NONE:-a$SET}":                "a$SET",
		"${NONE-a$$SET}":                "a$$SET",
		"${NONE:-admin:$2y$05$oZcj/x.}": "admin:$2y$05$oZcj/x.",
		"${NONE:-$apr1$x}:${NONE:-$b}":  "$apr1$x:$b",
		"${SET:-$2y$05$oZcj}":           "value",
		"${NONE:-$2y${SET}$05}":         "$2yvalue$05",
		"${NONE:-${NONE-$2y}$x}":        "$2y$x",
		"$${NONE:-$$x}":                 "${NONE:-$x}",
		"${NONE:+$2y}${SET:+$$2}":       "$2",
		"{{.Node.Hostname}}":            "{{.Node.Hostname}}",
		"^/(sys|proc)($$|/)":            "^/(sys|proc)($|/)",
	} {
		var got string
		_, err := captureLogs(func() (err error) {
			got, err = substitute(text, lookup)
			return err
		})
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"${", "${}", "${a b}", "${NONE?}", "${NONE:?say}", "${EMPTY:?say}"} {
		if got, err := substitute(text, lookup); err == nil {
			t.Errorf("%s: got %q, want an error", text, got)
		}
	}
}

func TestFirstDocument(t *testing.T) {
	for text, want := range map[string]string{
		"a: 1\n":                         "a: 1\n",
		"a: 1\n---\nb: 2\n":              "a: 1\n",
		"---\na: 1\n---\nb: 2\n":         "---\na: 1\n",
		"# c\n\n%YAML 1.2\n---\na: 1":    "# c\n\n%YAML 1.2\n---\na: 1",
		"a: 1\n...\nb":                   "a: 1\n",
		"a: |\n  x\n  ---\n":             "a: |\n  x\n  ---\n",
		"a: 1\n----\n":                   "a: 1\n----\n",
		"--- # comment\na: 1\n---\tb\n":  "--- # comment\na: 1\n",
		"\xef\xbb\xbf---\na: 1\n---\nb:": "\xef\xbb\xbf---\na: 1\n",
		"":                               "",
	} {
		if got := string(firstDocument([]byte(text))); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
