#!/bin/bash
# jobs/as_owner.sh COMMAND...: runs it as the user who called sudo, where that is whose checkout this is, so that what
# it makes does not belong to root; in every other case as it is.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ "$(id -u)" = 0 ] && [ "${SUDO_UID:-0}" != 0 ] && [ "$(stat -c %u "$root")" = "$SUDO_UID" ]; then
  home=$(getent passwd "$SUDO_UID" | cut -d: -f6)
  exec setpriv --reuid="$SUDO_UID" --regid="$SUDO_GID" --init-groups \
    env -u SUDO_UID -u SUDO_GID -u SUDO_USER -u SUDO_COMMAND HOME="${home:-/tmp}" "$@"
fi
exec "$@"
