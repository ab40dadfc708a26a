//go:build e2e

package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// called is a service web that another one calls by its alias; BLUEGREEN marks where x-bluegreen
// comes.
const called = `
version: "3.9"
services:
  web:
    image: app:${V:-v1}
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 1s}}
    BLUEGREEN
  caller:
    image: app:v1
    environment: {APP_CALL: "http://web:8080"}
    ports: [{target: 8080, published: 8690, mode: host}]
    deploy: {endpoint_mode: dnsrr, placement: {constraints: [node.hostname == n2]}}
`

func plainFile(file string) string { return strings.Replace(file, "BLUEGREEN", "", 1) }

func blueGreenFile(file string) string {
	return strings.Replace(file, "BLUEGREEN",
		`x-bluegreen: {ports: [{target: 8080}], health: {path: /, interval: 500ms}, drain: 5s, timeout: 5m, proxy: {image: "`+newest+`"}}`, 1)
}

// Scenario f: a running plain service becomes blue-green in place; a service that calls it by its
// alias sees no failure, and docker service rollback does not bring the app back in place of the
// proxies.
func TestAdopt(t *testing.T) {
	t.Parallel()
	s := newStack(t, plainFile(called))
	s.exits(s.stackDeploy(), 0)
	// A node that has just come may know the tasks of others half a minute late: then the name is
	// gone with the first of them that stops, whoever stops it.
	s.eventually("the caller's node knows all tasks", func() bool {
		st, err := s.callerStats(false)
		return err == nil && st.OK > 0 && len(st.Known) == len(s.tasks("web"))
	})
	plain := s.service("web")
	if _, err := s.callerStats(true); err != nil {
		t.Fatal(err)
	}

	s.write(blueGreenFile(called))
	s.up("v1")
	adopted := s.service("web")
	if adopted.ID != plain.ID || !reflect.DeepEqual(adopted.Spec.Mode, plain.Spec.Mode) || !reflect.DeepEqual(adopted.Spec.EndpointSpec, plain.Spec.EndpointSpec) {
		t.Errorf("id, mode or ports changed:\n%+v\n%+v", plain, adopted)
	}
	if !slices.ContainsFunc(adopted.Spec.TaskTemplate.Networks, func(n swarm.NetworkAttachmentConfig) bool { return slices.Contains(n.Aliases, "web") }) {
		t.Errorf("the alias web is gone: %+v", adopted.Spec.TaskTemplate.Networks)
	}

	proxies := s.taskIDs("web")
	s.docker("service", "rollback", "--detach", s.name+"_web")
	if image := s.service("web").Spec.TaskTemplate.ContainerSpec.Image; !strings.HasPrefix(image, "haproxy:") {
		t.Errorf("docker service rollback made the proxies %s", image)
	}
	s.up("v2")
	s.callerSees("v2")
	s.same("web", proxies)
	s.consistent()

	// And back: without x-bluegreen the proxies become the app, in place, and nothing of ours is
	// left. A script must say that it is meant; the first try is killed half-way, and what was
	// begun goes on without a word.
	s.write(plainFile(called))
	before, versions := s.objects(), s.serviceVersions()
	s.says(s.exits(s.runEnv([]string{"V=v2"}, "up"), 1), "web", "x-bluegreen", "--yes")
	if now := s.objects(); !slices.Equal(now, before) || !reflect.DeepEqual(s.serviceVersions(), versions) {
		t.Errorf("an up that was refused changed something: %v, before %v", now, before)
	}
	p := s.start([]string{"V=v2"}, "up", "--yes")
	p.out.await(2, p.done)
	if p.end(syscall.SIGKILL) == 0 {
		t.Errorf("the command ended before it was killed\n%s", p.out)
	}
	s.says(s.up("v2"), "given back")
	back := s.service("web")
	if back.ID != plain.ID || !reflect.DeepEqual(back.Endpoint.Spec, plain.Endpoint.Spec) || !reflect.DeepEqual(back.Spec.UpdateConfig, plain.Spec.UpdateConfig) {
		t.Errorf("id, ports or update_config changed:\n%+v\n%+v", plain, back)
	}
	for _, o := range s.objects() {
		if strings.Contains(o, "bluegreen") || strings.Contains(o, "-blue") || strings.Contains(o, "-green") {
			t.Errorf("left: %s", o)
		}
	}
	if _, err := s.callerStats(false); err != nil {
		t.Fatal(err)
	}
	s.says(s.up("v2"), "nothing to do")
	s.docker("service", "rollback", "--detach", s.name+"_web")
	if image := s.service("web").Spec.TaskTemplate.ContainerSpec.Image; image != "app:v2" {
		t.Errorf("docker service rollback made the app %s", image)
	}
	s.eventually("the app runs", func() bool { return len(s.tasks("web")) == 2 })
	s.noFailedCalls()
}

