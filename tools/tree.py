"""What the checkers share: where the sources are, and which of them do not ship."""
import functools
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
TEST_NAME = re.compile(r"(_test|_fuzz|_bench)$")
OPENING = re.compile(r"\A/\*(.*?)\*/", re.S)
TESTS_ONLY = re.compile(r"\bLayer:[^.]*\btests only\b")


def root_from_arguments():
    return pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT


def sources(root):
    """Every .c and .h below src/, in order."""
    return sorted(path for kind in ("*.c", "*.h") for path in (root / "src").rglob(kind))


@functools.lru_cache(maxsize=None)
def opening_comment(path):
    """The text of the comment that a file begins with, or None."""
    found = OPENING.match(path.read_text(encoding="utf-8")) if path.exists() else None
    return found.group(1) if found else None


def is_test(path):
    """Tests, fuzzers, benchmarks, and what says "Layer: …, tests only" for them to share."""
    return bool(TEST_NAME.search(path.stem) or TESTS_ONLY.search(opening_comment(path) or ""))
