package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// most is the size of the picture of the README, in bytes.
const most = 100_000

// The picture of the README is what this program draws of the recording, and the recording shows
// what the README says: no request failed.
func TestPicture(t *testing.T) {
	drawn := filepath.Join(t.TempDir(), "picture.svg")
	if err := draw("up.cast", drawn); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(drawn)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../../picture.svg")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/picture.svg is not what the recording gives: go run ./picture in docs/site")
	}
	if len(got) > most {
		t.Errorf("it has %d bytes, at most %d", len(got), most)
	}
	text := string(got)
	for _, want := range []string{"prefers-reduced-motion", "prefers-color-scheme", "docker bluegreen rollback", "every proxy confirmed", "and 0 failed."} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not have %q", want)
		}
	}
	alone(t, got)
}

// alone fails the test unless a picture is well-formed, and needs neither scripts nor other files:
// GitHub shows no other ones.
func alone(t *testing.T, picture []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(picture))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if e.Name.Local == "script" || e.Name.Local == "foreignObject" {
			t.Errorf("it has <%s>", e.Name.Local)
		}
		for _, a := range e.Attr {
			if a.Name.Local == "href" && !strings.HasPrefix(a.Value, "#") {
				t.Errorf("it needs %s", a.Value)
			}
		}
	}
	if m := regexp.MustCompile(`@import|url\(`).Find(picture); m != nil {
		t.Errorf("it has %s", m)
	}
}

const short = `{"version":2,"width":20,"height":3}
[0,"m","{\"a/1\":5,\"failed\":0}"]
[0.1,"o","\u001b[1m$\u001b[0m up\r\n"]
[1,"o","\u001b[32mx\u001b[0m one <b>   two\r\n"]
[2,"o","\u001b[1Ay\u001b[K\r\n"]
[2.1,"m","{\"a/1\":5,\"b/2\":7,\"failed\":1}"]
`

// Each frame has the lines of its moment, the last one stays where nothing moves, and lines that
// frames share are drawn once.
func TestFrames(t *testing.T) {
	c, err := readCast(strings.NewReader(short))
	if err != nil {
		t.Fatal(err)
	}
	f, err := play(c)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.frames) != 4 {
		t.Fatalf("%d frames", len(f.frames))
	}
	if got, want := f.frames[1].lines[1], `<tspan x="0" class="g">x</tspan><tspan x="16.8">one &lt;b&gt;</tspan><tspan x="100.8">two</tspan>`; got != want {
		t.Errorf("the line is\n%s, want\n%s", got, want)
	}
	last := f.frames[3]
	if last.lines[1] != `<tspan x="0">y</tspan>` || last.active["a/1"] || !last.active["b/2"] || !f.frames[0].active["a/1"] {
		t.Errorf("the last frame is %+v", last)
	}
	picture := svg(f)
	alone(t, picture)
	text := string(picture)
	if n := strings.Count(text, `class="b">$</tspan>`); n != 1 {
		t.Errorf("the first line is drawn %d times", n)
	}
	for _, want := range []string{".m{transform:translateY(-390px);animation:m 7.1s", "a/1 answered 5 requests, b/2 answered 7, and 1 failed", `class="r b">    1<`} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not have %s:\n%s", want, text)
		}
	}
}

func TestNotARecording(t *testing.T) {
	for name, c := range map[string]struct{ cast, want string }{
		"empty":        {"", "it is empty"},
		"no header":    {"[0,\"o\",\"x\"]\n", "not the header"},
		"no event":     {"{\"version\":2,\"width\":20,\"height\":3}\n{}\n", "line 2"},
		"unknown kind": {"{\"version\":2,\"width\":20,\"height\":3}\n[0,\"z\",\"x\"]\n", `line 2: an event of kind "z"`},
		"no traffic":   {"{\"version\":2,\"width\":20,\"height\":3}\n[0,\"o\",\"x\"]\n", "it shows no traffic"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "x.cast")
			if err := os.WriteFile(file, []byte(c.cast), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := draw(file, filepath.Join(t.TempDir(), "x.svg")); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want %q", err, c.want)
			}
		})
	}
}
