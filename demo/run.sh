#!/bin/bash
# The demo: this repository's own configuration of server-nix on a throwaway
# Debian 13 machine, and back. Every command is printed before it runs, and
# what it prints is real. KEEP=1 leaves the machine. `make demo` runs this.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "demo: it boots a machine, so run it as root: sudo make demo" >&2; exit 1; }

host=server-nix
work=$(mktemp -d)
tm=$work/testmachine
machine=demo
cache=${HOSTCTL_TEST_CACHE:-/var/cache/hostctl-test}/cache
export HOSTCTL_CACHE=$cache

finish() {
  status=$?
  trap - EXIT
  if [ "$status" != 0 ]; then echo; echo "demo: FAILED (exit code $status)"; fi
  if [ -n "${KEEP:-}" ]; then
    echo; echo "The machine '$machine' is left running. Enter it with:"
    echo "  $("$tm" shell $machine)"
    echo "and remove it with:"
    echo "  go run ./test/machine/testmachine destroy $machine"
  elif [ -x "$tm" ]; then
    "$tm" destroy $machine 2>/dev/null || true
  fi
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT

say() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
# here runs a command on this machine, on runs one on the throwaway machine;
# both print it first.
here() { printf '\033[36m$ %s\033[0m\n' "$*"; "$@"; }
on() { printf '\033[36m%s# %s\033[0m\n' "$machine" "$*"; "$tm" exec $machine bash -c "$*"; }

go build -o "$tm" ./test/machine/testmachine
SECONDS=0

say "The flake is this repository's own configuration; its package lock is made afresh"
git clone --quiet . "$work/flake"
git ls-files -z -co --exclude-standard flake.hcl .sops.yaml hosts templates modules home overlays secrets |
  tar -c --null -T - | tar -x -C "$work/flake"
here bin/hostctl validate --flake "$work/flake"
printf '\033[36m$ %s\033[0m\n' "bin/hostctl update --host $host | head -n 1"
bin/hostctl update --flake "$work/flake" --host $host > "$work/update"
head -n 1 "$work/update"
# The machine has no network: it gets the packages as files in its cache.
"$tm" fetch "$cache" "$work/flake" $host

say "A throwaway Debian 13: systemd is PID 1, the network is a loopback"
printf '\033[36m$ %s\033[0m\n' "testmachine boot $machine"
root=$("$tm" boot $machine "$cache")
install -m 0755 bin/hostctl "$root/usr/local/bin/hostctl"
cp -a "$work/flake" "$root/root/flake"
# The private half of the test key; a real host has its own, made on it.
install -D -m 0600 secrets/TEST-ONLY.agekey "$root/var/lib/hostctl/age.key"
on 'grep PRETTY_NAME /etc/os-release; systemctl is-system-running; dpkg-query -W | wc -l'
on 'systemctl is-active ssh; command -v sshd docker zsh; getent passwd psiri; ls /run/secrets' || true

say "What would change? plan writes nothing and names the line that asks for each change"
on "cd ~/flake && hostctl plan --host $host"

say "Make it so"
on "cd ~/flake && hostctl switch --host $host --yes > /tmp/switch.txt; tail -n 1 /tmp/switch.txt"

holds() {
  on 'systemctl is-active ssh hostctl-firewall docker libvirtd NetworkManager'
  on 'systemctl --failed; dpkg --audit'
  on "dpkg-query -W -f '\${Package} \${Version}\n' openssh-server docker.io zsh; grep -E '^(openssh-server|docker.io|zsh) ' ~/flake/hosts/$host/packages.lock | cut -d' ' -f1,2"
  on 'getent passwd psiri; id psiri'
  on 'stat -L -c "%n %a %U:%G" /run/secrets/* /run/secrets-for-users/*; findmnt -n -o FSTYPE,OPTIONS -T /run/secrets/hello_world'
  on 'runuser -u psiri -- cat /run/secrets/hello_world; echo'
  on 'nft list chain inet hostctl input'
  on 'sshd -T | grep -E "^(permitrootlogin|passwordauthentication)"'
  on 'hostname; readlink /etc/localtime; sysctl net.ipv4.conf.all.rp_filter net.ipv4.tcp_rfc1337'
}
say "Does it hold? Nobody asks hostctl here"
holds

say "A second plan finds nothing, and starts no process: one execve, its own"
on "cd ~/flake && hostctl plan --host $host 2>/dev/null"
on "cd ~/flake && strace -f -c -e trace=process hostctl plan --host $host 2>&1 >/dev/null | grep -E 'calls|execve|clone|fork'"
on "cd ~/flake && time hostctl plan --host $host >/dev/null 2>&1"

say "An edited configuration: a small plan, a small switch"
on "sed -i 's/^networking {/networking {\n  firewall { allowed_tcp_ports = [443] }/' ~/flake/hosts/$host/default.hcl; cd ~/flake && git diff -U0 hosts/$host/default.hcl | tail -n 5"
on "cd ~/flake && hostctl plan --host $host 2>/dev/null | tee /tmp/plan.txt; grep -q '1 to change' /tmp/plan.txt"
on "cd ~/flake && hostctl switch --host $host --yes 2>&1 >/dev/null | tail -n 4"
on 'nft list chain inet hostctl input | grep dport; hostctl generations list'

say "And back: first the edit, then everything"
on 'hostctl rollback --yes 2>&1 >/dev/null | tail -n 4'
on 'nft list chain inet hostctl input | grep -c "tcp dport 443" || true'
on 'hostctl rollback --to 0 --yes 2>&1 >/dev/null | cut -c1-120'

say "Does that hold?"
on 'systemctl is-active ssh docker; command -v sshd docker zsh; getent passwd psiri; ls /run/secrets; dpkg-query -W | wc -l; dpkg --audit' || true
on 'ls /etc/ssh/ssh_host_ed25519_key; ls -d /var/lib/docker'
on 'systemctl is-system-running; hostctl generations list'

printf '\ndemo: done in %d min %d s\n' $((SECONDS / 60)) $((SECONDS % 60))
