package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	optionCount = 1000
	perLayer    = 20 // modules of each of the three layers
)

func layers() []string { return []string{"flake", "template", "host"} }

// writeOptions makes a flake of one host whose options are each declared once
// and defined in one to three layers; every fifth reads another option.
func writeOptions(dir string) {
	var names [3]string
	for l, layer := range layers() {
		for m := range perLayer {
			write(filepath.Join(dir, layer, fmt.Sprintf("m%02d.hcl", m)), optionModule(l, m))
			names[l] += fmt.Sprintf("%q, ", fmt.Sprintf("./%s/m%02d.hcl", layer, m))
		}
	}
	write(filepath.Join(dir, "flake.hcl"), fmt.Sprintf(`modules = [%s]
template "bench" {
  modules = [%s]
}
host "bench" {
  template = "bench"
  modules  = [%s]
}
`, names[0], names[1], names[2]))
}

func optionModule(layer, m int) string {
	var declared, defined strings.Builder
	for i := range optionCount {
		if i%(3*perLayer) == layer*perLayer+m {
			fmt.Fprintf(&declared, "option \"bench.o%d\" {\n  type    = number\n  default = %s\n}\n", i, value(i, layer))
		}
		if definedIn(i, layer, m) {
			fmt.Fprintf(&defined, "  o%d = %s\n", i, value(i, layer))
		}
	}
	return declared.String() + "bench {\n" + defined.String() + "}\n"
}

// value reads another option in every fifth. HCL and Nix write it alike.
func value(i, layer int) string {
	if i%5 == 0 && i > 0 {
		return fmt.Sprintf("config.bench.o%d + %d", i-1, layer)
	}
	return fmt.Sprint(i + layer)
}

// definedIn spreads the definitions of options over the modules of a layer:
// each option in the flake's, half in the template's, a third in the host's.
func definedIn(i, layer, m int) bool {
	return i%perLayer == m && i%(layer+1) == 0
}

// writeNix says the same as writeOptions in Nix, with a priority for a layer.
func writeNix(dir, lib string) {
	var modules strings.Builder
	for l, layer := range layers() {
		for m := range perLayer {
			name := fmt.Sprintf("%s/m%02d.nix", layer, m)
			write(filepath.Join(dir, name), nixModule(l, m))
			modules.WriteString(" ./" + name)
		}
	}
	write(filepath.Join(dir, "default.nix"), fmt.Sprintf(
		"((import %s).evalModules { modules = [%s ]; }).config.bench\n", lib, modules.String()))
}

func nixModule(layer, m int) string {
	var declared, defined strings.Builder
	for i := range optionCount {
		if i%(3*perLayer) == layer*perLayer+m {
			fmt.Fprintf(&declared, "  options.bench.o%d = lib.mkOption { type = lib.types.int; default = %s; };\n", i, value(i, layer))
		}
		if definedIn(i, layer, m) {
			fmt.Fprintf(&defined, "  config.bench.o%d = lib.mkOverride %d (%s);\n", i, 102-layer, value(i, layer))
		}
	}
	return "{ lib, config, ... }: {\n" + declared.String() + defined.String() + "}\n"
}

// nixLib finds the lib folder of nixpkgs, or says why there is none. Nothing
// is fetched.
func nixLib() (lib, why string) {
	if _, err := exec.LookPath("nix-instantiate"); err != nil {
		return "", "there is no nix-instantiate here (Debian's nix-bin has it)"
	}
	out, err := exec.Command("nix-instantiate", "--find-file", "nixpkgs").Output()
	if lib = filepath.Join(strings.TrimSpace(string(out)), "lib"); err != nil || !isDir(lib) {
		return "", "NIX_PATH names no nixpkgs that is on this machine"
	}
	return lib, ""
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// writeFleet makes a flake of n hosts over ten templates and one common module.
func writeFleet(dir string, n int) {
	var flake strings.Builder
	flake.WriteString("modules = [\"./common.hcl\"]\n")
	write(filepath.Join(dir, "common.hcl"), "sysctl = { \"vm.swappiness\" = 10 }\ntime { time_zone = \"Etc/UTC\" }\nnetworking { host_name = host.name }\n")
	for t := range 10 {
		fmt.Fprintf(&flake, "template \"t%d\" {\n  modules = [\"./templates/t%d.hcl\"]\n}\n", t, t)
		write(filepath.Join(dir, "templates", fmt.Sprintf("t%d.hcl", t)), fmt.Sprintf(
			"file \"/etc/role\" { content = \"role %d on ${host.name}\\n\" }\nsysctl = { \"net.core.somaxconn\" = %d }\n", t, 1024+t))
	}
	for h := range n {
		fmt.Fprintf(&flake, "host \"h%d\" {\n  template = \"t%d\"\n  modules  = [\"./hosts/h%d.hcl\"]\n}\n", h, h%10, h)
		write(filepath.Join(dir, "hosts", fmt.Sprintf("h%d.hcl", h)), fmt.Sprintf(
			"time { time_zone = \"Europe/Berlin\" }\nsysctl = { \"vm.swappiness\" = %d }\n"+
				"file \"/etc/site\" { content = \"site %d\\n\" }\nfile \"/etc/rack\" { content = \"rack %d of ${config.networking.host_name}\\n\" }\n", h%100, h, h%40))
	}
	write(filepath.Join(dir, "flake.hcl"), flake.String())
}

func write(name, content string) {
	check(os.MkdirAll(filepath.Dir(name), 0o755))
	check(os.WriteFile(name, []byte(content), 0o644))
}
