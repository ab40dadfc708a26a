package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // registers the format
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm" // registers the format
)

// pluginFolder is where Docker's and Debian's own packages have plugins.
const pluginFolder = "/usr/libexec/docker/cli-plugins"

// documentFolder is ours alone: it goes with the package.
const documentFolder = "/usr/share/doc/docker-bluegreen"

const description = `Blue-green deployments on Docker Swarm
docker bluegreen is a plugin of the docker command. It starts a new release of
a Swarm service beside the old one, and moves all traffic at once. No request
is lost.`

// cli are the packages that have the docker command: Docker's own, and those of the distributions.
// A docker command that no package brought is as good: so they are recommended, not required.
var cli = map[string][]string{
	"deb": {"docker-ce-cli | docker-cli | docker.io"},
	"rpm": {"docker-ce-cli"},
}

// packages writes the deb and the rpm of a platform.
func (r release) packages(p platform, binary []byte, common []file) error {
	dir, err := os.MkdirTemp("", "bluegreen-package-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	installed, err := r.installed(p, binary, common)
	if err != nil {
		return err
	}
	for _, format := range []string{"deb", "rpm"} {
		contents, err := r.contents(dir, installed)
		if err != nil {
			return err
		}
		if err := r.write(format, p, contents); err != nil {
			return err
		}
	}
	return nil
}

// installed are the files of a package, by their paths on the system.
func (r release) installed(p platform, binary []byte, common []file) ([]file, error) {
	all := []file{{path.Join(pluginFolder, p.program()), binary, 0o755}}
	for _, f := range common {
		name, content := path.Join(documentFolder, f.name), f.content
		if page, ok := strings.CutPrefix(f.name, manual); ok {
			var err error
			if content, err = compressed(f.content); err != nil {
				return nil, err
			}
			name = "/usr/share/man/man1/" + page + ".gz"
		}
		all = append(all, file{name, content, f.mode})
	}
	return all, nil
}

// compressed is a manual page as distributions keep it. Its header has neither a name nor a time.
func compressed(content []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(content); err != nil {
		return nil, err
	}
	err = z.Close()
	return b.Bytes(), err
}

// contents writes files below dir, where nfpm takes them from.
func (r release) contents(dir string, installed []file) (files.Contents, error) {
	// dpkg removes a folder that it has emptied, rpm only one that is in the package.
	all := files.Contents{{Destination: documentFolder, Type: files.TypeDir, Packager: "rpm",
		FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: 0o755, MTime: r.date}}}
	for _, f := range installed {
		source := filepath.Join(dir, f.name)
		if err := os.MkdirAll(filepath.Dir(source), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(source, f.content, 0o644); err != nil {
			return nil, err
		}
		all = append(all, &files.Content{Source: source, Destination: f.name,
			FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: os.FileMode(f.mode), MTime: r.date}})
	}
	return all, nil
}

func (r release) write(format string, p platform, contents files.Contents) error {
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "docker-bluegreen", Arch: p.arch + p.arm, Platform: p.os, Version: r.number(), Release: "1", MTime: r.date,
		Section: "admin", Priority: "optional", Maintainer: "The docker bluegreen project <" + home + "/issues>", Vendor: "docker-bluegreen",
		Description: description, Homepage: home, License: "Apache-2.0", DisableGlobbing: true,
		Overridables: nfpm.Overridables{
			Contents: contents, Recommends: cli[format],
			RPM: nfpm.RPM{BuildHost: "localhost", Summary: strings.SplitN(description, "\n", 2)[0], Compression: "gzip:9"},
			Deb: nfpm.Deb{Compression: "xz"},
		},
	})
	if err := nfpm.PrepareForPackager(info, format); err != nil {
		return err
	}
	f, err := os.Create(r.path(packager.ConventionalFileName(info)))
	if err != nil {
		return err
	}
	return errors.Join(packager.Package(info, f), f.Close())
}
