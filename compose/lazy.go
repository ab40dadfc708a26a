package compose

import (
	"regexp"
	"sync"
)

// lazy compiles a pattern when it is first used: most commands read no stack file, and docker
// starts the plugin for each of them.
func lazy(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}
