package preflight

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	api "github.com/docker/docker/api/types/swarm"
)

// constraint is one expression of deploy.placement.constraints, as swarmkit reads it
// (manager/constraint).
var constraint = regexp.MustCompile(`^\s*([a-zA-Z0-9_\-\.\/]+?)\s*(==|!=)\s*(.*?)\s*$`)

// meets says whether a node meets all constraints. One that cannot be read is left to the swarm to
// refuse.
func meets(n api.Node, constraints []string) bool {
	for _, text := range constraints {
		m := constraint.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		if equal := matches(n, m[1], m[3]); equal != (m[2] == "==") {
			return false
		}
	}
	return true
}

func matches(n api.Node, key, value string) bool {
	lower := strings.ToLower(key)
	switch {
	case lower == "node.id":
		return strings.EqualFold(n.ID, value)
	case lower == "node.hostname":
		return strings.EqualFold(n.Description.Hostname, value)
	case lower == "node.role":
		return strings.EqualFold(string(n.Spec.Role), value)
	case lower == "node.ip":
		return sameAddress(n.Status.Addr, value)
	case lower == "node.platform.os":
		return strings.EqualFold(n.Description.Platform.OS, value)
	case lower == "node.platform.arch":
		return strings.EqualFold(n.Description.Platform.Architecture, value)
	case strings.HasPrefix(lower, "node.labels."):
		return strings.EqualFold(n.Spec.Labels[key[len("node.labels."):]], value)
	case strings.HasPrefix(lower, "engine.labels."):
		return strings.EqualFold(n.Description.Engine.Labels[key[len("engine.labels."):]], value)
	}
	return false
}

// sameAddress says whether a node's address is value, or within it when that is a range.
func sameAddress(addr, value string) bool {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return false
	}
	if prefix, err := netip.ParsePrefix(value); err == nil {
		return prefix.Contains(ip)
	}
	other, err := netip.ParseAddr(value)
	return err == nil && other == ip
}

// runsOn says whether a node's platform is among those of an image; none means any.
func runsOn(n api.Node, platforms []api.Platform) bool {
	return len(platforms) == 0 || slices.ContainsFunc(platforms, func(p api.Platform) bool {
		return (p.OS == "" || strings.EqualFold(p.OS, n.Description.Platform.OS)) &&
			(p.Architecture == "" || architecture(p.Architecture) == architecture(n.Description.Platform.Architecture))
	})
}

// architecture is one name for what images and kernels call otherwise.
func architecture(name string) string {
	switch name = strings.ToLower(name); name {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	}
	if strings.HasPrefix(name, "arm") && name != "arm64" {
		return "arm"
	}
	return name
}
