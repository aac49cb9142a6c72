package plan

import "github.com/hostctl/hostctl/internal/spec"

// StateOf is the state of a machine that is exactly what a spec and its lock
// say: what generations are compared by, without a machine.
func StateOf(host *spec.Host, lock []spec.Locked) *spec.State {
	st := &spec.State{
		Installed: map[string]spec.Installed{}, Files: map[string]spec.File{}, Units: map[string]spec.Unit{},
		Users: host.Users, Groups: host.Groups, Sysctls: host.Sysctls, Modules: host.KernelModules, Secrets: host.Secrets,
	}
	for name, l := range closure(lock, host.System) {
		st.Installed[name] = spec.Installed{Version: l.Version, Arch: l.Arch}
	}
	for path, f := range host.Files {
		st.Files[path] = f.Live(path)
	}
	for name, u := range host.Units {
		no := false
		if u.Enabled == nil {
			u.Enabled = &no
		}
		if u.Masked == nil {
			u.Masked = &no
		}
		st.Units[name] = u
	}
	return st
}
