//go:build e2e

package e2e

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// secured is a service that speaks HTTP on one port, TLS on two others and neither on a fourth; two
// others call it, one of them by HTTPS. EXPOSED marks where they are exposed, BLUEGREEN where
// x-bluegreen comes.
const secured = `
services:
  web:
    image: app:${V:-v1}
    environment: {APP_TLS_PORTS: "8443,9444", APP_TCP_PORTS: "9000"}
    expose: EXPOSED
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 1s}}
    BLUEGREEN
  caller:
    image: app:v1
    environment: {APP_CALL: "http://web:8080"}
    ports: [{target: 8080, published: 8590, mode: host}]
    deploy: {endpoint_mode: dnsrr, placement: {constraints: [node.hostname == n2]}}
  secure-caller:
    image: app:v1
    environment: {APP_CALL: "https://web:8443"}
    ports: [{target: 8080, published: 8591, mode: host}]
    deploy: {endpoint_mode: dnsrr, placement: {constraints: [node.hostname == n2]}}
`

func securedFile(ports, keys string) string {
	return strings.NewReplacer("EXPOSED", ports, "BLUEGREEN",
		`x-bluegreen: {health: {path: /, interval: 500ms}, drain: 5s, timeout: 5m, proxy: {image: "`+newest+`"}`+keys+`}`).Replace(secured)
}

// A port that does not speak HTTP is never given to proxies as one that does: that is found out
// before they take over, the message says what to write, and nothing of it stays on the swarm. TLS
// on 8443 needs no word, and passes through.
func TestPortsAreLookedAt(t *testing.T) {
	long(t)
	s := newStack(t, strings.NewReplacer("EXPOSED", "[]", "BLUEGREEN", "").Replace(secured))
	s.exits(s.stackDeploy(), 0)
	s.eventually("the callers get answers", func() bool { return seenAt(8590).OK > 0 && seenAt(8591).OK > 0 })
	for _, port := range []int{8590, 8591} {
		if _, err := callsAt(port, true); err != nil { // there was no web before
			t.Fatal(err)
		}
	}
	before, versions := s.objects(), s.serviceVersions()
	refused := func(ports, keys string, says ...string) {
		t.Helper()
		s.write(securedFile(ports, keys))
		r := s.exits(s.run("up"), 1)
		s.says(r, says...)
		if now := s.objects(); !slices.Equal(now, before) {
			t.Errorf("the swarm holds %v, before it held %v\n%s", now, before, r.out)
		}
		if now := s.serviceVersions(); !reflect.DeepEqual(now, versions) {
			t.Errorf("services were written: %v, before %v", now, versions)
		}
	}
	refused("[8080, 9444, 9000]", "", "web", "port 9444 is mode http, and it speaks TLS", `port 9000 is mode http, and it does not speak HTTP: its answer begins with "v1`,
		"ports: [{target: 8080, mode: http}, {target: 9000, mode: tcp}, {target: 9444, mode: tcp}]")
	refused("[]", ", ports: [{target: 8080, mode: h2}, {target: 8443, mode: http}]", "port 8443 is mode http, and it speaks TLS")

	s.write(securedFile("[8080, 8443]", ""))
	s.must("up")
	s.up("v2")
	s.eventually("both callers get answers of v2", func() bool { return seenAt(8590).Versions["v2"] > 0 && seenAt(8591).Versions["v2"] > 0 })

	// A port that comes later is looked at as well; the proxies do not get it.
	s.write(securedFile("[8080, 8443, 9444]", ""))
	s.says(s.exits(s.runEnv([]string{"V=v2"}, "up"), 1), "port 9444 is mode http, and it speaks TLS")
	s.write(securedFile("[8080, 8443, 9444]", ""))
	s.says(s.exits(s.runEnv([]string{"V=v3"}, "up"), 1), "port 9444 is mode http, and it speaks TLS")
	if active := s.active("web"); active != "green" {
		t.Errorf("%s is active, it was green", active)
	}
	s.write(securedFile("[8080, 8443]", ""))
	s.up("v2")
	s.eventually("the colors run", func() bool { return len(s.tasks("web-blue")) == 2 && len(s.tasks("web-green")) == 2 })
	s.must("flip")
	s.eventually("both callers get answers of v1 again", func() bool { return seenAt(8590).Last == "v1" && seenAt(8591).Last == "v1" })
	for _, port := range []int{8590, 8591} {
		if st := seenAt(port); st.Failed > 0 {
			t.Errorf("calls at %d: %+v", port, st)
		}
	}
	s.consistent()
}

// seenAt is what the caller at a port of n2 has seen, nothing if it does not answer.
func seenAt(port int) callStats {
	st, err := callsAt(port, false)
	if err != nil {
		return callStats{}
	}
	return st
}
