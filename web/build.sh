#!/bin/sh
# Called by the build: fetches the interface's packages when they are missing or older than the lock file, bundles, and embeds.
#   web/build.sh SOURCE_DIR WORK_DIR OUTPUT.c
# Writes OUTPUT.c.d too, which tells ninja what OUTPUT.c was made from.
set -eu
source=$1 output=$3
case $2 in /*) work=$2 ;; *) work=$PWD/$2 ;; esac
mkdir -p "$work"
(
  flock 9 # several build directories may share one source tree
  if ! cmp -s "$source/package-lock.json" "$source/node_modules/.vigie-lock.json"; then
    (cd "$source" && npm ci --no-audit --no-fund --ignore-scripts >"$work/npm.log" 2>&1) || {
      tail -20 "$work/npm.log" >&2
      echo 'web: npm ci failed (no network?); the program can be built without its web interface: meson configure -Dweb=false' >&2
      exit 1
    }
    cp "$source/package-lock.json" "$source/node_modules/.vigie-lock.json"
  fi
) 9<"$source"
node "$source/build.mjs" "$work/dist"
node "$source/embed.mjs" "$work/dist" "$output"
{
  printf '%s: ' "$output"
  find "$source/src" "$source"/*.mjs "$source/package-lock.json" "$source/package.json" -type f | sed 's/ /\\ /g' | tr '\n' ' '; echo
} >"$output.d"
