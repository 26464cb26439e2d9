# Install the kit in its own folder, and set $python. run.sh and release.sh set $kit, and then source this file.
set -eu
umask 077

for python in "${PYTHON:-}" python@PYTHON@ python3; do
  if [ -n "$python" ] && command -v "$python" >/dev/null 2>&1 &&
    [ "$("$python" -c 'import sys, sysconfig; print("%d.%d" % sys.version_info[:2], sysconfig.get_platform())')" = "@PYTHON@ @PLATFORM@" ]; then
    found=$python
    break
  fi
done
if [ -z "${found:-}" ]; then
  echo "This kit needs Python @PYTHON@ on @PLATFORM@, which was not found. Name it: PYTHON=/path/to/python sh run.sh ..." >&2
  exit 3
fi
python=$found

# Write all files to the folder of the kit.
mkdir -p "$kit/local/home" "$kit/local/cache" "$kit/local/tmp"
export HOME="$kit/local/home" XDG_CACHE_HOME="$kit/local/cache" TMPDIR="$kit/local/tmp"
export PYTHONPYCACHEPREFIX="$kit/local/pycache" PYTHONNOUSERSITE=1 PIP_CONFIG_FILE=/dev/null
unset PYTHONHOME PYTHONSTARTUP NUMBA_CACHE_DIR PROVSCAN_INDEX

# pip compares each wheel with its SHA-256 in requirements.txt.
if [ ! -f "$kit/local/installed/complete" ]; then
  rm -rf "$kit/local/installed"
  unset PYTHONPATH
  pip=$(printf '%s' "$kit"/wheels/pip-*.whl)
  "$python" "$pip/pip" install --quiet --no-index --find-links "$kit/wheels" --require-hashes \
    --no-cache-dir --disable-pip-version-check --target "$kit/local/installed" --requirement "$kit/requirements.txt"
  : >"$kit/local/installed/complete"
fi
export PYTHONPATH="$kit/local/installed"
