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
	for _, c := range []struct{ name, text, want string }{
		{"plain text", "plain", "plain"},
		{"variables and two dollar signs", "$SET ${SET} $$SET", "value value $SET"},
		{"a default of an empty variable", "${EMPTY-a}${EMPTY:-b}", "b"},
		{"a default of none", "${NONE-a}${NONE:-b}", "ab"},
		{"an alternative", "${SET:+c}${NONE:+d}", "c"},
		{"a variable in a default", "${NONE:-${SET}}", "value"},
		{"a default in a default", "${NONE:-${NONE:-inner}}", "inner"},
		// stack deploy takes the next two otherwise: as ${NONE-x}.
		{"a dash behind none", "$NONE-x", "-x"},
		{"a dash behind a variable", "$SET-x", "value-x"},
		// compose takes the next ones otherwise: as variables, or refuses them.
		{"a variable without braces in a default", "${NONE:-a$SET}", "a$SET"},
		{"two dollar signs in a default", "${NONE-a$$SET}", "a$$SET"},
		{"a password's hash in a default", "${NONE:-admin:$2y$05$oZcj/x.}", "admin:$2y$05$oZcj/x."},
		{"hashes in two defaults", "${NONE:-$apr1$x}:${NONE:-$b}", "$apr1$x:$b"},
		{"a hash in a default that is not needed", "${SET:-$2y$05$oZcj}", "value"},
		{"a variable within a hash", "${NONE:-$2y${SET}$05}", "$2yvalue$05"},
		{"a hash in a default in a default", "${NONE:-${NONE-$2y}$x}", "$2y$x"},
		{"what only looks like a default", "$${NONE:-$$x}", "${NONE:-$x}"},
		{"a hash in an alternative", "${NONE:+$2y}${SET:+$$2}", "$2"},
		{"a template", "{{.Node.Hostname}}", "{{.Node.Hostname}}"},
		{"a regular expression", "^/(sys|proc)($$|/)", "^/(sys|proc)($|/)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got string
			_, err := captureLogs(func() (err error) {
				got, err = substitute(c.text, lookup)
				return err
			})
			if err != nil || got != c.want {
				t.Errorf("%s: got %q, %v; want %q", c.text, got, err, c.want)
			}
		})
	}
	for name, text := range map[string]string{
		"no end": "${", "no name": "${}", "a blank in a name": "${a b}",
		"none required": "${NONE?}", "none required, with words": "${NONE:?say}", "an empty one required": "${EMPTY:?say}",
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := substitute(text, lookup); err == nil {
				t.Errorf("%s: got %q, want an error", text, got)
			}
		})
	}
}

func TestFirstDocument(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"one without a mark", "a: 1\n", "a: 1\n"},
		{"two", "a: 1\n---\nb: 2\n", "a: 1\n"},
		{"two that begin with a mark", "---\na: 1\n---\nb: 2\n", "---\na: 1\n"},
		{"a directive before it", "# c\n\n%YAML 1.2\n---\na: 1", "# c\n\n%YAML 1.2\n---\na: 1"},
		{"an end mark", "a: 1\n...\nb", "a: 1\n"},
		{"a mark in a block of text", "a: |\n  x\n  ---\n", "a: |\n  x\n  ---\n"},
		{"four dashes", "a: 1\n----\n", "a: 1\n----\n"},
		{"marks with something behind", "--- # comment\na: 1\n---\tb\n", "--- # comment\na: 1\n"},
		{"a byte order mark", "\xef\xbb\xbf---\na: 1\n---\nb:", "\xef\xbb\xbf---\na: 1\n"},
		{"nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(firstDocument([]byte(c.text))); got != c.want {
				t.Errorf("%q: got %q, want %q", c.text, got, c.want)
			}
		})
	}
}
