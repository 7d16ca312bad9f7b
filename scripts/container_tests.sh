# What image_test.sh and sif_test.sh share: counted checks, a Docker engine of their own (installed
# from Debian's packages if need be) and a stand-in for the base image, made of Debian's packages
# as well, so that no image registry is needed. Everything lies in a temporary folder, removed at
# the end; with NUCSEG_CONTAINERS=DIR in DIR/nucseg-containers, which stays and saves building the
# same things again. Each check is a process group of its own, so that it can be ended as a whole.
# shellcheck shell=bash disable=SC2016,SC2034

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PYTHON=$ROOT/.venv/bin/python
REVISION=$(git -C "$ROOT" describe --always --dirty --abbrev=40 2> /dev/null || true)
BASE_IMAGE=$(sed -n 's/^ARG BASE_IMAGE=//p' "$ROOT/docker/cpu.Dockerfile")
UNPRIVILEGED=12345:12345
PREPARE_LIMIT=900 # s, for a step of preparation
BUILD_LIMIT=1800  # s, for an image
COMMAND_LIMIT=600 # s, for a command in an image
RUN_LIMIT=4500    # s, for everything
SLOW=75           # exit code of what went well, but slowly: a busy machine gets a second try
passed=0
failed=0
WATCH='' ENGINE='' STEP='' # process groups, ended by clean_up
export LC_ALL=C.UTF-8
export PATH=/usr/sbin:/usr/bin:$PATH # Debian's programs, should others come first
exec 3>&1

skip() { # this machine cannot run the test
  echo "skip: $*"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
}

skip_out_of_reach() { # it could, but for its network, which continuous integration has
  case ${NUCSEG_NO_SKIPS:-0} in
    0) skip "$@" ;;
    *) give_up "$* (a skip, which NUCSEG_NO_SKIPS forbids)" ;;
  esac
}

give_up() { # the preparation failed, or the time is over
  exec >&3 # out of a check's log
  echo "FAIL: $*"
  failed=$((failed + 1))
  finish || exit 1
}

within() { # within SECONDS COMMAND...: a program, in the process group of who calls it
  local limit=$1
  shift
  timeout --foreground -k 5 "$limit" "$@"
}

background() { # background COMMAND...: in a process group of its own, $!
  set -m
  strictly "$@" < /dev/null &
  set +m
}

strictly() {
  set +m -e
  "$@" 9>&- # the lock
}

attempt() { # attempt COMMAND...: so that a signal to this script is heard before COMMAND ends
  local code=0
  background "$@"
  STEP=$!
  wait "$STEP" || code=$?
  STEP=''
  return "$code"
}

note() { # a figure for the report, from inside a check too
  echo "      $*" >&3
}

check() { # check NAME COMMAND...: runs it, counts it, shows what it said if it fails
  local name=$1 code
  shift
  set +e # not `||`, in which an error would not end the check
  attempt "$@" > "$WORK/check.log" 2>&1
  code=$?
  if [ "$code" = "$SLOW" ]; then
    note "too slow, perhaps on a busy machine; once more"
    attempt "$@" > "$WORK/check.log" 2>&1
    code=$?
  fi
  set -e
  if [ "$code" = 0 ]; then
    passed=$((passed + 1))
    echo "pass: $name"
  else
    failed=$((failed + 1))
    echo "FAIL: $name (exit code $code)"
    tail -n 30 "$WORK/check.log" | sed 's/^/      /'
  fi
}

finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}

returns() { # returns CODE COMMAND...: whether a command ends with this code
  local expected=$1 code=0
  shift
  "$@" || code=$?
  [ "$code" = "$expected" ] || {
    echo "expected exit code $expected, got $code"
    return 1
  }
}

in_time() { # in_time BEGIN SECONDS WHAT: notes the time since then; whether it is short enough
  awk -v a="$1" -v b="$EPOCHREALTIME" -v limit="$2" -v what="$3" -v slow=$SLOW \
    'BEGIN { printf "      %s: %.1f s (limit %d s)\n", what, b - a, limit
      exit b - a > limit ? slow : 0 }' >&3
}

