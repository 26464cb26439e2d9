#!/bin/sh
# Release the span of one finding:  sh release.sh EXHIBIT --by "NAME"
kit=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
. "$kit/setup.sh"
exec "$python" -m provscan room release "$kit" "$@"
