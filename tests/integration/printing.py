"""A small site for tests of what is printed, and an eye on its out/.

    site = PrintSite(tmp_path)
    one = site.snapshot("one", [page("en/a.html", "text")])
    done = site.build(one)                  # into site.out
    assert tree(site.out) == site.cold(one)

A snapshot is an exported file, so a build takes some hundredths of a second and needs no database. An Eye looks at
out/public as often as wanted and says what must never be seen there.
"""

import gzip
import hashlib
import json
import os
import pathlib
import shutil
import tempfile

from program import Running

COLUMNS = ("key", "locale", "place", "title", "body", "parts")
CONFIG = {
    "site": {"name": "Test", "base_url": "http://localhost/"},
    "default_locale": "en",
    "root_page": "{{locale}}/index.html",
    "templates": "templates",
    "static": "static",
    "page_sets": {
        "pages": {
            "query": "sql/pages.sql",
            "template": "page",
            "path": "{{place}}",
            "outputs": [{"path": "{{locale}}/parts/{{id}}.json", "each": "parts", "data": "."}],
        }
    },
    "guards": {"min_rows": 0, "max_shrink": 1, "max_deletes": 100000},
}
PAGE = """<!doctype html><html lang="{{page.lang}}"><title>{{title}}</title>
<link rel="stylesheet" href="{{asset.site.css}}">
<h1>{{title}}</h1><article>{{body}}</article>{{#parts}}<p id="{{id}}">{{text}}</p>{{/parts}}
"""


def page(place, body, key=None, locale="en", parts=(), title="A title"):
    """One row. parts: (id, text) pairs, each printed as a JSON file of its own too."""
    return {
        "key": key or place,
        "locale": locale,
        "place": place,
        "title": title,
        "body": body,
        "parts": [{"id": name, "text": text} for name, text in parts],
    }


