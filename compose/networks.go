package compose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

const (
	defaultNetwork = "default"
	defaultDriver  = "overlay"
)

// serviceNetworks are the networks of a service by their keys in the file: the default one if it
// names none. They are read from the raw map, since a key may begin with "x-".
func (m *model) serviceNetworks(service string) map[string]any {
	if networks := tree.Mapping(m.rawService(service)["networks"]); len(networks) > 0 {
		return networks
	}
	return map[string]any{defaultNetwork: nil}
}

func (m *model) networkName(key string) string {
	n := m.project.Networks[key]
	return m.nameOf(key, n.Name, bool(n.External))
}

// attachments names networks, not their ids. A service is known by its key on all of them, but for
// networks such as host, which know no aliases.
func (m *model) attachments(s types.ServiceConfig) ([]swarm.NetworkAttachmentConfig, error) {
	out := []swarm.NetworkAttachmentConfig{}
	if name := m.predefinedNetwork(s); name != "" {
		return append(out, swarm.NetworkAttachmentConfig{Target: name}), nil
	}
	for key, raw := range m.serviceNetworks(s.Name) {
		if _, ok := m.project.Networks[key]; !ok && key != defaultNetwork {
			return nil, fmt.Errorf("networks: %q is not defined: add it to the networks at the top of the file", key)
		}
		attachment := swarm.NetworkAttachmentConfig{
			Target:     m.networkName(key),
			DriverOpts: tree.StringMap(tree.Dig(raw, "driver_opts")),
		}
		aliases, _ := tree.Dig(raw, "aliases").([]any)
		for _, alias := range aliases {
			attachment.Aliases = append(attachment.Aliases, tree.Scalar(alias))
		}
		if isUserDefined(attachment.Target) && !isFalse(tree.Dig(raw, "use_service_name_alias")) {
			attachment.Aliases = append(attachment.Aliases, s.Name)
		}
		out = append(out, attachment)
	}
	slices.SortFunc(out, func(a, b swarm.NetworkAttachmentConfig) int { return cmp.Compare(a.Target, b.Target) })
	return out, nil
}

// isFalse reads a truth value that a variable may have given as text.
func isFalse(value any) bool {
	is, err := strconv.ParseBool(tree.Scalar(value))
	return err == nil && !is
}

func isTrue(value any) bool {
	is, err := strconv.ParseBool(tree.Scalar(value))
	return err == nil && is
}

// isUserDefined is false for networks that every node has, such as host.
func isUserDefined(name string) bool {
	return container.NetworkMode(name).IsUserDefined()
}

// networks are those that services use; docker stack deploy leaves the others alone as well.
func (m *model) networks(p *Project) error {
	p.Networks = map[string]Network{}
	used := map[string]bool{}
	for service, s := range m.project.Services {
		if name := m.predefinedNetwork(s); name != "" {
			p.Networks[name] = Network{External: true}
			continue
		}
		for key := range m.serviceNetworks(service) {
			used[key] = true
		}
	}
	seen := names{}
	for _, key := range slices.Sorted(maps.Keys(used)) {
		n := m.project.Networks[key]
		name := m.networkName(key)
		network := Network{External: bool(n.External)}
		if !network.External {
			network.Create = m.networkCreate(key, n)
		}
		err := m.checkNetwork(name, network)
		if err == nil {
			err = seen.add(m, "networks", key, name, network.External)
		}
		if err != nil {
			return fmt.Errorf("network %s: %w", key, err)
		}
		p.Networks[name] = network
	}
	return nil
}

// checkNetwork says whether Swarm and we take a network's name and labels.
func (m *model) checkNetwork(name string, n Network) error {
	err := m.checkOwnName(name)
	if err == nil && !n.External {
		err = checkName(name)
	}
	if err == nil {
		err = checkOwnLabels(n.Create.Labels)
	}
	return err
}

func (m *model) networkCreate(key string, n types.NetworkConfig) network.CreateOptions {
	raw := tree.Mapping(tree.Dig(m.raw, "networks", key))
	return network.CreateOptions{
		Driver:     cmp.Or(n.Driver, defaultDriver),
		EnableIPv4: n.EnableIPv4,
		EnableIPv6: n.EnableIPv6,
		IPAM:       ipam(n.Ipam, tree.Mapping(raw["ipam"])),
		Internal:   n.Internal,
		Attachable: n.Attachable,
		Options:    tree.StringMap(raw["driver_opts"]),
		Labels:     m.labeled(raw["labels"]),
	}
}

func ipam(config types.IPAMConfig, raw map[string]any) *network.IPAM {
	options := tree.StringMap(raw["options"])
	if config.Driver == "" && len(config.Config) == 0 && len(options) == 0 {
		return nil
	}
	out := &network.IPAM{Driver: config.Driver, Options: options}
	pools, _ := raw["config"].([]any)
	for i, pool := range config.Config {
		entry := network.IPAMConfig{Subnet: pool.Subnet, IPRange: pool.IPRange, Gateway: pool.Gateway}
		if i < len(pools) {
			entry.AuxAddress = tree.StringMap(tree.Mapping(pools[i])["aux_addresses"])
		}
		out.Config = append(out.Config, entry)
	}
	return out
}
