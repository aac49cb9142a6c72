#!/bin/sh
# Finishes or undoes what a change of hostctl left open, before the root's own
# PID 1 starts: a root in the middle of a change may not be able to start one.
# The program is the very one that began the change; it is static, and needs
# nothing of the root.
#
# Where systemd is not in the initrd, dracut reads this into the shell that is
# PID 1: to exit there is to end the boot.
(
	: >/run/hostctl-early
	root="${NEWROOT:-/sysroot}"
	init="$root/.hostctl/hostctl-init"
	[ -x "$init" ] || exit 0
	for open in at-boot journal/committed journal/reverting; do
		if [ -e "$root/.hostctl/$open" ]; then
			"$init" "$root"
			break
		fi
	done
	exit 0
)
