#!/usr/bin/python3
"""The committed manuals must be what the program prints from its own tables.

    tests/lint/docs_match.py [PLATEN]            compare; exit 1 and say which differ
    tests/lint/docs_match.py --write [PLATEN]    print them anew

PLATEN is the program, build/platen when left out.
"""

import difflib
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

DOCUMENTS = {
    "deploy/man/platen.1": ["--man"],
    "docs/reference.md": ["--reference"],
    "deploy/platen.sample.yaml": ["--sample"],
    "deploy/completion/platen.bash": ["--completion", "bash"],
    "deploy/completion/_platen": ["--completion", "zsh"],
    "deploy/completion/platen.fish": ["--completion", "fish"],
}


def differs(path, wanted):
    """Prints the first lines of the difference, if there is one."""
    file = ROOT / path
    found = file.read_text(encoding="utf-8") if file.exists() else ""
    if found == wanted:
        return False
    print(f"{path}: not what platen prints; mend with tests/lint/docs_match.py --write")
    lines = difflib.unified_diff(found.splitlines(), wanted.splitlines(), "committed", "printed", "", "", 0)
    for line in list(lines)[:12]:
        print("    " + line)
    return True


def main(arguments):
    write = "--write" in arguments
    programs = [a for a in arguments if a != "--write"]
    platen = programs[0] if programs else str(ROOT / "build" / "platen")
    wrong = 0
    for path, options in DOCUMENTS.items():
        printed = subprocess.run([platen, "help", *options], check=True, capture_output=True, text=True).stdout
        if write:
            file = ROOT / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(printed, encoding="utf-8")
        else:
            wrong += differs(path, printed)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
