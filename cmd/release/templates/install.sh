#!/bin/sh
# Installs docker bluegreen {{.Version}} for the user who runs it, or removes it:
#   sh install.sh [--system] [--uninstall]
# It is written with each release, with the checksums of its archives: make release.
set -eu

usage() {
	cat <<'END'
Usage: sh install.sh [OPTIONS]

Install docker bluegreen {{.Version}}: the plugin, into ~/.docker/cli-plugins or $DOCKER_CONFIG/cli-plugins.

Options:
  --system      For all users: into /usr/local/lib/docker/cli-plugins. It needs root.
  --uninstall   Remove it from there
  --help        Show this help
END
}

fail() {
	echo "install.sh: $*" >&2
	exit 1
}

# Sets url and sum for this machine.
choose() {
	os=$(uname -s)
	arch=$(uname -m)
	case "$os/$arch" in
{{- range .Archives}}{{if uname .Platform}}
	{{uname .Platform}})
		url={{.URL}}
		sum={{.Sum}}
		;;
{{- end}}{{end}}
	*) fail "no archive for $os on $arch: build it from source, see {{.Home}}" ;;
	esac
}

download() { # URL FILE
	if command -v curl >/dev/null; then
		curl -fsSL --retry 3 -o "$2" "$1"
	elif command -v wget >/dev/null; then
		wget -q -O "$2" "$1"
	else
		fail 'curl and wget are missing: install one of them'
	fi
}

checksum() { # FILE
	if command -v sha256sum >/dev/null; then
		sha256sum "$1"
	elif command -v shasum >/dev/null; then
		shasum -a 256 "$1"
	else
		fail 'sha256sum and shasum are missing: install one of them'
	fi | cut -d ' ' -f 1
}

# The finished file takes its place in one step: who runs docker meanwhile has the old or the new one.
install() { # FOLDER
	choose
	tmp=$(mktemp -d)
	trap 'rm -rf "$tmp"' EXIT
	trap 'exit 130' INT TERM HUP
	download "$url" "$tmp/archive" || fail "$url could not be downloaded"
	got=$(checksum "$tmp/archive")
	[ "$got" = "$sum" ] || fail "$url has the checksum $got, and $sum is right: nothing was installed"
	tar -xzf "$tmp/archive" -C "$tmp" docker-bluegreen
	mkdir -p "$1" && cp "$tmp/docker-bluegreen" "$1/.docker-bluegreen.new" || fail "$1 cannot be written"
	chmod 755 "$1/.docker-bluegreen.new"
	mv "$1/.docker-bluegreen.new" "$1/docker-bluegreen"
	echo "docker bluegreen {{.Version}} is in $1"
	command -v docker >/dev/null || echo 'The docker command is missing: https://docs.docker.com/engine/install' >&2
}

uninstall() { # FOLDER
	[ -e "$1/docker-bluegreen" ] || fail "$1 has no docker-bluegreen"
	rm "$1/docker-bluegreen"
	rmdir "$1" 2>/dev/null || true # of others, if it is not empty
	echo "docker bluegreen is removed from $1"
}

# All is read before anything runs: a download that was cut off does nothing.
main() {
	folder=${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins
	action=install
	for arg in "$@"; do
		case $arg in
		--system) folder=/usr/local/lib/docker/cli-plugins ;;
		--uninstall) action=uninstall ;;
		--help | -h) usage && exit ;;
		*) usage >&2 && fail "unknown option: $arg" ;;
		esac
	done
	$action "$folder"
}

main "$@"
