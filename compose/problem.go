package compose

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Problem is one thing that is wrong with a stack file, or worth a warning, and where it is.
type Problem struct {
	// File is the file as the user named it. It is empty where another problem of the same error names
	// it, and has several names where nobody can say which file it is.
	File string
	// Line and Column count from 1, columns in characters; both are 0 where they are not known.
	Line, Column int
	// Text says what is wrong, and the way out.
	Text string
	// Source is the line of the file, with *** in the place of values that may be secret. It is empty
	// where the line is not known, or cannot be shown safely.
	Source string
	// From and To are the bytes of Source that the problem is about.
	From, To int
}

// String is the problem as editors and CI systems read it: file:line:column: text.
func (p Problem) String() string {
	switch {
	case p.Line > 0:
		return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
	case p.File != "":
		return p.File + ": " + p.Text
	}
	return p.Text
}

// FileError is all that is wrong with the stack files, as far as one look can tell.
type FileError struct {
	Problems []Problem
	err      error
}

func (e *FileError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the error as it was found, in the words of who found it.
func (e *FileError) Unwrap() error { return e.err }

// placedError is about a node of a file.
type placedError struct{ Problem }

func (e placedError) Error() string { return e.String() }

// problem says something about a node of the file.
func (s source) problem(node *yaml.Node, text string) Problem {
	p := Problem{File: s.name, Line: node.Line, Column: node.Column, Text: text}
	p.Source, p.From, p.To = s.excerpt(node)
	return p
}

// problems are those that an error consists of, in its order.
func (s *sources) problems(err error) []Problem {
	var placed placedError
	if errors.As(err, &placed) && err.Error() == placed.Error() {
		return []Problem{placed.Problem}
	}
	var all []Problem
	if joined, ok := err.(interface{ Unwrap() []error }); ok && errors.As(err, &placed) {
		for _, one := range joined.Unwrap() {
			all = append(all, s.problems(one)...)
		}
		return all
	}
	for line := range strings.SplitSeq(s.reworded(err.Error()), "\n") {
		all = append(all, s.find(line))
	}
	return all
}
