#!/bin/sh
# Makes this folder a runner of a server, or with `remove` takes it off again. `./config.sh --help` has all of it.
set -eu
self=$0
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
here=$(cd "$(dirname "$self")" && pwd -P)
exec "$here/bin/paceline" agent configure --folder "$here" "$@"
