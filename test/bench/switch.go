package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hostctl/hostctl/internal/machine/apt"
	"github.com/hostctl/hostctl/internal/machine/system"
	"github.com/hostctl/hostctl/test/machine"
)

// benchPackages are some that a server gets on its first day; with what they
// need beyond the base root they are about 70.
func benchPackages() []string {
	return []string{"curl", "git", "htop", "jq", "lsof", "nginx", "openssh-server", "rsync", "rsyslog", "strace", "sudo", "tmux", "vim"}
}

const (
	insideFlake  = "/root/flake"
	managedFiles = 5000
)

// site is what all machines of the measures of switches share.
type site struct {
	ctx     context.Context
	base    string
	cache   string
	flake   string
	hostctl string
	debs    []string // paths inside a machine of what the lock has beyond the base root
}

// switches compares hostctl with apt-get on booted machines: the same
// packages from the same files, in turns.
func switches(dir, hostctl string, rounds int) {
	if why := noMachines(); why != "" {
		fmt.Println("switch against apt-get: left out,", why)
		return
	}
	check(machine.Sweep())
	s := newSite(dir, hostctl)
	names := make([]string, len(s.debs))
	for i, d := range s.debs {
		names[i], _, _ = strings.Cut(filepath.Base(d), "_")
	}
	var aptInstall, aptPurge, ourSwitch, ourRollback []time.Duration
	turns(rounds, func(i int) {
		there, back := s.thereAndBack(fmt.Sprint("apt-", i), aptGet+"install --no-install-recommends "+strings.Join(s.debs, " "), aptGet+"purge "+strings.Join(names, " "))
		aptInstall, aptPurge = append(aptInstall, there), append(aptPurge, back)
	}, func(i int) {
		there, back := s.thereAndBack(fmt.Sprint("hostctl-", i), "hostctl switch --yes --flake "+insideFlake+" --host bench", "hostctl rollback --yes")
		ourSwitch, ourRollback = append(ourSwitch, there), append(ourRollback, back)
	})
	fmt.Printf("%d packages from files, daemons started, each machine on a fresh ext4 of its own, %d rounds in turns\n", len(s.debs), rounds)
	times("  apt-get install", aptInstall, "")
	times("  hostctl switch", ourSwitch, ratio("<=", 0.8, ourSwitch, aptInstall))
	times("  apt-get purge", aptPurge, "")
	times("  hostctl rollback", ourRollback, ratio("<", 0.2, ourRollback, aptPurge))
	s.small(rounds)
}

func noMachines() string {
	if os.Getuid() != 0 {
		return "it needs root"
	}
	for _, name := range []string{"mmdebstrap", "systemd-nspawn", "nsenter", "mkfs.ext4"} {
		if _, err := exec.LookPath(name); err != nil {
			return "it needs " + name
		}
	}
	return ""
}

func newSite(dir, hostctl string) *site {
	s := &site{ctx: context.Background(), hostctl: hostctl, flake: filepath.Join(dir, "switch"), cache: filepath.Join(machine.CacheDir(), "cache")}
	var err error
	s.base, err = machine.Base(s.ctx, os.Stderr)
	check(err)
	check(os.MkdirAll(filepath.Join(s.cache, "debs"), 0o755))
	write(filepath.Join(s.flake, "flake.hcl"), "input \"debian\" {\n  url        = \"debian:trixie\"\n  components = [\"main\"]\n}\nhost \"bench\" {\n  modules = [\"./bench.hcl\"]\n}\n")
	write(filepath.Join(s.flake, "bench.hcl"), fmt.Sprintf("packages = [%s]\n", quoted(benchPackages())))
	update := exec.CommandContext(s.ctx, hostctl, "update", "--flake", s.flake)
	update.Env = append(os.Environ(), "HOSTCTL_CACHE="+s.cache)
	if out, err := update.CombinedOutput(); err != nil {
		check(fmt.Errorf("cannot lock the packages: %w\n%s", err, out))
	}
	_, err = machine.Fetch(s.ctx, s.base, s.cache, s.flake, "bench")
	check(err)
	b, err := os.ReadFile(filepath.Join(s.flake, "hosts/bench/packages.lock"))
	check(err)
	lock, err := apt.ParseLock(b)
	check(err)
	has, err := apt.Installed(system.Root(s.base))
	check(err)
	for _, l := range lock {
		if has[l.Name].Version != l.Version {
			s.debs = append(s.debs, apt.Cache{Dir: "/var/cache/hostctl"}.Deb(l))
		}
	}
	return s
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = fmt.Sprintf("%q", n)
	}
	return strings.Join(out, ", ")
}

