package main

import (
	"fmt"
	"slices"
	"strings"
)

// platform is what a binary is built for, in Go's words.
type platform struct {
	os, arch, arm string
}

var platforms = []platform{
	{os: "linux", arch: "amd64"},
	{os: "linux", arch: "arm64"},
	{os: "linux", arch: "arm", arm: "7"},
	{os: "darwin", arch: "amd64"},
	{os: "darwin", arch: "arm64"},
	{os: "windows", arch: "amd64"},
	{os: "windows", arch: "arm64"},
}

// name is the platform as docker writes it: linux/arm/v7.
func (p platform) name() string {
	if p.arm != "" {
		return p.os + "/" + p.arch + "/v" + p.arm
	}
	return p.os + "/" + p.arch
}

// program is the name of the plugin's file.
func (p platform) program() string {
	if p.os == "windows" {
		return "docker-bluegreen.exe"
	}
	return "docker-bluegreen"
}

// archive is the extension of its archive.
func (p platform) archive() string {
	if p.os == "windows" {
		return ".zip"
	}
	return ".tar.gz"
}

// choose finds platforms by their names, all for none.
func choose(names string) ([]platform, error) {
	if names == "" {
		return platforms, nil
	}
	var chosen []platform
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(platforms, func(p platform) bool { return p.name() == name })
		if i < 0 {
			var known []string
			for _, p := range platforms {
				known = append(known, p.name())
			}
			return nil, fmt.Errorf("platform %s: there are %s", name, strings.Join(known, ", "))
		}
		chosen = append(chosen, platforms[i])
	}
	return chosen, nil
}
