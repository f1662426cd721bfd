#!/usr/bin/env python3
"""Adds up the single tests in Meson's logs and prints, last, "N passed, N failed, N skipped".

    count_tests.py LOG.json ...

A program that prints cmocka's or unittest's summary counts as its tests; any other counts as one. Skips are listed with
their reasons. Exit status 1 when anything failed or nothing ran.
"""
import json
import re
import sys

CMOCKA_RUN = re.compile(r"^\[=+\] (?:\S+: )?(\d+) test\(s\) run\.", re.M)
CMOCKA_FAILED = re.compile(r"^\[  FAILED  \] (?:\S+: )?(\d+) test\(s\), listed below", re.M)
CMOCKA_SKIPPED = re.compile(r"^\[  SKIPPED \] (?:\S+: )?(\d+) test\(s\), listed below", re.M)
UNITTEST_RUN = re.compile(r"^Ran (\d+) tests? in", re.M)
UNITTEST_END = re.compile(r"^(?:OK|FAILED)(?: \(([^)]*)\))?$", re.M)
PLAIN = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
REASON = re.compile(r"^skipped: (.*)$|\.\.\. skipped ['\"](.*)['\"]$", re.M)


def number(pattern, text):
    found = pattern.search(text)
    return int(found.group(1)) if found else 0


def count(test):
    """(passed, failed, skipped) of one test program."""
    text = test.get("stdout", "") + "\n" + test.get("stderr", "")
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    if test["result"] == "SKIP":
        return 0, 0, 1
    passed = failed = skipped = 0
    if PLAIN.search(text):
        last = PLAIN.findall(text)[-1]
        passed, failed, skipped = int(last[0]), int(last[1]), int(last[2] or 0)
    elif CMOCKA_RUN.search(text):
        failed, skipped = number(CMOCKA_FAILED, text), number(CMOCKA_SKIPPED, text)
        passed = number(CMOCKA_RUN, text) - failed - skipped
    elif UNITTEST_RUN.search(text):
        ends = UNITTEST_END.findall(text)
        words = dict(re.findall(r"(\w+)=(\d+)", ends[-1] if ends else ""))
        failed = int(words.get("failures", 0)) + int(words.get("errors", 0))
        skipped = int(words.get("skipped", 0))
        passed = number(UNITTEST_RUN, text) - failed - skipped
    else:
        passed = 1 if good else 0
    if not good and failed == 0:
        failed = 1
    return passed, failed, skipped


def main():
    total = [0, 0, 0]
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                test = json.loads(line)
                result = count(test)
                total = [a + b for a, b in zip(total, result)]
                if result[1]:
                    print(f"failed: {test['name']} ({test['result']})")
                text = test.get("stdout", "") + "\n" + test.get("stderr", "")
                for reason in REASON.finditer(text):
                    print(f"skipped: {reason.group(1) or reason.group(2)}")
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    sys.exit(1 if total[1] or not total[0] else 0)


main()
