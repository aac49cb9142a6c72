#!/bin/bash
# hostctl's part of an initrd that dracut(8) makes. See dracut.modules(7).

check() {
	return 0
}

depends() {
	return 0
}

install() {
	inst_script "$moddir/hostctl-early.sh" /usr/lib/hostctl-early
	if dracut_module_included systemd; then
		inst_simple "$moddir/hostctl-early.service" "$systemdsystemunitdir/hostctl-early.service"
		mkdir -p "$initdir$systemdsystemunitdir/initrd.target.wants"
		ln -sfn ../hostctl-early.service "$initdir$systemdsystemunitdir/initrd.target.wants/hostctl-early.service"
	else
		inst_hook pre-pivot 00 "$moddir/hostctl-early.sh"
	fi
}
