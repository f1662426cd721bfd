#!/usr/bin/env python3
"""clang-tidy over every source file that ships (tests, fuzzers and benchmarks do not).

    tools/tidy.py [build folder] [file or folder under src …]      exits 1 when there is a finding
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
TIDY = shutil.which("clang-tidy-14") or shutil.which("clang-tidy")
NOT_SHIPPED = re.compile(r"(^test_|_test$|_fixture$|_fuzz$|_bench$|^fuzz_main$)")
SECONDS_MAX = 300  # for one file


def files_to_check(build, wanted):
    database = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    paths = {(build / entry["directory"] / entry["file"]).resolve() for entry in database}
    for path in sorted(paths):
        inside = path.is_relative_to(ROOT / "src") and not NOT_SHIPPED.search(path.stem)
        if inside and (not wanted or any(path == w or path.is_relative_to(w) for w in wanted)):
            yield path


def check(build, path):
    """What clang-tidy says about one file; empty when it is content."""
    done = subprocess.run([TIDY, "--quiet", "-p", str(build), str(path)], capture_output=True,
                          text=True, timeout=SECONDS_MAX, check=False)
    return done.stdout if done.stdout.strip() or done.returncode == 0 else done.stderr


def main():
    if not TIDY:
        print("clang-tidy is not installed (Debian: clang-tidy-14)")
        return 1
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build").resolve()
    wanted = [pathlib.Path(word).resolve() for word in sys.argv[2:]]
    paths = list(files_to_check(build, wanted))
    findings = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as workers:
        for output in workers.map(lambda path: check(build, path), paths):
            if output.strip():
                print(output.rstrip())
                findings += 1
    print(f"tidy: {len(paths)} files, {findings} with findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
