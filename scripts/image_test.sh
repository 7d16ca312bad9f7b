#!/usr/bin/env bash
# Builds the image for CPUs (or GPUs) from the unmodified Dockerfile and tries what docs/containers.md
# promises: `make image-test`, `make image-gpu-test`. Needs root and Debian; see container_tests.sh.
set -euo pipefail
# shellcheck source=scripts/container_tests.sh
source "$(dirname "$0")/container_tests.sh"
cd "$ROOT"

VARIANT=${1:-cpu}
IMAGE=nucseg-tf:$VARIANT
TENSORFLOW=$(sed -n 's/^tensorflow==//p' requirements.txt)
HARDENED=(--network none --user "$UNPRIVILEGED" --read-only --tmpfs /tmp --cap-drop ALL
  --security-opt no-new-privileges)
STOPPED=143 # 128 + SIGTERM, as documented
STOP_LIMIT=10

in_image() { # in_image OPTIONS... -- ARGUMENTS...: the image without rights, files in $WORK/run
  local options=()
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  shift
  within $COMMAND_LIMIT docker run --rm "${HARDENED[@]}" --volume "$WORK/run:/data" \
    "${options[@]}" "$IMAGE" "$@"
}

fresh_run() { # an empty folder of the unprivileged user, with the demo image and toy data in it
  rm -rf "$WORK/run"
  mkdir -p "$WORK/run/images"
  cp "$DEMO" "$WORK/run/images/"
  "$PYTHON" scripts/make_toy_data.py "$WORK/run/toy"
  chown -R "$UNPRIVILEGED" "$WORK/run"
}

# --- the image -------------------------------------------------------------------------------

image_is_small() {
  local size limit=2500000000
  [ "$VARIANT" = cpu ] || limit=8000000000
  size=$(docker image inspect --format '{{.Size}}' "$IMAGE")
  note "size: $size bytes (limit $limit)"
  docker history --format '{{.Size}}\t{{.CreatedBy}}' "$IMAGE" | grep -v '^0B' | cut -c 1-90 |
    sed 's/^/      /' >&3
  [ "$size" -lt "$limit" ]
}

layers() { # layers TAG: one a line; the last is the program, the last but one the libraries
  docker image inspect --format '{{join .RootFS.Layers "\n"}}' "nucseg-tf:$1"
}

code_change_is_quick() { # all layers but the last stay: 50 s on two idle cores
  local copy=$WORK/changed begin
  rm -rf "$copy"
  mkdir "$copy"
  cp -a Makefile README.md LICENSE pyproject.toml requirements*.txt .dockerignore docker configs \
    nucseg_tf "$copy/"
  echo "CHANGED = $EPOCHREALTIME" >> "$copy/nucseg_tf/errors.py" # anew in a second try
  begin=$EPOCHREALTIME
  DOCKER_BUILDKIT=1 within $BUILD_LIMIT docker build --network host \
    --file "$copy/docker/$VARIANT.Dockerfile" --tag nucseg-tf:changed "$copy"
  in_time "$begin" $BUILD_LIMIT "build after a change of the code"
  diff <(layers "$VARIANT" | head -n -1) <(layers changed | head -n -1)
  returns 1 diff <(layers "$VARIANT") <(layers changed)
  docker run --rm --network none --entrypoint python nucseg-tf:changed -c \
    'from nucseg_tf.errors import CHANGED'
}

labels_are_true() {
  label() {
    docker image inspect --format "{{index .Config.Labels \"org.opencontainers.image.$1\"}}" "$IMAGE"
  }
  [ "nucseg $(label version)" = "$(docker run --rm --network none "$IMAGE" --version)" ]
  [ -n "$REVISION" ]
  [ "$(label revision)" = "$REVISION" ]
  [ "$(label base.name)" = "$BASE_IMAGE" ]
  [ "$(label licenses)" = BSD-3-Clause ]
}

versions_are_locked() { # what is installed is what the lock says, nothing more and nothing else
  local locks=(requirements.txt) name=tensorflow
  [ "$VARIANT" = cpu ] || locks+=(requirements-cuda.txt)
  [ "$VARIANT $(uname -m)" != "cpu x86_64" ] || name=tensorflow-cpu
  {
    sed -n "s/^tensorflow==/$name==/; /==/p" "${locks[@]}"
    grep -o 'dumb-init==[^ ]*' "docker/$VARIANT.Dockerfile"
    sed -n 's/^version = "\(.*\)"/nucseg-tf==\1/p' pyproject.toml
  } | sort > "$WORK/expected"
  docker run --rm --network none --entrypoint python "$IMAGE" -c '
import importlib.metadata as metadata, re
for package in metadata.distributions():
    print(re.sub("[-_.]+", "-", package.name).lower(), package.version, sep="==")' |
    sort > "$WORK/installed"
  diff "$WORK/expected" "$WORK/installed"
  [ "$(wc -l < "$WORK/installed")" -gt 50 ]
}

