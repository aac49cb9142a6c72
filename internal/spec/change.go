package spec

// State is what the host is: the live form of the resources that the wanted or an
// earlier spec names, and every installed package.
type State struct {
	Installed map[string]Installed
	Files     map[string]File // only paths that exist
	// Leads are where those paths lead on the machine if their folders are links.
	Leads   map[string]string
	Units   map[string]Unit // Content and DropIns as found in /etc; Enabled and Masked always set
	Users   map[string]User
	Groups  map[string]Group
	Homes   map[string]HomeFolder // of wanted accounts of people, by account
	Sysctls map[string]string     // of hostctl's own file in /etc/sysctl.d
	// LiveSysctls are the running kernel's values of the keys that the wanted
	// Host sets and that can be set here, with single spaces for blanks.
	LiveSysctls map[string]string
	Modules     []string // of hostctl's own file in /etc/modules-load.d
	// SysctlFile and ModuleFile are the mode, owner and group of these files if
	// they differ from what hostctl writes: PlainFile.
	SysctlFile, ModuleFile string
	// Secrets are the names that are installed below /run, with owner, group and
	// mode. FileDigest and Key come from the manifest that the last installation
	// wrote next to them.
	Secrets map[string]Secret
	// Protected are installed packages that no plan removes: those that dpkg
	// calls Essential or Protected, and the running kernel's image.
	Protected map[string]bool
	// Kernel is the installed package whose kernel runs; "" is none.
	Kernel string
	// Data is the data folder of each installed package that has data and converts
	// it from one upstream version to another.
	Data map[string]string
	// Shipped are the paths in Files that a package owns too. Dropping such a file
	// from the spec must not remove it from its package.
	Shipped map[string]bool
}

// Installed is a package in dpkg's database whose status is "installed".
type Installed struct {
	Version string
	Arch    string
	Auto    bool // apt's mark: installed as a dependency
	// Essential: its stanza says Essential, Protected or Important "yes".
	Essential bool
	Held      bool `json:",omitempty"` // apt-mark(8): no upgrade touches it
}

// Locked is one line of packages.lock: an exact package of the host's closure.
type Locked struct {
	Name    string
	Version string
	Arch    string
	SHA256  string
	Size    int64
	Input   string // the flake input it comes from
	Path    string // below the mirror's root
}

// Action is what a change does.
type Action string

// The actions. Only packages have upgrade and downgrade.
const (
	Create    Action = "create"
	Update    Action = "update"
	Delete    Action = "delete"
	Upgrade   Action = "upgrade"
	Downgrade Action = "downgrade"
)

// Field is one attribute that a change alters, as shown to people. Before is
// empty on create, After on delete.
type Field struct {
	Name   string `json:"name"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Change is one step from the State to the Host.
type Change struct {
	ID     ID      `json:"id"`
	Action Action  `json:"action"`
	Fields []Field `json:"fields,omitempty"`
	Origin Origin  `json:"origin"` // for a delete: where the previous generation's spec asked for it
	// Data is a folder whose data the package may convert, because its upstream
	// version changes.
	Data string `json:"data,omitempty"`
	// Why says why a package that is removed is installed: a reason, and after
	// ": " whom or what it is about.
	Why string `json:"why,omitempty"`
}

// Release is a move from one release of Debian to another, by their numbers.
type Release struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Plan is everything that a switch would do: the only input of the later phases.
type Plan struct {
	Version    int      `json:"version"`
	Host       string   `json:"host"`
	Generation int      `json:"generation"` // the one that the plan starts from
	SpecDigest string   `json:"spec_digest"`
	LockDigest string   `json:"lock_digest"`
	Release    *Release `json:"release,omitempty"` // nil: it stays the same
	Lockout    []string `json:"lockout,omitempty"` // how it may keep people from logging in
	Refused    []string `json:"refused,omitempty"` // why it may not be carried out
	Changes    []Change `json:"changes"`
	Keep       []string `json:"keep,omitempty"`   // packages to ask for to keep everything that would be removed unasked
	Extras     []string `json:"extras,omitempty"` // installed packages that neither the closure nor the adopted machine accounts for
	Kept       []string `json:"kept,omitempty"`   // packages to remove that stay for now: the running kernel
	Warnings   []string `json:"warnings,omitempty"`
}

// Empty reports whether there is nothing to do.
func (p *Plan) Empty() bool { return len(p.Changes) == 0 }

// Of returns the changes of one kind, in plan order.
func (p *Plan) Of(k Kind) []Change {
	var out []Change
	for _, c := range p.Changes {
		if c.ID.Kind == k {
			out = append(out, c)
		}
	}
	return out
}

// Converts returns the changes after which the earlier version may not be able to
// read its data.
func (p *Plan) Converts() []Change {
	var out []Change
	for _, c := range p.Changes {
		if c.Data != "" {
			out = append(out, c)
		}
	}
	return out
}

// ServiceRequest is a maintainer script's request to a service while its package
// was staged. policy-rc.d denied and recorded it.
type ServiceRequest struct {
	Unit   string `json:"unit"`   // unit or init script name
	Action string `json:"action"` // start, stop, restart, reload, force-reload
}
