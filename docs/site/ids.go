package main

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/yuin/goldmark/ast"
)

// githubIDs makes the anchors of headings as GitHub does, so that a link that is right here is
// right there, too.
type githubIDs struct{ used map[string]int }

// Generate returns the anchor of a heading: small letters, a hyphen for each blank, no punctuation.
// Equal ones get a number.
func (g *githubIDs) Generate(value []byte, _ ast.NodeKind) []byte {
	id := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, strings.TrimSpace(string(value)))
	if g.used == nil {
		g.used = map[string]int{}
	}
	n := g.used[id]
	g.used[id]++
	if n > 0 {
		id += "-" + strconv.Itoa(n)
	}
	return []byte(id)
}

// Put takes an anchor that a page has set by itself.
func (g *githubIDs) Put(value []byte) {
	if g.used == nil {
		g.used = map[string]int{}
	}
	g.used[string(value)]++
}
