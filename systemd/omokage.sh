#!/bin/sh
# The installed `omokage`. Root acts as the service's account, so that whatever it writes belongs to
# the service; `install`, `uninstall` and `doctor` stay root, and `sync` is the pages' account.
set -eu
program=/opt/omokage/venv/bin/omokage
if [ "$(id -u)" -eq 0 ]; then
  OMOKAGE_SITE=${OMOKAGE_SITE:-/var/lib/omokage}
  export OMOKAGE_SITE
  case "${1:-}" in
    install | uninstall | doctor) ;;
    *)
      umask 027
      account=omokage
      [ "${1:-}" != sync ] || account=omokage-pages
      exec setpriv --reuid="$account" --regid="$account" --init-groups --no-new-privs -- \
        "$program" "$@"
      ;;
  esac
fi
exec "$program" "$@"
