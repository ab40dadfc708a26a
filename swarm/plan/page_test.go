package plan_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
)

// withPage is the shop with a maintenance page.
func withPage(t *testing.T, page string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "maintenance.html")
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	return strings.Replace(plantest.Shop, "x-bluegreen: {}", "x-bluegreen: {maintenance: {page: "+file+"}}", 1)
}

// filesOf are the configs of a spec by the file that they are in containers.
func filesOf(spec api.ServiceSpec) map[string]string {
	files := map[string]string{}
	for _, c := range spec.TaskTemplate.ContainerSpec.Configs {
		files[filepath.Base(c.File.Name)] = c.ConfigName
	}
	return files
}

// A page is one more file of the proxies, and the configuration names it. Another page is another
// file, and nothing else. It is in no label.
func TestPage(t *testing.T) {
	seen := plantest.Nothing()
	const changed = "update proxies shop_web: configs changed; they are replaced one after the other\n"
	step := func(file, want string) (files map[string]string, content map[string]string) {
		t.Helper()
		todo := plantest.For(t, seen, file, plan.UpOptions{})
		if want != "" {
			plantest.Want(t, todo, want)
		}
		for _, s := range todo.Steps {
			if s.Do == plan.CreateProxies || s.Do == plan.UpdateProxies {
				files, content = filesOf(*s.Spec), s.Files
				if labels := string(cluster.MustJSON(s.Spec.Labels)); strings.Contains(labels, "aintenance") {
					t.Errorf("the labels are %s", labels)
				}
			}
		}
		plantest.CarriedOut(seen, todo)
		plantest.Want(t, plantest.For(t, seen, file, plan.UpOptions{}), "nothing to do\n")
		return files, content
	}
	without, _ := step(plantest.Shop, "")
	if names := slices.Sorted(maps.Keys(without)); !slices.Equal(names, []string{"bluegreen.lua", "haproxy.cfg", "health.cfg", "health.lua", "route.map"}) {
		t.Errorf("without a page there are %v", names)
	}
	const text = "<h1>Maintenance {{ of }} the shop</h1>\n"
	with, content := step(withPage(t, text), changed)
	if got := content[with["maintenance.html"]]; got != text {
		t.Errorf("the page is %q", got)
	}
	if !strings.Contains(content[with["haproxy.cfg"]], "\n  setenv BLUEGREEN_PAGE /bluegreen/maintenance.html\n") {
		t.Errorf("haproxy.cfg is %s", content[with["haproxy.cfg"]])
	}
	for file, name := range without {
		if file != "haproxy.cfg" && with[file] != name {
			t.Errorf("%s is %s, and with a page %s", file, name, with[file])
		}
	}
	other, _ := step(withPage(t, "<h1>Maintenance until ten</h1>\n"), changed)
	for file, name := range with {
		if (other[file] == name) == (file == "maintenance.html") {
			t.Errorf("%s is %s, and with another page %s", file, name, other[file])
		}
	}
	if again, _ := step(plantest.Shop, changed); !maps.Equal(again, without) {
		t.Errorf("without a page again there are %v, want %v", again, without)
	}
}

// Swarm fills in the route as the task is made, and leaves the braces of a page alone.
func TestPageIsNoTemplate(t *testing.T) {
	b, err := plan.BodiesOf(plantest.LoadShop(t, withPage(t, "<p>{{ .Service.Name }}</p>\n")))
	if err != nil {
		t.Fatal(err)
	}
	files := filesOf(b.Services["shop_web"])
	for file, name := range files {
		if got, want := b.Configs[name].Templating != nil, file == "route.map"; got != want {
			t.Errorf("%s is a template: %t, want %t", file, got, want)
		}
	}
	if got := string(b.Configs[files["maintenance.html"]].Data); got != "<p>{{ .Service.Name }}</p>\n" {
		t.Errorf("the page is %q", got)
	}
}
