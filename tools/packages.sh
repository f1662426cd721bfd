# What has to be installed, by purpose, and how. Sourced by ./run, ./test and .ci/run.
# Only Debian packages; what is there already is not touched.

build_packages="ca-certificates build-essential meson ninja-build pkg-config python3 git
 libevent-dev libnghttp2-dev libcurl4-openssl-dev libssl-dev libyaml-dev libpcre2-dev libroaring-dev
 libxxhash-dev libsimde-dev libjemalloc-dev libsqlite3-dev libsnappy-dev libzstd-dev zlib1g-dev libcrypt-dev
 libunistring-dev"
test_packages="libcmocka-dev curl openssl"
lint_packages="clang-14 clang-tidy-14 clang-format-14 libclang-rt-14-dev llvm-14"

say() { printf '%s\n' "$*" >&2; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1; then sudo "$@"
  else say "These packages are missing and neither root nor sudo is at hand: $missing"; exit 1
  fi
}

# ensure_packages NAME...: installs those that are missing.
ensure_packages() {
  missing=""
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
  done
  [ -z "$missing" ] && return 0
  say "installing:$missing"
  as_root apt-get update -q >/dev/null || true
  # shellcheck disable=SC2086
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing >/dev/null || {
    say "apt-get could not install:$missing"; exit 1; }
}

# Node.js from wherever the user has it, else Debian's.
ensure_node() {
  if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then ensure_packages nodejs npm; fi
}

# Chromium for the tests in a browser. It is large, and they skip without it, so that it cannot be had is no failure.
ensure_browser() {
  [ -x "${VIGIE_CHROMIUM:-/usr/bin/chromium}" ] || (ensure_packages chromium) || say "no Chromium: the tests in a browser will skip"
}

# ensure_peer PACKAGE PROGRAM: unpacks a Debian package below build/peers without installing it (so that no service of
# its is started), and prints the program's path; prints nothing when it cannot be had.
ensure_peer() {
  if ! [ -x "build/peers/$1/usr/bin/$2" ]; then
    mkdir -p build/peers/tmp
    (cd build/peers/tmp && apt-get download -q "$1" >/dev/null 2>&1 && dpkg -x "$1"_*.deb "../$1" && rm -f "$1"_*.deb) || return 0
  fi
  if [ -x "build/peers/$1/usr/bin/$2" ]; then printf '%s\n' "$PWD/build/peers/$1/usr/bin/$2"; fi
}

# build_vigie DIR [meson options...]
build_vigie() {
  dir=$1; shift
  if [ -f "$dir/build.ninja" ]; then meson configure "$dir" "$@" >/dev/null
  else meson setup "$dir" "$@" >/dev/null || { meson setup "$dir" "$@"; exit 1; }
  fi
  ninja -C "$dir" >"$dir/build.log" 2>&1 || { tail -40 "$dir/build.log"; say "the build in $dir failed"; exit 1; }
}