TIMED='TIMEFORMAT="seconds %R %U %S"; time "$@"' # for bash -c, in a container

timed() { # the same for this shell
  local TIMEFORMAT="seconds %R %U %S"
  time "$@"
}

is_quick() { # is_quick SECONDS WHAT COMMAND...: COMMAND runs a program by TIMED or timed; the time
  local limit=$1 what=$2 # on the clock counts, or the processor's, where others keep it busy,
  shift 2                # within reason
  returns 0 "$@" 2> "$WORK/time" || {
    cat "$WORK/time"
    return 1
  }
  awk -v limit="$limit" -v what="$what" -v slow=$SLOW '/^seconds/ {
    printf "      %s: %.1f s, of the processor %.1f s (limit %d s)\n", what, $2, $3 + $4, limit
    quick = $2 < limit || $2 < 4 * limit && $3 + $4 < limit
  } END { exit quick ? 0 : slow }' "$WORK/time" >&3
}

same_labels() { # same_labels FILE FILE: equal label for label, and not empty
  "$PYTHON" - "$@" <<'EOF'
import sys
import numpy as np
import tifffile
a, b = map(tifffile.imread, sys.argv[1:])
print(a.shape, a.dtype, a.max(), "and", b.shape, b.dtype, b.max())
sys.exit(a.max() == 0 or a.dtype != b.dtype or not np.array_equal(a, b))
EOF
}

install() { # Debian packages, which stay installed, or a skip
  local missing=()
  for package in "$@"; do
    dpkg-query --show --showformat '${Status}' "$package" 2> /dev/null | grep -q ' installed' ||
      missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  echo "installing ${missing[*]}"
  { attempt within $PREPARE_LIMIT apt-get update -q &&
    DEBIAN_FRONTEND=noninteractive attempt within $PREPARE_LIMIT \
      apt-get install -qy --no-install-recommends --no-remove "${missing[@]}"; } \
    > "$WORK/apt.log" 2>&1 ||
    skip_out_of_reach "Debian's packages cannot be installed: $(tail -n 1 "$WORK/apt.log")"
}

install_engine() { # Docker's programs, if there are none
  command -v dockerd > /dev/null && command -v docker > /dev/null && return
  local packages=(docker.io)
  [ "$(. /etc/os-release && echo "${VERSION_ID:-13}")" -lt 13 ] ||
    packages+=(docker-cli docker-buildx) # of which docker.io consisted before
  install "${packages[@]}"
}

begin() { # WORK, a folder removed at the end, and DEMO, the image of the demo
  [ "$(id -u)" = 0 ] || skip "needs root, to start a container engine"
  grep -qs '^ID=debian' /etc/os-release || skip "needs Debian, whose packages it installs"
  unshare --mount true 2> /dev/null || skip "needs a root that may mount (CAP_SYS_ADMIN)"
  DEMO=$("$PYTHON" -c 'import mahotas; print(mahotas.__path__[0])')/demos/data/nuclear.png
  if [ -n "${NUCSEG_CONTAINERS:-}" ]; then
    mkdir -p "$NUCSEG_CONTAINERS/nucseg-containers"
    WORK=$(realpath "$NUCSEG_CONTAINERS/nucseg-containers")
  else
    WORK=$(mktemp -d /var/tmp/nucseg-XXXXXX)
  fi
  chmod 755 "$WORK" # unprivileged users look into it
  exec 9> "$WORK/lock"
  flock --nonblock 9 || give_up "another test is running in $WORK"
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'give_up "not done after $RUN_LIMIT s"' USR1
  background eval 'sleep "$RUN_LIMIT"; kill -USR1 $$' 2> /dev/null
  WATCH=$!
}

