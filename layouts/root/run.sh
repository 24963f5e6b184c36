#!/bin/sh
# Takes jobs until it is told to end: Ctrl-C once drains, twice cancels what runs, three times kills it.
set -eu
self=$0
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
here=$(cd "$(dirname "$self")" && pwd -P)
exec "$here/bin/paceline" agent run --folder "$here" "$@"
