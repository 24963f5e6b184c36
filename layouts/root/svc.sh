#!/bin/sh
# The runner as a service of the system: svc.sh install [user] | start | stop | status | renew | uninstall
set -eu
self=$0
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
here=$(cd "$(dirname "$self")" && pwd -P)
[ $# -eq 0 ] || set -- "$@" --folder "$here"
exec "$here/bin/paceline" service "$@"
