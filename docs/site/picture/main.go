// Command picture makes the picture of the README, an SVG that moves, of a recording that bin/demo
// -record has made on a real swarm. Run it with make picture.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	from := flag.String("from", "picture/up.cast", "the recording")
	to := flag.String("to", "../picture.svg", "the picture")
	flag.Parse()
	if err := draw(*from, *to); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

func draw(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	c, err := readCast(in)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	film, err := play(c)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	return os.WriteFile(to, svg(film), 0o644)
}
