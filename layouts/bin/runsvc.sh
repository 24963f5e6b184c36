#!/bin/sh
# What a service starts: the agent, with the PATH that `config.sh` found instead of the bare one of a service.
# systemd calls it with `stopping` before it tells the agent to end, and with `stopped` when it has ended; `launchd` runs
# the agent as launchd needs it.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)
if [ -s "$root/.path" ]; then
  PATH=$(cat "$root/.path")
  export PATH
fi
case ${1-} in
  stopping)
    # A machine that goes down waits for no job: with the signal that systemd sends next this is the second, which cancels.
    case $(systemctl ${MANAGERPID:+--user} is-system-running 2>/dev/null) in
      stopping) [ -z "${MAINPID-}" ] || kill -TERM "$MAINPID" ;;
    esac
    ;;
  stopped) exec "$here/paceline" service stopped --folder "$root" ;;
  launchd) exec "$here/paceline" agent run --folder "$root" --launchd ;;
  *) exec "$here/paceline" agent run --folder "$root" ;;
esac
