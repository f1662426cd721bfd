"""Unpacks the text archives ("ttar") in which node_exporter's fixture trees are kept.

Lines "Path: NAME" with "Lines: N" and N lines of content, "Directory: NAME", "Path: NAME" with "SymlinkTo: TARGET", "Mode: 644".
In content "NULLBYTE" stands for a zero byte and "EOF" at the end of the last line for a missing newline.
"""
import pathlib
import re


def _content(lines):
    text = "".join(lines)
    text = re.sub(r"(?<!\\)NULLBYTE", "\0", text)
    text = re.sub(r"(?<!\\)EOF\n", "", text)
    return text.replace("\\NULLBYTE", "NULLBYTE").replace("\\EOF", "EOF")


def unpack(archive, folder):
    """Makes the tree below folder."""
    folder = pathlib.Path(folder)
    with open(archive, encoding="utf-8", errors="surrogateescape", newline="") as text:
        lines = iter(text)
        path = None
        for line in lines:
            if line.startswith("Directory: "):
                path = folder / line[11:].rstrip("\n")
                path.mkdir(parents=True, exist_ok=True)
            elif line.startswith("Path: "):
                path = folder / line[6:].rstrip("\n")
                path.parent.mkdir(parents=True, exist_ok=True)
            elif line.startswith("SymlinkTo: "):
                path.symlink_to(line[11:].rstrip("\n"))
            elif line.startswith("Lines: "):
                body = [next(lines) for _ in range(int(line[7:]))]
                path.write_text(_content(body), encoding="utf-8", errors="surrogateescape", newline="")
            elif line.startswith("Mode: ") and not path.is_symlink():
                path.chmod(int(line[6:], 8) | 0o400)
