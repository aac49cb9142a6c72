#!/bin/sh
# The version of a Debian package of this commit: the tag v1.2.3 is 1.2.3, what
# comes after it sorts after it, and before there is a tag all is 0.0.0.
set -eu
if tag=$(git describe --tags --exact-match --match 'v[0-9]*' 2>/dev/null); then
  version=${tag#v}
elif described=$(git describe --tags --long --match 'v[0-9]*' 2>/dev/null); then
  described=${described#v}
  version=${described%-*-g*}+git$(git log -1 --format=%cd --date=format:%Y%m%d%H%M%S).${described##*-g}
else
  version=0.0.0+git$(git log -1 --format=%cd --date=format:%Y%m%d%H%M%S).$(git rev-parse --short=12 HEAD)
fi
# Of a prerelease, v1.0.0-rc1, Debian's order wants 1.0.0~rc1.
printf '%s\n' "$version" | sed 's/-/~/g'
