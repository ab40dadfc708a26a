package main

import (
	"fmt"
	"io"
	"net"
)

// echo sends the version as a line to every connection, and then back whatever it gets.
func echo(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			fmt.Fprintln(c, version)
			io.Copy(c, c)
		}()
	}
}