// boot makes and boots a machine with the flake, hostctl and the packages.
func (s *site) boot(name string) *machine.Machine {
	m, err := machine.NewOnDisk(s.ctx, s.base, machine.NameFor("bench-"+name))
	check(err)
	check(m.ShareDebs(s.ctx, s.cache))
	check(os.CopyFS(filepath.Join(m.Root, insideFlake), os.DirFS(s.flake)))
	b, err := os.ReadFile(s.hostctl)
	check(err)
	check(os.WriteFile(filepath.Join(m.Root, "usr/local/bin/hostctl"), b, 0o755))
	check(m.Boot(s.ctx))
	check(exec.Command("sync").Run())
	return m
}

// thereAndBack is how long two command lines take on a machine that is made for
// them.
func (s *site) thereAndBack(name, there, back string) (time.Duration, time.Duration) {
	m := s.boot(name)
	defer func() { check(m.Destroy()) }()
	first := s.run(m, there)
	check(exec.Command("sync").Run())
	return first, s.run(m, back)
}

// run is how long a command line takes in a machine.
func (s *site) run(m *machine.Machine, line string) time.Duration {
	cmd := m.Command(s.ctx, "sh", "-c", line)
	start := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(start)
	if err != nil {
		check(fmt.Errorf("cannot measure %s: %w\n%s", line, err, out))
	}
	return took
}

const aptGet = "SUDO_FORCE_REMOVE=yes DEBIAN_FRONTEND=noninteractive DEBIAN_PRIORITY=critical apt-get -y -q "

// turns measures two sides, each first in every other round: who comes second
// finds warm caches.
func turns(rounds int, a, b func(round int)) {
	for i := range rounds {
		sides := []func(int){a, b}
		if i%2 == 1 {
			slices.Reverse(sides)
		}
		for _, side := range sides {
			side(i)
		}
	}
}

// small measures what people do most: nothing, and one small change.
func (s *site) small(rounds int) {
	m := s.boot("small")
	defer func() { check(m.Destroy()) }()
	module := filepath.Join(m.Root, insideFlake, "bench.hcl")
	const hostctl = "hostctl %s --flake " + insideFlake + " --host bench"
	var many, paths strings.Builder
	for i := range managedFiles {
		path := fmt.Sprintf("/etc/bench/%d/%d", i/100, i)
		fmt.Fprintf(&many, "file %q {\n  content = \"file %d\\n\"\n}\n", path, i)
		paths.WriteString(path + "\n")
	}
	write(module, many.String())
	write(filepath.Join(m.Root, "root/paths"), paths.String())
	self, err := os.Executable()
	check(err)
	b, err := os.ReadFile(self)
	check(err)
	check(os.WriteFile(filepath.Join(m.Root, "root/bench"), b, 0o755))
	s.run(m, fmt.Sprintf(hostctl, "switch --yes"))
	// What was written just now is hashed each time: another write might not show
	// in its times yet (kind.StatCache).
	time.Sleep(3 * time.Second)
	var plan, stat, change []time.Duration
	for range max(rounds, 11) {
		plan = append(plan, s.run(m, fmt.Sprintf(hostctl, "plan")))
		stat = append(stat, s.run(m, "/root/bench -stat /root/paths"))
	}
	fmt.Printf("%d managed files\n", managedFiles)
	times("  a bare stat of them", stat, "")
	times("  hostctl plan", plan, ratio("<=", 3, plan, stat))
	for i := range rounds {
		write(module, many.String()+fmt.Sprintf("user \"u%d\" {\n  home = \"/home/u%d\"\n}\nfile \"/etc/bench/changed\" {\n  content = \"%d\\n\"\n}\n"+
			"unit \"bench%d.service\" {\n  content = \"[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n\"\n  enabled = true\n}\n", i, i, i, i))
		change = append(change, s.run(m, fmt.Sprintf(hostctl, "switch --yes")))
	}
	times("  switch: a file, a user, a service", change, "")
}

// statAll is the bare stat that a plan is compared with: a process that reads
// a list of paths and looks at each.
func statAll(list string) {
	b, err := os.ReadFile(list)
	check(err)
	for path := range strings.Lines(string(b)) {
		_, err := os.Lstat(strings.TrimSuffix(path, "\n"))
		check(err)
	}
}

func times(name string, all []time.Duration, aim string) {
	all = slices.Sorted(slices.Values(all))
	fmt.Printf("%-34s %6.0f ms %6.0f ms %6.0f ms %22s  %s\n", name, ms(all[0]), ms(middle(all)), ms(all[len(all)-1]), "", aim)
}

func middle(all []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(all))[len(all)/2]
}

// ratio compares medians with an aim.
func ratio(op string, aim float64, ours, theirs []time.Duration) string {
	r := float64(middle(ours)) / float64(middle(theirs))
	return fmt.Sprintf("%.2f of the above, aim %s %.1f: %s", r, op, aim, verdict(r <= aim))
}
