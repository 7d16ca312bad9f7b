#!/usr/bin/env bash
# Tests what is for Fractal, BIOMERO, bilayers and Nextflow with packages of theirs: `make clusters-test`.
# They lie in .venv-clusters, beside the project's own environment, and are seen by nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
VENV=.venv-clusters
# shellcheck source=scripts/own_environment.sh
source scripts/own_environment.sh
own_environment "$VENV" requirements-clusters.txt

export PYTHONPATH="$PWD"
if command -v nextflow > /dev/null; then
  rm -rf runs/nextflow
  mkdir -p runs/nextflow/images
  .venv/bin/nucseg simulate --cell-line U2OS --size 256x320 --out runs/nextflow/images
  echo 'sample,images,channel' > runs/nextflow/samples.csv
  echo "a,$PWD/runs/nextflow/images/images/U2OS,0" >> runs/nextflow/samples.csv
  (cd runs/nextflow && PATH="$OLDPWD/.venv/bin:$PATH" nextflow run ../../workflow/nextflow --input samples.csv)
  test -s runs/nextflow/results/a/objects.csv
else
  echo "no nextflow on the PATH: its workflow is not run"
fi
exec "$VENV/bin/python" -m pytest -q --disable-warnings tests/integrations/{fractal,biomero,bilayers,nextflow} "$@"
