//go:build linux

package lab

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/docker/docker/client"
)

// loadImage is docker load; the engine reports a failure only in the text that it streams back.
func loadImage(ctx context.Context, c *client.Client, tar string) error {
	f, err := os.Open(tar)
	if err != nil {
		return err
	}
	defer f.Close()
	resp, err := c.ImageLoad(ctx, f, client.ImageLoadWithQuiet(true))
	if err != nil {
		return fmt.Errorf("load %s: %w", tar, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && strings.Contains(string(text), `"error"`) {
		err = fmt.Errorf("%s", strings.TrimSpace(string(text)))
	}
	if err != nil {
		return fmt.Errorf("load %s: %w", tar, err)
	}
	return nil
}
