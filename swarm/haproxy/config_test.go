package haproxy

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

var update = flag.Bool("update", false, "write the golden files anew")

// shapes are proxies of all kinds, by the name of their golden files.
func shapes() map[string]Proxy {
	health := bluegreen.Health{Interval: time.Second, Timeout: time.Second, Rise: 2, Fall: 3}
	release := func(health bluegreen.Health, ports ...bluegreen.Port) bluegreen.Release {
		return bluegreen.Release{Ports: ports, Health: health}
	}
	proxy := func(service string, colors map[string]bluegreen.Release) Proxy {
		p := Proxy{Service: service, Peers: "tasks.shop_" + service + "-proxies", PeerSlots: 50, Slots: 20,
			Colors: map[string]Color{}, Drain: 30 * time.Second, MaxConn: 4000}
		for color, r := range colors {
			p.Colors[color] = Color{Host: "tasks.shop_" + service + "-" + color + "-servers", Release: r}
		}
		return p
	}
	both := func(r bluegreen.Release) map[string]bluegreen.Release {
		return map[string]bluegreen.Release{Blue: r, Green: r}
	}
	http := func(port uint16) bluegreen.Port { return bluegreen.Port{Target: port, Mode: bluegreen.ModeHTTP} }
	h2 := func(port uint16) bluegreen.Port { return bluegreen.Port{Target: port, Mode: bluegreen.ModeH2} }
	tcp := func(port uint16) bluegreen.Port { return bluegreen.Port{Target: port, Mode: bluegreen.ModeTCP} }
	deep := health
	deep.Path, deep.Port = `/health?of="all"&cost=$5`, 9000
	previewed := proxy("web", both(release(health, http(80), tcp(5432))))
	previewed.Preview = bluegreen.Preview{Port: 9080, Target: 80, Header: bluegreen.Header{Name: "X-Preview", Value: `-i "s3cret" ${HOME} # }`}}
	bytes := previewed
	bytes.Preview = bluegreen.Preview{Port: 9432, Target: 5432}
	weighed := func(by, name string, ports ...bluegreen.Port) Proxy {
		p := proxy("web", both(release(health, ports...)))
		p.Canary = &bluegreen.Canary{By: by, Name: name}
		return p
	}
	changing := weighed(bluegreen.ByCookie, "sid", http(80), http(81))
	changing.Colors[Green] = Color{Host: changing.Colors[Green].Host, Release: release(health, http(80), tcp(82))}
	changing.Preview = previewed.Preview
	watched := proxy("web", both(release(health, http(8080))))
	watched.Guard = &bluegreen.Guard{Bake: 5 * time.Minute, Window: 10 * time.Second, Errors: 0.5, Latency: 500 * time.Millisecond, Requests: 50}
	watched.Guards = "tasks.shop-bluegreen-guards"
	counted := proxy("web", both(release(health, http(8080))))
	counted.Metrics = 9898
	paged := proxy("web", both(release(health, http(8080))))
	paged.Page = true
	return map[string]Proxy{
		"page":                      paged,
		"metrics":                   counted,
		"guard":                     watched,
		"canary-random":             weighed(bluegreen.ByRandom, "", http(80), tcp(5432)),
		"canary-client":             weighed(bluegreen.ByClient, "", http(80), tcp(5432)),
		"canary-header":             weighed(bluegreen.ByHeader, "X-User", h2(80)),
		"canary-cookie-and-preview": changing,
		"preview":                   previewed,
		"preview-tcp":               bytes,
		"plain":                     proxy("web", both(release(health, http(8080)))),
		"two-ports":                 proxy("web", both(release(health, tcp(5432), http(80)))),
		"h2":                        proxy("api", both(release(bluegreen.Health{Path: "/healthz", Interval: 2 * time.Second, Timeout: time.Second, Rise: 1, Fall: 2}, h2(50051)))),
		"path":                      proxy("web", both(release(deep, http(8080)))),
		"one-color":                 proxy("web", map[string]bluegreen.Release{Blue: release(health, http(8080))}),
		"changing": proxy("web", map[string]bluegreen.Release{
			Blue: release(health, http(80), http(81), http(82)), Green: release(deep, tcp(80), h2(81), http(83))}),
		"one-color-of-two-ports": proxy("web", map[string]bluegreen.Release{Blue: release(health, http(8080), http(8081))}),
		// The port of a release is another than that of the one before.
		"other-port": proxy("web", map[string]bluegreen.Release{Blue: release(health, http(8080)), Green: release(deep, h2(9090))}),
		// A TLS port has no path to ask for.
		"path-and-tls": proxy("web", both(release(bluegreen.Health{Path: "/healthz", Interval: time.Second, Timeout: time.Second, Rise: 2, Fall: 3}, http(80), tcp(443)))),
		"odd-name":     proxy("My.Web_2-x", both(release(health, http(8080)))),
	}
}

