package bluegreen

import (
	"cmp"
	"errors"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// MaxReplicas is how many tasks one answer of docker's DNS lists.
const MaxReplicas = 60

// The defaults of durations and counts.
const (
	defaultDrain    = 30 * time.Second
	defaultTimeout  = 5 * time.Minute
	defaultInterval = time.Second
	defaultEvery    = 2 * time.Minute
	defaultBake     = 5 * time.Minute
	defaultWindow   = 10 * time.Second
	defaultErrors   = 5
	defaultRequests = 50
	defaultRise     = 2
	defaultFall     = 3
	maxHistory      = 100
)

// Shortest is the shortest duration that HAProxy can tell from none.
const Shortest = time.Millisecond

// Decode reads x-bluegreen as a decoded YAML value, nil for an empty one, and fills in the
// defaults. The error joins all that is wrong, each with its place; at is where the value stands.
func Decode(at string, value any) (*Settings, error) {
	f := newField(at, value)
	settings := decodeSettings(f)
	return settings, f.err()
}

// DecodeTop reads x-bluegreen at the top of a file: what concerns the whole stack, and the rest,
// the defaults for all services.
func DecodeTop(at string, value any) (defaults any, control Control, err error) {
	top := tree.Mapping(value)
	f := newField(at+".control", top["control"])
	control = decodeControl(f)
	if _, ok := top["control"]; ok {
		rest := maps.Clone(top)
		delete(rest, "control")
		value = rest
	}
	_, err = Decode(at, value)
	return value, control, errors.Join(err, f.err())
}

// decodeControl reads the settings of the control network.
func decodeControl(f field) Control {
	subnet := f.keys("subnet")["subnet"]
	text := subnet.text("")
	if text == "" {
		return Control{}
	}
	p, err := netip.ParsePrefix(text)
	if _, isText := subnet.value.(string); !isText {
		return Control{} // said already
	}
	if err != nil || !p.Addr().Is4() || p.Bits() < 8 || p.Bits() > 28 {
		subnet.errorf("%q is not a range of IPv4 addresses from /8 to /28 (example: 10.77.0.0/20)", text)
	} else if p != p.Masked() {
		subnet.errorf("%s is an address inside a range: write %s", text, p.Masked())
	}
	return Control{Subnet: text}
}

// decodeSettings reads all keys. Ports, and the modes of ports, stay empty when the file does not
// give them.
func decodeSettings(f field) *Settings {
	keys := f.keys("ports", "health", "proxy", "drain", "keep", "promote", "preview", "test", "verify", "canary", "guard", "metrics", "maintenance", "history", "timeout")
	promote, after := decodePromote(keys["promote"])
	settings := &Settings{
		Release: Release{Ports: decodePorts(keys["ports"]), Health: decodeHealth(keys["health"])},
		Proxy:   decodeProxy(keys["proxy"]),
		Drain:   keys["drain"].duration(defaultDrain, 0),
		Keep:    keys["keep"].oneOf(KeepWarm, KeepWarm, KeepCold),
		Promote: promote, PromoteAfter: after,
		Preview: decodePreview(keys["preview"]),
		Test:    decodeJobs(keys["test"]),
		Verify:  decodeJobs(keys["verify"]),
		Canary:  decodeCanary(keys["canary"]),
		Guard:   decodeGuard(keys["guard"]),
		Metrics: decodeMetrics(keys["metrics"]),
		Page:    decodePage(keys["maintenance"]),
		History: decodeHistory(keys["history"]),
		Timeout: keys["timeout"].duration(defaultTimeout, Shortest),
	}
	if c := settings.Canary; c != nil && len(c.Steps) > 0 && (promote == PromoteManual || after > 0) {
		keys["promote"].errorf("%s: up goes on to the next step of canary.steps by itself: take promote or the steps out", tree.Scalar(keys["promote"].value))
	}
	if len(settings.Test) > 0 { // they need a way to the idle color
		if settings.Preview == nil {
			settings.Preview = &Preview{}
		}
		settings.Preview.Port = cmp.Or(settings.Preview.Port, TestPort)
	}
	return settings
}

// decodeHistory reads how many releases are written down.
func decodeHistory(f field) *int {
	if !f.given() {
		return nil
	}
	return new(f.number(0, 0, maxHistory))
}

// decodePromote reads auto, manual, or how long a release waits. PromoteAuto is empty, as in the
// labels of before there was a choice.
func decodePromote(f field) (promote string, after time.Duration) {
	text := tree.Scalar(f.value)
	switch {
	case !f.given() || text == PromoteAuto:
		return "", 0
	case text == PromoteManual:
		return PromoteManual, 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d > MaxDuration {
		f.errorf("%s is not one of auto, manual, or a time from 1s to %s such as 10m", show(f.value), MaxDuration)
	}
	return "", d
}

func decodeCanary(f field) *Canary {
	if !f.given() {
		return nil
	}
	keys := f.keys("by", "steps", "every")
	by := keys["by"]
	kind, name, named := strings.Cut(by.text(ByRandom), " ")
	name = strings.TrimSpace(name)
	ok := kind == ByRandom || kind == ByClient
	if kind == ByCookie || kind == ByHeader {
		ok = named && ValidHeaderName.MatchString(name)
		named = false
	}
	if _, isText := by.value.(string); (isText || !by.given()) && (!ok || named) {
		by.errorf("%q is not one of random, client, cookie NAME, header NAME", by.value)
	}
	c := &Canary{By: kind, Name: name}
	for i, item := range keys["steps"].list("percentages such as [5, 25, 50]") {
		if c.Steps = append(c.Steps, item.number(0, 1, 99)); i > 0 && c.Steps[i] <= c.Steps[i-1] {
			item.errorf("%d is not more than %d: the share grows with each step", c.Steps[i], c.Steps[i-1])
		}
	}
	switch {
	case len(c.Steps) > 0:
		c.Every = keys["every"].duration(defaultEvery, time.Second)
	case keys["every"].given():
		keys["every"].errorf("every is how long each of the steps lasts: give steps, too")
	}
	return c
}

func decodeGuard(f field) *Guard {
	if !f.given() {
		return nil
	}
	keys := f.keys("bake", "window", "errors", "latency", "requests", "prometheus")
	g := &Guard{
		Bake:     keys["bake"].duration(defaultBake, time.Second),
		Window:   keys["window"].duration(defaultWindow, time.Second),
		Errors:   keys["errors"].percent(defaultErrors),
		Latency:  keys["latency"].duration(0, Shortest),
		Requests: keys["requests"].number(defaultRequests, 1, 1_000_000),

		Prometheus: decodePrometheus(keys["prometheus"]),
	}
	if g.Window > time.Hour {
		keys["window"].errorf("%s is longer than 1h: the proxies keep all that they count in it", g.Window)
	}
	return g
}

// decodePrometheus reads the queries that judge a release. A password has no place in a label.
func decodePrometheus(f field) *Prometheus {
	if !f.given() {
		return nil
	}
	keys := f.keys("url", "queries")
	p := &Prometheus{URL: keys["url"].text("")}
	if u, err := url.Parse(p.URL); p.URL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		keys["url"].errorf("it is not a URL such as http://prometheus:9090")
	} else if err == nil && u.User != nil {
		keys["url"].errorf("it holds a password, which everybody could read on the swarm: leave url out, and set the variable BLUEGREEN_PROMETHEUS where the command runs")
	}
	for _, item := range keys["queries"].list("queries such as {query: \"up\", max: 1}") {
		of := item.keys("query", "max")
		q := Query{Text: of["query"].required("a query"), Max: of["max"].decimal()}
		if _, err := q.For(QueryData{}); err != nil {
			of["query"].errorf("its template is wrong: %v: it can have {{.Stack}}, {{.Service}}, {{.Color}} and {{.Release}}", err)
		}
		p.Queries = append(p.Queries, q)
	}
	if len(p.Queries) == 0 && tree.Mapping(f.value) != nil {
		f.errorf("it has no query: give queries")
	}
	return p
}

func decodeMetrics(f field) uint16 {
	if !f.given() {
		return 0
	}
	return uint16(f.keys("port")["port"].number(MetricsPort, 1, MaxPort))
}

// decodePage reads which file is the maintenance page; empty for none.
func decodePage(f field) string {
	if !f.given() {
		return ""
	}
	page := f.keys("page")["page"]
	if !page.given() {
		if tree.Mapping(f.value) != nil {
			f.errorf("it needs a page, such as {page: ./maintenance.html}")
		}
		return ""
	}
	return page.required("the path of a file such as ./maintenance.html")
}

func decodeJobs(f field) []string {
	var names []string
	for _, item := range f.list("names of jobs such as smoke") {
		name := item.required("the name of a job of this file")
		if slices.Contains(names, name) {
			item.errorf("%s is listed twice: keep one of them", name)
		}
		names = append(names, name)
	}
	return names
}

func decodePorts(f field) []Port {
	var ports []Port
	for _, item := range f.list("ports such as {target: 8080, mode: http}") {
		keys := item.keys("target", "mode")
		if !item.given() || tree.Mapping(item.value) != nil && !keys["target"].given() {
			item.errorf("target is missing: give the port inside the container")
		}
		ports = append(ports, Port{
			Target: uint16(keys["target"].number(0, 1, MaxPort)),
			Mode:   keys["mode"].oneOf("", ModeHTTP, ModeH2, ModeTCP),
		})
	}
	if items, ok := f.value.([]any); ok && len(items) == 0 {
		f.errorf("it has no port: name at least one, or leave the key out")
	}
	return ports
}

func decodeHealth(f field) Health {
	keys := f.keys("path", "port", "interval", "timeout", "rise", "fall")
	path := keys["path"].text("")
	if path != "" && !validPath.MatchString(path) {
		keys["path"].errorf("%q is not a path: begin it with / and percent-encode blanks and quotes", path)
	}
	return Health{
		Path:     path,
		Port:     uint16(keys["port"].number(0, 1, MaxPort)),
		Interval: keys["interval"].duration(defaultInterval, Shortest),
		Timeout:  keys["timeout"].duration(defaultInterval, Shortest),
		Rise:     keys["rise"].number(defaultRise, 1, 100),
		Fall:     keys["fall"].number(defaultFall, 1, 100),
	}
}

// Overlay lays the settings of a service over the defaults; lists are replaced as a whole.
func Overlay(defaults, value any) any {
	under, over := tree.Mapping(defaults), tree.Mapping(value)
	if value == nil {
		return defaults
	}
	if under == nil || over == nil {
		return value
	}
	out := map[string]any{}
	for key, item := range under {
		out[key] = item
	}
	for key, item := range over {
		out[key] = Overlay(under[key], item)
	}
	return out
}
