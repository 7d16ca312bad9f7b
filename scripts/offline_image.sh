#!/usr/bin/env bash
# Builds an image where there is no network, from a folder of wheels fetched where there is one.
#   scripts/offline_image.sh fetch DIR [cpu|gpu]    with network: fills DIR
#   scripts/offline_image.sh build DIR [cpu|gpu]    without: builds nucseg-tf:cpu or nucseg-tf:gpu
# The base image must be there: docker save BASE > base.tar, then docker load < base.tar. The
# builder must see it, as Docker's default one does (BUILDX_BUILDER=default where another is used).
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  sed -n '2,4s/^# *//p' "$0" >&2
  exit 2
}

[ $# -ge 2 ] || usage
action=$1
variant=${3:-cpu}
file=docker/$variant.Dockerfile
[ -f "$file" ] || usage
[ "$action" != fetch ] || mkdir -p "$2"
wheels=$(realpath -e "$2")
docker=${DOCKER:-docker}
base=${BASE_IMAGE:-$(sed -n 's/^ARG BASE_IMAGE=//p' "$file")}

pins() { # what the Dockerfile installs
  if [ "$variant $(uname -m)" = "cpu x86_64" ]; then
    sed 's/^tensorflow==/tensorflow-cpu==/' requirements.txt
  else
    cat requirements.txt
  fi
  [ "$variant" = cpu ] || grep '==' requirements-cuda.txt
  grep -o 'dumb-init==[^ ]*' "$file"
}

download() { # pins from stdin; the wheels belong to the owner of the folder
  "$docker" run --rm -i --network host --volume "$wheels:/wheels" "$base" sh -ec '
    python -m pip download --no-deps --dest /wheels --requirement /dev/stdin
    chown --reference=/wheels /wheels/*'
}

case $action in
  fetch)
    pins | download
    grep -o 'setuptools==[^ ]*' "$file" | download # builds the program's own wheel
    ;;
  build)
    trap '"$docker" image rm --force nucseg-wheels > /dev/null' EXIT
    tar --directory "$wheels" --create . | "$docker" import - nucseg-wheels > /dev/null
    flags="--network none --build-arg BASE_IMAGE=$base --build-arg WHEELS=nucseg-wheels"
    make "$(basename "image-$variant" -cpu)" DOCKER="$docker" \
      DOCKER_FLAGS="$flags --build-arg PIP_NO_INDEX=1"
    ;;
  *) usage ;;
esac
