"""A small site whose rows a test writes down as they are, and what `platen build` makes of them.

    room = Room(tmp_path)
    room.rows["things"] = [row("a", "en"), row("a", "fr")]
    done = room.build()
    assert done.code == 0
    assert room.page("en/a.html").title == "a in en"

Rows go through a file in the form that `platen export` writes: no server, and rows that no server would give. After
each build what must always be true is checked: twins of the same content, nothing outside out/.
"""

import gzip
import hashlib
import json
import os
import pathlib
import re

from program import Running, platen

TEMPLATES = {
    "page.html.mustache": """<!DOCTYPE html>
<html lang="{{page.lang}}" dir="{{page.dir}}">
<title>{{title}}</title>
<link rel="canonical" href="{{page.canonical}}">
{{#page.alternates}}
<link rel="{{#fallback}}borrowed{{/fallback}}{{^fallback}}alternate{{/fallback}}" hreflang="{{lang}}" href="{{url}}">
{{/page.alternates}}
{{#page.x_default}}
<link rel="alternate" hreflang="x-default" href="{{.}}">
{{/page.x_default}}
<link rel="stylesheet" href="{{asset.site.css}}">
<meta name="where" content="{{page.locale}} {{page.state}}">
{{#sections}}
<section id="{{name}}">{{>*kind}}</section>
{{/sections}}
</html>
""",
    "closed.html.mustache": "<title>closed: {{title}}</title><meta name=\"where\" content=\"{{page.locale}} {{page.state}}\">\n",
    "fragment.html.mustache": "{{>*kind}}\n",
    "parts/note.html.mustache": "<p>{{content.text}}</p>",
    "parts/link.html.mustache": "<a href=\"{{content.url}}\">{{content.text}}</a>",
    "assets/site.css": "body { color: #123 }\n",
}

THINGS = {
    "query": "sql/things.sql",
    "template": "page",
    "maintenance": "closed",
    "path": "{{locale}}/{{slug}}.html",
    "parts": "parts",
    "items": {"column": "sections", "key": "name", "type": "kind", "content": "content", "required": {"note": ["text"]}},
    "outputs": [
        {"path": "{{locale}}/{{slug}}.json", "data": "sections"},
        {"path": "{{locale}}/{{slug}}/{{name}}.html", "each": "sections", "template": "fragment"},
        {"path": "{{locale}}/{{slug}}/{{name}}.json", "each": "sections", "data": "."},
    ],
}
PLAIN = {"query": "sql/plain.sql", "template": "page", "path": "{{locale}}/plain/{{slug}}.html"}

COLUMNS = ["key", "locale", "updated_at", "state", "slug", "title", "sections"]


def row(key, locale, **columns):
    """A row with a title, without sections; columns replace and add."""
    made = {"key": key, "locale": locale, "updated_at": "2026-01-02T03:04:05Z", "state": "live", "slug": key,
            "title": "%s in %s" % (key, locale), "sections": []}
    made.update(columns)
    return made


def note(name, text="words", **more):
    return {"name": name, "kind": "note", "content": {"text": text}, **more}


class Page:
    """A printed page, by the parts the test template names."""

    def __init__(self, text):
        self.text = text

    def _one(self, pattern):
        found = re.search(pattern, self.text)
        return found.group(1) if found else None

    @property
    def title(self):
        return self._one(r"<title>(.*?)</title>")

    @property
    def state(self):
        return self._one(r'name="where" content="\S+ (\w+)"')

    @property
    def lang(self):
        return self._one(r'<html lang="([^"]*)"')

    @property
    def dir(self):
        return self._one(r'<html [^>]*dir="([^"]*)"')

    @property
    def canonical(self):
        return self._one(r'rel="canonical" href="([^"]*)"')

    @property
    def style(self):
        return self._one(r'rel="stylesheet" href="([^"]*)"')

    def links(self, rel):
        return dict(re.findall(r'rel="%s" hreflang="([^"]*)" href="([^"]*)"' % rel, self.text))

    @property
    def alternates(self):
        """{language: address}, x-default among them."""
        return self.links("alternate")

    @property
    def sections(self):
        return re.findall(r'<section id="([^"]*)">', self.text)


