#!/usr/bin/python3
"""Each layer of src/ includes only what stands before it.

    tests/lint/layers.py [SRC]

The order is that of RANKS. Folders of one rank do not include each other; files of one folder may. Includes are
written from src ("base/strbuf.h"), never relative ("../base/strbuf.h", "strbuf.h"), and must exist. Prints one line
FILE:LINE: for each offence; exit 1 when there is one.
"""

import pathlib
import re
import sys

RANKS = [
    ["base"],
    ["config", "template", "pack", "metrics"],
    ["pg"],
    ["source"],
    ["plan"],
    ["render", "store"],
    ["upload"],
    ["press"],
    ["worker"],
    ["cmd"],
    ["main"],
]
RANK = {name: rank for rank, names in enumerate(RANKS) for name in names}

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]*)"')


def layer(path):
    """The folder of a path below src; files of src itself are `main`."""
    return path.split("/")[0] if "/" in path else "main"


def offence(src, name, included):
    """What is wrong with `name` (from src) including `included`, or None."""
    here, there = layer(name), layer(included)
    if ".." in included.split("/") or not (src / included).is_file():
        return f'"{included}" is no file below src/'
    if here not in RANK:
        return f"the folder {here}/ is not in the order of layers (tests/lint/layers.py)"
    if there not in RANK:
        return f"the folder {there}/ is not in the order of layers (tests/lint/layers.py)"
    if here == there:
        return None
    if RANK[here] == RANK[there]:
        return f"{here}/ and {there}/ stand side by side and do not include each other"
    if RANK[here] < RANK[there]:
        return f"{here}/ stands before {there}/ and must not know it"
    return None


def check(src):
    """The offences of a tree, as lines."""
    for file in sorted(src.rglob("*.[ch]")):
        name = file.relative_to(src).as_posix()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            found = INCLUDE.match(line)
            wrong = offence(src, name, found.group(1)) if found else None
            if wrong:
                yield f"{file}:{number}: {wrong}"


def main(arguments):
    default = pathlib.Path(__file__).resolve().parent.parent.parent / "src"
    src = pathlib.Path(arguments[0]) if arguments else default
    offences = list(check(src))
    for line in offences:
        print(line)
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
