#!/usr/bin/env python3
"""The house rule on size: no file over 1,000 lines, no function over 70.

A function counts from the first line of its signature to its closing brace, without the rows of
tables of constants in it (a test's cases). What is larger must stand in tools/size_exceptions.txt
with its size; a listed size may only shrink, and an entry that is no longer needed must go.

    tools/size.py [source root]      prints file:line for each violation and exits 1
"""
import re
import sys

import tree

FILE_LINES_MAX = 1000
FUNCTION_LINES_MAX = 70
EXCEPTIONS_MAX = 0  # entries in the list; never raise it

TABLE_START = re.compile(r"^\s+(static )?const .*=\s*\{$|^\s+\} \w+\[\w*\] = \{$")
NAME = re.compile(r"(\w+)\(")


def signature_start(lines, brace):
    """The line where the signature of the function begins whose body opens at line `brace`."""
    at = brace
    while at > 0 and lines[at - 1].strip() and not re.match(r"^(\}|#|/\*| \*|.*[;/]$)", lines[at - 1]):
        at -= 1
    return at


def table_rows(lines):
    """How many of the lines are rows of constant tables."""
    rows = 0
    inside = None
    for line in lines:
        if inside is not None and line.startswith(inside + "}") and line.rstrip().endswith(";"):
            inside = None
        elif inside is not None:
            rows += 1
        elif TABLE_START.match(line):
            inside = re.match(r"\s*", line).group(0)
    return rows


def functions(text):
    """(name, first line from 1, counted lines) of every function; relies on the formatter's braces."""
    lines = text.splitlines()
    opened = None
    for number, line in enumerate(lines):
        if line == "{":
            opened = number
        elif line == "}" and opened is not None:
            first = signature_start(lines, opened)
            name = NAME.search(" ".join(lines[first:opened]))
            counted = number - first + 1 - table_rows(lines[opened:number])
            yield (name.group(1) if name else "?", first + 1, counted)
            opened = None


def read_exceptions(path):
    """{"src/x.c" or "src/x.c:function": lines}; # begins a comment that says why."""
    exceptions = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split("#")[0].split()
        if words:
            exceptions[words[0]] = int(words[1])
    return exceptions


def measure(root):
    """(key, place, lines, limit) of everything that has a limit."""
    for path in tree.sources(root):
        name = path.relative_to(root).as_posix()
        text = path.read_text(encoding="utf-8")
        yield (name, f"{name}:1", text.count("\n"), FILE_LINES_MAX)
        if path.suffix == ".c":
            for function, line, lines in functions(text):
                yield (f"{name}:{function}", f"{name}:{line}", lines, FUNCTION_LINES_MAX)
    for pattern in ("web/src/**/*.ts*", "tools/*.py", "tests/**/*.py", "bench/**/*.py"):
        for path in sorted(root.glob(pattern)):
            name = path.relative_to(root).as_posix()
            lines = path.read_text(encoding="utf-8").count("\n")
            yield (name, f"{name}:1", lines, FILE_LINES_MAX)


def complain(key, lines, limit, exceptions):
    """What is wrong with one measured size, or None; takes the key off the list."""
    listed = exceptions.pop(key, None)
    if lines <= limit:
        return f"{key} needs no exception any more ({lines} lines): remove it" if listed else None
    if listed is None:
        return f"{key.split(':')[-1]} has {lines} lines, at most {limit} are allowed"
    if lines != listed:
        return f"{key} has {lines} lines and is listed with {listed}: " + (
            "it may not grow" if lines > listed else f"lower it to {lines}")
    return None


def main():
    root = tree.root_from_arguments()
    exceptions = read_exceptions(root / "tools" / "size_exceptions.txt")
    listed = len(exceptions)
    violations = []
    measured = 0
    for key, place, lines, limit in measure(root):
        measured += 1
        complaint = complain(key, lines, limit, exceptions)
        if complaint:
            violations.append(f"{place}: {complaint}")
    violations += [f"tools/size_exceptions.txt: {key} does not exist" for key in exceptions]
    if listed > EXCEPTIONS_MAX:
        violations.append(f"tools/size_exceptions.txt: {listed} entries, at most {EXCEPTIONS_MAX}")
    print("\n".join(violations + [f"size: {measured} files and functions, {len(violations)} violations"]))
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
