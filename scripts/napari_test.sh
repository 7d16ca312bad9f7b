#!/usr/bin/env bash
# Tests the plugin in a real napari: `make napari-test`. What napari needs (some 450 MB, PyQt6, which is
# under the GPL) lies in .venv-napari, beside the project's own environment, and is seen by nothing else.
# Without a display, one is made by Xvfb.
set -euo pipefail
cd "$(dirname "$0")/.."
VENV=.venv-napari
LOCK=requirements-napari.txt

site() { # where the packages of an environment lie
  "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'
}

if ! cmp -s "$LOCK" "$VENV/lock"; then
  rm -rf "$VENV"
  .venv/bin/python -m venv --without-pip "$VENV"
  site .venv > "$(site "$VENV")/project.pth"
  "$VENV/bin/python" -m pip install --quiet -r "$LOCK"
  "$VENV/bin/python" -m pip install --quiet --no-deps -e .
  cp "$LOCK" "$VENV/lock"
fi

"$VENV/bin/npe2" validate nucseg_tf/integrations/napari/napari.yaml
display=()
[ -n "${DISPLAY:-}" ] || display=(xvfb-run --auto-servernum --server-args "-screen 0 1280x800x24")
export QT_QPA_PLATFORM=xcb
exec "${display[@]}" "$VENV/bin/python" -m pytest -q --disable-warnings tests/integrations/napari "$@"
