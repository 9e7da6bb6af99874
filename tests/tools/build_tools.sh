# shellcheck shell=bash
# Shared by the start script and tests/run: Debian packages, the build and its lock. The caller
# sets `me` (its name in messages) and `root` (the checkout). All messages go to stderr.
# shellcheck disable=SC2034,SC2154

readonly build_packages=(cmake ninja-build g++ libboost-dev libboost-program-options-dev
  libyaml-cpp-dev libfmt-dev libnlopt-dev libnlopt-cxx-dev libpugixml-dev libtbb-dev
  nlohmann-json3-dev libhwloc-dev libopenmpi-dev openmpi-bin)

say() { printf '%s: %s\n' "$me" "$*" >&2; }

die() {
  say "$@"
  exit 1
}

# missing_packages <package>... prints those that dpkg does not list as installed.
missing_packages() {
  local installed package
  installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' -- "$@" 2>/dev/null || true)
  for package in "$@"; do
    grep -qxF -- "$package installed" <<<"$installed" || printf '%s\n' "$package"
  done
}

# install_packages <package>... installs what is missing; ends the script where that fails.
install_packages() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    local tool
    for tool in cmake ninja c++; do
      command -v "$tool" >/dev/null || die "$tool is missing and this is not a Debian system:" \
        "install what these Debian packages hold, then run it again: $*"
    done
    say "not a Debian system; the build needs what these Debian packages hold: $*"
    return
  fi

  local missing as_root=()
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  if ((EUID != 0)); then
    command -v sudo >/dev/null || die "packages are missing and there is no sudo; as root run:" \
      "apt-get install ${missing[*]}"
    as_root=(sudo)
  fi

  say "installing ${missing[*]}"
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q
    -o DPkg::Lock::Timeout=600)
  # A stale or unreachable package list need not matter: the install below decides.
  "${apt[@]}" update >&2 || say "apt-get update failed; trying with the package lists at hand"
  "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >&2 ||
    die "apt-get could not install ${missing[*]}; mend what it says above, or install them" \
      "yourself, then run it again"
}

# shown <log> <command>...: runs the command; live on a terminal, else into the log, of which the
# end is printed if the command fails.
shown() {
  local log=$1
  shift
  if [[ -t 2 ]]; then
    "$@" >&2
  else
    "$@" >"$log" 2>&1 || {
      tail -n 60 -- "$log" >&2
      return 1
    }
  fi
}

# build_preset <preset> [<folder in build/>] configures where needed and builds; ends the script
# where that fails. Call it between lock_builds and unlock_builds.
build_preset() {
  local preset=$1 build=$root/build/${2:-$1}
  mkdir -p -- "$build"
  # A build folder that was copied from elsewhere points at the old place.
  if [[ -f $build/CMakeCache.txt ]] &&
    ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$build/CMakeCache.txt"; then
    rm -rf -- "$build"
    mkdir -p -- "$build"
  fi
  if [[ ! -f $build/build.ninja || $root/CMakePresets.json -nt $build/build.ninja ]]; then
    (cd -- "$root" && shown "$build/configure.log" cmake --preset "$preset") ||
      die "configuring preset $preset failed (see above); once mended, run it again." \
        "If nothing else helps, delete $build"
  fi
  (cd -- "$root" && shown "$build/build.log" \
    cmake --build --preset "$preset" --parallel "$(nproc)") ||
    die "building preset $preset failed (see above); once mended, run it again." \
      "If nothing else helps, delete $build"
}

# lock_builds makes other start scripts of this checkout wait until this one has built;
# unlock_builds lets them go on.
lock_builds() {
  mkdir -p -- "$root/build"
  exec 9>"$root/build/lock"
  flock -n 9 || {
    say "waiting for another build of this checkout"
    flock 9
  }
}

unlock_builds() { exec 9>&-; }