sbom_is_complete() {
  within $PREPARE_LIMIT make sbom VARIANT="$VARIANT" DOCKER_FLAGS="--network host"
  "$PYTHON" -c '
import json, re, sys
parts = json.load(open(sys.argv[1]))["components"]
for part in parts:
    name = re.sub("[-_.]+", "-", part["name"]).lower()
    print(name, part["version"], sep="==")' "dist/sbom-$VARIANT/sbom.cdx.json" |
    sort > "$WORK/listed"
  diff "$WORK/expected" "$WORK/listed"
  grep -q '^libc6 ' "dist/sbom-$VARIANT/debian.txt"
  note "SBOM: $(wc -l < "$WORK/listed") Python packages," \
    "$(wc -l < "dist/sbom-$VARIANT/debian.txt") of Debian"
}

no_compiler_inside() { # on PATH or off it; dumb-init is found by the same search
  local names='cc1[a-z]*|(.*-)?(cc|c\+\+|gcc|g\+\+|clang|clang\+\+|ld|as)(-[0-9.]+)?|make|cicc|nvcc'
  docker run --rm --network none --user 0 --entrypoint find "$IMAGE" / -xdev \
    -regextype posix-extended ! -type d -regex ".*/($names|dumb-init)" > "$WORK/found"
  diff <(echo /opt/nucseg/bin/dumb-init) "$WORK/found"
}

# --- the program -----------------------------------------------------------------------------

help_is_quick() {
  fresh_run
  is_quick 2 "nucseg --help inside" in_image --entrypoint bash -- -c "$TIMED" - nucseg --help
  is_quick 2 "nucseg --help outside" timed .venv/bin/nucseg --help
  in_image -- > "$WORK/help"
  grep -q 'Finds every cell nucleus' "$WORK/help"
}

doctor_is_content() {
  fresh_run
  in_image -- doctor > "$WORK/doctor"
  cat "$WORK/doctor"
  grep -Eq "^tensorflow +$TENSORFLOW$" "$WORK/doctor"
  [ "$(grep -Ec '^model [a-z0-9-]+ +intact' "$WORK/doctor")" = "$(find nucseg_tf/weights -name model.yaml | wc -l)" ]
  grep -Eq "^no GPU because +$NO_GPU" "$WORK/doctor"
}

gpu_can_be_required() {
  returns 2 in_image -- predict images --out required --device gpu 2> "$WORK/required"
  grep -q 'TensorFlow finds no GPU' "$WORK/required"
  returns 2 in_image -- predict images --out required --require-gpu
  returns 2 in_image -- train smoke --data toy --out required --require-gpu
  returns 2 in_image -- benchmark --data toy --models fpn2ws-nuclei --out required --require-gpu
  returns 0 in_image -- predict images --out not-required --device cpu
}

demo_is_the_same() { # without rights, network, writable root or a home
  fresh_run
  is_quick 15 "predict inside, one image" in_image --volume "$DEMO:/demo/nuclear.png:ro" \
    --entrypoint bash -- -c "$TIMED" - env --unset=HOME \
    nucseg predict /demo/nuclear.png --out results --overlay --rois --geojson
  rm -rf "$WORK/outside"
  is_quick 15 "predict outside, one image" timed \
    .venv/bin/nucseg predict "$DEMO" --out "$WORK/outside" --overlay --rois --geojson
  same_labels "$WORK/outside/nuclear_labels.tif" "$WORK/run/results/nuclear_labels.tif"
  diff <(cd "$WORK/outside" && ls -A) <(cd "$WORK/run/results" && ls -A)
  [ "$(stat --format %u:%g "$WORK/run/results/nuclear_labels.tif")" = "$UNPRIVILEGED" ]
}

nothing_is_written_beside() { # no bytecode, no cache: a writable container changes in /tmp only
  docker rm --force nucseg-diff > /dev/null 2>&1 || true
  within $COMMAND_LIMIT docker run --name nucseg-diff --network none --volume "$DEMO:/demo/nuclear.png:ro" \
    --env PYTHONDONTWRITEBYTECODE= --user 0 "$IMAGE" predict /demo/nuclear.png --out /tmp/results
  docker diff nucseg-diff | tee "$WORK/diff"
  docker rm nucseg-diff
  grep -q '/tmp/results/nuclear_labels.tif' "$WORK/diff"
  returns 1 grep -vE '^. (/tmp|/demo)(/|$)' "$WORK/diff"
}

