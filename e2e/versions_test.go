//go:build e2e

package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/swarm"
)

// filed is a blue-green service and a plain one that use the same config and secret. No history
// keeps what older releases need: TestHistory.
const filed = `
version: "3.9"
x-any: &any {endpoint_mode: dnsrr, restart_policy: {delay: 1s}}
services:
  web:
    image: app:v1
    environment: {APP_STOP_DELAY: 0s}
    ports: [{target: 8080, published: 8480, mode: host}]
    configs: [{source: conf, target: /etc/conf}]
    secrets: [key]
    deploy: {<<: *any}
    x-bluegreen: {history: 0, health: {path: /, interval: 500ms}, drain: 5s, timeout: 5m, proxy: {image: "` + newest + `"}}
  worker:
    image: app:v1
    environment: {APP_STOP_DELAY: 0s}
    ports: [{target: 8080, published: 8481, mode: host}]
    configs: [{source: conf, target: /etc/conf}]
    secrets: [key]
    deploy: {<<: *any, placement: {constraints: [node.hostname == n2]}}
configs: {conf: {file: ./conf.txt, labels: {team: "${TEAM:-shop}"}}}
secrets: {key: {file: ./key.txt, labels: {team: "${TEAM:-shop}"}}}
`

// Changed contents of a config and a secret are new versions of them: the next up takes them to a
// new release and to the plain service, the way back still finds the old ones, and those that
// nobody can come back to are removed.
func TestVersions(t *testing.T) {
	t.Parallel()
	s := newStack(t, filed)
	s.content("one")
	s.must("up")
	s.answers(8480, "one")
	s.answers(8481, "one")
	conf, key := s.name+"_conf", s.name+"_key"
	first := s.files()
	s.sameNames(first, conf, key)

	s.content("two")
	s.must("up")
	s.answers(8480, "two")
	s.answers(8481, "two")
	second := s.files()
	s.sameNames(second, conf, contentName(conf, "conf two"), key, s.newest(key, second, first))
	s.must("rollback")
	s.answers(8480, "one")

	s.content("three")
	s.must("up")
	third := s.files() // blue holds the first still, and worker could be rolled back to the second
	s.sameNames(third, conf, contentName(conf, "conf two"), contentName(conf, "conf three"),
		key, s.newest(key, second, first), s.newest(key, third, second))

	s.content("four")
	s.must("up")
	s.answers(8480, "four")
	s.answers(8481, "four")
	fourth := s.files()
	s.sameNames(fourth, contentName(conf, "conf three"), contentName(conf, "conf four"),
		s.newest(key, third, second), s.newest(key, fourth, third))
	services := s.serviceVersions()
	s.says(s.must("up"), "nothing to do")
	if now := s.files(); !reflect.DeepEqual(now, fourth) {
		t.Errorf("an up without changes wrote secrets or configs: %v, before %v", now, fourth)
	}
	if now := s.serviceVersions(); !reflect.DeepEqual(now, services) {
		t.Errorf("an up without changes wrote services: %v, before %v", now, services)
	}
	s.must("rollback")
	s.answers(8480, "three")
	s.consistent()
}

