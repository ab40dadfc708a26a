//go:build unix

package plugin

import (
	"os/exec"
	"syscall"
)

// apart keeps Ctrl-C on our terminal from a browser that we have started.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
