package swarm

import (
	"context"
	"errors"
	"strings"
	"testing"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
)

// secretEngine refuses other data than it has, as a manager does.
type secretEngine struct {
	Engine
	data string
}

func (e *secretEngine) SecretUpdate(_ context.Context, _ string, _ api.Version, s api.SecretSpec) error {
	if string(s.Data) != e.data {
		return errors.New("rpc error: code = InvalidArgument desc = only updates to Labels are allowed")
	}
	return nil
}

func TestChangedSecretIsRefused(t *testing.T) {
	o := New(&secretEngine{data: "hunter2"}, "shop", nil)
	seen := nothing()
	seen.Secrets["shop_key"] = api.Secret{ID: "1"}
	project := func(data string) *compose.Project {
		return &compose.Project{Secrets: map[string]compose.Secret{"shop_key": {Spec: api.SecretSpec{Data: []byte(data)}}}}
	}
	if err := o.secretsUnchanged(context.Background(), seen, project("hunter2")); err != nil {
		t.Errorf("the same content: %v", err)
	}
	err := o.secretsUnchanged(context.Background(), seen, project("hunter3"))
	if err == nil || !strings.Contains(err.Error(), "secret shop_key: its content changed") || strings.Contains(err.Error(), "hunter") {
		t.Errorf("other content: error %v", err)
	}
}
