#!/usr/bin/env bash
# Runs packages of `nucseg models export --to bioimageio` in bioimageio.core: `make bioimageio-test`.
# It has an environment of its own, for bioimageio.spec 0.5.12 does not work with pydantic 2.14.
set -euo pipefail
cd "$(dirname "$0")/.."

BIN=${BIN:-.venv/bin}
OWN=.venv-bioimageio
OUT=runs/bioimageio
[ $# -gt 0 ] || set -- fpn2ws-nuclei jacobkie-nuclei

if [ ! -x "$OWN/bin/bioimageio" ]; then
  "$BIN/python" -m venv "$OWN"
  "$OWN/bin/python" -m pip install --quiet \
    bioimageio.core==0.11.0 onnxruntime==1.32.0 'pydantic<2.14'
fi
mkdir -p "$OUT"
for model in "$@"; do
  rm -f "$OUT/$model.zip"
  "$BIN/python" -m nucseg_tf models export "$model" "$OUT/$model.zip" --to bioimageio
  "$OWN/bin/bioimageio" test "$OUT/$model.zip"
  "$OWN/bin/python" scripts/run_package.py "$OUT/$model.zip"
done
