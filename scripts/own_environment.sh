# shellcheck shell=bash
# For scripts that test with packages of other programs, which the project's own environment does not have.

own_environment() { # own_environment VENV LOCK: made where it is missing, or its lock has changed
  local venv=$1 lock=$2
  cmp -s "$lock" "$venv/lock" && return
  rm -rf "$venv"
  .venv/bin/python -m venv --without-pip "$venv"
  packages_of .venv > "$(packages_of "$venv")/project.pth" # the project's own are seen, after its own
  # The lock is complete, but for what the project has, and for what is not used of a program.
  "$venv/bin/python" -m pip install --quiet --no-deps -r "$lock"
  "$venv/bin/python" -m pip install --quiet --no-deps -e .
  cp "$lock" "$venv/lock"
}

packages_of() { # packages_of VENV: where they lie
  "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'
}
