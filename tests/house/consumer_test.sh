#!/usr/bin/env bash
# consumer_test.sh SOURCE BUILD: installs the build, moves the installed tree, builds a program of
# another project against it and runs both that program and the installed ones.
set -euo pipefail

source_dir=$1
build_dir=$2
scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT

cmake --install "$build_dir" --prefix "$scratch/first" >"$scratch/install.log"
prefix="$scratch/moved here"
mv -- "$scratch/first" "$prefix"

cmake -G Ninja -S "$source_dir/tests/consumer" -B "$scratch/build" \
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$prefix" >"$scratch/configure.log" 2>&1 || {
  cat "$scratch/configure.log"
  exit 1
}
cmake --build "$scratch/build"

catalog=$prefix/share/lockstep/scenarios
scenario=$catalog/llama3-70b-64xh100.yaml
"$scratch/build/consumer" "$catalog" "$scenario"

"$prefix/bin/lockstep" --version
(cd "$scratch" && "$prefix/bin/lockstep" compare "$scenario")
(cd "$scratch" && "$prefix/bin/lockstep" list scenarios) >"$scratch/scenarios.txt"
for file in "$source_dir"/scenarios/*.yaml; do
  name=$(basename -- "$file" .yaml)
  [[ -f $catalog/$name.yaml ]] && grep -q "^  $name " "$scratch/scenarios.txt" || {
    echo "the scenario $name is not installed, or not listed"
    exit 1
  }
done
[[ -x $prefix/bin/lockstep-validate ]] || {
  echo "lockstep-validate is not installed"
  exit 1
}
