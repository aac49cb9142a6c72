// Bench measures the cost of evaluation, with the built hostctl as a cold process
// on this repository's flake and on generated flakes, and the cost of switches,
// compared with apt-get, on booted machines.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// cost is the time and memory of several runs of one command.
type cost struct {
	min, median, max time.Duration
	cpu              time.Duration // user and system, of the median run
	peak             float64       // resident memory of the largest run, MB
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	binary := flag.String("hostctl", "bin/hostctl", "the `program` to measure")
	runs := flag.Int("runs", 11, "runs of each short measure")
	full := flag.Bool("full", os.Getenv("BENCH") == "full", "measure 10,000 hosts, too (BENCH=full)")
	parse := flag.String("parse", "", "only parse the modules of this `folder`, as the measure of hcl alone does")
	stat := flag.String("stat", "", "only stat the paths that this `file` lists, as the measure of a plan's floor does")
	rounds := flag.Int("rounds", 3, "rounds of apt-get against hostctl")
	only := flag.Bool("switches", false, "measure switches alone")
	scale := flag.String("scale", "", "measure alone how the things whose name has this `word` grow (all: a space)")
	flag.Parse()
	if *stat != "" {
		statAll(*stat)
		return
	}
	if *parse != "" {
		parseAll(*parse)
		return
	}
	path, err := filepath.Abs(*binary)
	check(err)
	dir, err := os.MkdirTemp("", "hostctl-bench-")
	check(err)
	defer os.RemoveAll(dir)
	// Of its own, so that no cache of the user's helps or is filled.
	check(os.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache")))

	fmt.Printf("%-34s %9s %9s %9s %9s %8s  %s\n", "", "min", "median", "max", "cpu", "peak", "aim")
	if *scale != "" {
		scales(dir, path, strings.TrimSpace(*scale))
		return
	}
	if *only {
		switches(dir, path, *rounds)
		return
	}
	fw16 := measure(*runs, path, "eval", "--host", "fw16-nix")
	row("eval fw16-nix", fw16, "median < 80 ms: "+verdict(fw16.median < 80*time.Millisecond))
	fmt.Printf("  transparent huge pages here: %s\n", hugePages())
	options(dir, path, *runs)
	scales(dir, path, "")
	fleets(dir, path, *full)
	switches(dir, path, *rounds)
}

// hugePages is how this kernel allocates memory, which accounts for a fifth of a
// short process: Debian's kernels are built with "always".
func hugePages() string {
	b, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled")
	_, chosen, found := strings.Cut(string(b), "[")
	chosen, _, _ = strings.Cut(chosen, "]")
	if err != nil || !found {
		return "none"
	}
	return chosen
}

func options(dir, hostctl string, runs int) {
	modules := filepath.Join(dir, "options")
	writeOptions(modules)
	ours := measure(runs, hostctl, "eval", "--flake", modules, "--host", "bench", "--option", "bench")
	self, err := os.Executable()
	check(err)
	hclAlone := measure(runs, self, "-parse", modules)
	lib, why := nixLib()
	if why != "" {
		row("1,000 options, 60 modules", ours, "at or under Nix: not measured")
		row("  hcl parsing the same files", hclAlone, "")
		fmt.Println("  Nix's lib.evalModules: left out,", why)
		return
	}
	writeNix(modules, lib)
	nix := measure(runs, "nix-instantiate", "--eval", "--strict", filepath.Join(modules, "default.nix"))
	row("1,000 options, 60 modules", ours, "median <= Nix: "+verdict(ours.median <= nix.median))
	row("  hcl parsing the same files", hclAlone, "")
	row("  Nix's lib.evalModules", nix, "")
}

func fleets(dir, hostctl string, full bool) {
	sizes := []int{100, 1000}
	if full {
		sizes = append(sizes, 10000)
	}
	var before cost
	for i, n := range sizes {
		fleet := filepath.Join(dir, fmt.Sprint("fleet", n))
		writeFleet(fleet, n)
		c := measure(max(1, 5-2*i), hostctl, "validate", "--flake", fleet, "--eval-timeout", "5m")
		aim := ""
		switch n {
		case 100:
			aim = "median < 1 s: " + verdict(c.median < time.Second)
		case 1000:
			aim = "peak < 150 MB: " + verdict(c.peak < 150)
		case 10000:
			aim = "median < 60 s: " + verdict(c.median < time.Minute)
		}
		row(fmt.Sprintf("validate, %d hosts", n), c, aim)
		if i > 0 {
			more := n - sizes[i-1]
			fmt.Printf("  each host more: %.2f ms, %.1f kB; %.1f times the time for %d times the hosts\n",
				ms(c.median-before.median)/float64(more), (c.peak-before.peak)*1000/float64(more),
				float64(c.median)/float64(before.median), n/sizes[i-1])
		}
		before = c
	}
	if !full {
		fmt.Println("validate, 10000 hosts: left out, BENCH=full measures it")
	}
}

// measure ends the program if the command fails: the time of an error measures
// nothing.
func measure(runs int, name string, args ...string) cost {
	type run struct{ wall, cpu time.Duration }
	var all []run
	var c cost
	for range runs {
		cmd := exec.Command(name, args...)
		start := time.Now()
		out, err := runQuietly(cmd)
		wall := time.Since(start)
		if err != nil {
			log.Fatalf("cannot measure %v: %v\n%s", cmd.Args, err, out)
		}
		usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		all = append(all, run{wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()})
		c.peak = max(c.peak, float64(usage.Maxrss)*1024/1e6)
	}
	slices.SortFunc(all, func(a, b run) int { return int(a.wall - b.wall) })
	mid := all[len(all)/2]
	c.min, c.median, c.max, c.cpu = all[0].wall, mid.wall, all[len(all)-1].wall, mid.cpu
	return c
}

// runQuietly keeps what a failed command wrote to stderr. Output goes to
// /dev/null, so that reading it is not part of the measure.
func runQuietly(cmd *exec.Cmd) (string, error) {
	errs, err := os.CreateTemp("", "hostctl-bench-stderr-")
	check(err)
	defer os.Remove(errs.Name())
	defer errs.Close()
	cmd.Stderr = errs
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(errs.Name())
		return string(said), err
	}
	return "", nil
}

func parseAll(dir string) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.hcl"))
	check(err)
	for _, name := range files {
		content, err := os.ReadFile(name)
		check(err)
		if _, diags := hclsyntax.ParseConfig(content, name, hcl.InitialPos); diags.HasErrors() {
			log.Fatal(diags)
		}
	}
}

func row(name string, c cost, aim string) {
	fmt.Printf("%-34s %6.0f ms %6.0f ms %6.0f ms %6.0f ms %5.0f MB  %s\n",
		name, ms(c.min), ms(c.median), ms(c.max), ms(c.cpu), c.peak, aim)
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "missed"
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
