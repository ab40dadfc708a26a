package plugin

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
)

// What the command prints of the example, and that it needs no engine.
func TestConfig(t *testing.T) {
	for name, args := range map[string][]string{
		"config.yaml":       {"config"},
		"config_services":   {"config", "--services"},
		"config_images":     {"config", "--images"},
		"config_quiet":      {"config", "--quiet"},
		"config_specs.yaml": {"config", "--specs"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness()
			h.load = func(ctx context.Context, o compose.Options) (*compose.Project, error) {
				o.Environ = nil
				return compose.Load(ctx, o)
			}
			if err := h.run(append([]string{"-f", "../examples/shop/compose.yaml"}, args...)...); err != nil {
				t.Fatal(err)
			}
			if len(h.opened) > 0 {
				t.Error("an engine was opened")
			}
			golden(t, name, h.out.String())
		})
	}
}

func TestConfigSpecsJSON(t *testing.T) {
	h := newHarness()
	h.load = compose.Load
	if err := h.run("-f", "../examples/shop/compose.yaml", "config", "--specs", "--format", "json"); err != nil {
		t.Fatal(err)
	}
	var out map[string]map[string]struct{ Name string }
	if err := json.Unmarshal(h.out.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"networks", "secrets", "configs", "services"} {
		t.Run(part, func(t *testing.T) {
			if out[part] == nil {
				t.Error("it is missing")
			}
			for name, object := range out[part] {
				if object.Name != name {
					t.Errorf("%s has the name %q", name, object.Name)
				}
			}
		})
	}
}

// The content of a secret is in no form of the output.
func TestConfigHidesSecrets(t *testing.T) {
	file := "services:\n  web: {image: web, secrets: [a]}\nsecrets:\n  a: {environment: TOKEN}\n"
	for name, args := range map[string][]string{
		"file": {}, "file as JSON": {"--format", "json"}, "specs": {"--specs"}, "specs as JSON": {"--specs", "--format", "json"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness()
			h.load = func(ctx context.Context, o compose.Options) (*compose.Project, error) {
				o.Environ, o.Stdin = []string{"TOKEN=hunter2"}, strings.NewReader(file)
				return compose.Load(ctx, o)
			}
			if err := h.run(append([]string{"-p", "shop", "-f", "-", "config"}, args...)...); err != nil {
				t.Fatal(err)
			}
			if out := h.out.String() + h.err.String(); strings.Contains(out, "hunter2") || strings.Contains(out, "aHVudGVyMg") || !strings.Contains(out, "TOKEN") && !strings.Contains(out, "shop_a") {
				t.Error(out)
			}
		})
	}
}
