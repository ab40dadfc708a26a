package compose

// takenOut are the places whose maps have keys of the user's own, and those that compose-go parses
// otherwise than docker does. It would turn all keys there that begin with "x-" into one, cut
// commands at ";" and round cpus. They are read from the raw map. An asterisk stands for any key or
// index.
var takenOut = [][]string{
	{"services", "*", "environment"},
	{"services", "*", "labels"},
	{"services", "*", "annotations"},
	{"services", "*", "sysctls"},
	{"services", "*", "extra_hosts"},
	{"services", "*", "command"},
	{"services", "*", "entrypoint"},
	{"services", "*", "cpus"},
	{"services", "*", "logging", "options"},
	{"services", "*", "networks", "*", "driver_opts"},
	{"services", "*", "deploy", "labels"},
	{"services", "*", "deploy", "resources", "*", "cpus"},
	{"services", "*", "volumes", "*", "volume", "labels"},
	{"networks", "*", "labels"},
	{"networks", "*", "driver_opts"},
	{"networks", "*", "ipam", "options"},
	{"networks", "*", "ipam", "config", "*", "aux_addresses"},
	{"volumes", "*", "labels"},
	{"volumes", "*", "driver_opts"},
	{"secrets", "*", "labels"},
	{"secrets", "*", "driver_opts"},
	{"configs", "*", "labels"},
}

func takeOut(dict map[string]any) {
	for _, path := range takenOut {
		remove(dict, path)
	}
}

func remove(value any, path []string) {
	key, rest := path[0], path[1:]
	switch v := value.(type) {
	case map[string]any:
		for name, item := range v {
			if key != "*" && key != name {
				continue
			}
			if len(rest) == 0 {
				delete(v, name)
				continue
			}
			remove(item, rest)
		}
	case []any:
		for _, item := range v {
			if key == "*" {
				remove(item, rest)
			}
		}
	}
}
