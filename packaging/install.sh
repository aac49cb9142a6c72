#!/bin/sh
# install.sh HOSTCTL ROOT PREFIX puts a hostctl, its man pages and its completions
# below ROOT.
# Completions lie in usr/share or usr/local/share: where shells look for them.
set -eu
hostctl=$1 root=$2 prefix=$3
share=$root$prefix/share
zsh=$share/zsh/site-functions
if [ "$prefix" = /usr ]; then zsh=$share/zsh/vendor-completions; fi
fish=$share/fish/vendor_completions.d
mkdir -p "$root$prefix/bin" "$share/man/man1" "$share/bash-completion/completions" "$zsh" "$fish"
install -m 0755 "$hostctl" "$root$prefix/bin/hostctl"
"$hostctl" docs man "$share/man/man1"
gzip -9nf "$share"/man/man1/hostctl*.1
"$hostctl" completion bash > "$share/bash-completion/completions/hostctl"
"$hostctl" completion zsh > "$zsh/_hostctl"
"$hostctl" completion fish > "$fish/hostctl.fish"
