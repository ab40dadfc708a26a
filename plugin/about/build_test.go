package about

import (
	"reflect"
	"runtime/debug"
	"testing"
)

func TestVersionFromBuildInfo(t *testing.T) {
	vcs := []debug.BuildSetting{{Key: "vcs.revision", Value: "abc123"}, {Key: "vcs.modified", Value: "true"}}
	for name, c := range map[string]struct {
		linked Build
		info   debug.BuildInfo
		want   Build
	}{
		"release":     {Build{Version: "v1.2.3", Commit: "def"}, debug.BuildInfo{Settings: vcs}, Build{Version: "v1.2.3", Commit: "def"}},
		"go install":  {Build{}, debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, Build{Version: "v1.2.3"}},
		"working dir": {Build{}, debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: vcs}, Build{Commit: "abc123 (modified)"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.linked
			got.complete(&c.info)
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}