end_group() { # end_group GROUP: SIGTERM, and SIGKILL after 20 s
  [ -n "$1" ] || return 0
  kill -TERM -- "-$1"
  for _ in {1..100}; do
    kill -0 -- "-$1" || return 0
    sleep 0.2
  done
  kill -KILL -- "-$1"
} 2> /dev/null

clean_up() {
  trap '' INT TERM USR1
  set +e
  end_group "$STEP"
  end_group "$ENGINE"
  end_group "$WATCH"
  awk -v folder="$WORK/" 'index($2, folder) == 1 { print $2 }' /proc/mounts | tac | xargs -r umount
  [ -n "${NUCSEG_CONTAINERS:-}" ] || rm -rf --one-file-system "$WORK"
}

sources() { # where this machine gets its packages from
  ls /etc/apt/sources.list.d/debian.sources 2> /dev/null || echo /etc/apt/sources.list
}

make_base() { # $WORK/base.tar: Debian's Python where official Python images have theirs
  [ -e "$WORK/base.tar" ] && return
  echo "making a stand-in for $BASE_IMAGE"
  local certificates=/usr/local/share/ca-certificates suite
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  attempt within $PREPARE_LIMIT nice mmdebstrap --quiet --variant=minbase \
    --include=python3,python3-pip,python3-venv,ca-certificates \
    --aptopt='Acquire::Check-Valid-Until "false"' \
    --customize-hook='ln -s /usr/bin/python3 "$1/usr/local/bin/python3"' \
    --customize-hook='ln -s python3 "$1/usr/local/bin/python"' \
    --customize-hook='rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED' \
    --customize-hook='[ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$1/etc/"' \
    --customize-hook="[ ! -e $certificates ] || cp -r $certificates \"\$1/usr/local/share/\"" \
    --customize-hook='chroot "$1" update-ca-certificates' \
    "$suite" "$WORK/base.part.tar" "$(sources)" > "$WORK/base.log" 2>&1 || {
    apt-get update -q --error-on=any > /dev/null 2>&1 ||
      skip_out_of_reach "Debian's packages are out of reach"
    cat "$WORK/base.log"
    give_up "no stand-in for $BASE_IMAGE"
  }
  mv "$WORK/base.part.tar" "$WORK/base.tar"
}

start_engine() { # a Docker daemon for this test alone, with the base image in it
  local engine=$WORK/docker
  export DOCKER_HOST=unix://$WORK/docker.sock
  echo '{}' > "$WORK/daemon.json" # instead of the machine's own settings
  background dockerd --config-file "$WORK/daemon.json" --host "$DOCKER_HOST" \
    --data-root "$engine/data" --exec-root "$engine/exec" --pidfile "$WORK/docker.pid" \
    --containerd-namespace nucseg --containerd-plugins-namespace nucseg-plugins \
    --iptables=false --ip6tables=false --bridge=none > "$WORK/dockerd.log" 2>&1
  ENGINE=$!
  within 60 sh -c 'until docker info > /dev/null 2>&1; do sleep 0.5; done' || {
    tail -n 5 "$WORK/dockerd.log"
    give_up "the Docker engine does not start"
  }
  docker image inspect "$BASE_IMAGE" > /dev/null 2>&1 ||
    docker import --change 'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
      "$WORK/base.tar" "$BASE_IMAGE" > /dev/null
  attempt within $PREPARE_LIMIT docker run --rm --network host "$BASE_IMAGE" \
    python -m pip download --quiet --no-deps --dest /tmp \
    "$(grep -o 'dumb-init==[^ ]*' "$ROOT/docker/cpu.Dockerfile")" > "$WORK/pip.log" 2>&1 ||
    skip_out_of_reach "containers cannot fetch Python packages: $(tail -n 1 "$WORK/pip.log")"
}

build_image() { # build_image cpu|gpu: by the make target
  within $BUILD_LIMIT nice make -C "$ROOT" "$(basename "image-$1" -cpu)" \
    DOCKER_FLAGS="--network host" REVISION="$REVISION"
}
