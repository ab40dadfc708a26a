package swarm

import (
	"slices"
	"strings"
	"testing"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

// withFiles is a stack with a config and a secret, by their contents.
func withFiles(web, conf, key string) string {
	return `services:
  web:
    image: shop/web:` + web + `
    expose: [8080]
    configs: [conf]
    secrets: [key]
    x-bluegreen: {history: 0}
  job:
    image: shop/job:1
    configs: [conf]
    secrets: [key]
configs: {conf: {content: '` + conf + `'}}
secrets: {key: {environment: ` + key + `}}
`
}

// kept are the names of configs and secrets that are the user's.
func (m *memory) kept() []string {
	var out []string
	for _, o := range m.Objects() {
		if !strings.HasPrefix(o, "service ") && !strings.HasPrefix(o, "network ") && !strings.Contains(o, "bluegreen") {
			out = append(out, o)
		}
	}
	return out
}

// versions counts the versions of a config or secret, such as "config shop_conf".
func (m *memory) versions(of string) int {
	n := 0
	for _, o := range m.kept() {
		if o == of || strings.HasPrefix(o, of+"-") {
			n++
		}
	}
	return n
}

func (m *memory) wantVersions(configs, secrets int) {
	m.t.Helper()
	if c, s := m.versions("config shop_conf"), m.versions("secret shop_key"); c != configs || s != secrets {
		m.t.Errorf("%d versions of the config and %d of the secret, want %d and %d: %v", c, s, configs, secrets, m.kept())
	}
}

// Another content is another version; what an older release or the way back needs stays, and the
// rest is removed in the end.
func TestVersionsOfFiles(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(withFiles("1", "one", "KEY_ONE")))
		m.wantTold("config shop_conf: created", "secret shop_key: created")
		m.wantVersions(1, 1)
		m.must(m.up(withFiles("1", "one", "KEY_ONE")))
		m.wantTold("up: nothing to do: the swarm holds what the file says")
		m.must(m.up(withFiles("1", "two", "KEY_ONE")))
		m.wantRoutes("2:green", "2:green")
		m.wantTold("job service: updated: configs changed")
		m.wantVersions(2, 1)
		m.must(m.up(withFiles("1", "two", "KEY_TWO")))
		m.wantRoutes("3:blue", "3:blue")
		m.wantTold("job service: updated: secrets changed")
		m.wantVersions(1, 2)
		m.must(m.rollback())
		m.wantRoutes("4:green", "4:green")
		m.must(m.up(withFiles("2", "three", "KEY_THREE")))
		m.must(m.up(withFiles("3", "three", "KEY_THREE")))
		m.wantVersions(2, 2) // docker service rollback of job would need those before
		m.must(m.down())
		if left := m.Objects(); len(left) > 0 {
			m.t.Errorf("left: %v", left)
		}
	})
}

// A release that does not come up leaves the versions that it was to have for the next try; what
// runs keeps its own.
func TestVersionsOfAFailedRelease(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(withFiles("1", "one", "KEY_ONE")))
		m.must(m.up(withFiles("2", "one", "KEY_ONE")))
		m.SetApp("shop/web:3", exits)
		m.wantError(m.up(withFiles("3", "two", "KEY_TWO")), nil, "holds release 1 again")
		m.wantRoutes("2:green", "2:green")
		m.SetApp("shop/web:3", m.Default)
		m.must(m.up(withFiles("3", "two", "KEY_TWO")))
		m.wantVersions(2, 2)
		m.must(m.up(withFiles("4", "two", "KEY_TWO")))
		m.wantVersions(2, 2) // docker service rollback of job would need those before
	})
}

// Labels of files are written in place, and restart nothing.
func TestLabelsOfFiles(t *testing.T) {
	labeled := func(label string) string {
		file := withFiles("1", "one", "KEY_ONE")
		file = strings.Replace(file, "{conf: {content: 'one'", "{conf: {content: 'one', labels: {tier: '"+label+"'}", 1)
		return strings.Replace(file, "{key: {environment: KEY_ONE", "{key: {environment: KEY_ONE, labels: {tier: '"+label+"'}", 1)
	}
	inMemory(t, func(m *memory) {
		m.must(m.up(labeled("a")))
		m.forget()
		m.must(m.up(labeled("b")))
		m.wantTold("config shop_conf: updated: labels changed", "secret shop_key: updated: labels changed")
		m.wantRoutes("1:blue", "1:blue")
		m.wantVersions(1, 1)
		for _, tc := range []struct{ call, object, want string }{
			{"ConfigUpdate", "shop_conf", "update config shop_conf: refused"},
			{"SecretUpdate", "shop_key", "compare secret shop_key: refused"},
		} {
			m.failing(tc.call, tc.object, 1, errRefused)
			m.wantText(m.up(labeled("c "+tc.call)), tc.want)
		}
		m.Before = nil
		once := false
		m.Before = func(call, object string) error {
			if call == "ConfigUpdate" && object == "shop_conf" && !once {
				once = true
				list, err := m.ConfigList(m.t.Context(), api.ConfigListOptions{})
				m.must(err)
				i := slices.IndexFunc(list, func(c api.Config) bool { return c.Spec.Name == "shop_conf" })
				m.must(m.ConfigUpdate(m.t.Context(), list[i].ID, list[i].Version, list[i].Spec))
			}
			return nil
		}
		m.wantText(m.up(labeled("d")), "update config shop_conf: somebody else changed it meanwhile: run the command again")
		m.must(m.up(labeled("d")))
	})
}

