#!/usr/bin/env bash
# start_script_test.sh SOURCE: tries the start script on a tiny project that builds in a second.
# Ends with 77 (skipped) where the packages of a build are missing: a test installs nothing.
set -euo pipefail

source_dir=$1
me=start_script_test
# shellcheck source=tests/tools/build_tools.sh
source "$source_dir/tests/tools/build_tools.sh"
if command -v dpkg-query >/dev/null && [[ -n $(missing_packages "${build_packages[@]}") ]]; then
  echo "SKIPPED: packages of the build are missing"
  exit 77
fi

scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
project="$scratch/a project"
caller="$scratch/the caller's folder"
mkdir -p "$caller" "$project"/{.cmake,topology,strategies,scenarios,sim/cli,validate,tests/tools}
cp "$source_dir/lockstep" "$project/"
cp "$source_dir/tests/tools/build_tools.sh" "$project/tests/tools/"
cat >"$project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(tiny LANGUAGES CXX)
add_executable(lockstep sim/cli/main.cpp)
set_target_properties(lockstep PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
END
cat >"$project/CMakePresets.json" <<'END'
{"version": 6,
 "configurePresets": [{"name": "release", "generator": "Ninja",
                       "binaryDir": "${sourceDir}/build/release"}],
 "buildPresets": [{"name": "release", "configurePreset": "release"}]}
END
# write_program <word> <exit code>: a program that prints the word, its folder and its arguments.
write_program() {
  cat >"$project/sim/cli/main.cpp" <<END
#include <unistd.h>
#include <cstdio>
int main(int argc, char** argv) {
  char folder[4096];
  std::printf("$1 %s", getcwd(folder, sizeof folder));
  for (int i = 1; i < argc; ++i) std::printf(" [%s]", argv[i]);
  std::printf("\n");
  return $2;
}
END
}

fail() {
  printf 'FAILED: %s\n' "$1"
  printf -- '--- stdout\n%s\n--- stderr\n%s\n' "$(cat "$scratch/out")" "$(cat "$scratch/err")"
  exit 1
}

# call <argument>... starts the script through the symlink and sets `code`.
call() {
  code=0
  (cd "$caller" && "$scratch/a link" "$@" </dev/null) >"$scratch/out" 2>"$scratch/err" || code=$?
}

# expect <case> <exit code> <stdout> [<text in stderr>]: without the text stderr must be empty.
expect() {
  ((code == $2)) || fail "$1: exit code $code instead of $2"
  [[ $(<"$scratch/out") == "$3" ]] || fail "$1: stdout is not '$3'"
  if (($# > 3)); then
    grep -qF -- "$4" "$scratch/err" || fail "$1: stderr lacks '$4'"
  else
    [[ ! -s $scratch/err ]] || fail "$1: stderr is not empty"
  fi
}

ln -s "$project/lockstep" "$scratch/a link"
write_program one 7

# Two first calls while a build is under way: both wait, one builds, both run the program.
mkdir "$project/build"
exec 8>"$project/build/lock"
flock 8
(cd "$caller" && "$project/lockstep" x >"$scratch/out2" 2>"$scratch/err2" 8>&-) &
other=$!
(
  for ((tries = 0; tries < 1200; ++tries)); do
    grep -qs waiting "$scratch/err" && grep -qs waiting "$scratch/err2" && break
    sleep 0.05
  done
  flock -u 8
) &
exec 8>&-
call simulate "a b" '' -- --help
other_code=0
wait "$other" || other_code=$?
expect "first call" 7 "one $caller [simulate] [a b] [] [--] [--help]" "waiting for another build"
[[ $(<"$scratch/out2") == "one $caller [x]" ]] || fail "first call of another: stdout"
((other_code == 7)) || fail "first call of another: exit code"
[[ $(cat "$scratch/err" "$scratch/err2" | grep -c building) == 1 ]] || fail "not built just once"

call
expect "later call" 7 "one $caller"

write_program two 0
call y
expect "changed source" 0 "two $caller [y]" "building what changed"

: >"$project/topology/gone.hpp"
call
expect "added file" 0 "two $caller" "building what changed"
before=$(stat -c %y "$project/build/release/built")
call
[[ $(stat -c %y "$project/build/release/built") == "$before" ]] || fail "built without a change"
rm "$project/topology/gone.hpp"
call
[[ $(stat -c %y "$project/build/release/built") != "$before" ]] || fail "a deleted file goes unseen"

echo "int main() { return undeclared_name; }" >"$project/sim/cli/main.cpp"
call z
expect "broken source" 1 "" "building preset release failed"
expect "broken source" 1 "" "undeclared_name"
call z
expect "still broken" 1 "" "building preset release failed"

echo "nonsense(" >>"$project/CMakeLists.txt"
call z
expect "broken build file" 1 "" "failed (see above)"
sed -i '$d' "$project/CMakeLists.txt"
write_program three 4
call z
expect "mended" 4 "three $caller [z]" "building what changed"

# A checkout that is moved with its build folder builds again in its new place.
mv "$project" "$scratch/moved"
project=$scratch/moved
ln -sfn "$project/lockstep" "$scratch/a link"
call
expect "moved" 4 "three $caller" "building what changed"
call
expect "moved, later call" 4 "three $caller"

# A machine without the packages, with an apt-get that fails.
mkdir "$scratch/fake"
printf '#!/bin/sh\nexit 1\n' >"$scratch/fake/dpkg-query"
printf '#!/bin/sh\necho apt was here\nexit 100\n' >"$scratch/fake/apt-get"
printf '#!/bin/sh\nexec "$@"\n' >"$scratch/fake/sudo"
chmod +x "$scratch/fake"/*
write_program four 0
PATH="$scratch/fake:$PATH" call
expect "failed install" 1 "" "apt-get could not install cmake ninja-build"
expect "failed install" 1 "" "apt was here" # what apt-get prints goes to stderr
echo "the start script does what it should"
