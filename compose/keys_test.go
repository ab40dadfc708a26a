package compose

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/schema"
	"go.yaml.in/yaml/v4"

	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// TestKeysAreComplete compares the table with the JSON schema of the compose specification that
// compose-go carries.
func TestKeysAreComplete(t *testing.T) {
	rows := map[string]bool{}
	for _, k := range keys {
		if rows[k.name] {
			t.Errorf("%s has two rows", k.name)
		}
		rows[k.name] = true
	}
	var missing []string
	known := schemaKeys(t)
	for _, name := range known {
		if !rows[name] && !slices.ContainsFunc(keys, func(k key) bool { return k.covers(name) }) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		t.Errorf("keys of the schema without a row:\n%s", strings.Join(missing, "\n"))
	}
	for _, k := range keys {
		if !slices.Contains(known, k.path()) {
			t.Errorf("%s is no key of the schema", k.name)
		}
	}
}

// covers says whether a row speaks of a key below its own.
func (k key) covers(name string) bool {
	parent, all := strings.CutSuffix(k.name, ".**")
	rest, below := strings.CutPrefix(name, parent)
	return all && below && (rest == "" || strings.ContainsAny(rest[:1], ".["))
}

func (k key) path() string { return strings.TrimSuffix(k.name, ".**") }

// schemaKeys are the paths of all properties in the schema, sorted.
func schemaKeys(t *testing.T) []string {
	t.Helper()
	w := walker{found: map[string]bool{}}
	if err := json.Unmarshal([]byte(schema.Schema), &w.root); err != nil {
		t.Fatal(err)
	}
	w.walk(w.root, "", nil)
	if len(w.found) < 400 {
		t.Fatalf("the schema has %d keys: it is read wrongly", len(w.found))
	}
	return slices.Sorted(maps.Keys(w.found))
}

// walker goes through a JSON schema.
type walker struct {
	root  map[string]any
	found map[string]bool
}

func (w walker) walk(node map[string]any, path string, refs []string) {
	if ref, ok := node["$ref"].(string); ok && !slices.Contains(refs, ref) {
		w.walk(tree.Mapping(tree.Dig(w.root, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)), path, append(refs, ref))
	}
	for _, choice := range []string{"oneOf", "anyOf", "allOf"} {
		options, _ := node[choice].([]any)
		for _, option := range options {
			w.walk(tree.Mapping(option), path, refs)
		}
	}
	for name, below := range tree.Mapping(node["properties"]) {
		at := strings.TrimPrefix(path+"."+name, ".")
		w.found[at] = true
		w.walk(tree.Mapping(below), at, refs)
	}
	for pattern, below := range tree.Mapping(node["patternProperties"]) {
		if pattern != "^x-" {
			w.walk(tree.Mapping(below), path+".*", refs)
		}
	}
	w.walk1(node["additionalProperties"], path+".*", refs)
	w.walk1(node["items"], path+"[]", refs)
}

func (w walker) walk1(node any, path string, refs []string) {
	if below := tree.Mapping(node); below != nil {
		w.walk(below, path, refs)
	}
}

// keyRecord is what paritytest needs to see whether docker stack deploy does what a row says.
type keyRecord struct {
	Key     string `json:"key"`
	Class   string `json:"class"`
	Inert   bool   `json:"inert,omitempty"`
	With    string `json:"with"`
	Without string `json:"without"`
}