// Contents of a stack that docker stack deploy made change likewise, and docker stack rm removes
// all versions.
func TestVersionsAfterStackDeploy(t *testing.T) {
	long(t)
	t.Parallel()
	plain, rest, _ := strings.Cut(filed, "  web:")
	_, worker, _ := strings.Cut(rest, "  worker:")
	s := newStack(t, strings.Replace(plain+"  worker:"+worker, "8481", "8482", 1))
	s.content("one")
	s.exits(s.stackDeploy(), 0)
	s.eventually("worker runs", func() bool { return len(s.tasks("worker")) == 1 })
	tasks, made := s.taskIDs("worker"), s.files()
	s.must("up")
	s.same("worker", tasks)
	if now := s.files(); !reflect.DeepEqual(now, made) {
		t.Errorf("an up without changes wrote secrets or configs: %v, before %v", now, made)
	}
	s.mustEnv([]string{"TEAM=ops"}, "up") // labels are written in place
	s.same("worker", tasks)
	s.sameNames(s.files(), s.name+"_conf", s.name+"_key")
	s.labeled("ops")

	s.content("two")
	s.must("up")
	s.answers(8482, "two")
	conf, key := s.name+"_conf", s.name+"_key"
	second := s.files()
	s.sameNames(second, conf, contentName(conf, "conf two"), key, s.newest(key, second, made))

	// docker service rollback finds what it needs.
	s.docker("service", "rollback", "--detach=false", "--quiet", s.name+"_worker")
	s.answers(8482, "one")
	s.must("up")
	s.answers(8482, "two")

	s.docker("stack", "rm", s.name)
	s.eventually("docker stack rm has removed all versions", func() bool { return len(s.files()) == 0 })
}

// labeled fails the test unless all secrets and configs of the stack's file have a label.
func (s *stack) labeled(team string) {
	s.t.Helper()
	for kind, list := range map[string]func(context.Context) (map[string]map[string]string, error){"secret": s.secretLabels, "config": s.configLabels} {
		all, err := list(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		for name, labels := range all {
			if labels["com.docker.stack.namespace"] == s.name && labels["team"] != team {
				s.t.Errorf("%s %s has the labels %v, want team=%s", kind, name, labels, team)
			}
		}
	}
}

// content writes the contents of the config and the secret.
func (s *stack) content(which string) {
	s.t.Helper()
	for file, content := range map[string]string{"conf.txt": "conf " + which, "key.txt": "key " + which} {
		if err := os.WriteFile(filepath.Join(s.dir, file), []byte(content), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// answers fails the test unless the service behind a port of n2 sees these contents.
func (s *stack) answers(port int, which string) {
	s.t.Helper()
	for path, want := range map[string]string{"/etc/conf": "conf " + which, "/run/secrets/key": "key " + which} {
		resp, err := http.Get("http://" + target("n2", port) + "/file?path=" + url.QueryEscape(path))
		if err != nil {
			s.t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(got) != want {
			s.t.Errorf("%s of port %d is %q (%s, %v), want %q", path, port, got, resp.Status, err, want)
		}
	}
}

// files are the versions, as Swarm counts writes, of the secrets and configs of the stack's file,
// by name.
func (s *stack) files() map[string]uint64 {
	s.t.Helper()
	secrets, err := s.engine.SecretList(s.t.Context(), swarm.SecretListOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	configs, err := s.engine.ConfigList(s.t.Context(), swarm.ConfigListOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	found := map[string]uint64{}
	for _, x := range secrets {
		if x.Spec.Labels["com.docker.stack.namespace"] == s.name {
			found[x.Spec.Name] = x.Version.Index
		}
	}
	for _, x := range configs {
		if x.Spec.Labels["com.docker.stack.namespace"] == s.name {
			found[x.Spec.Name] = x.Version.Index
		}
	}
	return found
}

func (s *stack) sameNames(files map[string]uint64, want ...string) {
	s.t.Helper()
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	slices.Sort(want)
	if !slices.Equal(names, want) {
		s.t.Errorf("the swarm holds %v, want %v", names, want)
	}
}

// newest is the name of the one version of a secret that there was not before: eight digits tell it
// from the base name.
func (s *stack) newest(base string, now, before map[string]uint64) string {
	s.t.Helper()
	var found []string
	for name := range now {
		if _, old := before[name]; !old && strings.HasPrefix(name, base+"-") && len(name) == len(base)+len("-12345678") {
			found = append(found, name)
		}
	}
	if len(found) != 1 {
		s.t.Fatalf("new versions of %s are %v, want one", base, found)
	}
	return found[0]
}

// contentName is the name of the version of a config that holds a content.
func contentName(base, content string) string {
	sum := sha256.Sum256([]byte(content))
	return base + "-" + hex.EncodeToString(sum[:])[:8]
}
