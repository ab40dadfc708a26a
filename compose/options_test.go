package compose

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// write makes files with the given texts under a new folder called project and returns its path.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "project")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const one = "services: {web: {image: one}}"

func TestProjectName(t *testing.T) {
	for _, c := range []struct {
		name    string
		files   map[string]string
		options Options
		want    string
	}{
		{"given, without a file", nil, Options{Name: "Shop"}, "Shop"},
		{"given, over the file", map[string]string{"compose.yaml": "name: file\n" + one}, Options{Name: "a_b-C"}, "a_b-C"},
		{"environment", map[string]string{"compose.yaml": "name: file\n" + one}, Options{Environ: []string{"COMPOSE_PROJECT_NAME=env"}}, "env"},
		{".env", map[string]string{"compose.yaml": one, ".env": "COMPOSE_PROJECT_NAME=dot"}, Options{}, "dot"},
		{"file", map[string]string{"compose.yaml": "name: File\n" + one}, Options{}, "File"},
		{"variable in file", map[string]string{"compose.yaml": "name: ${N:-x}-y\n" + one}, Options{Environ: []string{"N=n"}}, "n-y"},
		{"last file", map[string]string{"compose.yml": "name: a\n" + one, "compose.override.yml": "name: b"}, Options{}, "b"},
		{"folder", map[string]string{"compose.yaml": one}, Options{}, "project"},
		{"folder of the file", map[string]string{"My App/stack.yml": one}, Options{Files: []string{"My App/stack.yml"}}, "myapp"},
		{"no valid file needed", map[string]string{"compose.yaml": "name: file\nservices: 3"}, Options{}, "file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.options.Dir = write(t, c.files)
			got, err := ProjectName(t.Context(), c.options)
			if err != nil || got != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestProjectNameErrors(t *testing.T) {
	for _, c := range []struct {
		name    string
		options Options
		want    string
	}{
		{"dot", Options{Name: "my.app"},
			`stack name "my.app": Swarm takes letters, digits, - and _ only, with a letter or digit first and last: give another one with -p`},
		{"reserved", Options{Name: "shop-bluegreen"},
			`stack name "shop-bluegreen": names that end in -bluegreen are kept for the proxies and colors of the stack "shop": give another one with -p`},
		{"missing file", Options{Files: []string{"none.yml"}}, "compose file none.yml: no such file or directory"},
		{"folder", Options{Files: []string{"."}}, "compose file .: is a folder"},
		{"missing env file", Options{Files: []string{"a.yml"}, EnvFiles: []string{"/none.env"}}, "env file /none.env: no such file or directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.options.Dir = write(t, map[string]string{"a.yml": one})
			_, err := ProjectName(t.Context(), c.options)
			expect(t, err, c.want)
		})
	}
	dir := write(t, nil)
	_, err := ProjectName(t.Context(), Options{Dir: dir})
	expect(t, err, "no compose file (compose.yaml, compose.yml, docker-compose.yml, docker-compose.yaml) in "+dir+
		" or above: name one with -f")
}

// image loads and returns the image of the only service.
func image(t *testing.T, o Options) string {
	t.Helper()
	p, err := Load(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return p.Services[0].Spec.TaskTemplate.ContainerSpec.Image
}

func TestFilesAreFound(t *testing.T) {
	file := func(image string) string { return "services: {web: {image: \"" + image + "\"}}" }
	for _, c := range []struct {
		name    string
		files   map[string]string
		options Options
		want    string
	}{
		{"order", map[string]string{"docker-compose.yml": file("old"), "compose.yml": file("yml"), "compose.yaml": file("yaml")}, Options{}, "yaml"},
		{"old name", map[string]string{"docker-compose.yml": file("old")}, Options{}, "old"},
		{"override", map[string]string{"docker-compose.yml": file("old"), "docker-compose.override.yml": file("over")}, Options{}, "over"},
		{"no override of a named file", map[string]string{"compose.yml": file("main"), "compose.override.yml": file("over")}, Options{Files: []string{"compose.yml"}}, "main"},
		{"COMPOSE_FILE", map[string]string{"compose.yml": file("main"), "a.yml": file("a"), "b.yml": file("b")}, Options{Environ: []string{"COMPOSE_FILE=a.yml:b.yml"}}, "b"},
		{"COMPOSE_FILE in .env", map[string]string{"a.yml": file("a"), ".env": "COMPOSE_FILE=a.yml"}, Options{}, "a"},
		{"separator", map[string]string{"a.yml": file("a"), "b.yml": file("b")}, Options{Environ: []string{"COMPOSE_FILE=a.yml;b.yml", "COMPOSE_PATH_SEPARATOR=;"}}, "b"},
		{"standard input", nil, Options{Files: []string{"-"}, Stdin: strings.NewReader(file("stdin"))}, "stdin"},
		{"several", map[string]string{"a.yml": file("a"), "b.yml": file("b")}, Options{Files: []string{"b.yml", "a.yml"}}, "a"},
		{"env file", map[string]string{"compose.yml": file("x:$TAG"), ".env": "TAG=dot", "own.env": "TAG=own"}, Options{EnvFiles: []string{"own.env"}}, "x:own"},
		{"shell over .env", map[string]string{"compose.yml": file("x:$TAG"), ".env": "TAG=dot"}, Options{Environ: []string{"TAG=shell"}}, "x:shell"},
		{".env off", map[string]string{"compose.yml": file("x:${TAG-none}"), ".env": "TAG=dot"}, Options{Environ: []string{"COMPOSE_DISABLE_ENV_FILE=1"}}, "x:none"},
		{"project name", map[string]string{"compose.yml": file("x:$COMPOSE_PROJECT_NAME")}, Options{Name: "Shop"}, "x:Shop"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.options.Dir = write(t, c.files)
			if got := image(t, c.options); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestFilesAreFoundAbove(t *testing.T) {
	dir := write(t, map[string]string{"compose.yml": one, "sub/sub/x": ""})
	if got := image(t, Options{Dir: filepath.Join(dir, "sub", "sub")}); got != "one" {
		t.Error(got)
	}
}

func TestNamesAreDeployedAsGiven(t *testing.T) {
	dir := write(t, map[string]string{"compose.yml": "services: {web: {image: a}}\nsecrets: {s: {file: ./s}}", "s": "x"})
	p, err := Load(t.Context(), Options{Dir: dir, Name: "My_Shop"})
	if err != nil {
		t.Fatal(err)
	}
	spec := p.Services[0].Spec
	if p.Name != "My_Shop" || spec.Name != "My_Shop_web" || spec.Labels[LabelNamespace] != "My_Shop" {
		t.Error(p.Name, spec.Name, spec.Labels)
	}
	if _, ok := p.Networks["My_Shop_default"]; !ok {
		t.Error(p.Networks)
	}
	if _, ok := p.Secrets["My_Shop_s"]; !ok {
		t.Error("secret My_Shop_s is missing")
	}
}

func TestProfiles(t *testing.T) {
	dir := write(t, map[string]string{"compose.yml": "services: {a: {image: a}, b: {image: b, profiles: [p]}, c: {image: c, profiles: [q]}}"})
	for _, c := range []struct {
		name    string
		options Options
		want    string
	}{
		{"none", Options{}, "a"},
		{"option", Options{Profiles: []string{"p"}}, "a b"},
		{"COMPOSE_PROFILES", Options{Environ: []string{"COMPOSE_PROFILES=p, q"}}, "a b c"},
		{"option over COMPOSE_PROFILES", Options{Profiles: []string{"q"}, Environ: []string{"COMPOSE_PROFILES=p"}}, "a c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.options.Dir = dir
			p, err := Load(t.Context(), c.options)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, s := range p.Services {
				names = append(names, s.Name)
			}
			if got := strings.Join(names, " "); got != c.want || !slices.IsSorted(names) {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestNamed holds when a name counts as given for the stack.
func TestNamed(t *testing.T) {
	for _, c := range []struct {
		name    string
		files   map[string]string
		options Options
		want    bool
	}{
		{"option", map[string]string{"compose.yaml": one}, Options{Name: "shop"}, true},
		{"shell", map[string]string{"compose.yaml": one}, Options{Environ: []string{"COMPOSE_PROJECT_NAME=shop"}}, true},
		{"empty in the shell", map[string]string{"compose.yaml": one}, Options{Environ: []string{"COMPOSE_PROJECT_NAME="}}, false},
		{"file", map[string]string{"compose.yaml": "name: shop\n" + one}, Options{}, true},
		{"folder", map[string]string{"compose.yaml": one}, Options{}, false},
		{".env", map[string]string{"compose.yaml": one, ".env": "COMPOSE_PROJECT_NAME=shop"}, Options{}, false},
		{"option over .env", map[string]string{"compose.yaml": one, ".env": "COMPOSE_PROJECT_NAME=shop"}, Options{Name: "shop"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.options.Dir = write(t, c.files)
			p, err := Load(t.Context(), c.options)
			if err != nil || p.Named != c.want {
				t.Errorf("%v, %+v; want %t", err, p, c.want)
			}
		})
	}
}