// TestKeys loads the example of each row with the key and without it.
func TestKeys(t *testing.T) {
	var records []keyRecord
	for _, k := range keys {
		t.Run(k.name, func(t *testing.T) {
			r := record(t, k)
			records = append(records, r)
			checkKey(t, k, r)
		})
	}
	text, err := json.MarshalIndent(map[string]any{"files": keyFiles, "keys": records}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	sameAsGolden(t, "testdata/keys.json", append(text, '\n'))
}

func record(t *testing.T, k key) keyRecord {
	t.Helper()
	var file map[string]any
	if err := yaml.Unmarshal([]byte(exampleOf(k.path())), &file); err != nil || file == nil {
		t.Fatalf("no example: %v", err)
	}
	with := asYAML(t, file)
	takeKeyOut(file, strings.Split(strings.ReplaceAll(k.path(), "[]", ".*"), "."))
	without := asYAML(t, file)
	if with == without {
		t.Fatalf("the example does not hold the key:\n%s", with)
	}
	return keyRecord{Key: k.path(), Class: k.class, Inert: inert[k.name], With: with, Without: without}
}

// takeKeyOut removes a key wherever the path leads; an asterisk is any key or index.
func takeKeyOut(value any, path []string) {
	if list, ok := value.([]any); ok && path[0] == "*" {
		for _, item := range list {
			takeKeyOut(item, path[1:])
		}
		return
	}
	m := tree.Mapping(value)
	for name := range m {
		switch {
		case path[0] != "*" && path[0] != name:
		case len(path) == 1:
			delete(m, name)
		default:
			takeKeyOut(m[name], path[1:])
		}
	}
}

func asYAML(t *testing.T, file map[string]any) string {
	t.Helper()
	text, err := json.Marshal(file) // which is YAML, and shorter
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func checkKey(t *testing.T, k key, r keyRecord) {
	t.Helper()
	dir := write(t, keyFiles)
	with, err := loadKeys(t, dir, r.With)
	if err != nil {
		t.Fatalf("%v\n%s", err, r.With)
	}
	without, err := loadKeys(t, dir, r.Without)
	if err != nil {
		without = &Project{} // refused: a required key
	}
	fresh := slices.DeleteFunc(slices.Clone(with.Warnings), func(w string) bool { return slices.Contains(without.Warnings, w) })
	changes := effect(t, with) != effect(t, without)
	switch {
	case k.class == warned:
		checkWarning(t, k, fresh)
	case len(fresh) > 0:
		t.Errorf("it is said to be carried out, and warned of: %q", fresh)
	case changes == r.Inert:
		t.Errorf("changes what the swarm holds: %t\n%s", changes, r.With)
	}
}

// checkWarning wants one warning that names the service and the key.
func checkWarning(t *testing.T, k key, warnings []string) {
	t.Helper()
	segments := strings.Split(strings.TrimSuffix(k.path(), "[]"), ".")
	last := segments[len(segments)-1]
	subject := "service web: "
	if segments[0] != "services" {
		subject = strings.TrimSuffix(segments[0], "s") + " "
	}
	if len(warnings) != 1 || !strings.HasPrefix(warnings[0], subject) || !strings.Contains(warnings[0], strings.TrimSuffix(last, "s")) {
		t.Errorf("warnings: %q", warnings)
	}
}

func loadKeys(t *testing.T, dir, text string) (*Project, error) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "stack.yml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(t.Context(), Options{Files: []string{"stack.yml"}, Dir: dir, Environ: []string{"HOME=/home/user"}})
}

// effect is all that a project makes of a file.
func effect(t *testing.T, p *Project) string {
	t.Helper()
	all := *p
	all.Resolved, all.Warnings, all.Notes = nil, nil, nil
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func sameAsGolden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	diff(t, string(want), string(got))
}

// TestKeysDocument keeps docs/keys.md the same as the table.
func TestKeysDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Keys of compose files\n\nThis file is generated: `go test ./compose -run TestKeysDocument -update`.\n\n" +
		"This page lists all keys of the [compose reference](https://docs.docker.com/reference/compose-file/). " +
		"[Words](mechanism.md#words) explains the terms.\n\n" +
		"- **same**: works as with `docker stack deploy`\n" +
		"- **better**: `docker stack deploy` refuses or drops the key; here it works\n" +
		"- **warned**: Swarm cannot do it. `up` goes on without it, and a warning names the service and the consequence. " +
		"With `--strict` it is an error\n\n" +
		"`compose/keys_test.go` compares the list with the schema of the compose specification, and loads a file for each key. " +
		"`compose/paritytest` does the same with docker/cli's code. For `x-bluegreen` see [x-bluegreen](x-bluegreen.md).\n")
	known := schemaKeys(t)
	title := ""
	for _, k := range keys {
		if section := sectionOf(k.name); section != title {
			title = section
			fmt.Fprintf(&b, "\n## %s\n\n| key | class | note |\n|---|---|---|\n", title)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", nameInDocument(k, known), k.class, k.note)
	}
	sameAsGolden(t, "../docs/keys.md", []byte(b.String()))
}

func sectionOf(name string) string {
	section, _, below := strings.Cut(strings.TrimSuffix(name, ".**"), ".*.")
	if !below {
		return "Top level"
	}
	return section
}

// manyKeys is from where on the keys below one that is not carried out are not listed.
const manyKeys = 40

// nameInDocument is a key without what its section says, and the keys that share its fate.
func nameInDocument(k key, known []string) string {
	path := k.path()
	_, short, ok := strings.Cut(path, ".*.")
	if !ok {
		short = path
	}
	if path == k.name {
		return "`" + short + "`"
	}
	var below []string
	for _, name := range known {
		if name != path && k.covers(name) {
			below = append(below, "`"+strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(name, path), "[]."), ".")+"`")
		}
	}
	if len(below) > manyKeys {
		return "`" + short + "` and all below it"
	}
	return "`" + short + "` and below it " + strings.Join(below, ", ")
}
