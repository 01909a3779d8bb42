#!/bin/sh
# The installed `omokage`. Root acts as the service's account, so that whatever it writes belongs to
# the service; `install`, `uninstall` and `doctor` stay root.
set -eu
program=/opt/omokage/venv/bin/omokage
if [ "$(id -u)" -eq 0 ]; then
  OMOKAGE_SITE=${OMOKAGE_SITE:-/var/lib/omokage}
  export OMOKAGE_SITE
  case "${1:-}" in
    install | uninstall | doctor) ;;
    *)
      umask 027
      exec setpriv --reuid=omokage --regid=omokage --init-groups --no-new-privs -- "$program" "$@"
      ;;
  esac
fi
exec "$program" "$@"
