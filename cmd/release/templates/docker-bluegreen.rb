{{define "archive"}}{{with .}}
      url "{{.URL}}"
      sha256 "{{.Sum}}"
{{- end}}{{end -}}
# Homebrew's formula of docker bluegreen {{.Version}}. It is written with each release: make release.
class DockerBluegreen < Formula
  desc "Blue-green deployments on Docker Swarm, a plugin of the docker command"
  homepage "{{.Home}}"
  version "{{.Number}}"
  license "Apache-2.0"

  on_macos do
    on_arm do
{{- template "archive" archive "darwin/arm64"}}
    end
    on_intel do
{{- template "archive" archive "darwin/amd64"}}
    end
  end

  on_linux do
    on_arm do
{{- template "archive" archive "linux/arm64"}}
    end
    on_intel do
{{- template "archive" archive "linux/amd64"}}
    end
  end

  def install
    (lib/"docker/cli-plugins").install "docker-bluegreen"
    man1.install Dir["man/man1/*.1"]
  end

  def caveats
    <<~EOS
      docker looks for plugins in the folders of its own file, too. Add this to ~/.docker/config.json:
        "cliPluginsExtraDirs": ["#{HOMEBREW_PREFIX}/lib/docker/cli-plugins"]
    EOS
  end

  test do
    assert_match "{{.Version}}", shell_output("#{lib}/docker/cli-plugins/docker-bluegreen bluegreen version")
  end
end
