#!/usr/bin/env python3
"""The architecture as a program: which folder of src/ may include which.

Prints file:line for each violation and exits 1. Also checks what every file owes its reader: headers
have `#pragma once`, files open with a comment that names their layer (or are a test's), headers do
not include each other in circles.

    tools/layers.py [source root]
"""
import re
import sys

import tree

# A folder may include itself and these.
MAY_INCLUDE = {
    "base": [],
    "os": ["base"],
    "codec": ["base"],
    "net": ["base", "os", "codec"],
    "model": ["base", "codec"],
    "tsdb": ["base", "os", "codec", "model"],
    "events": ["base", "os", "codec", "model"],
    "template": ["base", "codec", "model"],
    "promql": ["base", "os", "codec", "model", "template"],
    "search": ["base", "os", "codec", "model"],
    "discovery": ["base", "os", "codec", "net", "model"],
    "scrape": ["base", "os", "codec", "net", "model", "discovery"],
    "alert": ["base", "os", "codec", "model", "template", "promql"],
    "notify": ["base", "os", "codec", "net", "model", "template"],
    "pipe": ["base", "os", "codec", "net", "model"],
    "dash": ["base", "os", "codec", "model", "template"],
}
# role/X may include all of the above, the files directly in role/, and itself, but no other role.
# Files directly in src/ wire the roles together and may include everything.

INCLUDE = re.compile(r'\s*#\s*include\s+"([^"]+)"')


def layer_of(path):
    """"base" for base/str.h, "role/jaeger" for role/jaeger/api.c, "role" for role/role.h, "" for main.c."""
    folders = path.split("/")[:-1]
    return "/".join(folders[:2]) if folders[:1] == ["role"] else "".join(folders[:1])


def is_known(layer):
    return layer in MAY_INCLUDE or layer.split("/")[0] in ("role", "")


def may_include(user, used):
    """Whether a file of layer `user` may include one of layer `used`; both are known."""
    if user in (used, ""):
        return True
    if user.split("/")[0] == "role":
        return used == "role" or used in MAY_INCLUDE
    return used in MAY_INCLUDE[user]


def check_include(source, path, target):
    """The complaint about one include, or None."""
    user, used = layer_of(path), layer_of(target)
    if not is_known(user) or not is_known(used):
        return f'"{user if not is_known(user) else used}" is in no row of the layer table'
    if user and not used:
        return f'"{target}" is not written from src, or lies above every folder'
    if tree.is_test(source / target) and not tree.is_test(source / path):
        return f'"{target}" is for tests only'
    if not may_include(user, used):
        return f'{user} may not include "{target}"'
    return None


def check_opening(file, text):
    opening = tree.opening_comment(file)
    if opening is None:
        yield 1, "the file does not open with a comment that says what it is"
    elif "Layer:" not in opening and not tree.is_test(file):
        yield 1, 'the opening comment names no layer ("Layer: …")'
    if file.suffix == ".h" and not re.search(r"^#pragma once$", text, re.M):
        yield 1, "the header has no #pragma once"


def check_file(source, path):
    """[(line, complaint)] and the files of the project that it includes."""
    text = (source / path).read_text(encoding="utf-8")
    complaints = list(check_opening(source / path, text))
    included = []
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            complaint = check_include(source, path, found.group(1))
            included.append(found.group(1))
            if complaint:
                complaints.append((number, complaint))
    return complaints, included


def find_circle(graph):
    """A list of headers that include each other in a circle, or None."""
    done = set()
    for start in sorted(graph):
        way = [(start, iter(graph[start]))] if start not in done else []
        while way:
            following = next(way[-1][1], None)
            if following is None:
                done.add(way.pop()[0])
            elif following in [name for name, _ in way]:
                names = [name for name, _ in way]
                return names[names.index(following):] + [following]
            elif following in graph and following not in done:
                way.append((following, iter(graph[following])))
    return None


def main():
    source = tree.root_from_arguments() / "src"
    violations = 0
    headers = {}
    files = tree.sources(source.parent)
    for file in files:
        path = file.relative_to(source).as_posix()
        complaints, included = check_file(source, path)
        if file.suffix == ".h":
            headers[path] = included
        for line, complaint in complaints:
            print(f"src/{path}:{line}: {complaint}")
            violations += 1
    circle = find_circle(headers)
    if circle:
        print(f"src/{circle[0]}:1: headers include each other: {' -> '.join(circle)}")
        violations += 1
    print(f"layers: {len(files)} files, {violations} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
