//go:build linux

package main

import "syscall"

// ownGroup puts the machine's processes into a group of their own, so that they end together.
var ownGroup = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}

func endGroup(leader int) error { return syscall.Kill(-leader, syscall.SIGKILL) }
