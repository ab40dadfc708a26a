package compose

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// Swarm takes less than this many bytes.
const (
	maxSecret = 500 * 1024
	maxConfig = 1000 * 1024
)

// secrets are all that the file defines, as docker stack deploy creates them, and the external ones
// in use.
func (m *model) secrets(p *Project) error {
	p.Secrets = map[string]Secret{}
	objects := map[string]types.FileObjectConfig{}
	for key, secret := range m.project.Secrets {
		objects[key] = types.FileObjectConfig(secret)
	}
	return m.eachObject("secret", objects, m.secretUsage(), func(key, name string, object types.FileObjectConfig) error {
		spec, err := m.secretSpec(key, name, object)
		p.Secrets[name] = Secret{External: bool(object.External), Spec: spec}
		return err
	})
}

// configs are all that the file defines, and the external ones in use.
func (m *model) configs(p *Project) error {
	p.Configs = map[string]Config{}
	objects := map[string]types.FileObjectConfig{}
	for key, config := range m.project.Configs {
		objects[key] = types.FileObjectConfig(config)
	}
	return m.eachObject("config", objects, m.configUsage(), func(key, name string, object types.FileObjectConfig) error {
		spec, err := m.configSpec(key, name, object)
		p.Configs[name] = Config{External: bool(object.External), Spec: spec}
		return err
	})
}

// eachObject runs add for the secrets or configs that a stack has to do with, and joins its errors.
func (m *model) eachObject(kind string, objects map[string]types.FileObjectConfig, used usage,
	add func(key, name string, object types.FileObjectConfig) error,
) error {
	var errs []error
	seen := names{}
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		object := objects[key]
		external := bool(object.External)
		if used.onlyDisabled(key) || external && !used.active[key] {
			continue
		}
		name := m.nameOf(key, object.Name, external)
		err := m.checkObject(kind+"s", key, name)
		if err == nil {
			err = seen.add(m, kind+"s", key, name, external)
		}
		if err == nil {
			err = add(key, name, object)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %s: %w", kind, key, err))
		}
	}
	return errors.Join(errs...)
}

// checkObject says whether Swarm and we take the name and labels of a secret or config.
func (m *model) checkObject(kind, key, name string) error {
	err := checkObjectName(name)
	if err == nil {
		err = m.checkOwnName(name)
	}
	if err == nil {
		err = checkOwnLabels(m.labeled(tree.Dig(m.raw, kind, key, "labels")))
	}
	return err
}

func (m *model) secretSpec(key, name string, object types.FileObjectConfig) (swarm.SecretSpec, error) {
	if bool(object.External) {
		return swarm.SecretSpec{}, nil
	}
	raw := tree.Mapping(tree.Dig(m.raw, "secrets", key))
	spec := swarm.SecretSpec{
		Annotations: swarm.Annotations{Name: name, Labels: m.labeled(raw["labels"])},
		Templating:  templating(object.TemplateDriver),
	}
	if object.Driver != "" {
		if object.File != "" {
			return spec, errors.New("driver and file exclude each other: keep one of them")
		}
		spec.Data = []byte{}
		spec.Driver = &swarm.Driver{Name: object.Driver, Options: tree.StringMap(raw["driver_opts"])}
		return spec, nil
	}
	var err error
	spec.Data, err = m.objectData(object, maxSecret)
	return spec, err
}

func (m *model) configSpec(key, name string, object types.FileObjectConfig) (swarm.ConfigSpec, error) {
	if bool(object.External) {
		return swarm.ConfigSpec{}, nil
	}
	raw := tree.Mapping(tree.Dig(m.raw, "configs", key))
	spec := swarm.ConfigSpec{
		Annotations: swarm.Annotations{Name: name, Labels: m.labeled(raw["labels"])},
		Templating:  templating(object.TemplateDriver),
	}
	var err error
	spec.Data, err = m.objectData(object, maxConfig)
	return spec, err
}

func templating(driver string) *swarm.Driver {
	if driver == "" {
		return nil
	}
	return &swarm.Driver{Name: driver}
}

// objectData is the content of a secret or config. Errors never show it.
func (m *model) objectData(object types.FileObjectConfig, limit int) ([]byte, error) {
	data, origin := []byte(object.Content), "content"
	switch {
	case object.Environment != "":
		value, ok := m.env.lookup(object.Environment)
		if !ok {
			return nil, fmt.Errorf("environment: variable %s is not set: set it", object.Environment)
		}
		data, origin = []byte(value), "variable "+object.Environment
	case object.File != "":
		content, err := os.ReadFile(object.File)
		if err != nil {
			return nil, fmt.Errorf("file: %s: %w", object.File, cause(err))
		}
		data, origin = content, object.File
	}
	if len(data) == 0 {
		return nil, fmt.Errorf("%s is empty: Swarm takes at least one byte", origin)
	}
	if len(data) >= limit {
		return nil, fmt.Errorf("%s has %d bytes: Swarm takes less than %d; mount a volume instead", origin, len(data), limit)
	}
	return data, nil
}
