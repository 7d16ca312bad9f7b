#!/usr/bin/env bash
# Tests the plugin in a real napari: `make napari-test`. What napari needs (some 450 MB, PyQt6, which is
# under the GPL) lies in .venv-napari, beside the project's own environment, and is seen by nothing else.
# Without a display, one is made by Xvfb.
set -euo pipefail
cd "$(dirname "$0")/.."
VENV=.venv-napari
# shellcheck source=scripts/own_environment.sh
source scripts/own_environment.sh
own_environment "$VENV" requirements-napari.txt

"$VENV/bin/npe2" validate nucseg_tf/integrations/napari/napari.yaml
display=()
[ -n "${DISPLAY:-}" ] || display=(xvfb-run --auto-servernum --server-args "-screen 0 1280x800x24")
export QT_QPA_PLATFORM=xcb
exec "${display[@]}" "$VENV/bin/python" -m pytest -q --disable-warnings tests/integrations/napari "$@"
