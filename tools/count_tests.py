#!/usr/bin/env python3
"""Adds up the single tests in Meson's logs and prints, last, "N passed, N failed, N skipped".

    count_tests.py LOG.json ...

A program that prints cmocka's or unittest's summary, or such a line itself, counts as its tests; any other counts as one.
Failures are listed by program, skips with their reasons. Exit status 1 when anything failed or nothing ran.
"""
import json
import re
import sys

CMOCKA_RUN = re.compile(r"^\[=+\] (?:\S+: )?(\d+) test\(s\) run\.", re.M)
CMOCKA_FAILED = re.compile(r"^\[  FAILED  \] (?:\S+: )?(\d+) test\(s\), listed below", re.M)
CMOCKA_SKIPPED = re.compile(r"^\[  SKIPPED \] (?:\S+: )?(\d+) test\(s\), listed below", re.M)
UNITTEST_RUN = re.compile(r"^Ran (\d+) tests? in", re.M)
UNITTEST_BAD = re.compile(r"^(?:ERROR|FAIL|UNEXPECTED SUCCESS): (\w+ \([^)]*\))", re.M)
UNITTEST_SKIP = re.compile(r"\.\.\. skipped ['\"]", re.M)
UNITTEST_CLASS_SKIP = re.compile(r"^setUp(?:Class|Module) .*\.\.\. skipped ['\"]", re.M)
PLAIN = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
REASON = re.compile(r"^skipped: (.*)$|\.\.\. skipped (['\"])(.*)\2$", re.M)


def number(pattern, text):
    found = pattern.search(text)
    return int(found.group(1)) if found else 0


def count_unittest(text):
    """A class whose set-up fails or skips is one test that "Ran" knows nothing of; several sub-tests of one test may fail."""
    bad = set(UNITTEST_BAD.findall(text))
    bad_classes = {name for name in bad if name.startswith(("setUp", "tearDown")) and not name.startswith("setUp ")}
    skipped = len(UNITTEST_SKIP.findall(text))
    skipped_classes = len(UNITTEST_CLASS_SKIP.findall(text))
    passed = number(UNITTEST_RUN, text) - (len(bad) - len(bad_classes)) - (skipped - skipped_classes)
    return passed, len(bad), skipped


def count_text(text):
    """(passed, failed, skipped) by what a program printed, or None when it is in no form known here."""
    plain = PLAIN.findall(text)
    if plain:
        return tuple(int(figure or 0) for figure in plain[-1])
    if CMOCKA_RUN.search(text):
        failed, skipped = number(CMOCKA_FAILED, text), number(CMOCKA_SKIPPED, text)
        return number(CMOCKA_RUN, text) - failed - skipped, failed, skipped
    if UNITTEST_RUN.search(text):
        return count_unittest(text)
    return None


def output_of(test):
    return test.get("stdout", "") + "\n" + test.get("stderr", "")


def count(test):
    """(passed, failed, skipped) of one test program, an entry of Meson's log."""
    if test["result"] == "SKIP":
        return 0, 0, 1
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    passed, failed, skipped = count_text(output_of(test)) or (int(good), 0, 0)
    if not good and failed == 0: # it crashed, hung, or was found out by a sanitizer
        failed = 1
    return passed, failed, skipped


def main():
    total = [0, 0, 0]
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as lines:
            for test in map(json.loads, lines):
                result = count(test)
                total = [so_far + more for so_far, more in zip(total, result)]
                if result[1]:
                    print(f"failed: {test['name']} ({test['result']})")
                for reason in REASON.finditer(output_of(test)):
                    print(f"skipped: {test['name']}: {reason.group(1) or reason.group(3)}")
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())
