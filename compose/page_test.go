package compose

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

const backAtTen = "<!doctype html>\n<p>Back at ten, é {{ $HOME }}</p>\n"

// pageFolder is a folder with pages of all kinds, and with a stack.yml in sub.
func pageFolder(t *testing.T, stack string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"sub/stack.yml": stack, "sub/ten.html": backAtTen, "up.html": "<p>up</p>", "sub/empty.html": "", "sub/blank.html": " \n", "sub/latin1.html": "<p>\xe9</p>",
		"sub/longest.html": strings.Repeat("-", bluegreen.MaxPage), "sub/longer.html": strings.Repeat("-", bluegreen.MaxPage+1), "sub/folder/x": "",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func loadFrom(t *testing.T, dir, file string) (*Project, error) {
	return Load(t.Context(), Options{Files: []string{file}, Name: "shop", Dir: dir, Environ: []string{"HOME=/home/user", "PAGE=ten"}})
}

// A page is read from where the stack file is, also when the command runs elsewhere. It is not in
// the settings that the label holds, and what config prints can be read from anywhere.
func TestPage(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"none", `services: {web: {image: a, expose: [80], x-bluegreen: }}`, ""},
		{"in the service", `services: {web: {image: a, expose: [80], x-bluegreen: {maintenance: {page: ./ten.html}}}}`, backAtTen},
		{"of a variable", `services: {web: {image: a, expose: [80], x-bluegreen: {maintenance: {page: "${PAGE}.html"}}}}`, backAtTen},
		{"in the folder above", `services: {web: {image: a, expose: [80], x-bluegreen: {maintenance: {page: ../up.html}}}}`, "<p>up</p>"},
		{"the longest", `services: {web: {image: a, expose: [80], x-bluegreen: {maintenance: {page: longest.html}}}}`, strings.Repeat("-", bluegreen.MaxPage)},
		{"by default", `{x-bluegreen: {maintenance: {page: ten.html}}, services: {web: {image: a, expose: [80], x-bluegreen: }}}`, backAtTen},
		{"by default and null", `{x-bluegreen: {maintenance: {page: ten.html}}, services: {web: {image: a, expose: [80], x-bluegreen: {maintenance: }}}}`, backAtTen},
		{"in both places", `{x-bluegreen: {maintenance: {page: ten.html}}, services: {web: {image: a, expose: [80], x-bluegreen: {maintenance: {page: ../up.html}}}}}`, "<p>up</p>"},
		{"by default, for bytes", `{x-bluegreen: {maintenance: {page: ten.html}}, services: {web: {image: a, expose: [5432], x-bluegreen: }}}`, ""},
		{"some ports are HTTP", `services: {web: {image: a, expose: [5432, 80], x-bluegreen: {maintenance: {page: ten.html}}}}`, backAtTen},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := pageFolder(t, c.file)
			p, err := loadFrom(t, dir, "sub/stack.yml")
			if err != nil {
				t.Fatal(err)
			}
			web := p.Services[0]
			if web.MaintenancePage != c.want {
				t.Errorf("the page is %q, want %q", web.MaintenancePage, c.want)
			}
			label, err := json.Marshal(web.BlueGreen)
			if err != nil || strings.Contains(strings.ToLower(string(label)), "page") || strings.Contains(string(label), "html") {
				t.Errorf("the settings in the label are %s, %v", label, err)
			}
			text, err := yaml.Marshal(p.Resolved)
			if err != nil {
				t.Fatal(err)
			}
			again, err := loadText(t, string(text))
			if err != nil || again.Services[0].MaintenancePage != c.want {
				t.Errorf("%v in\n%s", err, text)
			}
		})
	}
}

// What is printed has the whole path.
func TestPageIsPrinted(t *testing.T) {
	dir := pageFolder(t, `{x-bluegreen: {maintenance: {page: ten.html}}, services: {web: {image: a, expose: [80], x-bluegreen: {maintenance: {page: ../up.html}}}}}`)
	p, err := loadFrom(t, dir, "sub/stack.yml")
	if err != nil {
		t.Fatal(err)
	}
	for want, path := range map[string][]string{"sub/ten.html": {bluegreen.Key}, "up.html": {"services", "web", bluegreen.Key}} {
		if got := tree.Dig(p.Resolved, append(path, "maintenance", "page")...); got != filepath.Join(dir, want) {
			t.Errorf("it prints %v, want %s", got, filepath.Join(dir, want))
		}
	}
}

// TestPageErrors holds the text of errors of pages; DIR is the folder of the stack file.
func TestPageErrors(t *testing.T) {
	for file, want := range map[string]string{
		"missing.html": "DIR/missing.html: no such file or directory",
		"folder":       "DIR/folder: is a folder",
		"empty.html":   "DIR/empty.html is empty: write the page that clients get in maintenance",
		"blank.html":   "DIR/blank.html is empty: write the page that clients get in maintenance",
		"latin1.html":  "DIR/latin1.html is not UTF-8, and proxies say that it is: save it as UTF-8",
		"longer.html":  "DIR/longer.html has more than 65536 bytes, and proxies send no longer page: let it load images and styles from elsewhere",
		"/dev/zero":    "/dev/zero has more than 65536 bytes, and proxies send no longer page: let it load images and styles from elsewhere",
	} {
		t.Run(file, func(t *testing.T) {
			for text, at := range map[string]string{
				`services: {web: {image: a, expose: [80], x-bluegreen: {maintenance: {page: ` + file + `}}}}`:                                                                "service web: x-bluegreen.maintenance.page: ",
				`{x-bluegreen: {maintenance: {page: ` + file + `}}, services: {api: {image: a, expose: [80], x-bluegreen: }, web: {image: a, expose: [80], x-bluegreen: }}}`: "x-bluegreen.maintenance.page: ",
			} {
				dir := pageFolder(t, text)
				_, err := loadFrom(t, dir, "sub/stack.yml")
				expect(t, err, "stack.yml: "+at+strings.ReplaceAll(want, "DIR", filepath.Join(dir, "sub")))
			}
		})
	}
}
