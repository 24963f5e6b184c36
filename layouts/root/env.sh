#!/bin/sh
# Takes the PATH and what steps like to find in their environment (LANG, JAVA_HOME, …) from this shell into .path and .env.
set -eu
self=$0
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
here=$(cd "$(dirname "$self")" && pwd -P)
exec "$here/bin/paceline" agent configure environment --folder "$here" "$@"
