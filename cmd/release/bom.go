package main

import (
	"debug/buildinfo"
	"errors"
	"os"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// bom writes the list of what is in the plugin of a platform, in the form of CycloneDX. The Go
// command has written down the modules in the binary: so it lists what is linked, and nothing else.
func (r release) bom(p platform, binary string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	main := purl(info.Main.Path, r.version)
	component := cdx.Component{
		BOMRef: main, Type: cdx.ComponentTypeApplication, Name: "docker-bluegreen", Version: r.version, PackageURL: main,
		Licenses:   &cdx.Licenses{{License: &cdx.License{ID: "Apache-2.0"}}},
		Properties: &[]cdx.Property{{Name: "platform", Value: p.name()}, {Name: "commit", Value: r.commit}},
	}
	goVersion := strings.TrimPrefix(info.GoVersion, "go")
	std := purl("std", goVersion)
	components := []cdx.Component{{BOMRef: std, Type: cdx.ComponentTypeLibrary, Name: "std", Version: goVersion, PackageURL: std}}
	uses := []string{std}
	for _, m := range info.Deps {
		ref := purl(m.Path, m.Version)
		components = append(components, cdx.Component{
			BOMRef: ref, Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version, PackageURL: ref,
			Properties: &[]cdx.Property{{Name: "go.sum", Value: m.Sum}},
		})
		uses = append(uses, ref)
	}
	list := cdx.NewBOM()
	list.Metadata = &cdx.Metadata{Timestamp: r.date.Format("2006-01-02T15:04:05Z"), Component: &component}
	list.Components = &components
	list.Dependencies = &[]cdx.Dependency{{Ref: main, Dependencies: &uses}}
	f, err := os.Create(r.path(r.asset(p, ".cdx.json")))
	if err != nil {
		return err
	}
	return errors.Join(cdx.NewBOMEncoder(f, cdx.BOMFileFormatJSON).SetPretty(true).Encode(list), f.Close())
}

// purl names a Go module for other tools.
func purl(module, version string) string { return "pkg:golang/" + module + "@" + version }
