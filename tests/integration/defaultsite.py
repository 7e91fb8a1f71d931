"""The site that ships with platen, printed with other settings, and what is in its pages."""

import html.parser
import json
import pathlib
import urllib.parse

import yaml
from cmsdb import ROOT
from program import platen

EXPORT = ROOT / "sql" / "sample" / "site.export"
BASE = "http://localhost:8080/"
LOCALES = ["ar", "de", "en", "fr"]
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
        "path", "circle", "ellipse", "rect"}


class Document(html.parser.HTMLParser):
    """The elements of a page, in order, and whether it is well nested."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.faults = [], [], []
        self.title = ""
        self.feed(text)
        self.close()
        self.faults += ["not closed: " + name for name in self.open]

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        if len(attributes) != len(dict(attributes)):
            self.faults.append("an attribute twice: " + self.get_starttag_text())
        if name not in VOID:
            self.open.append(name)

    def handle_startendtag(self, name, attributes):
        self.elements.append((name, dict(attributes)))

    def handle_endtag(self, name):
        if not self.open or self.open[-1] != name:
            self.faults.append("</%s> closes %s" % (name, self.open[-1:]))
        else:
            self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] == "title" and "svg" not in self.open:
            self.title += data

    def all(self, name, **wanted):
        return [a for n, a in self.elements if n == name and all(a.get(k) == v for k, v in wanted.items())]

    def one(self, name, **wanted):
        found = self.all(name, **wanted)
        assert len(found) == 1, (name, wanted, found)
        return found[0]

    @property
    def alternates(self):
        return {a["hreflang"]: a["href"] for a in self.all("link", rel="alternate")}


class Public:
    """A printed web root."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def read(self, path):
        return (self.folder / path).read_text(encoding="utf-8")

    def files(self):
        return {str(f.relative_to(self.folder)) for f in self.folder.rglob("*") if f.is_file() and f.suffix != ".gz"}

    def pages(self):
        """Paths of whole pages."""
        return sorted(p for p in self.files() if p.endswith("index.html"))

    def document(self, path):
        return Document(self.read(path))

    def path_of(self, url, base=BASE):
        """The file behind an address of the site, or None."""
        parts = urllib.parse.urlsplit(urllib.parse.urljoin(base, url))
        root = urllib.parse.urlsplit(base)
        if (parts.scheme, parts.netloc) != (root.scheme, root.netloc) or not parts.path.startswith(root.path):
            return None
        path = urllib.parse.unquote(parts.path[len(root.path):])
        return path + "index.html" if path == "" or path.endswith("/") else path


def build(out, *args, source=EXPORT, **settings):
    """Prints the default site with some settings changed."""
    config = yaml.safe_load((ROOT / "platen.yaml").read_text(encoding="utf-8"))
    config["site"].update(settings.pop("site", {}))
    config.update({"templates": str(ROOT / "templates"), "static": str(ROOT / "static"), **settings})
    for page_set in config["page_sets"].values():
        page_set["query"] = str(ROOT / page_set["query"])
    folder = pathlib.Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "platen.yaml").write_text(json.dumps(config), encoding="utf-8")
    return platen("build", "--config", folder / "platen.yaml", "--source", source, "--out", folder / "out", *args, cwd=folder)
