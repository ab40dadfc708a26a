package main

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/alecthomas/chroma/v2/formatters/html"
	"github.com/yuin/goldmark"
	highlighting "github.com/yuin/goldmark-highlighting/v2"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	goldhtml "github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
)

// repository is where files are shown that are no pages of the site.
const repository = "https://github.com/docker-bluegreen/docker-bluegreen/blob/main/"

// page is one page of the site.
type page struct {
	Source string // docs/routers.md
	File   string // routers.html
	Title  string // its first heading
	Parts  []part // its headings of the second level
	Body   template.HTML
	Lead   string // its first sentence, for search engines
}

// part is a heading.
type part struct{ ID, Title string }

// The pages hold HTML of their own (the picture, keys), and come from this repository alone.
var markdown = goldmark.New(
	goldmark.WithExtensions(extension.GFM, highlighting.NewHighlighting(highlighting.WithFormatOptions(html.WithClasses(true)))),
	goldmark.WithParserOptions(parser.WithAutoHeadingID()),
	goldmark.WithRendererOptions(goldhtml.WithUnsafe()),
)

// render fills in a page, and collects the other files that it shows.
func (s *site) render(p *page) error {
	source, err := os.ReadFile(filepath.Join(s.root, p.Source))
	if err != nil {
		return err
	}
	doc := markdown.Parser().Parse(text.NewReader(source), parser.WithContext(parser.NewContext(parser.WithIDs(&githubIDs{}))))
	var errs []error
	err = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		errs = append(errs, s.visit(p, n, source))
		return ast.WalkContinue, nil
	})
	if err := errors.Join(append(errs, err)...); err != nil {
		return err
	}
	if p.Title == "" {
		return fmt.Errorf("%s has no heading of the first level", p.Source)
	}
	var b bytes.Buffer
	if err := markdown.Renderer().Render(&b, source, doc); err != nil {
		return err
	}
	body, err := s.rewriteRaw(p, b.String())
	p.Body = template.HTML(body)
	return err
}

// visit takes from a node what the page needs, and leads its links to pages of the site.
func (s *site) visit(p *page, n ast.Node, source []byte) (err error) {
	var to string
	switch n := n.(type) {
	case *ast.Heading:
		title := plain(n, source)
		if n.Level == 1 && p.Title == "" {
			p.Title = title
		}
		if n.Level == 2 {
			id, _ := n.AttributeString("id")
			p.Parts = append(p.Parts, part{string(id.([]byte)), title})
		}
	case *ast.Paragraph:
		if t := plain(n, source); p.Lead == "" && t != "" && p.Title != "" {
			p.Lead = strings.Join(strings.Fields(t), " ")
		}
	case *ast.Link:
		to, err = s.lead(p, string(n.Destination))
		n.Destination = []byte(to)
	case *ast.Image:
		to, err = s.lead(p, string(n.Destination))
		n.Destination = []byte(to)
	}
	return err
}

// plain is the text of a node without its marks.
func plain(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(c ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := c.(*ast.Text); ok && entering {
			b.Write(t.Segment.Value(source))
			if t.SoftLineBreak() {
				b.WriteByte(' ')
			}
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

var rawLinks = regexp.MustCompile(`(<(?:img|source)[^>]*? (?:src|srcset)=")([^"]+)(")`)

// rewriteRaw leads the pictures of a page's own HTML to files of the site.
func (s *site) rewriteRaw(p *page, body string) (string, error) {
	var errs []error
	body = rawLinks.ReplaceAllStringFunc(body, func(tag string) string {
		m := rawLinks.FindStringSubmatch(tag)
		if s.files[m[2]] { // of markdown's own syntax: done
			return tag
		}
		to, err := s.lead(p, m[2])
		errs = append(errs, err)
		return m[1] + to + m[3]
	})
	return body, errors.Join(errs...)
}

// lead is a link of a page as it is on the site: pages have their names there, files that pages
// show are beside them, and other files of the repository are shown by its host.
func (s *site) lead(p *page, link string) (string, error) {
	u, err := url.Parse(link)
	if err != nil {
		return "", fmt.Errorf("%s: %w", p.Source, err)
	}
	if u.IsAbs() || u.Host != "" || u.Path == "" {
		return link, nil
	}
	name := path.Join(path.Dir(p.Source), u.Path)
	info, err := os.Stat(filepath.Join(s.root, name))
	if err != nil {
		return "", fmt.Errorf("%s: the link %s leads nowhere: %s does not exist", p.Source, link, name)
	}
	for _, g := range s.Groups {
		for _, other := range g.Pages {
			if other.Source == name {
				u.Path = other.File
				return u.String(), nil
			}
		}
	}
	switch ext := path.Ext(name); {
	case ext == ".svg" || ext == ".png" || ext == ".json" && path.Dir(name) == "docs":
		s.files[path.Base(name)], s.sources[path.Base(name)] = true, name
		u.Path = path.Base(name)
		return u.String(), nil
	case info.IsDir():
		return strings.Replace(repository, "/blob/", "/tree/", 1) + name, nil
	}
	return repository + name, nil
}
