#!/bin/sh
# Scan datasets in an inspection room:  sh run.sh DATASET...
kit=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
. "$kit/setup.sh"
exec "$python" -m provscan room run "$kit" "$@"
