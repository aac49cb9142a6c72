package systemd

import (
	"context"
	"errors"
	"strings"
)

// CreateTmpfiles makes what files of tmpfiles.d(5), by their names, ask for. It
// continues past lines that cannot be done.
func CreateTmpfiles(ctx context.Context, names []string) error {
	_, err := live.Run(ctx, JobTime, "systemd-tmpfiles", append([]string{"--create"}, names...)...)
	return err
}

// ReloadUdev has udev read its rules, and announces the devices that are there once
// more, so that new rules hold for these. What udev itself does at boot
// (systemd-udev-trigger.service) adds them, which would start what hotplug starts.
func ReloadUdev(ctx context.Context) error {
	_, reload := live.Run(ctx, QueueTime, "udevadm", "control", "--reload")
	_, trigger := live.Run(ctx, QueueTime, "udevadm", "trigger", "--action=change")
	return errors.Join(reload, trigger)
}

// ReloadBus has the system's bus read its configuration. It is never restarted:
// every connection of every daemon would end.
func ReloadBus(ctx context.Context) error {
	_, err := live.Run(ctx, QueueTime, "busctl", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "ReloadConfig")
	return err
}

// LastLines are the last lines of a unit in the journal, none if there is no
// journal.
func LastLines(ctx context.Context, unit string) string {
	out, err := live.Run(ctx, QueueTime, "journalctl", "--unit="+unit, "--lines=10", "--no-pager", "--quiet", "--output=cat")
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(out), "\n")
}
