package plan

import "github.com/hostctl/hostctl/internal/spec"

// StateOf is the state of a machine that is exactly what a spec and its lock
// say: what generations are compared by, without a machine.
func StateOf(host *spec.Host, lock []spec.Locked) *spec.State {
	st := &spec.State{
		Installed: map[string]spec.Installed{}, Files: host.Files, Units: map[string]spec.Unit{},
		Users: host.Users, Groups: host.Groups, Sysctls: host.Sysctls, Modules: host.KernelModules, Secrets: host.Secrets,
	}
	for _, l := range lock {
		st.Installed[l.Name] = spec.Installed{Version: l.Version, Arch: l.Arch}
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
