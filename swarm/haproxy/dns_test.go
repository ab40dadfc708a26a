package haproxy

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer answers as docker's does: the addresses of the tasks of a name.
type nameServer struct {
	conn *net.UDPConn

	mu      sync.Mutex
	names   map[string][]string
	failure dnsmessage.RCode
}

func newNameServer(t testing.TB, address string) *nameServer {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(address)})
	if err != nil {
		t.Fatal(err)
	}
	s := &nameServer{conn: conn, names: map[string][]string{}, failure: dnsmessage.RCodeNameError}
	t.Cleanup(func() { conn.Close() })
	go s.serve()
	return s
}

func (s *nameServer) address() string { return s.conn.LocalAddr().String() }

// set says which addresses a name has from now on.
func (s *nameServer) set(name string, addresses ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[name+"."] = slices.Clone(addresses)
}

// fail says how names without an address are answered from now on.
func (s *nameServer) fail(code dnsmessage.RCode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = code
}

func (s *nameServer) serve() {
	buffer := make([]byte, 4096)
	for {
		n, from, err := s.conn.ReadFromUDP(buffer)
		if err != nil {
			return
		}
		var query dnsmessage.Message
		if query.Unpack(buffer[:n]) != nil || len(query.Questions) != 1 {
			continue
		}
		if answer, err := s.answer(query); err == nil {
			s.conn.WriteToUDP(answer, from)
		}
	}
}

func (s *nameServer) answer(query dnsmessage.Message) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := query.Questions[0]
	addresses := s.names[q.Name.String()]
	answer := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: query.ID, Response: true, RecursionDesired: true, RecursionAvailable: true},
		Questions: query.Questions,
	}
	if len(addresses) == 0 {
		answer.RCode = s.failure
	}
	for _, address := range addresses {
		if q.Type != dnsmessage.TypeA {
			break
		}
		answer.Answers = append(answer.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 600},
			Body:   &dnsmessage.AResource{A: netip.MustParseAddr(address).As4()},
		})
	}
	return answer.Pack()
}
