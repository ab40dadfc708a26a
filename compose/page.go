package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"unicode/utf8"

	"github.com/compose-spec/compose-go/v2/paths"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// page is what the file of a maintenance page holds; empty for no file.
func (m *model) page(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	path := m.pageFile(file)
	content, err := readPage(path)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s.maintenance.page: %s: %w", bluegreen.Key, path, err)
	case len(content) > bluegreen.MaxPage:
		return "", fmt.Errorf("%s.maintenance.page: %s has more than %d bytes, and proxies send no longer page: let it load images and styles from elsewhere",
			bluegreen.Key, path, bluegreen.MaxPage)
	case len(bytes.TrimSpace(content)) == 0:
		return "", fmt.Errorf("%s.maintenance.page: %s is empty: write the page that clients get in maintenance", bluegreen.Key, path)
	case !utf8.Valid(content):
		return "", fmt.Errorf("%s.maintenance.page: %s is not UTF-8, and proxies say that it is: save it as UTF-8", bluegreen.Key, path)
	}
	return string(content), nil
}

// readPage reads a byte more than a page may have: a device has no end.
func readPage(path string) ([]byte, error) {
	if err := checkReadable(path); err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, bluegreen.MaxPage+1))
	return content, cause(err)
}

// pageFile is where the file of a page is.
func (m *model) pageFile(file string) string { return within(m.dir, paths.ExpandUser(file)) }

// checkPage finds a page that nobody would see. One that is a default of the file does not count
// there, and is left out; own are the settings that stand in the service.
func checkPage(settings *bluegreen.Settings, own any) error {
	if settings.Page == "" || slices.ContainsFunc(settings.Ports, func(p bluegreen.Port) bool { return p.Mode != bluegreen.ModeTCP }) {
		return nil
	}
	if tree.Dig(own, "maintenance", "page") == nil {
		settings.Page = ""
		return nil
	}
	return errors.New(bluegreen.Key + ".maintenance.page: no port speaks HTTP, so nobody would see it: take it out")
}

// absolutePages makes the paths of pages absolute, as compose-go does with those of configs: the
// file may be read from elsewhere.
func (m *model) absolutePages(file map[string]any) {
	absolute := func(holder any) {
		maintenance := tree.Mapping(tree.Dig(holder, bluegreen.Key, "maintenance"))
		if page, ok := maintenance["page"].(string); ok && page != "" {
			maintenance["page"] = m.pageFile(page)
		}
	}
	absolute(file)
	for _, service := range tree.Mapping(file["services"]) {
		absolute(service)
	}
}
