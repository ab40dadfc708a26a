package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// cast is a recording of a terminal in the format of asciinema,
// https://docs.asciinema.org/manual/asciicast/v2.
type cast struct {
	Version int `json:"version"`
	Width   int `json:"width"`
	Height  int `json:"height"`
	events  []event
}

// event is what the terminal showed next, or what traffic had come to.
type event struct {
	at     time.Duration // since the start
	output string
	counts map[string]int // right answers of each version, and "failed"; nil with output
}

func readCast(in io.Reader) (*cast, error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	c := &cast{}
	if !lines.Scan() {
		return nil, fmt.Errorf("it is empty")
	}
	if err := json.Unmarshal(lines.Bytes(), c); err != nil || c.Version != 2 || c.Width < 1 || c.Height < 1 {
		return nil, fmt.Errorf("its first line is not the header of an asciicast v2: %.80q", lines.Text())
	}
	for n := 2; lines.Scan(); n++ {
		e, err := readEvent(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		c.events = append(c.events, e)
	}
	return c, lines.Err()
}

func readEvent(line []byte) (e event, err error) {
	var seconds float64
	var kind, text string
	if err := json.Unmarshal(line, &[]any{&seconds, &kind, &text}); err != nil {
		return e, err
	}
	e.at = time.Duration(seconds * float64(time.Second))
	switch kind {
	case "o":
		e.output = text
	case "m":
		err = json.Unmarshal([]byte(text), &e.counts)
	default:
		err = fmt.Errorf("an event of kind %q: o (output) and m (marker) are known", kind)
	}
	return e, err
}
