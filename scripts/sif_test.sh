#!/usr/bin/env bash
# Builds Apptainer images from docker/nucseg.def and from the Docker image, and runs them, all as an
# ordinary user: `make sif-test`. Needs root (to set up) and Debian; see container_tests.sh.
# Apptainer comes from Debian unstable, into a root directory of its own, entered by bubblewrap.
set -euo pipefail
# shellcheck source=scripts/container_tests.sh
source "$(dirname "$0")/container_tests.sh"
cd "$ROOT"

FAST=(--mksquashfs-args "-comp zstd -Xcompression-level 1") # a third larger, far quicker
CONTAINED=(--contain --cleanenv)

install_apptainer() { # $WORK/apptainer: Debian testing or later with unstable's apptainer
  [ -e "$WORK/apptainer" ] && return
  echo "installing apptainer"
  local mirror
  rm -rf --one-file-system "$WORK/apptainer.part"
  mirror=$(awk '!/^#/ && match($0, /[a-z]+:\/\/[^ ]+/) && !found++ {
    print substr($0, RSTART, RLENGTH) }' "$(sources)")
  attempt within $PREPARE_LIMIT nice mmdebstrap --quiet --variant=minbase --format=directory \
    --aptopt='APT::Default-Release "trixie"' --aptopt='Acquire::Check-Valid-Until "false"' \
    --include=ca-certificates,squashfs-tools,squashfuse,fuse2fs,fuse-overlayfs,uidmap,apptainer/sid \
    trixie "$WORK/apptainer.part" "deb $mirror trixie main" "deb $mirror sid main" \
    > "$WORK/apptainer.log" 2>&1 ||
    skip "Debian unstable's apptainer cannot be installed: $(tail -n 1 "$WORK/apptainer.log")"
  echo "tester:x:${UNPRIVILEGED/:/:}::/tmp:/bin/sh" >> "$WORK/apptainer.part/etc/passwd"
  echo "tester:x:${UNPRIVILEGED#*:}:" >> "$WORK/apptainer.part/etc/group"
  mknod -m 666 "$WORK/apptainer.part/fuse" c 10 229 # the machine's own may be for root only
  mv "$WORK/apptainer.part" "$WORK/apptainer"
}

as_user() {
  setpriv --reuid "${UNPRIVILEGED%:*}" --regid "${UNPRIVILEGED#*:}" --clear-groups "$@"
}

inside() { # inside COMMAND...: as an ordinary user, who sees $WORK and little else of the machine
  as_user timeout --foreground -k 5 $BUILD_LIMIT nice bwrap --bind "$WORK/apptainer" / \
    --dev-bind /dev /dev --dev-bind "$WORK/apptainer/fuse" /dev/fuse --proc /proc \
    --bind /sys /sys --bind "$WORK/tmp" /tmp --bind "$WORK" "$WORK" \
    --ro-bind /etc/resolv.conf /etc/resolv.conf --setenv HOME "$WORK/user" \
    --setenv TMPDIR "$WORK/user" --chdir "$WORK/source" -- "$@"
}

apptainer() {
  inside apptainer "$@"
}

prepare_folders() { # the sources and a home that the ordinary user can read
  rm -rf "$WORK/source" "$WORK/user" "$WORK/tmp"
  mkdir -p "$WORK/source/dist" "$WORK/user" "$WORK/tmp" "$WORK/apptainer/$WORK"
  cp -a Makefile requirements.txt requirements-cuda.txt pyproject.toml README.md LICENSE configs \
    nucseg_tf docker "$WORK/source/"
  find "$WORK/source" -name __pycache__ -prune -exec rm -r {} +
  chmod -R a+rX "$WORK/source"
  chmod 1777 "$WORK/tmp"
  chown "$UNPRIVILEGED" "$WORK/user" "$WORK/source/dist"
  { # the function above as a program, for make
    declare -p WORK UNPRIVILEGED BUILD_LIMIT
    declare -f as_user inside apptainer
    echo 'apptainer "$@"'
  } > "$WORK/apptainer.sh"
}

save() { # save IMAGE FILE: a Docker image as a file that Apptainer reads
  docker save --output "$WORK/$2" "$1"
  chmod 644 "$WORK/$2"
}

fresh_run() {
  rm -rf "$WORK/run"
  mkdir -p "$WORK/run/images"
  cp "$DEMO" "$WORK/run/images/"
  "$PYTHON" scripts/make_toy_data.py "$WORK/run/toy"
  chown -R "$UNPRIVILEGED" "$WORK/run"
}

# --- checks ----------------------------------------------------------------------------------

def_builds() {
  save "$BASE_IMAGE" base-docker.tar
  touch "$WORK/source/dist/nucseg-tf-cpu.sif" # an older one is replaced
  chown "$UNPRIVILEGED" "$WORK/source/dist/nucseg-tf-cpu.sif"
  local begin=$EPOCHREALTIME
  make -C "$WORK/source" sif APPTAINER="bash $WORK/apptainer.sh" REVISION="$REVISION" \
    APPTAINER_FLAGS="$(printf '%q ' "${FAST[@]}" --build-arg bootstrap=docker-archive \
      --build-arg base="$WORK/base-docker.tar")"
  in_time "$begin" $BUILD_LIMIT "build from nucseg.def"
  mv "$WORK/source/dist/nucseg-tf-cpu.sif" "$WORK/user/def.sif"
  note "size: $(stat --format %s "$WORK/user/def.sif") bytes"
  apptainer exec "${CONTAINED[@]}" "$WORK/user/def.sif" test -d /data
}

