package compose

import (
	"slices"
	"testing"

	"github.com/docker/docker/api/types/swarm"
)

// specOf loads a file and returns the spec of its service web.
func specOf(t *testing.T, file string, environ ...string) swarm.ServiceSpec {
	t.Helper()
	p, err := loadText(t, file, environ...)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range p.Services {
		if s.Name == "web" {
			return s.Spec
		}
	}
	t.Fatal("there is no service web")
	return swarm.ServiceSpec{}
}

// TestDeviations holds where we differ from docker stack deploy on purpose; PARITY.md lists the
// same.
func TestDeviations(t *testing.T) {
	t.Run("a file mode in quotes is octal, as it is without", func(t *testing.T) {
		spec := specOf(t, `{services: {web: {image: a, secrets: [{source: s, mode: "${M:-0440}"}]}}, secrets: {s: {external: true}}}`)
		if mode := spec.TaskTemplate.ContainerSpec.Secrets[0].File.Mode; mode != 0o440 {
			t.Errorf("mode %o", mode)
		}
	})
	t.Run("a variable in a default has its value", func(t *testing.T) {
		spec := specOf(t, `services: {web: {image: "a:${TAG:-${OTHER}}"}}`, "OTHER=1")
		if image := spec.TaskTemplate.ContainerSpec.Image; image != "a:1" {
			t.Error(image)
		}
	})
	t.Run("what follows $NAME is text", func(t *testing.T) {
		spec := specOf(t, `services: {web: {image: "a:x$TAG-alpine"}}`)
		if image := spec.TaskTemplate.ContainerSpec.Image; image != "a:x-alpine" {
			t.Error(image)
		}
	})
	t.Run("COMPOSE_PROJECT_NAME is the stack's name", func(t *testing.T) {
		spec := specOf(t, `services: {web: {image: a, environment: {N: "$COMPOSE_PROJECT_NAME"}}}`)
		if env := spec.TaskTemplate.ContainerSpec.Env; !slices.Equal(env, []string{"N=shop"}) {
			t.Error(env)
		}
	})
}
