package compose

import (
	"errors"
	"strings"
	"testing"
)

// problemsOf are the problems of a file that cannot be loaded.
func problemsOf(t *testing.T, file string) []Problem {
	t.Helper()
	_, err := loadText(t, file)
	var failed *FileError
	if !errors.As(err, &failed) {
		t.Fatalf("no FileError but %v", err)
	}
	return failed.Problems
}

// The line of a problem is shown with a mark, and without what may be secret.
func TestExcerpt(t *testing.T) {
	for _, c := range []struct{ name, file, line, mark string }{
		{"a key", "services:\n  web:\n    image: a\n    imaje: b\n", "    imaje: ***", "imaje"},
		{"a value that is no secret", "services:\n  web:\n    image: a\n    restart: never # as before\n", "    restart: never", "restart"},
		{"a tab", "services:\n  web: {image: a,\trestart: never}\n", "  web: {image: a,\trestart: never}", "restart"},
		{"wide characters", "services:\n  web: {labels: {日本: 語}, restart: never, image: a}\n", "  web: {labels: {***: ***}, restart: never, image: a}", "restart"},
		{"a password on the same line", "services: {web: {image: a, environment: {PASSWORD: hunter2}, imaje: b}}\n",
			"services: {web: {image: a, environment: {PASSWORD: ***}, imaje: ***}}", "imaje"},
		{"environment misspelt", "services: {web: {image: a, enviroment: {image: hunter2}}}\n",
			"services: {web: {image: a, enviroment: {image: ***}}}", "enviroment"},
		{"environment as a list", "services: {web: {image: a, environment: [PASSWORD=hunter2, 'A=hunter2'], imaje: b}}\n",
			"services: {web: {image: a, environment: [***, ***], imaje: ***}}", "imaje"},
		{"a set", "services: {web: {image: a, environment: {hunter2}, imaje: b}}\n",
			"services: {web: {image: a, environment: {***}, imaje: ***}}", "imaje"},
		{"a comment", "services:\n  web:\n    image: a\n    imaje: b # it was hunter2\n", "    imaje: ***", "imaje"},
		{"quotes", "services: {web: {image: \"a\", command: \"x \\\" hunter2, # \", 'imaje': 'it''s hunter2'}}\n",
			"services: {web: {image: \"a\", command: ***, 'imaje': ***}}", "'imaje'"},
		{"an address with a password", "services: {web: {image: 'https://me:hunter2@x', restart: never}}\n",
			"services: {web: {image: ***, restart: never}}", "image"},
		{"an anchor", "services:\n  web: &w {image: &i a, imaje: *i}\n", "  web: &w {image: &i a, imaje: *i}", "imaje"},
		{"text of several lines", "services:\n  web: {image: a, command: hunter2\n    hunter2, imaje: b}\n", "", ""},
		{"text in quotes of several lines", "services:\n  web: {image: a, command: 'hunter2\n    hunter2', imaje: b}\n", "", ""},
		{"before text of several lines", "services:\n  web: {image: a, imaje: 'hunter2\n    hunter2'}\n", "  web: {image: a, imaje: ***", "imaje"},
		{"a block of text", "services:\n  web:\n    image: a\n    imaje: |\n      hunter2\n", "    imaje: |", "imaje"},
		{"a block of text with a comment", "services:\n  web:\n    image: a\n    imaje: |- # hunter2\n      x\n", "    imaje: |-", "imaje"},
		{"a test that has a password", "services: {web: {image: a, healthcheck: {test: [CMD, curl, 'Authorization: Bearer hunter2'], intervall: 5s}}}\n",
			"services: {web: {image: a, healthcheck: {test: [***, ***, ***], intervall: ***}}}", "intervall"},
		{"a mount with a password", "services: {web: {image: a, volumes: [{type: bind, source: //u:hunter2@h/x, targett: /x}]}}\n",
			"services: {web: {image: a, volumes: [{type: bind, source: ***, targett: ***}]}}", "targett"},
		{"an item", "services:\n  web:\n    image: a\n    environment:\n      - PASSWORD: hunter2\n", "      - PASSWORD: ***", "P"},
		{"content", "services: {web: {image: a}}\nconfigs: {c: {content: hunter2, contents: hunter2}}\n", "configs: {c: {content: ***, contents: ***}}", "contents"},
		{"the end of a line on Windows", "services:\r\n  web:\r\n    image: a\r\n    imaje: b\r\n", "    imaje: ***", "imaje"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := problemsOf(t, c.file)[0]
			if p.Source != c.line || p.Source[p.From:p.To] != c.mark {
				t.Errorf("line %q, mark %q at %d of %s", p.Source, p.Source[p.From:p.To], p.Column, p)
			}
			if strings.Contains(p.Source, "hunter2") {
				t.Error("it shows a secret")
			}
		})
	}
}

// A file that is no YAML says where, and shows no more than keys of it.
func TestSyntaxErrors(t *testing.T) {
	for _, c := range []struct{ name, file, want, line, mark string }{
		{"a tab", "services:\n\tweb: {}\n", "stack.yml:2:1: it is not YAML here: a value cannot begin like this: indent with blanks, not with tabs, and put @ and ` in quotes", "\tweb: ***", "\t"},
		{"an open brace", "services:\n  web: {image: a\n  db: {}\n", "stack.yml:3:5: it is not YAML here: did not find expected ',' or '}', while parsing a flow mapping that begins in line 2", "  db: ***", ":"},
		{"an open quote", "services:\n  web:\n    environment:\n      PASSWORD: 'hunter2\n", "stack.yml:5:1: it is not YAML here: found unexpected end of stream", "", ""},
		{"two values", "services:\n  web:\n    environment:\n      PASSWORD: hunter2: x\n", "stack.yml:4:24: it is not YAML here: mapping values are not allowed in this context", "      PASSWORD: ***", "*"},
		{"no such anchor", "services:\n  web: *hunter2\n", "stack.yml:2:8: it is not YAML here: unknown anchor 'hunter2' referenced", "  web: ***", "*"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := problemsOf(t, c.file)[0]
			if p.String() != c.want || p.Source != c.line || p.Source[p.From:p.To] != c.mark {
				t.Errorf("line %q, mark %q of %s", p.Source, p.Source[p.From:p.To], p)
			}
		})
	}
}