class Room:
    def __init__(self, folder, sets=None, **config):
        self.folder = pathlib.Path(folder) / "site"
        self.folder.mkdir(parents=True)
        self.config = {
            "site": {"name": "Room", "base_url": "https://example.org/"},
            "default_locale": "en",
            "root_page": "{{locale}}/front.html",
            "page_sets": sets if sets is not None else {"things": THINGS},
            **config,
        }
        self.rows = {name: [] for name in self.config["page_sets"]}
        self.last = None
        for name, text in TEMPLATES.items():
            self.write("templates/" + name, text)

    def write(self, name, data):
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))

    def source(self, name="rows.export"):
        """Writes the rows as an exported file, line by line as given: a row may also be text."""
        sets, lines = [], []
        for name_of_set, found in self.rows.items():
            columns = list(COLUMNS)
            for r in found:
                if isinstance(r, dict):
                    columns += [c for c in r if c not in columns]
            sets.append({"name": name_of_set, "columns": columns})
            for r in found:
                text = r if isinstance(r, str) else json.dumps({c: r.get(c) for c in columns}, ensure_ascii=False)
                lines.append('{"set":%s,"row":%s}' % (json.dumps(name_of_set), text))
        head = json.dumps({"platen_export": 1, "sets": sets}, separators=(",", ":"))
        tail = json.dumps({"end": {name: len(found) for name, found in self.rows.items()}}, separators=(",", ":"))
        self.write(name, "\n".join([head, *lines, tail, ""]))
        return name

    def start(self, *args, out="out"):
        self.write("platen.yaml", json.dumps(self.config))
        return Running("build", "--json", "--out", out, *args, cwd=self.folder)

    def build(self, *args, source=None, out="out", timeout=60):
        """Done, with the report of --json as .report; the site has been looked over for what must hold always."""
        outside = self._outside(out)
        if source is None:
            source = self.source()
            outside |= {source}
        done = self.start("--source", source, *args, out=out).wait(timeout)
        outside |= {"platen.yaml"}
        done.report = json.loads(done.out) if done.out else None
        if done.report is not None:
            assert done.report["exit"] == done.code, done
        assert self._outside(out) == outside, "something was written beside out/"
        check_tree(self.folder / out)
        self.last = done
        return done

    def report_of_human(self, *args):
        """The same without --json: what somebody at a terminal reads."""
        self.write("platen.yaml", json.dumps(self.config))
        return platen("build", *args, cwd=self.folder)

    def _outside(self, out):
        return {str(f.relative_to(self.folder)) for f in self.folder.rglob("*")
                if f.is_file() and f.relative_to(self.folder).parts[0] != out}

    def public(self, out="out"):
        return self.folder / out / "public"

    def tree(self, out="out"):
        """{path: bytes} of what is published, twins left out."""
        root = self.public(out)
        return {str(f.relative_to(root)): f.read_bytes() for f in sorted(root.rglob("*"))
                if f.is_file() and f.suffix != ".gz"}

    def text(self, path, out="out"):
        return (self.public(out) / path).read_text(encoding="utf-8")

    def page(self, path, out="out"):
        return Page(self.text(path, out))

    def has(self, path, out="out"):
        return (self.public(out) / path).is_file()

    def json(self, path, out="out"):
        return json.loads(self.text(path, out))

    def sitemap(self, out="out"):
        """{address: {language: address of the alternate}} of sitemap.xml."""
        text = self.text("sitemap.xml", out)
        return {loc: dict(re.findall(r'hreflang="([^"]*)" href="([^"]*)"', rest))
                for loc, rest in re.findall(r"<url><loc>(.*?)</loc>(.*?)</url>", text)}

    def cold(self, *args, **more):
        """The tree that a build into a fresh folder gives now, and how it ended."""
        number = len(list(self.folder.glob("cold-*")))
        name = "cold-%d" % number
        done = self.build(*args, out=name, **more)
        return self.tree(name), done


def problems(done, action=None):
    """(page set, locale, key) of the problems reported, in order."""
    return [(p["page_set"], p["locale"], p["key"]) for p in done.report["problems"] if action in (None, p["action"])]


def content_digest(public):
    """As plan/manifest.h defines it: SHA-256 over what `sha256sum` prints for the sorted files, without twins and
    version.json."""
    total = hashlib.sha256()
    names = sorted(str(f.relative_to(public)).encode() for f in pathlib.Path(public).rglob("*") if f.is_file())
    for name in names:
        if name.endswith(b".gz") or name == b"version.json":
            continue
        data = (pathlib.Path(public) / os.fsdecode(name)).read_bytes()
        total.update(hashlib.sha256(data).hexdigest().encode() + b"  " + name + b"\n")
    return total.hexdigest()


def check_tree(out):
    """What is true of out/ after every build, whatever the rows were."""
    public = out / "public"
    if not public.exists():
        return
    names = {f.name for f in out.iterdir()}
    assert names <= {"public", "objects", "releases", ".lock", ".stage"}, names
    for file in public.rglob("*"):
        assert not file.is_symlink(), file
        if file.suffix == ".gz" and file.is_file():
            whole = file.with_name(file.name[:-3])
            assert gzip.decompress(file.read_bytes()) == whole.read_bytes(), file
            assert file.stat().st_mtime == whole.stat().st_mtime, file
            assert file.stat().st_size < whole.stat().st_size, file
    assert not list((out / "releases").glob("*.pending")) or not list(public.glob("**/.*"))
