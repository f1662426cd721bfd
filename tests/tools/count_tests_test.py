"""tools/count_tests.py: what test programs print, and how it is counted."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "count_tests.py"
sys.path.insert(0, str(TOOL.parent))
import count_tests

CMOCKA = """[==========] Running 5 test(s).
[ RUN      ] str.a_part_is_kept
[       OK ] str.a_part_is_kept
[ RUN      ] str.other
[  FAILED  ] str.other
[==========] 5 test(s) run.
[  PASSED  ] 2 test(s).
[  SKIPPED ] 1 test(s), listed below:
[  SKIPPED ] str.third

 1 SKIPPED TEST(S)
[  FAILED  ] 2 test(s), listed below:
[  FAILED  ] str.other
[  FAILED  ] str.fourth

 2 FAILED TEST(S)
"""
CMOCKA_GOOD = "[==========] Running 3 test(s).\n[==========] 3 test(s) run.\n[  PASSED  ] 3 test(s).\n"
UNITTEST_GOOD = """test_a (__main__.A.test_a) ... ok
----------------------------------------------------------------------
Ran 2 tests in 0.100s

OK
"""
UNITTEST_SKIPS = """setUpClass (__main__.A) ... skipped "no 'peer'"
test_ok (__main__.B.test_ok) ... ok
test_skip (__main__.B.test_skip) ... skipped 'why not'
----------------------------------------------------------------------
Ran 2 tests in 0.000s

OK (skipped=2)
"""
UNITTEST_ALL_SKIPPED = """setUpClass (__main__.A) ... skipped 'no peer'
----------------------------------------------------------------------
Ran 0 tests in 0.000s

OK (skipped=1)
"""
UNITTEST_BAD = """test_sub (__main__.B.test_sub) ...
======================================================================
ERROR: test_err (__main__.B.test_err)
----------------------------------------------------------------------
======================================================================
ERROR: setUpClass (__main__.C)
----------------------------------------------------------------------
======================================================================
FAIL: test_sub (__main__.B.test_sub) (i=1)
A docstring.
----------------------------------------------------------------------
======================================================================
FAIL: test_sub (__main__.B.test_sub) (i=2)
----------------------------------------------------------------------
Ran 4 tests in 0.023s

FAILED (failures=2, errors=2)
"""


def entry(result, stdout="", stderr=""):
    return {"name": "one", "result": result, "stdout": stdout, "stderr": stderr}


class Counting(unittest.TestCase):
    def test_each_kind_of_output(self):
        cases = [
            (entry("OK", stderr=CMOCKA_GOOD), (3, 0, 0)),
            (entry("FAIL", stderr=CMOCKA), (2, 2, 1)),
            (entry("OK", stderr=UNITTEST_GOOD), (2, 0, 0)),
            (entry("OK", stderr=UNITTEST_SKIPS), (1, 0, 2)),
            (entry("OK", stderr=UNITTEST_ALL_SKIPPED), (0, 0, 1)),
            (entry("FAIL", stderr=UNITTEST_BAD), (2, 3, 0)),
            (entry("OK", stdout="7 passed, 0 failed\n"), (7, 0, 0)),
            (entry("FAIL", stdout="1 passed, 0 failed\n7 passed, 2 failed, 3 skipped\n"), (7, 2, 3)),
            (entry("OK", stdout="layers: 9 files, 0 violations\n"), (1, 0, 0)),
            (entry("FAIL", stdout="layers: 9 files, 4 violations\n"), (0, 1, 0)),
            (entry("SKIP"), (0, 0, 1)),
        ]
        for test, want in cases:
            with self.subTest(output=output(test)):
                self.assertEqual(count_tests.count(test), want)

    def test_program_that_ends_badly_behind_a_good_summary_has_failed(self):
        for result in ("FAIL", "TIMEOUT", "ERROR", "INTERRUPT"):
            self.assertEqual(count_tests.count(entry(result, stderr=CMOCKA_GOOD)), (3, 1, 0))
            self.assertEqual(count_tests.count(entry(result)), (0, 1, 0))


def output(test):
    return (test["stdout"] + test["stderr"])[:40]


class Summary(unittest.TestCase):
    """The program as ./test calls it."""

    def run_tool(self, *tests):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as log:
            log.writelines(json.dumps(test) + "\n" for test in tests)
            log.flush()
            done = subprocess.run([sys.executable, TOOL, log.name], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.splitlines()

    def test_last_line_is_the_sum_and_the_status_tells(self):
        status, lines = self.run_tool(entry("OK", stderr=CMOCKA_GOOD), entry("OK", stderr=UNITTEST_SKIPS))
        self.assertEqual((status, lines[-1]), (0, "4 passed, 0 failed, 2 skipped"))
        self.assertEqual(lines[:-1], ["skipped: one: no 'peer'", "skipped: one: why not"])
        status, lines = self.run_tool(entry("OK", stderr=CMOCKA_GOOD), entry("TIMEOUT"))
        self.assertEqual((status, lines), (1, ["failed: one (TIMEOUT)", "3 passed, 1 failed, 0 skipped"]))

    def test_nothing_run_is_no_success(self):
        self.assertEqual(self.run_tool(), (1, ["0 passed, 0 failed, 0 skipped"]))
        self.assertEqual(self.run_tool(entry("OK", stderr=UNITTEST_ALL_SKIPPED))[0], 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
