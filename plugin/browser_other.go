//go:build !unix

package plugin

import "os/exec"

// apart is not needed: the browser is no child of what opens it.
func apart(*exec.Cmd) {}
