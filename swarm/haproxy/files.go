// Package haproxy is what runs inside every proxy and in a control job: HAProxy's configuration,
// the Lua beside it, and the language between the jobs and the plugin.
package haproxy

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"strings"
	"text/template"
	"time"
)

// Dir is where the files are mounted in containers.
const Dir = "/bluegreen"

// StopSignal is the signal that makes a proxy end without losing a request, whatever the image
// says.
const StopSignal = "SIGUSR1"

// RouteFile is the name of the file in Dir that holds what RouteTemplate gives.
const RouteFile = "route.map"

// PageFile is the name of the file in Dir that holds the page of a proxy with one.
const PageFile = "maintenance.html"

//go:embed files
var embedded embed.FS

// TemplateVersion changes whenever a template or a Lua file does.
var TemplateVersion = version()

var templates = template.Must(template.New("").
	Option("missingkey=error").
	Funcs(template.FuncMap{"ms": milliseconds, "quote": quote}).
	ParseFS(embedded, "files/*.tmpl"))

func version() string {
	hash := sha256.New()
	err := fs.WalkDir(embedded, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := embedded.ReadFile(path)
		fmt.Fprintf(hash, "%s %d\n%s", path, len(content), content)
		return err
	})
	if err != nil {
		panic(err) // the files are part of the program
	}
	return hex.EncodeToString(hash.Sum(nil))[:12]
}

// Files returns the files of a proxy in Dir but for RouteFile and PageFile, by name: the same for
// the same p.
// The error names the service and what no configuration can be written from.
func (p Proxy) Files() (map[string]string, error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	names := []string{"haproxy.cfg", "bluegreen.lua", "health.cfg", "health.lua"}
	if p.Metrics != 0 {
		names = append(names, "metrics.lua")
	}
	if p.Guard != nil {
		names = append(names, "guard.lua")
	}
	return render(newView(p), names...)
}

// OrderFiles returns the files of a control job in Dir, by name.
func OrderFiles() map[string]string {
	files, err := render(view{Proxy: Proxy{dir: Dir}}, "order.cfg", "order.lua")
	if err != nil {
		panic(err) // the files are part of the program, and nothing else goes into them
	}
	return files
}

// RouteTemplate is the content of RouteFile: a config with the golang template driver, which puts
// in the route from the label of the service as it was when the task was made.
func RouteTemplate(service string) string {
	return fmt.Sprintf("%s {{index .Service.Labels %q}}\n", service, RouteLabel(service))
}

// RouteLabel is the label of the proxy service that holds the route.
func RouteLabel(service string) string {
	return "bluegreen.alias." + service
}

// Command is the command of a proxy and of a control job: in one haproxy.cfg, in the other
// order.cfg.
func Command() []string { return command("haproxy.cfg") }

// OrderCommand is the command of a control job.
func OrderCommand() []string { return command("order.cfg") }

// HealthCommand is the container health check of a proxy: it needs no shell and exits with 0 or 1.
func HealthCommand() []string { return command("health.cfg") }

func command(file string) []string {
	return []string{"haproxy", "-db", "-f", Dir + "/" + file}
}

func render(v view, names ...string) (map[string]string, error) {
	files := map[string]string{}
	for _, name := range names {
		if !strings.HasSuffix(name, ".cfg") {
			content, err := embedded.ReadFile("files/" + name)
			if err != nil {
				return nil, err
			}
			files[name] = string(content)
			continue
		}
		var out strings.Builder
		if err := templates.ExecuteTemplate(&out, name+".tmpl", v); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files[name] = out.String()
	}
	return files, nil
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%dms", d.Milliseconds())
}

// quote writes a word so that HAProxy reads it back as it is.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(s) + `"`
}
