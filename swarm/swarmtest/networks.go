package swarmtest

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"
)

// NetworkList lists the networks, sorted by name.
func (s *Swarm) NetworkList(context.Context, network.ListOptions) ([]network.Summary, error) {
	s.read("NetworkList")
	defer s.mu.Unlock()
	var out []network.Summary
	for _, n := range s.networks {
		out = append(out, deep(*n))
	}
	slices.SortFunc(out, func(a, b network.Inspect) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// NetworkInspect finds a network by id.
func (s *Swarm) NetworkInspect(_ context.Context, id string, _ network.InspectOptions) (network.Inspect, error) {
	s.read("NetworkInspect")
	defer s.mu.Unlock()
	if n := s.networks[id]; n != nil {
		return deep(*n), nil
	}
	return network.Inspect{}, missing("network", id)
}

// NetworkCreate makes a network with the range that is asked for, or one of its own.
func (s *Swarm) NetworkCreate(_ context.Context, name string, o network.CreateOptions) (network.CreateResponse, error) {
	if err := s.write("NetworkCreate", name); err != nil {
		return network.CreateResponse{}, err
	}
	defer s.mu.Unlock()
	for _, n := range s.networks {
		if n.Name == name {
			return network.CreateResponse{}, exists("network", name)
		}
	}
	n := &network.Inspect{Name: name, ID: s.id("network"), Scope: "swarm", Driver: cmp.Or(o.Driver, "overlay"), Labels: o.Labels, Attachable: o.Attachable}
	n.IPAM.Config = []network.IPAMConfig{{Subnet: fmt.Sprintf("10.0.%d.0/24", len(s.hosts)+1)}}
	if o.IPAM != nil && len(o.IPAM.Config) > 0 {
		n.IPAM.Config = o.IPAM.Config
	}
	s.networks[n.ID], s.hosts[n.ID] = n, 1
	return network.CreateResponse{ID: n.ID}, nil
}

// NetworkRemove removes a network that no service is on, and no task that is to run.
func (s *Swarm) NetworkRemove(_ context.Context, id string) error {
	if err := s.write("NetworkRemove", id); err != nil {
		return err
	}
	defer s.mu.Unlock()
	n := s.networks[id]
	if n == nil {
		return missing("network", id)
	}
	for _, svc := range s.services {
		if slices.ContainsFunc(svc.Spec.TaskTemplate.Networks, func(a api.NetworkAttachmentConfig) bool { return a.Target == id }) {
			return inUse("network %s is in use by service %s", n.Name, svc.ID)
		}
	}
	for _, t := range s.tasks {
		if t.DesiredState != api.TaskStateComplete && wanted(t) && !ended(t) && slices.ContainsFunc(t.NetworksAttachments, func(a api.NetworkAttachment) bool { return a.Network.ID == id }) {
			return inUse("network %s is in use by task %s", n.Name, t.ID)
		}
	}
	delete(s.networks, id)
	return nil
}

// address is the next one of a network. None is given twice.
func (s *Swarm) address(n *network.Inspect) string {
	s.hosts[n.ID]++
	subnet := netip.MustParsePrefix(n.IPAM.Config[0].Subnet)
	bytes := subnet.Addr().As4()
	binary.BigEndian.PutUint32(bytes[:], binary.BigEndian.Uint32(bytes[:])+uint32(s.hosts[n.ID]))
	return netip.PrefixFrom(netip.AddrFrom4(bytes), subnet.Bits()).String()
}

func inUse(format string, args ...any) error {
	return fmt.Errorf("%w: rpc error: code = FailedPrecondition desc = %s", cerrdefs.ErrInvalidArgument, fmt.Sprintf(format, args...))
}
