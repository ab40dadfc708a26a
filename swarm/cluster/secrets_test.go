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
	for data, want := range map[string]string{"hunter1": "shop_key", "hunter2": "shop_key-2", "hunter3": "", "hunter4": ""} {
		p := &compose.Project{Secrets: map[string]compose.Secret{"shop_key": {Spec: api.SecretSpec{Data: []byte(data)}}}}
		compared, err := New(&clustertest.SecretEngine{Secrets: seen.Secrets}, "shop", nil).CompareSecrets(t.Context(), seen, p)
		if err != nil {
			t.Fatal(err)
		}
		if same := compared.sameSecrets; want == "" && len(same) > 0 || want != "" && (len(same) != 1 || !same[want]) {
			t.Errorf("%s is found in %v, want %q", data, same, want)
		}
	}
}
