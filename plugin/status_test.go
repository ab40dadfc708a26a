package plugin

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

const digest = "sha256:9f2a41c07d3e5b6a9f2a41c07d3e5b6a9f2a41c07d3e5b6a9f2a41c07d3e5b6a"

func ago(d time.Duration) time.Time { return noon.Add(-d) }

// shopStatus has one of everything.
func shopStatus() *swarm.Status {
	day := 24 * time.Hour
	return &swarm.Status{
		Stack: "shop",
		Services: []swarm.ServiceStatus{
			{Name: "api", Kind: "bluegreen",
				Swarm: swarm.SwarmService{Name: "shop_api", ID: "a1", Image: "haproxy:3.2-alpine", Digest: digest, Mode: "global", Ready: 3, Wanted: 3, Since: ago(20 * day)},
				Route: &swarm.RouteStatus{Sequence: 3, Active: "blue", Next: "green"},
				Colors: []swarm.ColorStatus{
					{Color: "blue", Active: true, Release: 1, Swarm: swarm.SwarmService{Name: "shop_api-blue", ID: "a2", Image: "shop/api:2", Mode: "replicated", Ready: 2, Wanted: 2, Since: ago(5 * day)}},
					{Color: "green", Waiting: true, Release: 2, Swarm: swarm.SwarmService{Name: "shop_api-green", ID: "a3", Image: "shop/api:3", Mode: "replicated", Ready: 1, Wanted: 2, Since: ago(40 * time.Second)}},
				}},
			{Name: "web", Kind: "bluegreen",
				Swarm: swarm.SwarmService{Name: "shop_web", ID: "w1", Image: "haproxy:3.2-alpine", Digest: digest, Mode: "replicated", Ready: 2, Wanted: 2, Since: ago(20 * day)},
				Route: &swarm.RouteStatus{Sequence: 8, Active: "green"},
				Colors: []swarm.ColorStatus{
					{Color: "blue", Release: 3, Swarm: swarm.SwarmService{Name: "shop_web-blue", ID: "w2", Image: "shop/web:1.4", Digest: digest, Mode: "replicated"}},
					{Color: "green", Active: true, Release: 4, Swarm: swarm.SwarmService{Name: "shop_web-green", ID: "w3", Image: "shop/web:1.5", Digest: digest, Mode: "replicated", Ready: 3, Wanted: 3, Since: ago(5 * time.Minute)}},
				}},
			{Name: "worker", Kind: "plain",
				Swarm: swarm.SwarmService{Name: "shop_worker", ID: "k1", Image: "registry.example.com:5000/shop/worker", Mode: "replicated", Wanted: 1}},
		},
		Drift: []string{},
	}
}

// shopLive is shopStatus with what the proxies of web said; one of them is wrong, one is silent.
func shopLive() *swarm.Status {
	s := shopStatus()
	s.Live = true
	s.Services = s.Services[1:]
	s.Drift = []string{"proxy shop_web.2 on n2 follows blue (7), but the label says green (8)"}
	s.Lock = &swarm.LockStatus{Owner: "ci@build-7", Command: "up", Since: ago(12 * time.Second)}
	s.Services[0].Proxies = []swarm.ProxyStatus{
		{Task: "shop_web.1", Node: "n1", Address: "10.0.9.3", Sequence: 8, Active: "green", InFlight: map[string]int{"green": 12, "blue": 0},
			Counted: map[string]swarm.ProxyCount{"blue": {Requests: 40, Failed: 1}, "green": {Requests: 812}},
			Servers: []swarm.ServerStatus{
				{Color: "green", Port: 8080, Address: "10.0.1.10", Status: "DOWN"},
				{Color: "green", Port: 8080, Address: "10.0.1.7", Status: "UP", Check: "L7OK", InFlight: 12},
				{Color: "blue", Port: 8080, Address: "10.0.1.5", Status: "UP", Check: "L7OK"},
			}},
		{Task: "shop_web.2", Node: "n2", Address: "10.0.9.4", Sequence: 7, Active: "blue"},
		{Task: "shop_web.3", Error: "dial tcp 10.0.9.5:9000:\nno route to host"},
	}
	return s
}

func runStatusOn(t *testing.T, s *swarm.Status, args ...string) (*harness, error) {
	t.Helper()
	h := newHarness()
	h.op.status = func(_ context.Context, live bool, _ ...string) (*swarm.Status, error) {
		if live != s.Live {
			t.Errorf("live is %t", live)
		}
		return s, nil
	}
	return h, h.run(append([]string{"-p", "shop", "status"}, args...)...)
}

func TestStatusTable(t *testing.T) {
	h, err := runStatusOn(t, shopStatus())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "status.table", h.out.String())
}

func TestStatusLiveTable(t *testing.T) {
	h, err := runStatusOn(t, shopLive(), "--live")
	if exitCode(err) != cluster.ExitUnconfirmed {
		t.Errorf("drift ends with %v", err)
	}
	golden(t, "status.live.table", h.out.String()+"\n"+err.Error()+"\n")
}

func TestStatusJSON(t *testing.T) {
	h, err := runStatusOn(t, shopLive(), "--live", "--format", "json")
	if exitCode(err) != cluster.ExitUnconfirmed {
		t.Errorf("drift ends with %v", err)
	}
	golden(t, "status.live.json", h.out.String())
	h, err = runStatusOn(t, shopStatus(), "--format", "json")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "status.json", h.out.String())
}

func TestStatusHasNoTrailingSpace(t *testing.T) {
	h, _ := runStatusOn(t, shopLive(), "--live")
	for line := range strings.Lines(h.out.String()) {
		if strings.TrimRight(line, " \n") != strings.TrimRight(line, "\n") {
			t.Errorf("%q", line)
		}
	}
}

// Colors change nothing but the look: without them each line is the same.
func TestStatusInColor(t *testing.T) {
	var plain, painted bytes.Buffer
	l := unicodeLook
	l.color = true
	for out, l := range map[*bytes.Buffer]look{&plain: {}, &painted: l} {
		if err := writeStatusTable(out, l, shopLive(), noon); err != nil {
			t.Fatal(err)
		}
	}
	if got := ansi.Strip(painted.String()); got != plain.String() {
		t.Errorf("without its colors it is\n%s\nwant\n%s", got, plain.String())
	}
	golden(t, "status.color", strings.ReplaceAll(painted.String(), "\x1b", "␛"))
}

func TestStatusOfServices(t *testing.T) {
	var asked []string
	h := newHarness()
	h.op.status = func(_ context.Context, _ bool, services ...string) (*swarm.Status, error) {
		asked = services
		return shopStatus(), nil
	}
	if err := h.run("-p", "shop", "status", "web", "api"); err != nil || !slices.Equal(asked, []string{"web", "api"}) {
		t.Errorf("asked for %q: %v", asked, err)
	}
}
