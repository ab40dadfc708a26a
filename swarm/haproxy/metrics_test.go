package haproxy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/prometheus"
)

// metrics are what a proxy tells, by what stands before the number.
func (s *site) metrics(p *running, path string) map[string]string {
	s.t.Helper()
	response, err := http.Get("http://" + p.addr + ":9898" + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s, %v", path, response.Status, err)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(body)) {
		if i := strings.LastIndex(strings.TrimSpace(line), " "); i > 0 && !strings.HasPrefix(line, "#") {
			found[line[:i]] = strings.TrimSpace(line[i:])
		}
	}
	return found
}

// The proxies tell what they do, by names that stay.
func TestMetrics(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := guarded(t, h, bluegreen.Guard{Errors: 5, Requests: 20})
		s.proxy.Metrics = 9898
		s.proxy.Canary = &bluegreen.Canary{By: bluegreen.ByRandom}
		s.colors()
		a, b := s.pair()
		s.weigh(Route{Sequence: 2, Color: Blue, Share: 30, Guard: Guard{On: true}}, a, b)
		counted(100, func(int, *http.Request) {}, a)
		got := s.metrics(a, "/metrics")
		for name, want := range map[string]string{
			`bluegreen_info{service="web",active="blue"}`:                  "1",
			`bluegreen_route_sequence{service="web"}`:                      "2",
			`bluegreen_active{service="web",color="blue"}`:                 "1",
			`bluegreen_active{service="web",color="green"}`:                "0",
			`bluegreen_share_percent{service="web",color="blue"}`:          "70",
			`bluegreen_share_percent{service="web",color="green"}`:         "30",
			`bluegreen_state{service="web",state="open"}`:                  "1",
			`bluegreen_state{service="web",state="paused"}`:                "0",
			`bluegreen_watched{service="web"}`:                             "1",
			`bluegreen_taken_back{service="web"}`:                          "0",
			`bluegreen_trips_total{service="web"}`:                         "0",
			`bluegreen_tasks_up{service="web",color="green",port="8080"}`:  "1",
			`bluegreen_in_flight{service="web",color="green",port="8080"}`: "0",
		} {
			if got[name] != want {
				t.Errorf("%s is %q, want %s", name, got[name], want)
			}
		}
		sum := 0
		for _, color := range []string{Blue, Green} {
			var n int
			fmt.Sscan(got[fmt.Sprintf(`bluegreen_requests_total{service="web",color=%q,port="8080"}`, color)], &n)
			sum += n
		}
		if sum != 100 {
			t.Errorf("of 100 requests %d were counted: %v", sum, got)
		}
		asking := s.keepAsking("/?green=500", a)
		eventually(t, slower*20*time.Second, "the guard trips", func() bool { return s.route(a) == "3:blue:::tripped" })
		asking.end()
		got = s.metrics(a, "/metrics")
		if got[`bluegreen_trips_total{service="web"}`] != "1" || got[`bluegreen_taken_back{service="web"}`] != "1" || got[`bluegreen_failed_total{service="web",color="green",port="8080"}`] == "0" {
			t.Errorf("after a trip: %v", got)
		}
		if own := s.metrics(a, "/haproxy"); own[`haproxy_backend_http_responses_total{proxy="blue_8080",code="2xx"}`] == "" {
			t.Errorf("HAProxy's own metrics have no answers of blue: %d lines", len(own))
		}
		s.weigh(Route{Sequence: 4, Color: Blue, State: State{Kind: Hold, Seconds: 60}}, a, b)
		if got := s.metrics(a, "/metrics")[`bluegreen_state{service="web",state="paused"}`]; got != "1" {
			t.Errorf("in a pause the state is %q", got)
		}
	})
}

// Each query of the dashboard gives data, in a real Prometheus that asks real proxies.
func TestDashboard(t *testing.T) {
	t.Parallel()
	program := os.Getenv("PROMETHEUS")
	if program == "" {
		t.Fatal("no Prometheus to test with: set PROMETHEUS to its program, as `make unit` does")
	}
	s := guarded(t, haproxies(t)[0], bluegreen.Guard{Errors: 100, Requests: 20})
	s.proxy.Metrics = 9898
	s.proxy.Canary = &bluegreen.Canary{By: bluegreen.ByRandom}
	s.colors()
	a, b := s.pair()
	s.weigh(Route{Sequence: 2, Color: Blue, Share: 30, Guard: Guard{On: true}}, a, b)
	s.keepAsking("/", a, b)

	dir := t.TempDir()
	config := fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs: [{job_name: bluegreen, static_configs: [{targets: ['%s:9898', '%s:9898'], labels: {stack: shop}}]}]\n", a.addr, b.addr)
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	address := s.addr(90) + ":9090"
	cmd := exec.CommandContext(t.Context(), program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+dir, "--web.listen-address="+address)
	log := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("Prometheus: %s", log)
		}
	})
	expressions := dashboard(t)
	for title, expression := range expressions {
		eventually(t, slower*30*time.Second, title+" has data: "+expression, func() bool { return hasData(address, expression) })
	}
	ask := func(query string) (float64, bool, error) {
		return prometheus.Client{Address: "http://" + address}.Value(t.Context(), "http://elsewhere.invalid", query)
	}
	for query, want := range map[string]float64{
		`bluegreen_route_sequence`: 2, `bluegreen_share_percent`: 70, `bluegreen_share_percent{color="green"}`: 30, `scalar(vector(7))`: 7, `vector(0)/0 or vector(5)`: 5,
	} {
		if got, found, err := ask(query); err != nil || !found && !strings.Contains(query, "/0") || found && got != want {
			t.Errorf("%s is %v, %v, %v, want %v", query, got, found, err, want)
		}
	}
	if _, found, err := ask("bluegreen_nonsense"); found || err != nil {
		t.Errorf("what there is not: %v, %v", found, err)
	}
	if _, _, err := ask("sum("); err == nil || !strings.Contains(err.Error(), "parse error") {
		t.Errorf("a query that is wrong: %v", err)
	}
	if _, _, err := (prometheus.Client{}).Value(t.Context(), "http://ann:s3cret@"+s.addr(91)+":9090", "up"); err == nil || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "ann") {
		t.Errorf("a server that does not answer: %v", err)
	}
	if len(expressions) < 10 || hasData(address, `bluegreen_nonsense`) {
		t.Errorf("%d queries; or a query without data has some", len(expressions))
	}
}

// dashboard are the queries of the dashboard, by the title of their panel.
func dashboard(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../examples/metrics/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			found[p.Title] = regexp.MustCompile(`\$stack`).ReplaceAllString(target.Expr, ".*")
		}
	}
	return found
}

func hasData(address, query string) bool {
	response, err := http.Get("http://" + address + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		return false // it is starting
	}
	defer response.Body.Close()
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if json.NewDecoder(response.Body).Decode(&answer) != nil || len(answer.Data.Result) == 0 {
		return false
	}
	for _, r := range answer.Data.Result {
		if r.Value[1] == "NaN" {
			return false
		}
	}
	return true
}
