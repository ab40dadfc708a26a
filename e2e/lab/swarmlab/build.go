//go:build linux

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab/image"
)

// build carries out images, engines and haproxy-roots.
func build(ctx context.Context, args []string) error {
	if len(args) < 3 {
		return fmt.Errorf("%s: name a directory and what to put there", args[0])
	}
	dir, err := filepath.Abs(args[1])
	if err != nil {
		return err
	}
	create, separator := image.Build, "\n"
	switch args[0] {
	case "haproxy-roots":
		create, separator = image.HAProxyRoots, ":"
	case "engines":
		create = image.Engines
	}
	files, err := create(ctx, dir, args[2:]...)
	if err != nil {
		return err
	}
	fmt.Println(strings.Join(files, separator))
	return nil
}
