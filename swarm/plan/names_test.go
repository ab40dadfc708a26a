package plan

import (
	"regexp"
	"strings"
	"testing"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

func TestVersionNames(t *testing.T) {
	long := strings.Repeat("configuration-", 4) + "of-shop1" // 64 characters
	golang := &api.Driver{Name: "golang"}
	for _, tc := range []struct {
		name       string
		base, data string
		templating *api.Driver
		taken      string
		want       string
	}{
		{"of the content", "shop_conf", "hello", nil, "", "shop_conf-2cf24dba"}, // as sha256sum has it
		{"of a template", "shop_conf", "hello", golang, "", "shop_conf-9f852cc5"},
		{"longer where it is taken", "shop_conf", "hello", nil, "shop_conf-2cf24dba", "shop_conf-2cf24dba5fb0a30e"},
		{"of a long name", long, "hello", nil, "", "configuration-configuration-configuration-configuration-efc2985c"},
		{"of another long name", strings.Replace(long, "shop1", "shop2", 1), "hello", nil, "", "configuration-configuration-configuration-configuration-d3ee558c"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			seen := cluster.NewSnapshot("shop")
			seen.Configs[tc.taken] = api.Config{}
			got := configVersion(seen, tc.base, api.ConfigSpec{Data: []byte(tc.data), Templating: tc.templating})
			if got != tc.want || len(got) > maxObjectName {
				t.Errorf("%s (%d characters), want %s", got, len(got), tc.want)
			}
		})
	}
}

// A secret's name tells nothing of its content, and is the same in two plans made of the same.
func TestSecretVersionNames(t *testing.T) {
	seen := cluster.NewSnapshot("shop")
	a, b := cluster.Version{ID: "q1h9s0mcxi7k"}, cluster.Version{ID: "vbl37u8d2n5e"}
	one, two := secretVersion(seen, "shop_key", []cluster.Version{a}), secretVersion(seen, "shop_key", []cluster.Version{a, b})
	if again := secretVersion(seen, "shop_key", []cluster.Version{b, a}); one == two || two != again {
		t.Errorf("names %s, %s and %s: want the first another, and the last two the same", one, two, again)
	}
	if !regexp.MustCompile(`^shop_key-[0-9a-f]{8}$`).MatchString(one) {
		t.Errorf("name %s", one)
	}
}
