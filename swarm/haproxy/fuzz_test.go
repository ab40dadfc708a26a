package haproxy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// FuzzFiles holds that what the loader takes renders to files that HAProxy takes, without a
// warning, and that nothing of the user's text gets a line of its own in them.
func FuzzFiles(f *testing.F) {
	f.Add("web", uint16(80), "http", uint16(81), "tcp", "/healthz", uint16(80), int64(time.Second), int64(time.Second), 2, 3, int64(0), false)
	f.Add("My-Web_2", uint16(1), "h2", uint16(65535), "h2", "/?a=%20&b=!~*'()", uint16(0), int64(time.Millisecond), int64(24*time.Hour), 100, 1, int64(24*time.Hour), true)
	f.Add("a", uint16(80), "tcp", uint16(80), "http", "", uint16(9899), int64(1), int64(1), 1, 100, int64(1500), false)
	f.Add("9", uint16(8080), "http", uint16(8080), "tcp", "/a\n  stats enable", uint16(7), int64(1e6), int64(1e6), 1, 1, int64(1e6), true)
	f.Add("web", uint16(80), "http", uint16(80), "h2", `/$x"\#{}`, uint16(80), int64(1e9), int64(1e9), 1, 1, int64(1e9), true)
	installed := haproxies(f)
	f.Fuzz(func(t *testing.T, service string, port uint16, mode string, other uint16, otherMode, path string, checked uint16,
		interval, timeout int64, rise, fall int, drain int64, onlyOne bool,
	) {
		blue, err := loaded(t, service, port, mode, path, checked, interval, timeout, rise, fall, drain)
		if err != nil {
			return
		}
		green, err := loaded(t, service, other, otherMode, "", checked, timeout, interval, fall, rise, drain)
		if err != nil || onlyOne {
			green = blue
		}
		name := "shop_" + service
		p := Proxy{Service: service, Peers: "tasks." + name + "-proxies", PeerSlots: 60, Slots: 60, MaxConn: 4000,
			Drain: blue.Drain, Colors: map[string]Color{
				Blue:  {Host: "tasks." + name + "-blue-servers", Release: blue.Release},
				Green: {Host: "tasks." + name + "-green-servers", Release: green.Release},
			}}
		checkLines(t, p)
		for _, h := range installed {
			checkFiles(t, h, p)
		}
	})
}

// loaded gives the settings of a service as the loader understands them.
func loaded(t *testing.T, service string, port uint16, mode, path string, checked uint16, interval, timeout int64,
	rise, fall int, drain int64,
) (*bluegreen.Settings, error) {
	health := map[string]any{"path": path, "interval": fmt.Sprint(time.Duration(interval)),
		"timeout": fmt.Sprint(time.Duration(timeout)), "rise": rise, "fall": fall}
	if checked != 0 {
		health["port"] = checked
	}
	file, err := json.Marshal(map[string]any{"services": map[string]any{service: map[string]any{
		"image": "web", "x-bluegreen": map[string]any{
			"ports": []any{map[string]any{"target": port, "mode": mode}}, "health": health,
			"drain": fmt.Sprint(time.Duration(drain)),
		}}}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := compose.Load(t.Context(), compose.Options{
		Files: []string{"-"}, Stdin: strings.NewReader(string(file)), Name: "shop", Dir: t.TempDir()})
	if err != nil {
		return nil, err
	}
	return p.Services[0].BlueGreen, nil
}

// checkLines compares the lines of a proxy's files, but for the user's own words, with those of one
// whose words are plain.
func checkLines(t *testing.T, p Proxy) {
	t.Helper()
	files, err := p.Files()
	if err != nil {
		t.Fatalf("what the loader took is refused: %v", err)
	}
	plain := p
	plain.Service, plain.Colors = "web", map[string]Color{}
	for name, c := range p.Colors {
		if c.Health.Path != "" {
			c.Health.Path = "/"
		}
		plain.Colors[name] = c
	}
	want, err := plain.Files()
	if err != nil {
		t.Fatal(err)
	}
	for name := range want {
		if got, want := keywords(files[name]), keywords(want[name]); !slices.Equal(got, want) {
			t.Errorf("%s has the lines\n%q\nand not\n%q", name, got, want)
		}
	}
	if route := RouteTemplate(p.Service); strings.Count(route, "\n") != 1 || len(strings.Fields(route)) != 4 {
		t.Errorf("%q is not one line of a name and a template", route)
	}
}

// keywords are the first words of all lines.
func keywords(text string) []string {
	var words []string
	for line := range strings.Lines(text) {
		word, _, _ := strings.Cut(strings.TrimLeft(line, " "), " ")
		words = append(words, word)
	}
	return words
}

func checkFiles(t *testing.T, h installed, p Proxy) {
	t.Helper()
	dir := h.dir(t, func(dir string) map[string]string {
		p.dir = dir
		files, err := p.Files()
		if err != nil {
			t.Fatal(err)
		}
		files[RouteFile] = p.Service + " 7:green\n"
		return files
	})
	for _, file := range []string{"haproxy.cfg", "health.cfg"} {
		argv := []string{"haproxy", "-dW", "-c", "-f", Dir + "/" + file}
		if out, err := h.command(argv, dir, SubnetVariable+"=10.0.3.0/24").CombinedOutput(); err != nil {
			t.Errorf("%s: %s of %+v: %v\n%s", h.name, file, p, err, out)
		}
	}
}
