package cluster

import (
	"testing"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster/clustertest"
)

func TestCompareSecrets(t *testing.T) {
	seen := NewSnapshot("shop")
	add := func(name, data string, labels map[string]string) {
		seen.Secrets[name] = api.Secret{ID: "id of " + name, Meta: api.Meta{Version: api.Version{Index: 7}},
			Spec: api.SecretSpec{Annotations: api.Annotations{Name: name, Labels: labels}, Data: []byte(data)}}
	}
	add("shop_key", "hunter1", nil)
	add("shop_key-2", "hunter2", map[string]string{LabelVersionOf: "shop_key", LabelNamespace: "shop"})
	add("shop_key-3", "hunter3", map[string]string{LabelVersionOf: "shop_key", LabelNamespace: "another"})
	for _, c := range []struct{ name, data, want string }{
		{"in the first version", "hunter1", "shop_key"},
		{"in a later one", "hunter2", "shop_key-2"},
		{"in one of another stack", "hunter3", ""},
		{"in none", "hunter4", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &compose.Project{Secrets: map[string]compose.Secret{"shop_key": {Spec: api.SecretSpec{Data: []byte(c.data)}}}}
			compared, err := New(&clustertest.SecretEngine{Secrets: seen.Secrets}, "shop", nil).CompareSecrets(t.Context(), seen, p)
			if err != nil {
				t.Fatal(err)
			}
			if same := compared.sameSecrets; c.want == "" && len(same) > 0 || c.want != "" && (len(same) != 1 || !same[c.want]) {
				t.Errorf("it is found in %v, want %q", same, c.want)
			}
		})
	}
}
