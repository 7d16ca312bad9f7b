#!/usr/bin/env bash
# Runs the workflow through a real SLURM on this machine: `make slurm-test`. Needs root and Debian,
# whose packages it installs; its daemons end with it. CONFIG is a file in workflow/config. After
# `make sif-test` in the same NUCSEG_CONTAINERS the jobs run in that image, too.
set -euo pipefail
# shellcheck source=scripts/container_tests.sh
source "$(dirname "$0")/container_tests.sh"
cd "$ROOT"

CONFIG=${1:-smallest}
RESULTS=runs/workflow-slurm
NODE=$(hostname -s)
LIMIT=3600 # s, for one run of the workflow
SNAKEMAKE=$ROOT/.venv/bin/snakemake
changes=() # files that change the configuration
munged=    # "ours" if started here
export PATH=$ROOT/.venv/bin:$PATH

refuse_foreign_slurm() {
  [ ! -e /etc/slurm/slurm.conf ] || grep -q nucseg-test /etc/slurm/slurm.conf ||
    skip "this machine has a SLURM of its own"
}

configure() { # /etc/slurm, because SLURM's own srun looks nowhere else
  mkdir -p /etc/slurm "$WORK"/slurm/{state,spool} /run/munge
  cat > /etc/slurm/slurm.conf <<EOF
ClusterName=nucseg-test
SlurmctldHost=$NODE(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$WORK/slurm/state
SlurmdSpoolDir=$WORK/slurm/spool
SlurmctldLogFile=$WORK/slurm/slurmctld.log
SlurmdLogFile=$WORK/slurm/slurmd.log
SlurmctldPidFile=$WORK/slurm/slurmctld.pid
SlurmdPidFile=$WORK/slurm/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
MinJobAge=300
KillWait=10
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
GresTypes=gpu
NodeName=$NODE NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$(free -m | awk '/^Mem/ {print $2 - 500}') Gres=gpu:1
PartitionName=cpu Nodes=$NODE Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=$NODE MaxTime=INFINITE State=UP
EOF
  echo "Name=gpu File=/dev/null Count=1" > /etc/slurm/gres.conf
  echo "CgroupPlugin=cgroup/v1" > /etc/slurm/cgroup.conf
  [ -s /etc/munge/munge.key ] || head -c 1024 /dev/urandom > /etc/munge/munge.key
  chmod 400 /etc/munge/munge.key
  chown munge: /etc/munge/munge.key /run/munge
  chmod 755 /run/munge
}

start_slurm() {
  if ! pgrep -x munged > /dev/null; then
    setpriv --reuid munge --regid munge --clear-groups munged
    munged=ours
  fi
  slurmctld -c
  slurmd -c
  for _ in $(seq 60); do
    [ "$(sinfo --noheader --format %t --partition cpu 2> /dev/null)" = idle ] && return
    sleep 1
  done
  echo "SLURM does not come up:"
  tail -n 5 "$WORK"/slurm/*.log
  finish_failed
}

finish_failed() {
  failed=$((failed + 1))
  finish
  exit 1
}

stop_slurm() {
  scancel --quiet --user root 2> /dev/null || true
  for daemon in slurmd slurmctld; do
    [ ! -s "$WORK/slurm/$daemon.pid" ] || kill "$(cat "$WORK/slurm/$daemon.pid")" 2> /dev/null || true
  done
  for _ in $(seq 100); do # they write to the end
    pgrep -x slurmd > /dev/null || pgrep -x slurmctld > /dev/null || break
    sleep 0.2
  done
  [ -z "$munged" ] || pkill -x munged || true
  rm -f /etc/slurm/slurm.conf /etc/slurm/gres.conf /etc/slurm/cgroup.conf
}

snakemake_here() { # the shipped profile, quicker to notice what happens
  timeout --foreground -k 30 $LIMIT "$SNAKEMAKE" --profile workflow/profiles/slurm \
    --slurm-status-command squeue --slurm-init-seconds-before-status-checks 2 \
    --seconds-between-status-checks 2 --latency-wait 10 --slurm-no-account \
    --default-resources slurm_partition=cpu mem_mb=2000 runtime=30 "$@" 2>&1
}

through_slurm() { # through_slurm OPTIONS...
  snakemake_here --configfile "workflow/config/$CONFIG.yaml" "${changes[@]}" \
    --config "results=$RESULTS" --retries 0 \
    --set-threads train=1 predict=1 predict_baseline=1 roi_store=1 prelabel=1 \
    --set-resources train:mem_mb=6000 predict:mem_mb=4000 predict_baseline:mem_mb=4000 "$@"
}

workflow_completes() {
  rm -rf "$RESULTS"
  local begin=$EPOCHREALTIME
  through_slurm > "$WORK/first.log" || { tail -n 40 "$WORK/first.log"; return 1; }
  in_time "$begin" $LIMIT "the workflow, $(grep -c 'submitted with SLURM jobid' "$WORK/first.log") jobs"
  grep -q 'submitted with SLURM jobid' "$WORK/first.log"
  [ -s "$RESULTS/runs.csv" ]
  find "$RESULTS/benchmarks" -name report.html -size +10k | grep -q .
}

second_run_does_nothing() {
  through_slurm > "$WORK/second.log"
  grep -q 'Nothing to be done' "$WORK/second.log"
}

gpu_is_asked_for() { # the node has one that is none: SLURM grants it, and the program says no
  rm -rf "$RESULTS/runs"
  returns 1 through_slurm --config "results=$RESULTS" gpus=1 --retries 0 --set-resources \
    train:slurm_partition=gpu train:mem_mb=6000 > "$WORK/gpu.log"
  grep -rq 'TensorFlow finds no GPU' "$RESULTS/logs/train"
  grep -q 'Error in rule train' "$WORK/gpu.log"
}

time_limit_ends_a_job() { # it is submitted again, and goes on; with the limit it never completes
  rm -rf "$RESULTS/runs"
  local changes=("$WORK/endless.yaml")
  echo "models: {FPN2-WS: {cycles: 1000000, set: [training.stop_patience=0]}}" > "$WORK/endless.yaml"
  returns 1 through_slurm --retries 1 --set-resources train:runtime=1 train:mem_mb=6000 \
    > "$WORK/timeout.log"
  [ "$(grep -c TIMEOUT "$WORK/timeout.log")" -ge 2 ]
  grep -rq '"resume": true' "$RESULTS/runs" --include=run.json
  find "$RESULTS/runs" -name last.h5 -size +1k | grep -q .
}

completes_after_failures() {
  through_slurm > "$WORK/again.log" || { tail -n 40 "$WORK/again.log"; return 1; }
  [ -s "$RESULTS/runs.csv" ]
}

predicts_in_parts() { # a field of the workflow, and its copies: the table is that of one run
  local out=$RESULTS/in_parts images=$WORK/plate field
  rm -rf "$out" "$images"
  mkdir -p "$images"
  field=$(find -L "$PWD/$RESULTS/data/test/images" -type f | head -n 1)
  for number in 1 2 3; do cp "$field" "$images/$number.${field##*.}"; done
  echo "{results: $out, inputs: {plate: $images}, shards: 2, mem_mb: 3000}" > "$WORK/plate.yaml"
  snakemake_here --snakefile workflow/predict/Snakefile --configfile "$WORK/plate.yaml" \
    --set-threads predict=1 > "$WORK/parts.log" || { tail -n 40 "$WORK/parts.log"; return 1; }
  [ "$(grep -c 'submitted with SLURM jobid' "$WORK/parts.log")" = 3 ]
  nucseg predict "$images" --out "$WORK/whole"
  cmp "$out/plate/objects.csv" "$WORK/whole/objects.csv"
}

trains_a_version() { # of the model of a project, by a job; the network is small
  local project=$WORK/project profile=$WORK/profile
  rm -rf "$project" "$profile"
  mkdir -p "$profile"
  python scripts/make_toy_data.py "$project"
  cat workflow/profiles/slurm/config.yaml - > "$profile/config.yaml" << EOF
slurm-status-command: squeue
slurm-init-seconds-before-status-checks: 2
seconds-between-status-checks: 2
slurm-no-account: true
set-threads: {train: 1}
set-resources: {train: {mem_mb: 6000}}
EOF
  NUCSEG_PROFILE=$profile nucseg loop train "$project" --where slurm --init random \
    --set model.encoder=mobilenetv2 --set model.filters=16 --set data.roi=128 --set training.batch=2 \
    --set training.steps_per_epoch=3 --set training.epochs=2 > "$WORK/version.log" 2>&1 || {
    tail -n 40 "$WORK/version.log" "$project"/loop/cluster/*.log
    return 1
  }
  grep -q 'submitted with SLURM jobid' "$WORK/version.log"
  nucseg loop status "$project" > "$WORK/status.txt" # not into grep, which ends at the first line
  grep -q '^v1 ' "$WORK/status.txt"
  [ -s "$project/loop/v1/model/model.yaml" ]
}

make_apptainer() { # $WORK/bin: the Apptainer of sif_test.sh, which Debian stable has not
  grep -qs '^root:' /etc/subuid || echo root:200000:65536 >> /etc/subuid
  grep -qs '^root:' /etc/subgid || echo root:200000:65536 >> /etc/subgid
  mkdir -p "$WORK/bin" "$WORK/apptainer$ROOT" "$WORK/apptainer$WORK"
  cat > "$WORK/bin/apptainer" << EOF
#!/bin/sh
exec unshare --user --map-root-user --map-auto bwrap --bind "$WORK/apptainer" / \
  --dev-bind /dev /dev --proc /proc --bind /sys /sys --bind /tmp /tmp --bind "$ROOT" "$ROOT" \
  --bind "$WORK" "$WORK" --ro-bind /etc/resolv.conf /etc/resolv.conf --chdir "\$PWD" \
  -- /usr/bin/apptainer "\$@"
EOF
  chmod +x "$WORK/bin/apptainer"
  ln -sf apptainer "$WORK/bin/singularity"
}

in_container() { # with no nucseg on the machine's PATH but one that fails
  rm -rf "$RESULTS"
  make_apptainer
  mkdir -p "$WORK/broken"
  printf '#!/bin/sh\necho "not the one in the container"; exit 9\n' > "$WORK/broken/nucseg"
  chmod +x "$WORK/broken/nucseg"
  PATH=$WORK/bin:$WORK/broken:$PATH through_slurm --software-deployment-method apptainer \
    --config "results=$RESULTS" "container=$SIF" > "$WORK/container.log" || {
    tail -n 40 "$WORK/container.log"
    return 1
  }
  [ -s "$RESULTS/runs.csv" ]
}

begin
refuse_foreign_slurm
install slurmctld slurmd slurm-client munge procps
refuse_foreign_slurm # of the packages
trap 'stop_slurm; clean_up' EXIT
configure
start_slurm
export XDG_CACHE_HOME=$WORK/cache # which containers see, as a cluster's home is seen

check "the workflow runs through sbatch" workflow_completes
check "a second run does nothing" second_run_does_nothing
check "a failing job ends the workflow with 1, and its log says why" gpu_is_asked_for
check "a job over its time is reported" time_limit_ends_a_job
check "afterwards the workflow completes" completes_after_failures
check "fields are predicted in parts" predicts_in_parts
check "a version of a project's model is trained by a job" trains_a_version
SIF=$WORK/user/docker.sif
if [ -s "$SIF" ]; then
  install bubblewrap uidmap
  check "the workflow runs in an Apptainer image" in_container
else
  echo "skip: no Apptainer image of \`make sif-test\` in NUCSEG_CONTAINERS"
fi
finish
