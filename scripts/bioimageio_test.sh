#!/usr/bin/env bash
# Runs packages of `nucseg models export --to bioimageio` in bioimageio.core: `make bioimageio-test`.
# It has an environment of its own, for bioimageio.spec 0.5.12 does not work with pydantic 2.14.
set -euo pipefail
cd "$(dirname "$0")/.."

BIN=${BIN:-.venv/bin}
OWN=.venv-bioimageio
OUT=runs/bioimageio
PACKAGES=(bioimageio.core==0.11.0 onnxruntime==1.32.0 'pydantic<2.14')
[ $# -gt 0 ] || set -- fpn2ws-nuclei jacobkie-nuclei

if [ "$(cat "$OWN/packages" 2> /dev/null)" != "${PACKAGES[*]}" ]; then # missing, half made or of others
  rm -rf "$OWN"
  "$BIN/python" -m venv --without-pip "$OWN" # which Debian's Python cannot always add
  "$BIN/python" -m pip --python "$OWN/bin/python" install --quiet "${PACKAGES[@]}"
  echo "${PACKAGES[*]}" > "$OWN/packages"
fi
rm -rf "$OUT"
mkdir -p "$OUT"
"$BIN/python" -m nucseg_tf simulate --cell-line HCT116 --size 301x517 --out "$OUT/field"
for model in "$@"; do
  "$BIN/python" -m nucseg_tf models export "$model" "$OUT/$model.zip" --to bioimageio
  "$OWN/bin/bioimageio" test "$OUT/$model.zip"
  "$OWN/bin/python" scripts/run_package.py "$OUT/$model.zip"
  if [ "$model" = fpn2ws-nuclei ]; then # the example decodes its maps, of sides that no package takes
    "$OWN/bin/python" examples/bioimageio_labels.py "$OUT/$model.zip" \
      "$OUT"/field/images/HCT116/*.tif "$OUT/labels.tif"
    "$OWN/bin/python" -c 'import sys, tifffile
found, drawn = (tifffile.imread(file).max() for file in sys.argv[1:])
sys.exit(0 if abs(found - drawn) <= drawn / 10 else f"{found} nuclei, but {drawn} were drawn")' \
      "$OUT/labels.tif" "$OUT"/field/masks/HCT116/*.tif
  fi
done