def quick_folder():
    """A new folder in memory where that is possible: what is killed, not unplugged, needs no disk."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > 256 << 20 else None
    return tempfile.mkdtemp(prefix="platen-out-", dir=base)


class PrintSite:
    def __init__(self, folder, out=None, **settings):
        self.folder = pathlib.Path(folder)
        self.out = pathlib.Path(out) if out else self.folder / "out"
        for name in ("templates/assets", "static", "sql"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.write("templates/page.html.mustache", PAGE)
        self.write("templates/404.html.mustache", "<title>Not here</title>\n")
        self.write("templates/assets/site.css", "body { margin: 0 auto; max-width: 60rem; padding: 1rem 1rem 1rem }\n")
        self.write("static/robots.txt", "User-agent: *\nAllow: /\n")
        self.write("static/notes/readme.txt", "These notes are long enough to be worth a twin. " * 20)
        self.write("platen.yaml", json.dumps({**CONFIG, **settings}))

    def write(self, path, text):
        path = self.folder / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def snapshot(self, name, rows):
        """Writes the rows as `platen export` would. Returns the file."""
        rows = sorted(rows, key=lambda row: (row["key"], row["locale"]))
        head = {"platen_export": 1, "sets": [{"name": "pages", "columns": COLUMNS}]}
        lines = [head, *({"set": "pages", "row": row} for row in rows), {"end": {"pages": len(rows)}}]
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
        self.write(name + ".export", text)
        return self.folder / (name + ".export")

    def start(self, source, *args, out=None, wrap=(), **more):
        """A build at work. wrap: words to put in front of the command line."""
        words = ["build", "--config", self.folder / "platen.yaml", "--source", source, "--out", out or self.out, *args]
        return Running(*words, wrap=wrap, **more)

    def build(self, source, *args, timeout=60, **more):
        return self.start(source, *args, **more).wait(timeout)

    def cold(self, source, *args):
        """{path: bytes} of a first build of the snapshot."""
        folder = quick_folder()
        try:
            done = self.build(source, *args, out=folder)
            assert done.code == 0, done
            return tree(folder)
        finally:
            shutil.rmtree(folder)

    def build_good(self, source, *args, **more):
        done = self.build(source, *args, **more)
        assert done.code == 0, done
        return done


def tree(out, below="public"):
    """{path: bytes} of everything in out/public; folders as "path/": None."""
    root = os.path.join(str(out), below)
    found = {}
    for folder, folders, files in os.walk(root):
        for name in folders:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, root) + "/"] = os.readlink(path) if os.path.islink(path) else None
        for name in files:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, root)] = file.read()
    return found


def stats(out, below="public"):
    """{path: (inode, mtime in ns, size)} of the files."""
    root = os.path.join(str(out), below)
    found = {}
    for folder, _, files in os.walk(root):
        for name in files:
            path = os.path.join(folder, name)
            seen = os.lstat(path)
            found[os.path.relpath(path, root)] = (seen.st_ino, seen.st_mtime_ns, seen.st_size)
    return found


def differences(one, other):
    """What differs between two trees, for a message."""
    return sorted(path for path in {*one, *other} if path not in one or path not in other or one[path] != other[path])


def manifests(out):
    """The generations recorded, ascending."""
    return sorted(int(f.stem) for f in (pathlib.Path(out) / "releases").glob("*.json") if f.stem.isdigit())


def manifest(out, generation=None):
    """A manifest, the newest by default; "files" as {path: {column: value}}."""
    generation = generation or manifests(out)[-1]
    read = json.loads((pathlib.Path(out) / "releases" / ("%d.json" % generation)).read_text(encoding="utf-8"))
    rows = [dict(zip(read["columns"], row)) for row in read["files"]]
    read["files"] = {row["path"]: row for row in rows}
    return read


def objects(out):
    """The digests of all objects."""
    root = pathlib.Path(out) / "objects"
    return {f.parent.name + f.name for f in root.glob("??/*")}


def named_objects(out):
    """The digests that the manifests name."""
    return {row["sha256"] for generation in manifests(out) for row in manifest(out, generation)["files"].values()}


def left_behind(out):
    """What an unfinished look may leave and a finished one never does."""
    out = pathlib.Path(out)
    names = (".stage/**/*", "releases/*.pending", "releases/.*", "objects/.*", "objects/*/.*")
    return [str(found.relative_to(out)) for name in names for found in out.glob(name) if not found.is_dir()]


class Eye:
    """Looks at out/public again and again, and remembers what it saw."""

    def __init__(self):
        self.etags = {}

    def look(self, out, *versions):
        """What is wrong, as a list of sentences. versions: trees; of each path any one's bytes may be there, and
        a path that all have must be there."""
        seen, times = tree(out), stats(out)
        wrong = []
        for path, data in seen.items():
            if data is None:
                continue
            if path.endswith(".gz"):
                wrong += self._twin(path, data, seen.get(path[:-3]), times[path], times.get(path[:-3]))
            elif not any(version.get(path) == data for version in versions):
                wrong.append("%s: %d bytes that are no version of it" % (path, len(data)))
            wrong += self._etag(path, data, times[path])
        always = set.intersection(*(set(pages(version)) for version in versions))
        return wrong + ["%s is gone" % path for path in always if path not in seen]

    @staticmethod
    def _twin(path, data, plain, twin_stat, plain_stat):
        if plain is None:
            return ["%s: a twin without its page" % path]
        try:
            same = gzip.decompress(data) == plain
        except (OSError, EOFError) as bad:
            return ["%s: %s" % (path, bad)]
        if not same:
            return ["%s: a twin of another generation" % path]
        return [] if twin_stat[1] == plain_stat[1] else ["%s: its time is not its page's" % path]

    def _etag(self, path, data, seen):
        """Servers make ETags of time in whole seconds and size: none may ever stand for two contents."""
        etag = (path, seen[1] // 10**9, seen[2])
        digest = hashlib.sha256(data).digest()
        if self.etags.setdefault(etag, digest) != digest:
            return ["%s: other bytes under the same time and size" % path]
        return []


def pages(version):
    """The files of a tree that are no twins."""
    return [path for path, data in version.items() if data is not None and not path.endswith(".gz")]