// Adoption with host-mode ports is refused with the reason and changes nothing; with --accept-gap
// it is done in place.
func TestAdoptHostPorts(t *testing.T) {
	long(t)
	t.Parallel()
	file := strings.Replace(called, "    deploy: {replicas: 2,", "    ports: [{target: 8080, published: 8692, mode: host}]\n    deploy: {replicas: 2,", 1)
	file = strings.Replace(file, "published: 8690", "published: 8691", 1)
	s := newStack(t, plainFile(file))
	s.exits(s.stackDeploy(), 0)
	l := s.load(8692, load.Options{Rate: 100})
	await(t, l, "v1")
	running := time.Now()
	before, versions, id := s.objects(), s.serviceVersions(), s.service("web").ID

	s.write(blueGreenFile(file))
	r := s.exits(s.run("up"), 1)
	s.says(r, "web", "host-mode", "--accept-gap")
	if now := s.objects(); !slices.Equal(now, before) {
		t.Errorf("the swarm holds %v, before it held %v", now, before)
	}
	if now := s.serviceVersions(); !reflect.DeepEqual(now, versions) {
		t.Errorf("services were written: %v, before %v", now, versions)
	}
	s.zeroFailed(l.Since(running))
	l.Stop()

	s.up("v1", "--accept-gap")
	if now := s.service("web").ID; now != id {
		t.Errorf("the service is %s, it was %s", now, id)
	}
	s.settled(s.load(8692, load.Options{Rate: 100}), "v1")
}

// callStats is what the application says at /stats when it calls another.
type callStats struct {
	OK       int            `json:"ok"`
	Failed   int            `json:"failed"`
	Versions map[string]int `json:"versions"`
	Last     string         `json:"last"`
	Errors   []string       `json:"errors"`
	Known    []string       `json:"known"` // addresses of the name, as n2 knows them
}

// callerStats asks the caller on n2 what it has seen; with reset it then begins anew.
func (s *stack) callerStats(reset bool) (st callStats, err error) { return callsAt(s.caller, reset) }

// callsAt asks the caller at a port of n2.
func callsAt(port int, reset bool) (st callStats, err error) {
	url := "http://" + target("n2", port) + "/stats"
	if reset {
		url += "?reset=1"
	}
	resp, err := oneShot.Get(url)
	if err != nil {
		return st, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return st, err
	}
	return st, json.Unmarshal(body, &st)
}

// oneShot keeps no connection: proxies that stop would wait for it.
var oneShot = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// callerSees waits until a version has answered the caller.
func (s *stack) callerSees(version string) {
	s.t.Helper()
	s.eventually("the caller gets answers of "+version, func() bool {
		st, err := s.callerStats(false)
		return err == nil && st.Versions[version] > 0
	})
}

// noFailedCalls fails the test if a call of the caller failed, or if there were none.
func (s *stack) noFailedCalls() {
	s.t.Helper()
	st, err := s.callerStats(false)
	if err != nil || st.Failed > 0 || st.OK == 0 {
		s.t.Errorf("the caller's calls: %+v, %v", st, err)
	}
}

// serviceVersions are the versions of all services of the stack, by name: each write makes it
// higher. It waits for the updates that are under way, since Swarm writes their end too.
func (s *stack) serviceVersions() map[string]uint64 {
	s.t.Helper()
	s.eventually("updates have ended", func() bool {
		return !slices.ContainsFunc(s.services(), func(svc swarm.Service) bool {
			return svc.UpdateStatus != nil && (svc.UpdateStatus.State == swarm.UpdateStateUpdating || svc.UpdateStatus.State == swarm.UpdateStateRollbackStarted)
		})
	})
	versions := map[string]uint64{}
	for _, svc := range s.services() {
		versions[svc.Spec.Name] = svc.Version.Index
	}
	return versions
}
