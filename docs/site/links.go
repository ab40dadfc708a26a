package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// target is what links of a page may name, and what they do name.
type target struct {
	ids   map[string]bool
	links []string
}

// Check reads the pages of a site. It returns how many links they have to each other and to other
// files of the site, and an error that names those that lead nowhere.
func Check(dir string) (links int, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.html"))
	if err != nil {
		return 0, err
	}
	pages := map[string]*target{}
	for _, file := range files {
		if pages[filepath.Base(file)], err = read(file); err != nil {
			return 0, err
		}
	}
	var errs []error
	for _, file := range files {
		name := filepath.Base(file)
		for _, link := range pages[name].links {
			u, err := url.Parse(link)
			if err == nil && (u.IsAbs() || u.Host != "") {
				continue
			}
			links++
			if err == nil {
				err = leads(dir, pages, name, u)
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: the link %s leads nowhere: %w", name, link, err))
			}
		}
	}
	return links, errors.Join(errs...)
}

func leads(dir string, pages map[string]*target, from string, u *url.URL) error {
	to := u.Path
	if to == "" {
		to = from
	}
	if _, err := os.Stat(filepath.Join(dir, to)); err != nil {
		return fmt.Errorf("there is no file %s", to)
	}
	if p := pages[to]; p != nil && u.Fragment != "" && !p.ids[u.Fragment] {
		return fmt.Errorf("%s has no heading #%s", to, u.Fragment)
	}
	return nil
}

func read(file string) (*target, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	doc, err := html.Parse(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	t := &target{ids: map[string]bool{}}
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			switch {
			case a.Key == "id":
				t.ids[a.Val] = true
			case slices.Contains([]string{"href", "src", "srcset"}, a.Key):
				t.links = append(t.links, strings.TrimSpace(a.Val))
			}
		}
	}
	return t, nil
}
