package compose

// environmentValue is where compose-go keeps the value of a secret or config that comes from a variable.
const environmentValue = "x-#value"

// resolved is the merged file as the active profiles select it, with variables replaced, for a person to read. The
// content of secrets is left out.
func (m *model) resolved() map[string]any {
	file := clone(m.raw).(map[string]any)
	file["name"] = m.stack
	services := mapping(file["services"])
	for name := range services {
		if _, active := m.project.Services[name]; !active {
			delete(services, name)
		}
	}
	for _, kind := range []string{"secrets", "configs"} {
		for _, object := range mapping(file[kind]) {
			delete(mapping(object), environmentValue)
		}
	}
	for _, secret := range mapping(file["secrets"]) {
		if s := mapping(secret); s["content"] != nil {
			s["content"] = "(hidden)"
		}
	}
	return file
}
