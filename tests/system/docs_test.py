"""The documents say what the program does: the pages of docs/flags are what it prints."""
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import harness


class Flags(unittest.TestCase):
    """docs/flags/ROLE.md against `vigie docs ROLE`."""

    def test_each_page_is_what_the_program_prints(self):
        pages = sorted((harness.ROOT / "docs" / "flags").glob("*.md"))
        self.assertGreaterEqual(len(pages), 3)
        for page in pages:
            with self.subTest(role=page.stem):
                printed = subprocess.run([harness.BINARY, "docs", page.stem], capture_output=True, timeout=10, check=True)
                self.assertEqual(page.read_text(encoding="utf-8"), printed.stdout.decode(),
                                 f"write it anew: build/vigie docs {page.stem} > docs/flags/{page.stem}.md")

    def test_an_unknown_role_is_refused(self):
        result = subprocess.run([harness.BINARY, "docs", "nobody"], capture_output=True, timeout=10, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b'no role is named "nobody"', result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
