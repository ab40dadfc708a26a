package compose

import (
	"bytes"
)

// firstDocument returns the first YAML document of a file, as docker stack deploy reads it;
// compose-go would merge the others into it. Text of YAML cannot begin a line with "---" or "...",
// not even in a block of text.
func firstDocument(content []byte) []byte {
	begun := false
	for at := 0; at < len(content); {
		line, _, _ := bytes.Cut(content[at:], []byte("\n"))
		switch {
		case isMarker(line, "...") && begun, isMarker(line, "---") && begun:
			return content[:at]
		case isMarker(line, "---"):
			begun = true
		case !isBlank(line):
			begun = true
		}
		at += len(line) + 1
	}
	return content
}

func isMarker(line []byte, marker string) bool {
	rest, ok := bytes.CutPrefix(line, []byte(marker))
	return ok && (len(rest) == 0 || bytes.IndexByte([]byte(" \t\r"), rest[0]) >= 0)
}

// isBlank says that a line may stand before the first document: nothing, a comment or a directive.
func isBlank(line []byte) bool {
	line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")))
	return len(line) == 0 || line[0] == '#' || line[0] == '%'
}
