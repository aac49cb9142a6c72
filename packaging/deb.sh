#!/bin/sh
# deb.sh HOSTCTL DIR builds DIR/hostctl_VERSION_ARCH.deb of a hostctl of this
# machine's architecture. The same commit gives the same bytes: every time is that
# of the commit, every owner is root, and files come in the order of their names.
set -eu
hostctl=$(realpath "$1") to=$(realpath "$2")
cd "$(dirname "$0")/.."
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
umask 022
version=$(packaging/version.sh)
arch=$(dpkg --print-architecture)
# The project has no address of its own: whose work the commit is can be asked.
maintainer=$(git log -1 --format='%aN <%aE>')
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 0755 "$root"

packaging/install.sh "$hostctl" "$root" /usr
install -D -m 0644 internal/machine/bootloader/hostctl-recover.service "$root/usr/lib/systemd/system/hostctl-recover.service"
doc=$root/usr/share/doc/hostctl
mkdir -p "$doc"
{
  printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n'
  printf 'Upstream-Name: hostctl\n\nFiles: *\nCopyright: the hostctl authors\nLicense: Apache-2.0\n'
  printf ' On Debian systems the whole text is in /usr/share/common-licenses/Apache-2.0.\n'
} > "$doc/copyright"
gzip -9nc CHANGELOG.md > "$doc/changelog.gz"

mkdir "$root/DEBIAN"
cat > "$root/DEBIAN/control" <<CONTROL
Package: hostctl
Version: $version
Architecture: $arch
Maintainer: $maintainer
Section: admin
Priority: optional
Installed-Size: $(du -k -s --apparent-size "$root/usr" | cut -f1)
Depends: apt, dpkg, passwd, systemd
Recommends: debian-archive-keyring
Suggests: git, openssh-client
Description: make a machine what one git repository says it is
 hostctl reads a flake (a git repository of HCL that describes every host), and
 makes a Debian machine be what it says: packages at exact versions, services,
 users, files, firewall and secrets, as one transaction that a rollback undoes.
CONTROL
(cd "$root" && find usr -type f | sort | xargs md5sum) > "$root/DEBIAN/md5sums"
find "$root" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zgzip -z6 --build "$root" "$to/hostctl_${version}_$arch.deb"
