package main

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/chroma/v2/formatters/html"
	"github.com/alecthomas/chroma/v2/styles"
)

//go:embed page.html style.css
var theme embed.FS

// site is what is being made.
type site struct {
	root    string
	Groups  []group
	files   map[string]bool   // beside the pages: picture.svg
	sources map[string]string // where they come from
}

// Made says what a site has.
type Made struct{ Pages, Links int }

// Make writes the site of the repository at root into the folder to, whose earlier content it
// removes. An error names each link that leads nowhere.
func Make(root, to string) (Made, error) {
	s := &site{root: root, files: map[string]bool{}, sources: map[string]string{}}
	var err error
	if s.Groups, err = findPages(root); err != nil {
		return Made{}, err
	}
	var errs []error
	pages := s.pages()
	for _, p := range pages {
		errs = append(errs, s.render(p))
	}
	if err := errors.Join(errs...); err != nil {
		return Made{}, err
	}
	if err := s.write(to, pages); err != nil {
		return Made{}, err
	}
	links, err := Check(to)
	return Made{len(pages), links}, err
}

func (s *site) pages() []*page {
	var all []*page
	for _, g := range s.Groups {
		all = append(all, g.Pages...)
	}
	return all
}

// view is what the template sees.
type view struct {
	*page
	Site           *site
	Home           *page
	Previous, Next *page
	Edit           string
}

func (s *site) write(to string, pages []*page) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	tmpl, err := template.ParseFS(theme, "page.html")
	if err != nil {
		return err
	}
	for i, p := range pages {
		v := view{page: p, Site: s, Home: pages[0], Edit: repository + p.Source}
		if i > 0 {
			v.Previous = pages[i-1]
		}
		if i+1 < len(pages) {
			v.Next = pages[i+1]
		}
		var b strings.Builder
		if err := tmpl.Execute(&b, v); err != nil {
			return fmt.Errorf("%s: %w", p.Source, err)
		}
		if err := os.WriteFile(filepath.Join(to, p.File), []byte(b.String()), 0o644); err != nil {
			return err
		}
	}
	for name := range s.files {
		content, err := os.ReadFile(filepath.Join(s.root, s.sources[name]))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), content, 0o644); err != nil {
			return err
		}
	}
	css, err := stylesheet()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(to, "style.css"), []byte(css), 0o644)
}

// stylesheet is ours, with the colors of code on light and on dark.
func stylesheet() (string, error) {
	own, err := theme.ReadFile("style.css")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.Write(own)
	f := html.New(html.WithClasses(true))
	for _, c := range []struct{ scheme, style string }{{"light", "github"}, {"dark", "github-dark"}} { // one does not set all that the other does
		fmt.Fprintf(&b, "@media (prefers-color-scheme: %s) {\n", c.scheme)
		if err := f.WriteCSS(&b, styles.Get(c.style)); err != nil {
			return "", err
		}
		b.WriteString("}\n")
	}
	return b.String(), nil
}
