# Carries a formula out as Homebrew does, as far as ours needs it:
#   ruby brew.rb choose FORMULA OS ARCH           print the address of the archive and its checksum
#   ruby brew.rb install FORMULA OS ARCH PREFIX   download, check, unpack, install, test; print the caveats
require "digest"
require "fileutils"
require "net/http"
require "pathname"
require "tmpdir"

VERB, FORMULA, SYSTEM, ARCH, HOMEBREW_PREFIX = ARGV

class Formula
  class << self
    attr_reader :archive, :checksum, :check

    def desc(_) = nil
    def homepage(_) = nil
    def version(_) = nil
    def license(_) = nil
    def on_macos = (yield if SYSTEM == "darwin")
    def on_linux = (yield if SYSTEM == "linux")
    def on_arm = (yield if ARCH == "arm64")
    def on_intel = (yield if ARCH == "amd64")
    def url(value) = @archive = value
    def sha256(value) = @checksum = value
    def test(&block) = @check = block
  end

  def lib = Pathname.new(HOMEBREW_PREFIX) / "lib"
  def man1 = Pathname.new(HOMEBREW_PREFIX) / "share/man/man1"
  def shell_output(command) = `#{command}`.tap { raise "#{command} failed" unless $?.success? }
  def assert_match(part, text) = (raise "#{text} lacks #{part}" unless text.include?(part))
end

class Pathname
  def install(*files)
    mkpath
    files.flatten.each { |file| FileUtils.mv(file, self) }
  end
end

load FORMULA

if VERB == "choose"
  puts "#{DockerBluegreen.archive} #{DockerBluegreen.checksum}"
  exit
end

content = Net::HTTP.get(URI(DockerBluegreen.archive))
abort "SHA-256 mismatch" unless Digest::SHA256.hexdigest(content) == DockerBluegreen.checksum
Dir.mktmpdir do |dir|
  Dir.chdir(dir) do
    IO.popen(["tar", "-xz"], "wb") { |tar| tar.write(content) }
    formula = DockerBluegreen.new
    formula.install
    formula.instance_exec(&DockerBluegreen.check)
    puts formula.caveats
  end
end
