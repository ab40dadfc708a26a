//go:build linux

package lab

import (
	"bytes"
	"net"
	"os"
	"strings"
	"testing"
)

// TestMain is what every package that starts labs has.
func TestMain(m *testing.M) {
	Main()
	orphanMain()
	os.Exit(m.Run())
}

// orphanMain is replaced by the tests that start swarms.
var orphanMain = func() {}

func TestNXDomain(t *testing.T) {
	query := append([]byte{0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1}, "\x03web\x04shop\x00\x00\x01\x00\x01"...)
	question := query[12:]
	got := nxdomain(append(query, 0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0)) // an EDNS record follows
	want := append([]byte{0xab, 0xcd, 0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0}, question...)
	if !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
	for n := range query {
		if nxdomain(query[:n]) != nil {
			t.Errorf("answered a query cut at byte %d", n)
		}
	}
}

func TestControllers(t *testing.T) {
	for _, c := range []struct{ name, options, want string }{
		{"two together", "rw,cpu,cpuacct", "cpu,cpuacct"}, {"one", "rw,memory", "memory"}, {"none", "rw,xattr,name=systemd", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := controllersOf(c.options); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestIdentity(t *testing.T) {
	me := identity(os.Getpid())
	if !alive(me) || alive(me+"0") || alive("") {
		t.Errorf("identity %q", me)
	}
}

func TestClaimRefuses(t *testing.T) {
	for name, o := range map[string]Options{
		"lower case": {Name: "My_Lab", Managers: 1}, "at least one manager": {Workers: 2},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := claim(o); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestFreeSubnet(t *testing.T) {
	if s := freeSubnet(); net.ParseIP(s+".1") == nil {
		t.Errorf("free subnet %q", s)
	}
}
