package compose

import (
	"github.com/compose-spec/compose-go/v2/types"
)

// usage tells which keys of secrets or configs services refer to.
type usage struct{ active, disabled map[string]bool }

// onlyDisabled is true for what only services of inactive profiles use; its file need not exist.
func (u usage) onlyDisabled(key string) bool { return u.disabled[key] && !u.active[key] }

// secretUsage tells which secrets services refer to.
func (m *model) secretUsage() usage {
	return m.references(func(s types.ServiceConfig) []string { return sourcesOf(s.Secrets) })
}

// configUsage tells which configs services refer to.
func (m *model) configUsage() usage {
	return m.references(func(s types.ServiceConfig) []string {
		keys := sourcesOf(s.Configs)
		if s.CredentialSpec != nil && s.CredentialSpec.Config != "" {
			keys = append(keys, s.CredentialSpec.Config)
		}
		return keys
	})
}

func (m *model) references(keys func(types.ServiceConfig) []string) usage {
	collect := func(services types.Services) map[string]bool {
		out := map[string]bool{}
		for _, s := range services {
			for _, key := range keys(s) {
				out[key] = true
			}
		}
		return out
	}
	return usage{active: collect(m.project.Services), disabled: collect(m.project.DisabledServices)}
}

// sourcesOf are the keys that a list of references names.
func sourcesOf[T types.ServiceSecretConfig | types.ServiceConfigObjConfig](refs []T) []string {
	var keys []string
	for _, ref := range refs {
		keys = append(keys, types.FileReferenceConfig(ref).Source)
	}
	return keys
}
