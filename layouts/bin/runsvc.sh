#!/bin/sh
# What the service starts. It has the PATH that `config.sh` found, not the bare one of a service.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
root=$(cd "$here/../.." && pwd -P)
if [ -s "$root/.path" ]; then
  PATH=$(cat "$root/.path")
  export PATH
fi
exec "$here/paceline" agent run --folder "$root"
