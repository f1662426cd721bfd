#!/usr/bin/env python3
"""clang-tidy over every source file that ships (tests, fuzzers and benchmarks do not).

    tools/tidy.py [build folder] [file or folder under src …]      exits 1 when there is a finding
"""
import concurrent.futures
import fnmatch
import json
import os
import pathlib
import shutil
import subprocess
import sys

import tree

TIDY = shutil.which("clang-tidy-14") or shutil.which("clang-tidy")
# Files whose functions may call themselves or each other, and the constant that bounds how deep.
# Elsewhere: NOLINTNEXTLINE(misc-no-recursion) with what bounds it.
RECURSIVE = {
    "codec/regex*.c": "REGEX_NEST_MAX",
    "codec/yaml*.c": "YAML_DEPTH_MAX",
    "promql/*.c": "QUERY_DEPTH_MAX",
}
SECONDS_MAX = 300  # for one file


def files_to_check(build, wanted):
    database = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    paths = {(build / entry["directory"] / entry["file"]).resolve() for entry in database}
    for path in sorted(paths):
        inside = path.is_relative_to(tree.ROOT / "src") and not tree.is_test(path)
        if inside and (not wanted or any(path == w or path.is_relative_to(w) for w in wanted)):
            yield path


def may_recurse(path):
    name = path.relative_to(tree.ROOT / "src").as_posix()
    return any(fnmatch.fnmatch(name, pattern) for pattern in RECURSIVE)


def missing_bounds():
    """Rows of RECURSIVE whose constant is gone."""
    for pattern, constant in RECURSIVE.items():
        folder = (tree.ROOT / "src" / pattern).parent
        if not any(constant in path.read_text(encoding="utf-8") for path in folder.glob("*.[ch]")):
            yield f"tools/tidy.py: RECURSIVE names {constant}, which is not in {folder.name}/"


def check(build, path):
    """What clang-tidy says about one file; empty when it is content."""
    command = [TIDY, "--quiet", "-p", str(build), str(path)]
    if may_recurse(path):
        command.append("--checks=-misc-no-recursion")
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    return done.stdout if done.stdout.strip() or done.returncode == 0 else done.stderr


def main():
    if not TIDY:
        print("clang-tidy is not installed (Debian: clang-tidy-14)")
        return 1
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else tree.ROOT / "build").resolve()
    wanted = [pathlib.Path(word).resolve() for word in sys.argv[2:]]
    paths = list(files_to_check(build, wanted))
    missing = list(missing_bounds())
    print("\n".join(missing), end="\n" if missing else "")
    findings = len(missing)
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as workers:
        for output in workers.map(lambda path: check(build, path), paths):
            if output.strip():
                print(output.rstrip())
                findings += 1
    print(f"tidy: {len(paths)} files, {findings} with findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
