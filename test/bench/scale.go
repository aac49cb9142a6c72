package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// grown is one thing that a configuration may have much of.
type grown struct {
	name  string
	n     int                       // the smallest of three sizes, each twice the one before
	write func(dir string, n int)   // a flake with one host, bench
	aim   func(largest cost) string // compared with linear growth
}

// grows are the things whose cost is measured at three sizes.
func grows() []grown {
	one := func(body func(n int) string) func(string, int) {
		return func(dir string, n int) {
			write(filepath.Join(dir, "flake.hcl"), "host \"bench\" { modules = [\"./a.hcl\"] }\n")
			write(filepath.Join(dir, "a.hcl"), body(n))
		}
	}
	each := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	return []grown{
		{"packages", 5000, one(func(n int) string { return "packages = [\n" + each(n, "  \"p%d\",\n") + "]\n" }),
			func(c cost) string { return "cpu < 3 s: " + verdict(c.cpu < 3*time.Second) }},
		{"without", 2500, func(dir string, n int) {
			write(filepath.Join(dir, "flake.hcl"), "modules = [\"./all.hcl\"]\nhost \"bench\" { modules = [\"./a.hcl\"] }\n")
			write(filepath.Join(dir, "all.hcl"), "packages = [\n"+each(n, "  \"p%d\",\n")+"]\n")
			write(filepath.Join(dir, "a.hcl"), "packages = [\n"+each(n, "  without(\"p%d\"),\n")+"]\n")
		}, nil},
		{"chain of imports", 1250, func(dir string, n int) {
			write(filepath.Join(dir, "flake.hcl"), "host \"bench\" { modules = [\"./m0.hcl\"] }\n")
			for i := range n {
				next := fmt.Sprintf("imports = [\"./m%d.hcl\"]\n", i+1)
				if i == n-1 {
					next = ""
				}
				write(filepath.Join(dir, fmt.Sprintf("m%d.hcl", i)), next+fmt.Sprintf("sysctl = { \"net.bench.s%d\" = 1 }\n", i))
			}
		}, func(c cost) string { return "peak < 200 MB: " + verdict(c.peak < 200) }},
		{"imports of one module", 1250, func(dir string, n int) {
			write(filepath.Join(dir, "flake.hcl"), "host \"bench\" { modules = [\"./a.hcl\"] }\n")
			write(filepath.Join(dir, "a.hcl"), "imports = [\n"+each(n, "  \"./m%d.hcl\",\n")+"]\n")
			for i := range n {
				write(filepath.Join(dir, fmt.Sprintf("m%d.hcl", i)), fmt.Sprintf("sysctl = { \"net.bench.s%d\" = 1 }\n", i))
			}
		}, nil},
		{"users who read all users", 500, one(func(n int) string {
			return each(n, "user \"u%d\" {\n  comment = \"one of ${length(config.user)}\"\n}\n")
		}), nil},
		{"users", 1000, one(func(n int) string { return each(n, "user \"u%d\" { comment = \"somebody\" }\n") }), nil},
		{"files", 1000, one(func(n int) string { return each(n, "file \"/etc/bench/f%d\" { content = \"text\\n\" }\n") }), nil},
		{"units", 1000, one(func(n int) string {
			return each(n, "unit \"b%d.service\" {\n  content = \"[Service]\\nExecStart=/bin/true\\n\"\n}\n")
		}), nil},
	}
}

// scales prints what each thing costs at three sizes, and how much more than twice
// the cost twice the size has; what every evaluation costs is taken off before.
func scales(dir, hostctl string, only string) {
	empty := filepath.Join(dir, "empty")
	write(filepath.Join(empty, "flake.hcl"), "host \"bench\" { modules = [] }\n")
	evaluate := []string{"eval", "--host", "bench", "--eval-timeout", "5m", "--flake"}
	base := measure(5, hostctl, append(evaluate, empty)...).cpu
	for _, g := range grows() {
		if !strings.Contains(g.name, only) {
			continue
		}
		var before time.Duration
		for i := range 3 {
			n := g.n << i
			flake := filepath.Join(dir, "scale", fmt.Sprintf("%s-%d", strings.ReplaceAll(g.name, " ", "-"), n))
			g.write(flake, n)
			out, err := exec.Command(hostctl, append(evaluate, flake)...).CombinedOutput()
			if err != nil {
				text := string(out)
				fmt.Printf("%-34s refused: %s\n", fmt.Sprintf("eval, %d %s", n, g.name), text[:min(len(text), 400)])
				break
			}
			c := measure(3, hostctl, append(evaluate, flake)...)
			aim := ""
			if i > 0 {
				growth := float64(c.cpu-base) / float64(before) / 2
				aim = fmt.Sprintf("growth %.2f < 1.3: %s", growth, verdict(growth < 1.3))
			}
			if i == 2 && g.aim != nil {
				aim += "; " + g.aim(c)
			}
			row(fmt.Sprintf("eval, %d %s", n, g.name), c, aim)
			before = c.cpu - base
		}
	}
}
