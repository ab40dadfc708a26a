package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// maxBinary is the size in bytes that the plugin must not pass.
const maxBinary = 26_000_000

// build lets make build the plugin: the Makefile alone says how.
func (r release) build(p platform, binary string) error {
	cmd := exec.Command("make", "-s", "-C", r.top, "build", "PLUGIN="+binary, "VERSION="+r.version, "COMMIT="+r.commit)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "MAKE") && !strings.HasPrefix(v, "MFLAGS=") { // of the make that runs this
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "GOOS="+p.os, "GOARCH="+p.arch, "GOARM="+p.arm)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make build: %w: %s", err, strings.TrimSpace(string(out)))
	}
	info, err := os.Stat(binary)
	if err != nil {
		return err
	}
	if info.Size() > maxBinary {
		return fmt.Errorf("the plugin has %d bytes, and %d are the limit: see what was imported last", info.Size(), maxBinary)
	}
	return nil
}
