package swarm

import (
	"context"
	"errors"
	"testing"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
)

// secretEngine refuses other data than it has, and then other versions, as a manager does.
type secretEngine struct {
	Engine
	secrets map[string]api.Secret
}

func (e *secretEngine) SecretUpdate(_ context.Context, id string, v api.Version, s api.SecretSpec) error {
	for _, known := range e.secrets {
		switch {
		case known.ID != id:
		case known.Spec.Name != s.Name || s.Data != nil && string(s.Data) != string(known.Spec.Data):
			return errors.New("rpc error: code = InvalidArgument desc = only updates to Labels are allowed")
		case known.Version != v:
			return errors.New("rpc error: code = Unknown desc = update out of sequence")
		default:
			return errors.New("a comparison wrote to the swarm")
		}
	}
	return errors.New("no such secret")
}

func TestCompareSecrets(t *testing.T) {
	seen := newObserved("shop")
	add := func(name, data string, labels map[string]string) {
		seen.Secrets[name] = api.Secret{ID: "id of " + name, Meta: api.Meta{Version: api.Version{Index: 7}},
			Spec: api.SecretSpec{Annotations: api.Annotations{Name: name, Labels: labels}, Data: []byte(data)}}
	}
	add("shop_key", "hunter1", nil)
	add("shop_key-2", "hunter2", map[string]string{LabelVersionOf: "shop_key", LabelNamespace: "shop"})
	add("shop_key-3", "hunter3", map[string]string{LabelVersionOf: "shop_key", LabelNamespace: "another"})
	for data, want := range map[string]string{"hunter1": "shop_key", "hunter2": "shop_key-2", "hunter3": "", "hunter4": ""} {
		p := &compose.Project{Secrets: map[string]compose.Secret{"shop_key": {Spec: api.SecretSpec{Data: []byte(data)}}}}
		if err := newCluster(&secretEngine{secrets: seen.Secrets}, "shop", nil).compareSecrets(t.Context(), seen, p); err != nil {
			t.Fatal(err)
		}
		if same := seen.sameSecrets; want == "" && len(same) > 0 || want != "" && (len(same) != 1 || !same[want]) {
			t.Errorf("%s is found in %v, want %q", data, same, want)
		}
	}
}