// What is external must be there, and is never touched.
func TestExternalFiles(t *testing.T) {
	external := func(what string) string {
		file := withFiles("1", "one", "KEY_ONE")
		switch what {
		case "config":
			return strings.Replace(file, "{conf: {content: 'one'}}", "{conf: {external: true}}", 1)
		case "secret":
			return strings.Replace(file, "{key: {environment: KEY_ONE}}", "{key: {external: true}}", 1)
		}
		return file + "networks: {default: {external: true, name: front}}\n"
	}
	for _, tc := range []struct {
		name, want string
		make       func(m *memory) error
	}{
		{"config", "config conf is external and does not exist: create it with `docker config create conf FILE`", func(m *memory) error {
			_, err := m.ConfigCreate(m.t.Context(), api.ConfigSpec{Annotations: api.Annotations{Name: "conf"}, Data: []byte("x")})
			return err
		}},
		{"secret", "secret key is external and does not exist: create it with `docker secret create key FILE`", func(m *memory) error {
			_, err := m.SecretCreate(m.t.Context(), api.SecretSpec{Annotations: api.Annotations{Name: "key"}, Data: []byte("x")})
			return err
		}},
		{"network", "network front is external and does not exist: create it with `docker network create --driver overlay front`", func(m *memory) error {
			_, err := m.NetworkCreate(m.t.Context(), "front", overlay)
			return err
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.wantText(m.up(external(tc.name)), tc.want)
				if left := m.Objects(); len(left) > 0 {
					m.t.Errorf("left: %v", left)
				}
				m.must(tc.make(m))
				made := m.Objects()
				m.must(m.up(external(tc.name)))
				m.wantRoutes("1:blue", "1:blue")
				m.must(m.down())
				if left := m.Objects(); !slices.Equal(left, made) {
					m.t.Errorf("left: %v, want %v", left, made)
				}
			})
		})
	}
}

func (m *memory) configName(id string) string {
	list, err := m.ConfigList(m.t.Context(), api.ConfigListOptions{})
	m.must(err)
	for _, c := range list {
		if c.ID == id {
			return c.Spec.Name
		}
	}
	return ""
}

// A version that somebody uses by now stays; so do all while a service that is not required fails.
func TestVersionsThatStay(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(withFiles("1", "one", "KEY_ONE")))
		m.must(m.up(withFiles("2", "two", "KEY_TWO")))
		m.byHand("shop_job", func(s *api.ServiceSpec) { s.Labels["a"] = "b" }) // its spec before is of the second versions now
		m.Before = func(call, id string) error {
			if call == "ConfigRemove" && strings.HasPrefix(m.configName(id), "shop_conf") || call == "SecretRemove" {
				return errInUse
			}
			return nil
		}
		m.forget()
		m.must(m.up(withFiles("3", "two", "KEY_TWO")))
		m.must(m.up(withFiles("4", "two", "KEY_TWO")))
		m.Before = nil
		m.wantTold("config shop_conf: kept: it is in use again", "secret shop_key: kept: it is in use again")
		m.wantVersions(2, 2)
		optional := strings.Replace(withFiles("5", "two", "KEY_TWO"), "    expose: [8080]\n", "    expose: [8080]\n    depends_on: {job: {condition: service_healthy, required: false}}\n", 1)
		m.SetApp("shop/job:2", swarmtest.App{Start: 1, Fails: true})
		m.wantError(m.up(strings.Replace(optional, "job:1", "job:2", 1)), nil, "service job did not become healthy: ")
		m.wantTold("config shop_conf: kept: a service failed", "secret shop_key: kept: a service failed")
		m.wantVersions(2, 2)
		m.must(m.up(withFiles("5", "two", "KEY_TWO")))
		m.wantVersions(1, 1)
		m.failing("SecretCreate", "shop_key", 1, errRefused)
		m.wantText(m.up(withFiles("5", "two", "KEY_THREE")), "create secret shop_key-X: refused")
		m.failing("ConfigCreate", "shop_conf", 1, errRefused)
		m.wantText(m.up(withFiles("5", "three", "KEY_TWO")), "create config shop_conf-X: refused")
		m.Before = nil
		m.must(m.upWith("services: {db: {image: 'postgres:16'}}", plan.UpOptions{Prune: true}))
		m.wantServices(map[string]string{"shop_db": postgres})
	})
}
