"""Blocks beside Debian's Prometheus 2.42: its tool makes one, we dump it alike; we write one, its tool and server read it.

VIGIE_BLOCK_FIXTURE is the test program built from src/tsdb/block_dump_fixture.c.
"""
import contextlib
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import harness

TOOL_SECONDS = 60
SERIES = 400
SAMPLES = 150
STEP_SECONDS = 30
SEED = int(os.environ.get("VIGIE_SEED") or random.randrange(1 << 32))

world = None


def run(*arguments):
    """The output of a program that must succeed."""
    done = subprocess.run([str(argument) for argument in arguments], capture_output=True, text=True,
                          timeout=TOOL_SECONDS, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def openmetrics(end):
    """A page of random series that ends at Unix second `end`."""
    numbers = random.Random(SEED)
    values = [0, 1, -1, 0.1, 1e300, 5e-324, float("inf"), float("-inf"), 12345.678]
    lines = []
    for family in range(4):
        lines.append(f"# TYPE metric_{family} gauge")
        for number in range(SERIES // 4):
            labels = f'id="{number}",host="h{numbers.randrange(20)}",text="a \\"quoted\\" \\\\ one é"'
            for sample in range(SAMPLES):
                value = numbers.choice(values) if numbers.random() < 0.2 else numbers.random() * 1000
                lines.append(f"metric_{family}{{{labels}}} {value} {end - (SAMPLES - sample) * STEP_SECONDS}")
    return "\n".join(lines + ["# EOF", ""])


class World:
    """The tool's blocks and our copies of them."""

    def __init__(self, stack):
        print(f"VIGIE_SEED={SEED}", file=sys.stderr)
        self.promtool = harness.peer("VIGIE_PROMTOOL", "Debian's promtool")
        self.fixture = harness.peer("VIGIE_BLOCK_FIXTURE", "the block fixture")
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.end = int(time.time()) - 3600
        self.theirs = folder / "theirs"
        self.ours = folder / "ours"
        for data in (self.ours, self.theirs):  # the tool expects the log's folder
            (data / "wal").mkdir(parents=True)
        page = folder / "page.txt"
        page.write_text(openmetrics(self.end), encoding="utf-8")
        run(self.promtool, "tsdb", "create-blocks-from", "openmetrics", page, self.theirs)
        self.their_blocks = self.blocks(self.theirs)
        for block in self.their_blocks:
            run(self.fixture, "copy", block, self.ours)
        self.our_blocks = self.blocks(self.ours)

    @staticmethod
    def blocks(data):
        """The block folders of a data folder."""
        return sorted(path.parent for path in data.glob("*/meta.json"))


def setUpModule():
    global world
    stack = contextlib.ExitStack()
    unittest.addModuleCleanup(stack.close)
    world = World(stack)


def dump_of_tool(data):
    """The samples that promtool finds, sorted."""
    return sorted(run(world.promtool, "tsdb", "dump", data).splitlines())


def dump_of_fixture(blocks):
    """The samples that we find, sorted."""
    return sorted(line for block in blocks for line in run(world.fixture, "dump", block).splitlines())


def metas(blocks):
    """What meta.json says, without names."""
    found = []
    for block in blocks:
        meta = json.loads((block / "meta.json").read_text(encoding="ascii"))
        found.append((meta["minTime"], meta["maxTime"], meta["stats"]["numSamples"], meta["stats"]["numSeries"],
                      meta["stats"]["numChunks"], meta["compaction"]["level"], meta["version"]))
    return sorted(found)


class Theirs(unittest.TestCase):
    """Blocks of the original."""

    def test_a_block_of_the_tool_dumps_as_the_tool_dumps_it(self):
        ours = dump_of_fixture(world.their_blocks)
        self.assertEqual(len(ours), SERIES * SAMPLES)
        self.assertEqual(ours, dump_of_tool(world.theirs))

    def test_a_block_of_the_tool_verifies_to_the_last_byte(self):
        for block in world.their_blocks:
            run(world.fixture, "verify", block)


class Ours(unittest.TestCase):
    """Blocks that we wrote."""

    def test_the_tool_dumps_our_block_as_the_one_it_was_made_of(self):
        self.assertEqual(dump_of_tool(world.ours), dump_of_tool(world.theirs))

    def test_figures_are_those_of_the_original(self):
        self.assertEqual(metas(world.our_blocks), metas(world.their_blocks))

    def test_chunk_segments_are_the_same_bytes(self):
        chunks = [sorted((block / "chunks" / "000001").read_bytes() for block in blocks)
                  for blocks in (world.our_blocks, world.their_blocks)]
        self.assertEqual(chunks[0], chunks[1])

    def test_the_tool_lists_all_blocks(self):
        listed = run(world.promtool, "tsdb", "list", world.ours)
        self.assertEqual(listed.count("\n") - 1, len(world.our_blocks))
        for block in world.our_blocks:
            self.assertIn(block.name, listed)

    def test_the_tool_analyzes_both_alike(self):
        found = []
        for data, blocks in ((world.ours, world.our_blocks), (world.theirs, world.their_blocks)):
            newest = max(blocks, key=lambda block: json.loads((block / "meta.json").read_text())["maxTime"])
            text = run(world.promtool, "tsdb", "analyze", data, newest.name)
            # What ranks labels lists equal ones in any order.
            found.append([line for line in text.splitlines() if re.match("Duration|Total|Label names|Postings", line)])
        self.assertGreaterEqual(len(found[0]), 5)
        self.assertEqual(found[0], found[1])

    def test_their_server_answers_from_our_blocks_as_from_its_own(self):
        prometheus = harness.peer("VIGIE_PROMETHEUS", "Debian's prometheus")
        expressions = ["count(metric_0)", "max by (host) (metric_1)", 'metric_2{id="7"}',
                       'count by (__name__) ({host=~"h1.*"})', 'max_over_time(metric_3{id!~"1.*"}[10m])']
        answers = []
        for data in (world.ours, world.theirs):
            config = data.parent / "idle.yml"
            config.write_text("global:\n  evaluation_interval: 1m\n", encoding="ascii")
            port = harness.free_port()
            with harness.running(
                    [prometheus, f"--config.file={config}", f"--storage.tsdb.path={data}",
                     f"--web.listen-address=127.0.0.1:{port}"],
                    ready_url=f"http://127.0.0.1:{port}/-/ready") as program:
                server = harness.Prometheus(port)
                start = world.end - SAMPLES * STEP_SECONDS
                answers.append([sorted(server.range(text, start, world.end, 60), key=str) for text in expressions])
                self.assertNotIn("level=error", program.output())
        for text, ours, theirs in zip(expressions, *answers):
            self.assertTrue(ours, text)
            self.assertEqual(ours, theirs, text)


if __name__ == "__main__":
    unittest.main()
