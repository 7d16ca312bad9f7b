#!/usr/bin/env bash
# Builds an image where there is no network, from a folder of wheels fetched where there is one.
#   scripts/offline_image.sh fetch DIR [cpu|gpu]    with network: fills DIR
#   scripts/offline_image.sh build DIR [cpu|gpu]    without: builds nucseg-tf:cpu or nucseg-tf:gpu
# The base image must be there: docker save BASE > base.tar, then docker load < base.tar.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  sed -n '2,4s/^# *//p' "$0" >&2
  exit 2
}

[ $# -ge 2 ] || usage
action=$1
wheels=$(realpath "$2")
variant=${3:-cpu}
file=docker/$variant.Dockerfile
[ -f "$file" ] || usage
docker=${DOCKER:-docker}
base=${BASE_IMAGE:-$(sed -n 's/^ARG BASE_IMAGE=//p' "$file")}

pins() {  # what the Dockerfile installs, and what builds the program's own wheel
  if [ "$variant" = cpu ]; then
    sed 's/^tensorflow==/tensorflow-cpu==/' requirements.txt
  else
    cat requirements.txt
    grep '==' requirements-cuda.txt
  fi
  grep -o 'dumb-init==[^ ]*' "$file"
}

case $action in
  fetch)
    mkdir -p "$wheels"
    pins | "$docker" run --rm -i --network host --volume "$wheels:/wheels" "$base" \
      python -m pip download --no-deps --dest /wheels --requirement /dev/stdin
    "$docker" run --rm --network host --volume "$wheels:/wheels" "$base" \
      python -m pip download --no-deps --dest /wheels 'setuptools>=77'
    ;;
  build)
    tar --directory "$wheels" --create . | "$docker" import - nucseg-wheels > /dev/null
    flags="--network none --build-arg BASE_IMAGE=$base --build-arg WHEELS=nucseg-wheels"
    make "$(basename "image-$variant" -cpu)" DOCKER="$docker" \
      DOCKER_FLAGS="$flags --build-arg PIP_NO_INDEX=1"
    ;;
  *) usage ;;
esac
