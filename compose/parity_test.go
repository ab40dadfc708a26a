package compose

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
)

var update = flag.Bool("update", false, "write the golden files")

// sent is what a project puts on an empty swarm, in the form in which module paritytest records it.
type sent struct {
	Networks map[string]network.CreateOptions `json:"networks"`
	External []string                         `json:"external"`
	Secrets  map[string]swarm.SecretSpec      `json:"secrets"`
	Configs  map[string]swarm.ConfigSpec      `json:"configs"`
	Services map[string]swarm.ServiceSpec     `json:"services"`
}

func sentBy(p *Project) sent {
	out := sent{
		Networks: map[string]network.CreateOptions{},
		External: []string{},
		Secrets:  map[string]swarm.SecretSpec{},
		Configs:  map[string]swarm.ConfigSpec{},
		Services: map[string]swarm.ServiceSpec{},
	}
	for name, n := range p.Networks {
		if n.External {
			out.External = append(out.External, name)
			continue
		}
		out.Networks[name] = n.Create
	}
	slices.Sort(out.External)
	for name, s := range p.Secrets {
		if !s.External {
			out.Secrets[name] = s.Spec
		}
	}
	for name, c := range p.Configs {
		if !c.External {
			out.Configs[name] = c.Spec
		}
	}
	for _, s := range p.Services {
		out.Services[s.Spec.Name] = s.Spec
	}
	return out
}

// TestSameAsStackDeploy compares, field by field, with what docker/cli's loader and conversion made
// of the same files; module paritytest records it and checks that the records are true.
func TestSameAsStackDeploy(t *testing.T) {
	records, err := filepath.Glob("testdata/stacks/*/stackdeploy.json")
	if err != nil || len(records) < 25 {
		t.Fatalf("found %d records: %v", len(records), err)
	}
	for _, record := range records {
		dir := filepath.Dir(record)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			want, err := os.ReadFile(record)
			if err != nil {
				t.Fatal(err)
			}
			p := loadStack(t, dir)
			diff(t, normal(t, want), normal(t, marshal(t, dir, sentBy(p))))
		})
	}
}

// loadStack loads a stack of testdata with the environment that its file environ gives.
func loadStack(t *testing.T, dir string) *Project {
	t.Helper()
	p, err := Load(t.Context(), Options{Dir: dir, Name: "shop", Environ: stackEnviron(t, dir)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func stackEnviron(t *testing.T, dir string) []string {
	t.Helper()
	t.Setenv("HOME", "/home/user")
	environ := []string{"HOME=/home/user"}
	content, err := os.ReadFile(filepath.Join(dir, "environ"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return append(environ, strings.Split(strings.TrimSpace(string(content)), "\n")...)
}

// marshal is JSON in which the folder of the stack is /stack, wherever the tests run.
func marshal(t *testing.T, dir string, value any) []byte {
	t.Helper()
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	return append(bytes.ReplaceAll(text, []byte(abs), []byte("/stack")), '\n')
}

// normal brings lists whose order means nothing to Swarm into one order, as text.
func normal(t *testing.T, text []byte) string {
	t.Helper()
	var s sent
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	for _, spec := range s.Services {
		container := spec.TaskTemplate.ContainerSpec
		sortByJSON(container.Secrets)
		sortByJSON(container.Configs)
		sortByJSON(container.Mounts)
		if spec.EndpointSpec != nil {
			sortByJSON(spec.EndpointSpec.Ports)
		}
	}
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func sortByJSON[T any](list []T) {
	key := func(item T) string {
		text, _ := json.Marshal(item)
		return string(text)
	}
	slices.SortFunc(list, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
}

// diff reports the lines that differ, a few at most.
func diff(t *testing.T, want, got string) {
	t.Helper()
	if want == got {
		return
	}
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	start := 0
	for start < min(len(w), len(g)) && w[start] == g[start] {
		start++
	}
	const shown = 12
	t.Errorf("from line %d on\nwant:\n%s\ngot:\n%s", start+1,
		strings.Join(w[max(0, start-6):min(len(w), start+shown)], "\n"),
		strings.Join(g[max(0, start-6):min(len(g), start+shown)], "\n"))
}
