package systemd

import (
	"context"
	"fmt"
	"strings"

	"github.com/hostctl/hostctl/internal/machine/system"
)

// Verb is one of systemctl's commands that only change links.
type Verb string

// The verbs of systemctl(1).
const (
	Enable  Verb = "enable"
	Disable Verb = "disable"
	Mask    Verb = "mask"
	Unmask  Verb = "unmask"
)

// Systemctl runs one verb for all units at once in the root, offline: no
// manager is asked to do anything. No units, no call.
func Systemctl(ctx context.Context, root system.Root, verb Verb, units []string) error {
	if len(units) == 0 {
		return nil
	}
	args := append([]string{"--root=/", "--no-reload", "--quiet", string(verb), "--"}, units...)
	cmd := root.Command(ctx, "systemctl", args...)
	cmd.Env = append(cmd.Env, "SYSTEMD_OFFLINE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot %s units %s: systemctl: %w\n%s", verb, strings.Join(units, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