benchmark_runs() {
  fresh_run
  in_image -- benchmark --data toy --models fpn2ws-nuclei --out compared
  grep -q fpn2ws-nuclei "$WORK/run/compared/report.html"
}

compose() { # version 2 where it is installed
  local compose=(docker-compose)
  ! docker compose version > /dev/null 2>&1 || compose=(docker compose)
  within $COMMAND_LIMIT "${compose[@]}" --file docker/compose.yaml "$@"
}

compose_runs() { # on the folder that is named, and not without
  fresh_run
  export NUCSEG_USER=$UNPRIVILEGED
  compose run --rm nucseg --version 2> "$WORK/refused" && return 1
  grep -q 'NUCSEG_FOLDER' "$WORK/refused"
  NUCSEG_FOLDER=$WORK/run compose run --rm nucseg predict images/ --out results/
  same_labels "$WORK/outside/nuclear_labels.tif" "$WORK/run/results/nuclear_labels.tif"
}

# --- interruptions ---------------------------------------------------------------------------

stop() { # stop NAME WHAT: SIGTERM, as `docker stop` sends it; the end comes in time, with the code
  local begin=$EPOCHREALTIME code
  docker stop -t 60 "$1"
  in_time "$begin" "$STOP_LIMIT" "$2"
  code=$(docker inspect --format '{{.State.ExitCode}}' "$1")
  docker logs "$1" 2>&1 | tail -n 3
  docker rm "$1"
  [ "$code" = "$STOPPED" ]
}

start() { # start NAME ARGUMENTS...: in the background
  local name=$1
  shift
  docker rm --force "$name" > /dev/null 2>&1 || true
  docker run --detach --name "$name" "${HARDENED[@]}" --volume "$WORK/run:/data" "$IMAGE" "$@"
}

wait_for() { # wait_for COMMAND: until it succeeds
  within 300 bash -c "until $1; do sleep 0.2; done"
}

training_can_be_stopped() {
  local train=(train smoke --data toy --out trained --set training.steps_per_epoch=30)
  fresh_run
  start nucseg-train "${train[@]}"
  wait_for "docker logs nucseg-train 2>&1 | grep -q 'loss'"
  stop nucseg-train "training, from SIGTERM to its end"
  ls -A "$WORK/run/trained"
  [ -s "$WORK/run/trained/last.h5" ]
  [ ! -e "$WORK/run/trained/model" ]
  [ -z "$(find "$WORK/run" -name '.*' -type f)" ]
  in_image -- "${train[@]}" --resume
  "$PYTHON" - "$WORK/run/trained" <<'EOF'
import json, pathlib, sys
import h5py
run = pathlib.Path(sys.argv[1])
starts = [start["resume"] for start in json.loads((run / "run.json").read_text())["starts"]]
with h5py.File(run / "last.h5") as file:
    epochs = [row["epoch"] for row in json.loads(file.attrs["state"])["history"]]
print(starts, epochs)
sys.exit(starts != [False, True] or epochs != [0, 1])
EOF
  in_image -- predict toy/images --out results --model trained
}

prediction_can_be_stopped() {
  local count=60
  fresh_run
  for number in $(seq $count); do cp "$DEMO" "$WORK/run/images/copy$number.png"; done
  start nucseg-predict predict images --out results
  wait_for "ls '$WORK'/run/results/*_labels.tif 2> /dev/null | grep -q ."
  stop nucseg-predict "prediction, from SIGTERM to its end"
  # The journal stays, to go on from (docs/runs.md), and nothing else that is hidden.
  diff <(printf '%s\n' .objects.csv.part .run.jsonl) \
    <(find "$WORK/run" -name '.*' -type f -printf '%f\n' | sort)
  results_are_whole $((count + 1)) some
  in_image -- predict images --out results
  [ -z "$(find "$WORK/run" -name '.*' -type f)" ]
  results_are_whole $((count + 1)) none
}