docker_image_converts() {
  save nucseg-tf:cpu nucseg-docker.tar
  local begin=$EPOCHREALTIME
  apptainer build --force "${FAST[@]}" "$WORK/user/docker.sif" \
    "docker-archive:$WORK/nucseg-docker.tar"
  in_time "$begin" $BUILD_LIMIT "build from the Docker image"
  note "size: $(stat --format %s "$WORK/user/docker.sif") bytes"
}

tests_itself() {
  apptainer test "${CONTAINED[@]}" "$WORK/user/def.sif" > "$WORK/test" 2>&1
  cat "$WORK/test"
  grep -q 'intact, sha256' "$WORK/test"
  # The same test must fail where the program does not start (127, as shells say).
  returns 127 apptainer test "${CONTAINED[@]}" --bind /dev/null:/opt/nucseg/bin/nucseg \
    "$WORK/user/def.sif"
}

libraries_are_the_same() { # in both images
  for image in def docker; do
    apptainer exec "${CONTAINED[@]}" "$WORK/user/$image.sif" python -c '
import importlib.metadata as metadata
for package in metadata.distributions():
    print(package.name.lower(), package.version)' | grep -v '^dumb' | sort > "$WORK/$image.list"
  done
  diff "$WORK/def.list" "$WORK/docker.list"
  [ "$(wc -l < "$WORK/def.list")" -gt 50 ]
}

labels_are_true() {
  apptainer inspect --labels "$WORK/user/def.sif" > "$WORK/labels"
  cat "$WORK/labels"
  [ -n "$REVISION" ]
  grep -q "image.revision: $REVISION$" "$WORK/labels"
  grep -q "image.version: $(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)$" "$WORK/labels"
}

demo_is_the_same() { # demo_is_the_same IMAGE: run, and exec with --nv, on a machine without a GPU
  fresh_run
  local at=("${CONTAINED[@]}" --bind "$WORK/run:/data" --pwd /data)
  is_quick 15 "predict in $1.sif, one image" timed apptainer \
    run "${at[@]}" "$WORK/user/$1.sif" predict images/ --out results/
  apptainer exec --nv "${at[@]}" "$WORK/user/$1.sif" nucseg predict images/ --out results-nv/
  rm -rf "$WORK/outside"
  .venv/bin/nucseg predict "$DEMO" --out "$WORK/outside"
  for results in results results-nv; do
    same_labels "$WORK/outside/nuclear_labels.tif" "$WORK/run/$results/nuclear_labels.tif"
  done
  [ "$(stat --format %u:%g "$WORK/run/results/nuclear_labels.tif")" = "$UNPRIVILEGED" ]
}

gpu_can_be_required() {
  local at=("${CONTAINED[@]}" --nv --bind "$WORK/run:/data" --pwd /data)
  returns 2 apptainer run "${at[@]}" "$WORK/user/def.sif" predict images --out none --device gpu
}

help_is_quick() {
  is_quick 2 "nucseg --help in def.sif" timed apptainer run "$WORK/user/def.sif" --help
}

training_can_be_stopped() { # by a batch system, which signals all processes of a job: this group
  local at=("${CONTAINED[@]}" --bind "$WORK/run:/data" --pwd /data "$WORK/user/def.sif")
  local train=(train smoke --data toy --out trained --set training.steps_per_epoch=30) begin
  fresh_run
  rm -f "$WORK/user/code"
  inside sh -c 'trap : TERM; apptainer run "$@"; echo $? > ~/code' - "${at[@]}" "${train[@]}" \
    > "$WORK/train.log" 2>&1 &
  within 300 sh -c "until grep -q loss '$WORK/train.log'; do sleep 0.2; done"
  trap : TERM
  begin=$EPOCHREALTIME
  kill -TERM 0
  within 60 sh -c "until [ -s '$WORK/user/code' ]; do sleep 0.2; done"
  trap - TERM
  tail -n 3 "$WORK/train.log"
  in_time "$begin" 10 "training, from SIGTERM to its end"
  [ "$(cat "$WORK/user/code")" = 143 ]
  [ -s "$WORK/run/trained/last.h5" ]
  [ ! -e "$WORK/run/trained/model" ]
  apptainer run "${at[@]}" "${train[@]}" --resume
  [ -s "$WORK/run/trained/model/model.weights.h5" ]
}

begin
as_user unshare --user --map-root-user true 2> /dev/null ||
  skip "ordinary users cannot make user namespaces (user.max_user_namespaces)"
install mmdebstrap bubblewrap
install_engine
make_base
install_apptainer
prepare_folders
start_engine

check "the Docker image builds" build_image cpu
check "the Docker image becomes an Apptainer image" docker_image_converts
check "an image builds from nucseg.def" def_builds
[ "$failed" = 0 ] || { finish; exit 1; }
check "it passes its own test, which can fail" tests_itself
check "its labels are true" labels_are_true
check "both have the same libraries" libraries_are_the_same
check "help comes quickly" help_is_quick
check "the demo gives the same labels in the Docker image's" demo_is_the_same docker
check "the demo gives the same labels in nucseg.def's" demo_is_the_same def
check "a GPU can be required" gpu_can_be_required
check "a training can be stopped and resumed" training_can_be_stopped
finish
