"""The default site as it is printed, compared with what was looked at and found good.

The files of tests/golden/site are a part of what `platen build --source sql/sample/site.export` prints: one of each
kind. When a change of theme or schema is meant, `make golden` writes them anew; read the difference before committing.
"""

import difflib
import os
import pathlib

import pytest
from cmsdb import ROOT, SAMPLE
from program import platen

GOLDEN = ROOT / "tests" / "golden" / "site"
EXPORT = ROOT / "sql" / "sample" / "site.export"
WRITE = os.environ.get("WRITE_GOLDEN") == "write"
FILES = (
    "404.html",
    "ar/products/halo-desk-lamp/index.html",
    "de/sections/hero-main.html",
    "de/sections/hero-main.json",
    "en/homepage.json",
    "en/index.html",
    "robots.txt",
    "sitemap.xml",
)


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    out = tmp_path_factory.mktemp("golden")
    done = platen("build", "--source", EXPORT, "--out", out, "--json", cwd=ROOT)
    assert done.code == 0, done
    return out / "public"


@pytest.mark.parametrize("path", FILES)
def test_page_is_as_it_was_looked_at(public, path):
    printed, golden = public / path, GOLDEN / path
    if WRITE:
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_bytes(printed.read_bytes())
    here, there = printed.read_text("utf-8"), golden.read_text("utf-8")
    difference = "".join(difflib.unified_diff(there.splitlines(True), here.splitlines(True), "golden", "printed"))
    assert here == there, "make golden, if this is meant:\n" + difference


def test_no_golden_file_is_forgotten():
    found = sorted(str(p.relative_to(GOLDEN)) for p in pathlib.Path(GOLDEN).rglob("*") if p.is_file())
    assert found == sorted(FILES)


def test_the_export_is_what_the_sample_database_gives(db, tmp_path):
    """So that a newcomer without a database prints the same site."""
    db.psql(file=SAMPLE)
    written = EXPORT if WRITE else tmp_path / "site.export"
    done = platen("export", "--source", db.pg.dsn(db.name), "--to", written, cwd=ROOT)
    assert done.code == 0, done
    assert written.read_bytes() == EXPORT.read_bytes(), "make golden, if this is meant"
