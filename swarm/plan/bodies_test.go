package plan_test

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
)

// For plain services the bodies are what package compose makes of the file, which is held to docker
// stack deploy there: nothing is added on the way, and only ids are names.
func TestBodiesOfPlainServices(t *testing.T) {
	dirs, err := filepath.Glob("../../compose/testdata/stacks/*")
	if err != nil || len(dirs) < 30 {
		t.Fatal(dirs, err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			environ := []string{"HOME=/home/user"}
			if content, err := os.ReadFile(filepath.Join(dir, "environ")); err == nil {
				environ = append(environ, strings.Split(strings.TrimSpace(string(content)), "\n")...)
			}
			p, err := compose.Load(t.Context(), compose.Options{Dir: dir, Name: "shop", Environ: environ})
			if err != nil {
				t.Fatal(err)
			}
			b, err := plan.BodiesOf(p)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range p.Services {
				if s.BlueGreen != nil {
					continue
				}
				if got, want := b.Services[s.Spec.Name], plan.ReferringByName(s.Spec); !reflect.DeepEqual(got, want) {
					t.Errorf("service %s:\n%s\nwant:\n%s", s.Name, cluster.MustJSON(got), cluster.MustJSON(want))
				}
			}
			for name, n := range p.Networks {
				if got := b.Networks[name]; !n.External && (got.Name != name || !reflect.DeepEqual(got.CreateOptions, n.Create)) {
					t.Errorf("network %s: %+v, want %+v", name, got, n.Create)
				}
			}
			for name, s := range p.Secrets {
				if got, ok := b.Secrets[name]; ok == s.External || len(got.Data) > 0 {
					t.Errorf("secret %s: %+v", name, got)
				}
			}
			for name, c := range p.Configs {
				if got, ok := b.Configs[name]; ok == c.External || ok && !reflect.DeepEqual(got, c.Spec) {
					t.Errorf("config %s: %+v, want %+v", name, got, c.Spec)
				}
			}
		})
	}
}

func TestBodiesOfBlueGreenServices(t *testing.T) {
	b, err := plan.BodiesOf(plantest.LoadShop(t, plantest.Shop))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Sorted(maps.Keys(b.Services)), []string{"shop_db", "shop_web", "shop_web-blue"}; !slices.Equal(got, want) {
		t.Errorf("services %v, want %v", got, want)
	}
	if got, want := slices.Sorted(maps.Keys(b.Networks)), []string{"shop-bluegreen_control", "shop_default"}; !slices.Equal(got, want) {
		t.Errorf("networks %v, want %v", got, want)
	}
	for _, c := range b.Services["shop_web"].TaskTemplate.ContainerSpec.Configs {
		if len(b.Configs[c.ConfigName].Data) == 0 || c.ConfigID != c.ConfigName {
			t.Errorf("config %+v of the proxies is not among %v", c, slices.Sorted(maps.Keys(b.Configs)))
		}
	}
	var targets []string
	for _, n := range b.Services["shop_web"].TaskTemplate.Networks {
		targets = append(targets, n.Target)
	}
	if !slices.Equal(targets, []string{"shop_default", "shop-bluegreen_control"}) {
		t.Errorf("the proxies are on %v", targets)
	}
}
