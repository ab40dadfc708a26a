package paritytest

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/cli/cli/compose/convert"
	"github.com/docker/cli/cli/compose/loader"
	composetypes "github.com/docker/cli/cli/compose/types"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"
)

// sent is all that docker stack deploy would create on an empty swarm.
type sent struct {
	Networks map[string]network.CreateOptions `json:"networks"`
	External []string                         `json:"external"`
	Secrets  map[string]swarm.SecretSpec      `json:"secrets"`
	Configs  map[string]swarm.ConfigSpec      `json:"configs"`
	Services map[string]swarm.ServiceSpec     `json:"services"`
}

// deploy does what docker stack deploy does up to the calls to the engine.
func deploy(t *testing.T, dir, stack string) (*sent, error) {
	t.Helper()
	config, err := load(t, dir)
	if err != nil {
		return nil, err
	}
	namespace := convert.NewNamespace(stack)
	out := &sent{
		Networks: map[string]network.CreateOptions{},
		Secrets:  map[string]swarm.SecretSpec{},
		Configs:  map[string]swarm.ConfigSpec{},
	}
	networks, external := convert.Networks(namespace, config.Networks, usedNetworks(config.Services))
	for name, create := range networks {
		create.Driver = cmp.Or(create.Driver, "overlay")
		out.Networks[name] = create
	}
	slices.Sort(external)
	out.External = external
	secrets, err := convert.Secrets(namespace, config.Secrets)
	if err != nil {
		return nil, err
	}
	for _, secret := range secrets {
		out.Secrets[secret.Name] = secret
	}
	configs, err := convert.Configs(namespace, config.Configs)
	if err != nil {
		return nil, err
	}
	for _, config := range configs {
		out.Configs[config.Name] = config
	}
	services, err := convert.Services(t.Context(), namespace, config, anySwarm{})
	if err != nil {
		return nil, err
	}
	out.Services = map[string]swarm.ServiceSpec{}
	for _, spec := range services {
		withoutIDs(spec)
		out.Services[spec.Name] = spec
	}
	return out, nil
}

func load(t *testing.T, dir string) (*composetypes.Config, error) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	file, err := loader.ParseYAML(content)
	if err != nil {
		return nil, err
	}
	config, err := loader.Load(composetypes.ConfigDetails{
		WorkingDir:  dir,
		ConfigFiles: []composetypes.ConfigFile{{Filename: "compose.yml", Config: file}},
		Environment: environ(),
	})
	if err != nil {
		return nil, err
	}
	for _, service := range config.Services {
		if service.Image == "" {
			return nil, fmt.Errorf("service %s: no image specified", service.Name)
		}
	}
	return config, nil
}

func environ() map[string]string {
	out := map[string]string{}
	for _, entry := range os.Environ() {
		key, value, _ := strings.Cut(entry, "=")
		out[key] = value
	}
	return out
}

func usedNetworks(services []composetypes.ServiceConfig) map[string]struct{} {
	used := map[string]struct{}{}
	for _, service := range services {
		if len(service.Networks) == 0 {
			used["default"] = struct{}{}
		}
		for name := range service.Networks {
			used[name] = struct{}{}
		}
	}
	return used
}

// withoutIDs leaves names where the executor fills in ids, and puts references in an order.
func withoutIDs(spec swarm.ServiceSpec) {
	container := spec.TaskTemplate.ContainerSpec
	for _, ref := range container.Configs {
		ref.ConfigID = ""
	}
	slices.SortFunc(container.Secrets, func(a, b *swarm.SecretReference) int {
		return cmp.Or(cmp.Compare(a.SecretName, b.SecretName), cmp.Compare(a.File.Name, b.File.Name))
	})
	slices.SortFunc(container.Configs, func(a, b *swarm.ConfigReference) int {
		return cmp.Or(cmp.Compare(a.ConfigName, b.ConfigName), cmp.Compare(target(a), target(b)))
	})
}

func target(ref *swarm.ConfigReference) string {
	if ref.File == nil {
		return ""
	}
	return ref.File.Name
}

// anySwarm has every secret and config that it is asked for. A config's id is its name.
type anySwarm struct{ client.APIClient }

func (anySwarm) ClientVersion() string { return "1.51" }

func (anySwarm) SecretList(_ context.Context, o swarm.SecretListOptions) ([]swarm.Secret, error) {
	var out []swarm.Secret
	for _, name := range o.Filters.Get("name") {
		out = append(out, swarm.Secret{Spec: swarm.SecretSpec{Annotations: swarm.Annotations{Name: name}}})
	}
	return out, nil
}

func (anySwarm) ConfigList(_ context.Context, o swarm.ConfigListOptions) ([]swarm.Config, error) {
	var out []swarm.Config
	for _, name := range o.Filters.Get("name") {
		out = append(out, swarm.Config{ID: name, Spec: swarm.ConfigSpec{Annotations: swarm.Annotations{Name: name}}})
	}
	return out, nil
}
