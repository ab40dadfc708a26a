package compose

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// extraHosts turns "host:ip" into the "ip host" of Swarm, in the order of the file; a map, which
// has no order, is sorted. An address may stand in brackets, and a host may have several. One
// without an address is left out, as by docker stack deploy.
func (m *model) extraHosts(service string, value any) ([]string, error) {
	entries, err := hostEntries(value)
	if err != nil {
		return nil, err
	}
	hosts := make([]string, 0, len(entries))
	for _, entry := range entries {
		name, addresses, ok := strings.Cut(entry, "=")
		if !ok {
			name, addresses, ok = strings.Cut(entry, ":")
		}
		if !ok || name == "" || addresses == "" {
			m.warnf(service, "extra_hosts: %q has no address and is left out: write host:address", entry)
			continue
		}
		for address := range strings.SplitSeq(addresses, ",") {
			hosts = append(hosts, withoutBrackets(address)+" "+name)
		}
	}
	return hosts, nil
}

func hostEntries(value any) ([]string, error) {
	var entries []string
	switch v := value.(type) {
	case nil:
	case []any:
		for _, item := range v {
			entries = append(entries, tree.Scalar(item))
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			list, ok := v[name].([]any)
			if !ok {
				list = []any{v[name]}
			}
			for _, address := range list {
				entries = append(entries, name+"="+tree.Scalar(address))
			}
		}
		slices.Sort(entries)
	default:
		return nil, errors.New("must be a list of host:address or a map of addresses")
	}
	return entries, nil
}

func withoutBrackets(address string) string {
	if len(address) > 2 && address[0] == '[' && address[len(address)-1] == ']' {
		return address[1 : len(address)-1]
	}
	return address
}
