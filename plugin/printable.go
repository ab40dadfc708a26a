package plugin

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"
)

// printable keeps what is safe to print on a terminal: texts may quote what containers wrote. No
// sequence moves a cursor, sets a color or a link, and no character turns what follows around.
func printable(s string) string {
	lines := strings.Split(strings.ToValidUTF8(s, "\uFFFD"), "\n")
	for i := range lines {
		// Each alone: a sequence without an end reaches to the end of the text.
		lines[i] = strings.TrimRight(ansi.Strip(strings.TrimRight(lines[i], "\r")), "\r")
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r': // what a terminal would write over stays apart from what it would write
			return ' '
		case r != '\n' && r != '\t' && isUnprintable(r):
			return -1
		}
		return r
	}, strings.Join(lines, "\n"))
}

// isUnprintable tells what no terminal should get: controls, separators of lines that are none for
// us, and what turns the direction of text around.
func isUnprintable(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)
}

// printableJSON writes with an escape what JSON may have as it is and no terminal should get, and
// what GitHub takes for a command in the middle of a line. It means the same.
func printableJSON(encoded []byte) []byte {
	var out bytes.Buffer
	for _, r := range string(bytes.ReplaceAll(encoded, []byte("##["), []byte(`#\u0023[`))) {
		if r != '\n' && isUnprintable(r) {
			fmt.Fprintf(&out, `\u%04x`, r)
			continue
		}
		out.WriteRune(r)
	}
	return out.Bytes()
}
