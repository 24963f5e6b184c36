#!/bin/sh
# What a service starts: the agent, with the PATH that `config.sh` found instead of the bare one of a service.
# systemd calls it with `stopped` when the agent has ended; `launchd` runs the agent as launchd needs it.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)
if [ -s "$root/.path" ]; then
  PATH=$(cat "$root/.path")
  export PATH
fi
case ${1-} in
  stopped) exec "$here/paceline" service stopped --folder "$root" ;;
  launchd) exec "$here/paceline" agent run --folder "$root" --launchd ;;
  *) exec "$here/paceline" agent run --folder "$root" ;;
esac
