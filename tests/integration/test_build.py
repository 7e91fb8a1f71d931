"""platen build as it is used: by the least role, on a terminal, into a closed pipe, twice."""

import filecmp
import os
import pty
import subprocess

import pytest
from cmsdb import ROOT, SAMPLE
from program import PLATEN, platen


def build(out, source, *more, **how):
    return platen("build", "--out", out, "--source", source, *more, cwd=ROOT, **how)


def assert_same_tree(one, other):
    compared = filecmp.dircmp(one, other)
    folders = [compared]
    while folders:
        c = folders.pop()
        assert not c.left_only and not c.right_only and not c.funny_files, (c.left, c.right)
        _, different, errors = filecmp.cmpfiles(c.left, c.right, c.common_files, shallow=False)
        assert not different and not errors, (c.left, different, errors)
        folders.extend(c.subdirs.values())


@pytest.fixture
def sample(db):
    db.psql(file=SAMPLE)
    return db


@pytest.fixture
def reader(sample):
    """A login that has platen_reader and nothing else."""
    name = "reader_of_%s" % sample.name
    sample.rows('CREATE ROLE "%s" LOGIN IN ROLE platen_reader' % name)
    yield name
    sample.rows('DROP ROLE "%s"' % name)


def test_the_reading_role_prints_what_the_owner_prints(sample, reader, tmp_path):
    assert build(tmp_path / "owner", sample.pg.dsn(sample.name)).code == 0
    done = build(tmp_path / "reader", sample.pg.dsn(sample.name, reader))
    assert done.code == 0, done
    assert_same_tree(tmp_path / "owner" / "public", tmp_path / "reader" / "public")
    # the kill switch must be seen, too: the reader sees sections that are switched off
    sample.rows("UPDATE homepage_sections SET is_active = false WHERE locale = 'fr'")
    done = build(tmp_path / "reader", sample.pg.dsn(sample.name, reader), "--json")
    assert done.code == 0, done
    assert "fr/index.html" in [c["path"] for c in done.json()["changes"] if c["action"] == "changed"]


def test_settings_of_the_role_do_not_reach_the_bytes(sample, reader, tmp_path):
    dsn = sample.pg.dsn(sample.name, reader)
    assert build(tmp_path / "plain", dsn).code == 0
    for setting in ("timezone = 'Asia/Tokyo'", "datestyle = 'German'", "intervalstyle = 'sql_standard'",
                    "extra_float_digits = -15", "search_path = 'pg_temp'", "bytea_output = 'escape'"):
        sample.rows('ALTER ROLE "%s" SET %s' % (reader, setting))
    done = build(tmp_path / "set", dsn)
    assert done.code == 0, done
    assert_same_tree(tmp_path / "plain" / "public", tmp_path / "set" / "public")


def test_dry_run_lists_and_writes_nothing(sample, tmp_path):
    source = sample.pg.dsn(sample.name)
    done = build(tmp_path / "out", source, "--dry-run")
    assert done.code == 0 and not (tmp_path / "out").exists()
    assert "+ en/index.html  " in done.out and "nothing was written" in done.out
    assert build(tmp_path / "out", source).code == 0
    sample.rows("UPDATE products SET name = 'Another lamp', translations = '{}' WHERE slug = 'halo-desk-lamp'")
    sample.rows("DELETE FROM products WHERE slug = 'gift-card'")
    done = build(tmp_path / "out", source, "--dry-run")
    lines = done.out.splitlines()
    changed = [line for line in lines if line.startswith("~ en/products/halo-desk-lamp/index.html")]
    removed = [line for line in lines if line.startswith("- en/products/gift-card/index.html")]
    assert len(changed) == 1 and " -> " in changed[0] and changed[0].endswith(" bytes")
    assert len(removed) == 1 and removed[0].endswith(" bytes")
    assert (tmp_path / "out" / "public" / "en" / "products" / "gift-card" / "index.html").exists()


def test_quiet_says_nothing_and_a_full_device_is_an_error(sample, tmp_path):
    source = sample.pg.dsn(sample.name)
    done = build(tmp_path / "out", source, "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")
    with open("/dev/full", "wb") as full:
        done = build(tmp_path / "out", source, stdout=full.fileno())
    assert done.code == 1 and "standard output" in done.err


def test_progress_is_shown_on_a_terminal_alone(empty_db, tmp_path):
    """Long builds only: what takes a moment says nothing in between."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html.mustache").write_text("<p>{{key}}</p>\n")
    (tmp_path / "page.sql").write_text(
        "SELECT lpad(i::text, 6, '0') AS key, 'en' AS locale FROM generate_series(1, 30000) i ORDER BY 1, 2")
    (tmp_path / "platen.yaml").write_text(
        'site: {name: T, base_url: "http://localhost/"}\n'
        'page_sets: {p: {query: page.sql, template: page, path: "{{locale}}/{{key}}.html"}}\n')
    source = empty_db.pg.dsn(empty_db.name)
    quiet = platen("build", "--dry-run", "--source", source, "--json", cwd=tmp_path)
    assert quiet.code == 0 and quiet.err == "" and quiet.json()["added"] >= 30000
    main, terminal = pty.openpty()
    with subprocess.Popen([PLATEN, "build", "--source", source], cwd=tmp_path, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=terminal) as running:
        os.close(terminal)
        said = b""
        try:
            while chunk := os.read(main, 65536):
                said += chunk
        except OSError:  # the other end is closed
            pass
        assert running.wait(60) == 0, said
    os.close(main)
    assert b"printing: " in said and b" rows" in said
    assert b"placing " in said and b" of 300" in said
    assert said.endswith(b"\r\x1b[K"), "the line is cleared at the end"


def test_two_reads_of_one_snapshot_are_equal_whatever_the_threads(sample, tmp_path):
    source = sample.pg.dsn(sample.name)
    for threads in (1, 8):
        assert build(tmp_path / str(threads), source, "--threads", threads).code == 0
    assert_same_tree(tmp_path / "1" / "public", tmp_path / "8" / "public")
    export = platen("export", "--source", source, "--to", tmp_path / "site.export", cwd=ROOT)
    assert export.code == 0, export
    assert build(tmp_path / "file", tmp_path / "site.export").code == 0
    assert_same_tree(tmp_path / "1" / "public", tmp_path / "file" / "public")


def test_well_known_files_are_printed_and_other_hidden_ones_are_not(tmp_path):
    for name in ("static/.well-known/security.txt", "static/.hidden", "static/a/.git/config", "templates/x.mustache"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("Contact: mailto:security@example.org")
    (tmp_path / "platen.yaml").write_text(
        'site: {name: T, base_url: "http://localhost/"}\n'
        'page_sets: {p: {query: q.sql, template: x, path: "{{key}}", min_rows: 0}}\n')
    (tmp_path / "rows").write_text('{"platen_export":1,"sets":[{"name":"p","columns":["key","locale"]}]}\n'
                                   '{"end":{"p":0}}\n')
    done = platen("build", "--source", "rows", cwd=tmp_path)
    assert done.code == 0, done
    public = tmp_path / "out" / "public"
    printed = sorted(str(f.relative_to(public)) for f in public.rglob("*") if f.is_file())
    assert [p for p in printed if not p.endswith(".gz")] == [".well-known/security.txt", "sitemap.xml", "version.json"]
