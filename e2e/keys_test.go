//go:build e2e

package e2e

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/versions"
)

// beyond has keys that docker stack deploy takes and drops, and some that the engine of the lab
// does not know.
const beyond = `
services:
  web:
    image: app:v1
    tmpfs: ["/scratch:size=1m,mode=0700,exec"]
    security_opt: ["label=user:USER", "no-new-privileges:true"]
    oom_score_adj: 100
    healthcheck: {test: [CMD, /app, -healthcheck], interval: 1s, start_period: 1s, start_interval: 1s}
    volumes: [{type: bind, source: /proc, target: /host, bind: {recursive: disabled}}]
    deploy: {endpoint_mode: dnsrr, placement: {constraints: [node.hostname == n2]}}
  host:
    image: app:v1
    network_mode: host
    environment: {APP_PORTS: "18080"}
    deploy: {endpoint_mode: dnsrr, placement: {constraints: [node.hostname == n2]}}
  bridge:
    image: app:v1
    network_mode: bridge
    deploy: {endpoint_mode: dnsrr, placement: {constraints: [node.hostname == n2]}}
  same:
    image: app:v1
    deploy: {endpoint_mode: dnsrr}
`

// Keys that stack deploy drops reach the containers; what the engine drops is said; a stack of
// stack deploy is changed once, where it has such keys, and then no more.
func TestKeysBeyondStackDeploy(t *testing.T) {
	long(t)
	t.Parallel()
	s := newStack(t, beyond)
	if r := s.stackDeploy(); r.code != 0 {
		t.Fatal(r.out)
	}
	for _, name := range []string{"web", "host", "bridge", "same"} {
		s.eventually(name+" runs", func() bool { return len(s.tasks(name)) == 1 })
	}
	before, written := s.taskIDs("same"), s.serviceVersions()

	api := s.engine.ClientVersion()
	security := []string{"label=user:USER"}
	var dropped []string
	if versions.LessThan(api, "1.44") {
		dropped = append(dropped, "service web: healthcheck.start_interval: the engine speaks API", "service web: security_opt: no-new-privileges: the engine speaks API")
	} else {
		security = append(security, "no-new-privileges=true")
	}
	var score int
	var options [][]string
	if versions.LessThan(api, "1.46") {
		dropped = append(dropped, "service web: oom_score_adj: the engine speaks API", "service web: tmpfs: exec: the engine speaks API")
	} else {
		score, options = 100, [][]string{{"exec"}}
	}
	s.says(s.exits(s.run("up", "--strict"), 1), append(dropped, "--strict")...)
	if now := s.serviceVersions(); !reflect.DeepEqual(now, written) {
		t.Errorf("an up that was refused wrote services: %v, before %v", now, written)
	}
	s.says(s.must("up"), dropped...)
	s.same("same", before)

	web := s.inspect("web").HostConfig
	tmpfs := web.Mounts[0]
	if tmpfs.Type != "tmpfs" {
		tmpfs = web.Mounts[1]
	}
	if tmpfs.Target != "/scratch" || tmpfs.TmpfsOptions.SizeBytes != 1<<20 || tmpfs.TmpfsOptions.Mode != 0o700 {
		t.Errorf("the container has the mounts %+v", web.Mounts)
	}
	if got := slices.Sorted(slices.Values(web.SecurityOpt)); !slices.Equal(got, security) {
		t.Errorf("the container has the security options %q, want %q", got, security)
	}
	if web.OomScoreAdj != score || !reflect.DeepEqual(tmpfs.TmpfsOptions.Options, options) {
		t.Errorf("the container has the score %d and the tmpfs options %q, want %d and %q", web.OomScoreAdj, tmpfs.TmpfsOptions.Options, score, options)
	}
	// What runs on a network of the stack stays there; new services get what the file says.
	for _, mode := range []string{"host", "bridge"} {
		s.says(s.must("up"), "service "+mode+": network_mode: "+mode, "name: "+mode+", external: true")
		if networks := s.inspect(mode).NetworkSettings.Networks; networks[s.name+"_default"] == nil {
			t.Errorf("%s is on %v", mode, networks)
		}
	}
	s.write(strings.NewReplacer("  host:\n", "  newhost:\n", "  bridge:\n", "  newbridge:\n").Replace(beyond))
	s.must("up", "--prune")
	for _, mode := range []string{"host", "bridge"} {
		networks := s.inspect("new" + mode).NetworkSettings.Networks
		if len(networks) != 1 || networks[mode] == nil {
			t.Errorf("%s is on %v", mode, networks)
		}
	}
	written = s.serviceVersions()
	s.says(s.must("up"), "nothing to do")
	if now := s.serviceVersions(); !reflect.DeepEqual(now, written) {
		t.Errorf("an up without changes wrote services: %v, before %v", now, written)
	}
}

// inspect is the container of a service's one task, which runs on n2.
func (s *stack) inspect(service string) container.InspectResponse {
	s.t.Helper()
	var tasks []swarm.Task
	s.eventually(service+" runs one task", func() bool { tasks = s.tasks(service); return len(tasks) == 1 })
	var out []container.InspectResponse
	if err := json.Unmarshal([]byte(s.dockerOn("n2", "inspect", tasks[0].Status.ContainerStatus.ContainerID)), &out); err != nil {
		s.t.Fatal(err)
	}
	return out[0]
}