func TestGolden(t *testing.T) {
	for name, p := range shapes() {
		t.Run(name, func(t *testing.T) {
			files, err := p.Files()
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".cfg", files["haproxy.cfg"])
		})
	}
	files, _ := shapes()["plain"].Files()
	golden(t, "health.cfg", files["health.cfg"])
	golden(t, "order.cfg", OrderFiles()["order.cfg"])
	golden(t, RouteFile, RouteTemplate("web"))
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != got {
		t.Errorf("%s is not what is written now; look at the difference after go test -update: %v", path, err)
	}
}

// HAProxy takes every file, without a warning.
func TestHAProxyTakesConfig(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		for name, p := range shapes() {
			for called, route := range map[string]string{"no route": "", "a route": "7:green", "words of later versions": "7:green:10:x"} {
				t.Run(name+" with "+called, func(t *testing.T) {
					dir := h.dir(t, func(dir string) map[string]string {
						p.dir = dir
						files, err := p.Files()
						if err != nil {
							t.Fatal(err)
						}
						order, _ := render(view{Proxy: p}, "order.cfg", "order.lua")
						for name, content := range order {
							files[name] = content
						}
						files[RouteFile] = p.Service + " " + route + "\n"
						if p.Page {
							files[PageFile] = "<p>Back at ten</p>\n"
						}
						return files
					})
					for _, file := range []string{"haproxy.cfg", "health.cfg", "order.cfg"} {
						argv := []string{"haproxy", "-dW", "-c", "-f", Dir + "/" + file}
						if out, err := h.command(argv, dir, SubnetVariable+"=10.0.3.0/24").CombinedOutput(); err != nil {
							t.Errorf("%s: %v\n%s", file, err, out)
						}
					}
				})
			}
		}
	})
}

// The limit of open files is enough for HAProxy to start.
func TestOpenFiles(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.proxy.MaxConn, s.proxy.Slots = 500, 100
		s.colors()
		s.dns.set("tasks.proxies", s.addr(1))
		cmd := h.command(Command(), s.files(1, "1:blue"), SubnetVariable+"="+s.subnet)
		limited := fmt.Sprintf("ulimit -n %d && exec ", s.proxy.OpenFiles())
		if h.root != "" {
			limited += "chroot " + h.root + " "
		}
		cmd = exec.Command("sh", "-c", limited+strings.Join(cmd.Args, " "))
		cmd.Env = []string{"PATH=/usr/local/sbin:" + os.Getenv("PATH"), SubnetVariable + "=" + s.subnet}
		r := s.run(1, cmd)
		eventually(t, 10*time.Second, "the proxy answers", func() bool { return get(r.url("/")) == Blue })
	})
}

func TestFilesErrors(t *testing.T) {
	for want, change := range map[string]func(*Proxy){
		"letters, digits":       func(p *Proxy) { p.Service = "web shop" },
		"DNS name of its peers": func(p *Proxy) { p.Peers = "" },
		"positive":              func(p *Proxy) { p.Slots = 0 },
		"no color":              func(p *Proxy) { p.Colors = nil },
		"not a color":           func(p *Proxy) { p.Colors["red"] = p.Colors[Blue] },
		"no ports":              func(p *Proxy) { p.Colors[Blue] = Color{Host: "tasks.blue"} },
		"control port":          func(p *Proxy) { p.Colors[Blue].Ports[0].Target = ControlPort },
		"unknown mode":          func(p *Proxy) { p.Colors[Blue].Ports[0].Mode = "udp" },
		"health path":           func(p *Proxy) { p.Colors[Blue] = withPath(p.Colors[Blue], "/a b") },
		"must begin with /":     func(p *Proxy) { p.Colors[Blue] = withPath(p.Colors[Blue], "healthz\n  stats enable") },
		"rise 0":                func(p *Proxy) { c := p.Colors[Blue]; c.Health.Rise = 0; p.Colors[Blue] = c },
		"a millisecond":         func(p *Proxy) { c := p.Colors[Blue]; c.Health.Timeout = 0; p.Colors[Blue] = c },
		"port 0":                func(p *Proxy) { p.Colors[Blue].Ports[0].Target = 0 },
		"DNS name of its tasks": func(p *Proxy) { c := p.Colors[Blue]; c.Host = "a b"; p.Colors[Blue] = c },
	} {
		t.Run(want, func(t *testing.T) {
			p := shapes()["plain"]
			change(&p)
			if _, err := p.Files(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), p.Service) {
				t.Error(err)
			}
		})
	}
}

func withPath(c Color, path string) Color {
	c.Health.Path = path
	return c
}