results_are_whole() { # results_are_whole COUNT some|none: some or none of so many images are left
  "$PYTHON" - "$WORK/run/results" "$@" <<'EOF'
import json, pathlib, sys
import tifffile
folder, count, some = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "some"
run = json.loads((folder / "run.json").read_text())
files = sorted(folder.glob("*_labels.tif"))
whole = [file for file in files if tifffile.imread(file).max() > 0]
done, left = len(run["images"]), len(run["left_out"])
print(f"{done} done, {left} left out, {len(files)} files, {len(whole)} whole")
right = 0 < done == len(files) == len(whole) and done + left == count
sys.exit(not (right and (left > 0) == some))
EOF
}

# --- offline, GPU ----------------------------------------------------------------------------

offline_build_is_the_same() { # from a folder of an ordinary user, to whom the wheels belong
  local begin
  mkdir -p "$WORK/wheels"
  chown "$UNPRIVILEGED" "$WORK/wheels"
  within $PREPARE_LIMIT scripts/offline_image.sh fetch "$WORK/wheels" cpu
  [ -z "$(find "$WORK/wheels" ! -uid "${UNPRIVILEGED%:*}")" ]
  docker tag nucseg-tf:cpu nucseg-tf:online
  echo "$EPOCHREALTIME" > "$WORK/wheels/now" # new content: nothing comes from an earlier build
  begin=$EPOCHREALTIME
  within $BUILD_LIMIT scripts/offline_image.sh build "$WORK/wheels" cpu
  note "build from $(find "$WORK/wheels" -name '*.whl' | wc -l) wheels, no network:" \
    "$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f s", b - a }')"
  docker tag nucseg-tf:cpu nucseg-tf:offline
  docker tag nucseg-tf:online nucseg-tf:cpu
  for tag in online offline; do
    docker run --rm --network none --entrypoint sh "nucseg-tf:$tag" -c \
      'cd /opt/nucseg/lib && find . -name RECORD | sort | xargs cat | grep -v direct_url' > "$WORK/$tag"
  done
  returns 1 diff <(layers online | tail -n 2 | head -n 1) <(layers offline | tail -n 2 | head -n 1)
  diff "$WORK/online" "$WORK/offline"
  returns 1 docker image inspect nucseg-wheels
}

cuda_libraries_open() { # all that TensorFlow wants of CUDA, but the driver, which the host brings
  docker run --rm --network none --entrypoint python "$IMAGE" -c '
import ctypes, pathlib, nvidia
from nucseg_tf.doctor import CUDA_LIBRARIES
folder = pathlib.Path(nvidia.__path__[0])
for name in CUDA_LIBRARIES:
    ctypes.CDLL(next(folder.glob(f"*/lib/{name}")))
    print(name)' | diff - <("$PYTHON" -c '
from nucseg_tf.doctor import CUDA_LIBRARIES
print(*CUDA_LIBRARIES, sep="\n")')
  docker image inspect --format '{{json .Config.Env}}' "$IMAGE" |
    grep '"NVIDIA_VISIBLE_DEVICES=all","NVIDIA_DRIVER_CAPABILITIES=compute,utility"'
}

case $VARIANT in
  cpu) NO_GPU="this TensorFlow has no code for GPUs" ;;
  gpu) NO_GPU="NVIDIA's driver \(libcuda.so.1\) is not here" ;;
  *) echo "expected cpu or gpu. Received: $VARIANT" >&2 && exit 2 ;;
esac

begin
install mmdebstrap
install_engine
[ "$VARIANT" = gpu ] || docker compose version > /dev/null 2>&1 || install docker-compose
make_base
start_engine

check "the $VARIANT image builds" build_image "$VARIANT"
[ "$failed" = 0 ] || { finish; exit 1; }
check "it is small" image_is_small
check "a change of the code is built in quickly" code_change_is_quick
check "its labels are true" labels_are_true
check "its libraries are the locked ones" versions_are_locked
check "its SBOM lists all of them" sbom_is_complete
check "there is no compiler in it" no_compiler_inside
check "help comes quickly" help_is_quick
check "doctor finds everything, and says why there is no GPU" doctor_is_content
check "the demo gives the same labels as outside, without rights" demo_is_the_same
check "nothing is written beside the results" nothing_is_written_beside
check "a GPU can be required" gpu_can_be_required
check "wrong usage ends with 2" returns 2 in_image -- predict images --oot results
check "a training can be stopped and resumed" training_can_be_stopped
check "a prediction can be stopped" prediction_can_be_stopped
check "benchmark runs" benchmark_runs
if [ "$VARIANT" = cpu ]; then
  check "compose runs it" compose_runs
  check "an offline build gives the same image" offline_build_is_the_same
else
  check "the libraries of CUDA open" cuda_libraries_open
fi
finish
