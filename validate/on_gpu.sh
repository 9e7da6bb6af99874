#!/usr/bin/env bash
# validate/on_gpu.sh OUT [--programs DIR] [--cluster SYSTEM] [--scenario FILE --plan NAME]
# Every check that needs a GPU, on whatever GPUs are here, within nine minutes: what the node is,
# its kernels, copies and launches, NCCL's collectives, a step beside its prediction, a calibration
# of it all, and whether a fresh measurement agrees with that. Leaves logs, JSON and the calibration
# in OUT. Ends with 0 if nothing failed, 1 if something did, 77 without a GPU.
#
# validate/on_gpu.sh --pack DIR
# Puts the built programs with the libraries that they need, the catalog and this script into DIR,
# for a machine that has a driver and CUDA but none of the packages: DIR/validate/on_gpu.sh OUT.
set -euo pipefail

root=$(dirname -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")")
readonly minutes=9
scenario=$root/scenarios/llama3-70b-64xh100.yaml
plan=fsdp-recompute
started=$SECONDS
passed=() failed=() skipped=()

usage() {
  sed -nE '2,/^set/s/^# ?//p' -- "${BASH_SOURCE[0]}" >&2
  exit 2
}

say() { printf '%s\n' "$*" | tee -a -- "$out/log.txt" >&2; }

# The folder of the programs: --programs, those packed beside this script, or a release build.
find_programs() {
  if [[ -z $programs && -x $root/bin/lockstep-validate ]]; then programs=$root/bin; fi
  if [[ -z $programs ]]; then
    "$root/lockstep" --version >/dev/null
    programs=$root/build/release/bin
  fi
  [[ -x $programs/lockstep-validate ]] || {
    printf 'on_gpu.sh: no lockstep-validate in %s\n' "$programs" >&2
    exit 2
  }
  # Packed libraries lie beside the programs; the machine's own CUDA and NCCL are found by the loader.
  if [[ -d $programs/../lib ]]; then
    export LD_LIBRARY_PATH=$programs/../lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  fi
}

pack() {
  local to=$1 program library
  find_programs
  mkdir -p -- "$to/bin" "$to/lib" "$to/validate" "$to/share/lockstep"
  for program in lockstep lockstep-validate; do
    cp -- "$programs/$program" "$to/bin/"
    # Not the C library and its parts: they belong to the machine's loader.
    while IFS= read -r library; do
      cp -L -- "$library" "$to/lib/"
    done < <(ldd "$programs/$program" | awk '$3 ~ /^\// {print $3}' |
      grep -Ev '/(libc|libm|libdl|librt|libpthread|ld-linux[^/]*)\.so')
  done
  (cd -- "$root" && find scenarios -name '*.yaml' -print0 | xargs -0 cp --parents -t "$to/share/lockstep")
  cp -r -- "$to/share/lockstep/scenarios" "$to/"
  cp -- "${BASH_SOURCE[0]}" "$to/validate/"
}

# check <name> <command>...: its output goes to the log; exit code 77 is a skip. At most what is left
# of the nine minutes.
check() {
  local name=$1 left=$((minutes * 60 - (SECONDS - started))) code=0
  shift
  if ((left < 5)); then
    skipped+=("$name (no time left)")
    return
  fi
  say "== $name: $*"
  # Through a shell, so that a check may be a function of this script.
  timeout --kill-after=5 "$left" bash -c '"$@"' check "$@" >>"$out/log.txt" 2>&1 || code=$?
  case $code in
    0) passed+=("$name") ;;
    77) skipped+=("$name ($(tail -n 1 -- "$out/log.txt"))") ;;
    *) failed+=("$name (exit code $code)") ;;
  esac
}

# The text of a command into a file, as a check.
into() {
  local file=$1
  shift
  "$@" >"$file"
}

# Two ranks on one GPU: whether processes find each other, never a calibration.
share_gpu() {
  command -v mpirun >/dev/null || return 77
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun --oversubscribe --bind-to none \
    -np 2 "$validate" nccl --share-gpu --collectives all_reduce --largest 1M --factor 16 --seconds 0.5
}

