#!/usr/bin/env python3
"""Functions of libc that the tree does not call, each with what to use instead.

Prints file:line for each call and exits 1. Comments and strings are not calls.

    tools/banned.py [source root]
"""
import re
import sys

import tree

UNBOUNDED = {
    "strcpy strcat strncpy strncat stpcpy sprintf vsprintf": "Buf, arena_printf or snprintf",
    "alloca gets tmpnam tempnam mktemp": "something with a bound",
}
BANNED = {
    "strtok": "str_split_next",
    "atoi atol atoll atof": "str_to_i64 (base) or f64_parse (codec)",
    "strtod strtof strtold": "f64_parse (codec); libc's depends on the locale",
    "localtime gmtime localtime_r gmtime_r mktime ctime asctime strftime": "base/time.h",
    "setlocale": "nothing: number texts depend on the C locale",
    "system popen": "posix_spawn or nothing",
    "rand srand random srandom drand48": "base/random.h, or entropy_fill for secrets",
    "malloc calloc realloc reallocarray free posix_memalign aligned_alloc strdup strndup asprintf "
    "vasprintf": "base/mem.h",
}
# Tests may measure us against libc; what is unbounded is banned there too.
ALLOCATOR = "base/mem.c"

NOISE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(match):
    """Spaces in place of a comment or string, so that lines keep their numbers."""
    return re.sub(r"[^\n]", " ", match.group(0))


def table_for(file, path):
    """{function: what to use instead} for one file."""
    rows = dict(UNBOUNDED)
    if path != ALLOCATOR and not tree.is_test(file):
        rows.update(BANNED)
    # The file that the advice names is the one home of what it wraps.
    return {name: instead for names, instead in rows.items() if path != instead.replace(".h", ".c")
            for name in names.split()}


def main():
    root = tree.root_from_arguments()
    violations = 0
    files = tree.sources(root)
    for file in files:
        path = file.relative_to(root / "src").as_posix()
        table = table_for(file, path)
        # Not behind a dot or arrow: a field may have any name.
        calls = re.compile(r"(?<![\w.>])(" + "|".join(table) + r")\s*\(")
        text = NOISE.sub(blank, file.read_text(encoding="utf-8"))
        for number, line in enumerate(text.split("\n"), 1):
            for name in calls.findall(line):
                print(f"src/{path}:{number}: {name}() is not used here; use {table[name]}")
                violations += 1
    print(f"banned: {len(files)} files, {violations} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
