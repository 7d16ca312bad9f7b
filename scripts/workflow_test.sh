#!/usr/bin/env bash
# What happens to `make workflow-smoke` when it is repeated, loses a result, or is killed.
set -euo pipefail
cd "$(dirname "$0")/.."

RESULTS=runs/workflow-smoke
LOGS=$(mktemp -d)
RUN=FPN2-WS/All/random/full/1/1
passed=0

smoke() {
  make --no-print-directory workflow-smoke
}

pass() {
  passed=$((passed + 1))
  echo "pass: $*"
}

fail() {
  echo "FAIL: $*"
  tail -n 30 "$LOGS"/*.log
  exit 1
}

jobs_of() { # jobs_of LOG: what was run, from Snakemake's table of jobs
  awk '/^job +count/ { on = 1; next } on && NF == 0 { exit }
    on && $1 ~ /^[a-z]/ && $1 != "total" && $1 != "all" { print $1, $2 }' "$1" | sort
}

group_of_smoke() { # begins it in a group of processes of its own, in the background
  setsid make --no-print-directory workflow-smoke > "$LOGS/killed.log" 2>&1 &
  group=$!
}

rm -rf "$RESULTS"
begin=$SECONDS
smoke > "$LOGS/first.log" 2>&1 || fail "it ends"
seconds=$((SECONDS - begin))
echo "      $seconds s"
[ "$(tail -n 1 "$LOGS/first.log")" = "$RESULTS" ] || fail "it names its results last"
rows=$(wc -l < "$RESULTS/runs.csv")
[ "$rows" = 13 ] || fail "10 trainings, the baseline and the classical labels are in runs.csv: $rows"
for experiment in initialisation augmentation; do
  [ "$(stat --format %s "$RESULTS/benchmarks/$experiment/report.html")" -gt 100000 ] ||
    fail "the report of $experiment has its figures"
done
grep -q 'Zaki et al. 2020' "$RESULTS/tables/initialisation/compare.md" || fail "published values"
[ "$seconds" -lt "${LIMIT:-600}" ] || fail "it ends within ten minutes, not $seconds s (LIMIT=SECONDS)"
pass "the whole workflow, $seconds s"

smoke > "$LOGS/second.log" 2>&1
grep -q 'Nothing to be done' "$LOGS/second.log" || fail "a second run does nothing"
pass "a second run does nothing"

rm -r "$RESULTS/predictions/test/$RUN/1"
smoke > "$LOGS/deleted.log" 2>&1
jobs_of "$LOGS/deleted.log" > "$LOGS/jobs"
# The table of experiment `initialisation`, which the run belongs to, and that of all runs.
printf '%s\n' 'benchmark 1' 'compare 1' 'evaluate 1' 'predict 1' 'runs 1' |
  diff - "$LOGS/jobs" || fail "only what depends on a lost result is made again"
pass "only what depends on a lost result is made again"

touch_config() { # what would be made again if a setting changed
  make --no-print-directory workflow-smoke SNAKEMAKE_FLAGS="--dry-run $1" > "$LOGS/dry.log" 2>&1
  jobs_of "$LOGS/dry.log"
}
touch_config "--config gpus=1" > "$LOGS/jobs"
[ ! -s "$LOGS/jobs" ] || fail "another machine makes nothing out of date: $(cat "$LOGS/jobs")"
touch_config "--config set=[data.roi=128]" > "$LOGS/jobs"
grep -qx 'train 10' "$LOGS/jobs" || fail "another setting makes all trainings again"
grep -q 'simulate' "$LOGS/jobs" && fail "but no fields"
pass "a changed setting is noticed, another machine is none"

rm -r "$RESULTS/runs/$RUN" "$RESULTS/predictions/test/$RUN"
group_of_smoke
for _ in $(seq 600); do
  [ ! -e "$RESULTS/runs/$RUN/1/last.h5" ] || break
  sleep 0.2
done
kill -9 -- "-$group"
[ -e "$RESULTS/runs/$RUN/1/last.h5" ] || fail "it could be killed during a training"
[ ! -e "$RESULTS/runs/$RUN/1/model" ] || fail "the training was not over"
for _ in $(seq 100); do # large processes take a while to go
  pgrep --full "nucseg train .*$RESULTS" > /dev/null || break
  sleep 0.2
done
! pgrep --full "nucseg train .*$RESULTS" || fail "nothing of it runs on"
smoke > "$LOGS/again.log" 2>&1 || fail "after kill -9 it goes on"
grep -q '"resume": true' "$RESULTS/runs/$RUN/1/run.json" || fail "the training went on"
[ "$(wc -l < "$RESULTS/runs.csv")" = 13 ] || fail "it completes"
pass "after kill -9 it completes, and the training goes on from its checkpoint"

rm -r "$LOGS"
echo "$passed passed"
