package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// health answers the image's probe on a socket of its own, so that the application can be healthy
// while its ports refuse.
type health struct{ healthy atomic.Bool }

const healthSocket = "@app-health" // in the container's network namespace: no file

func startHealth() (*health, error) {
	l, err := net.Listen("unix", healthSocket)
	if err != nil {
		return nil, err
	}
	h := &health{}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if h.healthy.Load() {
				fmt.Fprint(c, "ok")
			} else {
				fmt.Fprint(c, "not ready: the cache is cold")
			}
			c.Close()
		}
	}()
	return h, nil
}

func probe() error {
	c, err := net.DialTimeout("unix", healthSocket, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Second))
	answer, err := io.ReadAll(c)
	if err == nil && string(answer) != "ok" {
		err = errors.New(string(answer))
	}
	return err
}