run_checks() {
  local gpus
  gpus=$(nvidia-smi --list-gpus 2>/dev/null | grep -c '^GPU' || true)
  check discover "$validate" discover
  check "discover as YAML" "$validate" discover --output "$out/node.yaml"
  check kernels "$validate" kernels "$scenario" --plan "$plan" --seconds-per-shape 0.3 "${cluster[@]}" \
    --output "$out/kernels.json"
  if ((gpus > 1)); then
    check nccl "$validate" nccl --largest 512M --seconds 0.5 "${cluster[@]}" --output "$out/nccl.json"
    if ((gpus >= 4 && gpus % 2 == 0)); then
      check "nccl, groups" "$validate" nccl --groups blocks:2+,every:2+ \
        --collectives all_reduce,all_gather --smallest 1M --largest 256M --factor 4 --seconds 0.5
    else
      skipped+=("nccl, groups (they take an even number of GPUs from 4 on)")
    fi
    check "nccl, buffers registered" "$validate" nccl --register yes --collectives all_reduce \
      --smallest 1M --largest 256M --factor 4 --seconds 0.5
  else
    check "nccl, one rank" "$validate" nccl --largest 256M --factor 8 --seconds 0.5
    check "nccl, two ranks on one GPU" share_gpu
    skipped+=("NCCL's collectives calibrated (one GPU)")
  fi
  check step "$validate" step "$scenario" --plan "$plan" "${cluster[@]}" \
    --output "$out/step.json"
  local measured=("$out/kernels.json")
  ((gpus > 1)) && measured+=("$out/nccl.json")
  check calibrate "$validate" calibrate "${measured[@]}" "${cluster[@]}" --output "$out/calibration.yaml"
  if ((gpus > 1)); then
    check "fresh collectives" into "$out/fresh.txt" "$validate" nccl --smallest 1M --largest 512M \
      --seconds 0.5 "${cluster[@]}"
    check "fresh collectives within 5 % of the calibration" "$validate" collectives "$out/fresh.txt" \
      "${cluster[@]}" --calibration "$out/calibration.yaml" --tolerance 5%
  fi
}

out="" programs="" pack_to="" cluster=()
while (($#)); do
  case $1 in
    --programs) programs=${2:?--programs DIR} && shift 2 ;;
    --cluster) cluster=(--cluster "${2:?--cluster SYSTEM}") && shift 2 ;;
    --scenario) scenario=${2:?--scenario FILE} && shift 2 ;;
    --plan) plan=${2:?--plan NAME} && shift 2 ;;
    --pack) pack_to=${2:?--pack DIR} && shift 2 ;;
    -*) usage ;;
    *) [[ -z $out ]] || usage; out=$1 && shift ;;
  esac
done
if [[ -n $pack_to ]]; then
  pack "$pack_to"
  exit 0
fi
[[ -n $out ]] || usage
mkdir -p -- "$out"
: >"$out/log.txt"
find_programs
validate=$programs/lockstep-validate
export validate
export -f into share_gpu
if ! nvidia-smi --list-gpus >>"$out/log.txt" 2>&1; then
  say "skipped: no GPU here (nvidia-smi lists none)"
  exit 77
fi
nvidia-smi -q -d POWER,CLOCK,MEMORY,ECC >>"$out/log.txt" 2>&1 || true
"$programs/lockstep" --version >>"$out/log.txt"
run_checks

{
  printf '\n'
  for name in "${passed[@]}"; do printf 'passed   %s\n' "$name"; done
  for name in "${skipped[@]}"; do printf 'skipped  %s\n' "$name"; done
  for name in "${failed[@]}"; do printf 'FAILED   %s\n' "$name"; done
  printf 'took %d s; everything is in %s\n' "$((SECONDS - started))" "$out"
} | tee -a -- "$out/log.txt" >&2
((${#failed[@]} == 0))
