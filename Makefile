# hostctl's own commands. `make` builds, `make test` shows that it works.

GO ?= go

# Pinned: another version of a checker must be somebody's decision.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
CYCLONEDX := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0

# What the tests and the demo run, as Debian calls it; nothing of it is needed to build.
PACKAGES := mmdebstrap systemd-container debian-archive-keyring gpg gpgv python3-minimal strace git openssh-client openssh-server neovim qemu-system-x86 e2fsprogs dosfstools ovmf fdisk xfsprogs btrfs-progs exfatprogs mtools exfat-fuse

export CGO_ENABLED := 0

# The same for all that is compiled here: what hostctl imports is then compiled
# once, and not again for the tests and the checkers.
export GOFLAGS := $(strip $(shell $(GO) env GOFLAGS) -trimpath)

.PHONY: all build check install deb release test test-packages test-boot torture fuzz lint bench demo docs vscode tools clean

all: build

build: bin/hostctl

# go build is its own judge of what changed.
.PHONY: bin/hostctl
bin/hostctl:
	$(GO) build -ldflags '-s -w' -o $@ ./cmd/hostctl

# Without root and without network: what a change is checked with again and again.
# Levels that need root, a booted machine or a virtual one are make test's, and so
# are tests that take seconds each. go vet is make lint's.
check: build
	@out=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "gofmt: $$out"; exit 1; }
	CI= HOSTCTL_TEST_ROOT= $(GO) test -short -vet=off -ldflags '-s -w' -timeout 10m ./cmd/... ./internal/... ./library/... ./packaging/...

# PREFIX=/usr DESTDIR=... for packagers.
PREFIX ?= /usr/local
install: build
	packaging/install.sh bin/hostctl "$(DESTDIR)" "$(PREFIX)"

# bin/hostctl_VERSION_ARCH.deb: the same bytes for the same commit.
deb: build
	packaging/deb.sh bin/hostctl bin

# What a release of this machine's architecture has, with what is in the binary
# (CycloneDX) and checksums.
release: deb
	arch=$$($(GO) env GOARCH); cp bin/hostctl bin/hostctl-linux-$$arch && \
	  $(GO) run $(CYCLONEDX) bin -json -std -noserial -notimestamp -output bin/hostctl-linux-$$arch.cdx.json bin/hostctl-linux-$$arch && \
	  cd bin && sha256sum hostctl-linux-$$arch* *.deb > SHA256SUMS && cat SHA256SUMS

tools:
	@test "$$(id -u)" = 0 || { echo "make: not root: nothing is installed, and tests that need root say so"; exit 0; }; \
	missing=; for p in $(PACKAGES); do \
	  dpkg-query -W -f '$${db:Status-Status}' $$p 2>/dev/null | grep -qx installed || missing="$$missing $$p"; done; \
	test -z "$$missing" || { \
	  echo "make: installing what the tests and the demo run:$$missing"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; }

# Every level: unit, command and package first, then torture, then the host
# level on booted machines beside that on virtual ones. A level that lacks root or
# a program fails where CI is set, and says why it was skipped elsewhere. The last
# levels run a hostctl that they build, which Go's cache of results does not see.
# go vet is make lint's, whole; go test would run a part of it again.
test: build tools
	@if [ "$$(id -u)" = 0 ]; then \
	  HOSTCTL_TEST_ROOT=$$($(GO) run ./test/machine/testmachine base) && export HOSTCTL_TEST_ROOT || exit 1; fi; \
	$(GO) test -vet=off -ldflags '-s -w' -timeout 30m $$($(GO) list ./... | grep -v -e '/test/host$$' -e /test/vm -e /test/torture) && \
	$(GO) test -vet=off -v -count=1 -timeout 40m ./test/torture && \
	$(GO) test -vet=off -v -count=1 -timeout 40m ./test/host/... ./test/vm

# Every set of packages, each held against apt-get on a machine of its own
# (make test takes one of them), a move from one release to the next, and
# another kernel from the boot menu, power cuts over a /boot/efi of vfat,
# clocks that jump, a server that people live on, SIGTERM in each phase of a
# switch, SIGKILL oftener than make test, and full disks.
test-packages: build tools
	HOSTCTL_TEST_ROOT=$$($(GO) run ./test/machine/testmachine base) HOSTCTL_TEST_PACKAGES=all \
	  $(GO) test -v -count=1 -timeout 120m -run 'TestPackages|TestRelease|TestKilledSwitch|TestBootMenu|TestKernelOnTrial|TestVfat|TestClockJumps|TestLivedInServer|TestSignalInEachPhase|TestFullDisk' ./test/host/... ./test/vm

# Machines with firmware, a loader and a kernel, as Debian's own tools make them:
# a new kernel, the boot into it, and the way back. And a kernel with modules that
# are built for it.
test-boot: build tools
	HOSTCTL_TEST_ROOT=$$($(GO) run ./test/machine/testmachine base) HOSTCTL_TEST_BOOT=all \
	  $(GO) test -v -count=1 -timeout 480m -run 'TestLoaders|TestBootSide|TestDpkgOrder|TestWorkstations' ./test/host ./test/vm

# Interruptions of the real binary, N of them (0: every step of every kind,
# about 10,000; of one kind with KIND=kill). What a failed run prints as its seed
# repeats it: SEED=...
N ?= 1000
SEED ?= 0
KIND ?=
torture: build tools
	$(GO) test -v -count=1 -timeout 0 ./test/torture -args -n $(N) -seed $(SEED) -kind "$(KIND)"

# Flakes of links, FIFOs, devices, odd names and sizes, for ten minutes or as long
# as TIME says. What a failed run prints as its seed makes its flake again: SEED=...
TIME ?= 10m
fuzz: build tools
	$(GO) test -v -count=1 -timeout 0 ./test/hostile -run TestFuzz -args -for $(TIME) -seed $(SEED)

lint:
	@echo "== gofmt"; out=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "$$out"; exit 1; }
	@echo "== go vet"; $(GO) vet ./...
	@echo "== words"; ! git grep -nwiF -f .words -- '*.go' '*.md' '*.hcl' '*.txtar' ':!docs/design'
	@echo "== staticcheck"; $(GO) run $(STATICCHECK) ./...
	@echo "== govulncheck"; out=$$($(GO) run $(GOVULNCHECK) ./... 2>&1) || case "$$out" in \
	  *"fetching vulnerabilities"*) echo "left out: its vulnerability data cannot be reached from here" ;; \
	  *) echo "$$out"; exit 1 ;; esac

# Times of cold processes, and of switches beside apt-get, beside what they
# should be; BENCH=full takes 10,000 hosts, too.
bench: build
	$(GO) run ./test/bench

demo: build tools
	KEEP=$(KEEP) demo/run.sh

# The pages of docs/commands, from the commands' own help, and of docs/options,
# from the option blocks of the library.
docs: build
	bin/hostctl docs markdown docs/commands
	bin/hostctl options --markdown docs/options
	bin/hostctl show --markdown --write docs/reference-configuration.md

# bin/hostctl.vsix, for code --install-extension, once its server has answered the
# protocol library that its client is made of. Takes node and npm.
vscode: build
	cd editors/vscode && npm ci --ignore-scripts && HOSTCTL=$(CURDIR)/bin/hostctl npm test && npm run package

clean:
	rm -rf bin editors/vscode/node_modules
