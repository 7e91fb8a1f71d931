"""Content that means harm, or is simply broken: nothing is written outside out/public, the last good pages stay, and the
message says what, where and how to mend it."""

import json
import os
import signal
import time

import pytest
from pgcluster import Cluster
from pressroom import PLAIN, THINGS, Room, check_tree, note, problems, row
from printing import left_behind
from program import PLATEN, Site, peak_memory, platen

NAMES = {
    "climbs": "../../etc/passwd",
    "climbs inside": "a/../../b",
    "climbs and stays": "a/../b",
    "encoded": "%2e%2e",
    "encoded slash": "a%2fb",
    "dot": ".",
    "two dots": "..",
    "hidden": ".htaccess",
    "absolute": "/etc/passwd",
    "backslash": "..\\..\\x",
    "newline": "a\nb",
    "carriage return": "a\rb",
    "escape": "a\x1b[2Jb",
    "delete": "a\x7fb",
    "NUL": "a\x00b",
    "empty": "",
    "space": " ",
    "slashes": "a//b",
    "slash at the end": "a/",
    "twin": "a.gz",
    "twin of brotli": "a.BR",
    "long": "x" * 5000,
    "long segment": "y" * 201,
    "deep": "d/" * 100 + "x",
}
DEEPER = {"folder named like a twin": "b.html.gz/x"}
HARMLESS = ["ü", "日本語", "a b", "a'b\"<c>&d", "a?b#c", "~x", "-", "con", "a:b", "x" * 190, "x..", "e\u0301"]


def scan(room):
    """Everything below the test's folder that is no part of the site's own files."""
    return {str(f.relative_to(room.folder.parent)) for f in room.folder.parent.rglob("*")
            if f.is_file() and "site/out/" not in str(f) and "site/cold" not in str(f)}


@pytest.fixture
def room(tmp_path):
    made = Room(tmp_path)
    made.rows["things"] = [row("a", "en"), row("a", "fr"), row("b", "en"), row("b", "fr")]
    assert made.build().code == 0
    return made


# --- names --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*NAMES.values(), *DEEPER.values()], ids=[*NAMES, *DEEPER])
@pytest.mark.parametrize("policy", ["hold", "omit"])
def test_hostile_paths(tmp_path, name, policy):
    """As the whole of a path: what the pattern adds helps nobody."""
    sets = {"things": THINGS, "plain": {**PLAIN, "path": "{{slug}}"}}
    room = Room(tmp_path, sets, guards={"content": policy})
    room.rows["things"] = [row("a", "en"), row("b", "en")]
    room.rows["plain"] = [row("p", "en", slug="p.html"), row("q", "en", slug="q.html")]
    assert room.build().code == 0
    before, files = room.tree(), scan(room)
    room.rows["plain"][0].update(slug=name, title="x" * 2000)
    room.rows["things"][0]["title"] = "new words"
    done = room.build()
    assert done.code == (3 if policy == "hold" else 4), done
    assert problems(done) == [("plain", "en", "p")]
    assert "path" in done.report["problems"][0]["text"]
    assert len(done.report["problems"][0]["text"]) < 300
    assert room.page("en/a.html").title == "new words"
    expected = set(before) if policy == "hold" else set(before) - {"p.html"}
    assert set(room.tree()) == expected
    assert scan(room) == files
    assert room.build().report["changes"] == []


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_keys_of_rows_and_elements(room, name):
    """Keys name pages in the manifest and, of elements, files."""
    files, before = scan(room), room.tree()
    room.rows["things"].insert(2, row(name, "en", slug="c"))
    done = room.build()
    if "\x00" in name or name == "":
        assert done.code == 3, done
    else:
        assert done.code == 0, done
        assert room.has("en/c.html")
        assert room.build().report["changes"] == []
    room.rows["things"].pop(2)
    room.rows["things"][0]["sections"] = [note(name), note("m")]
    done = room.build()
    assert done.code == 3, done
    assert "sections" in done.report["problems"][0]["text"]
    assert room.tree()["en/a.html"] == before["en/a.html"]
    assert scan(room) == files


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_locales(room, name):
    files, before = scan(room), room.tree()
    room.rows["things"].append(row("z", name))
    done = room.build()
    if "\x00" in name or name == "":  # a locale that cannot even be read: whose row it is nobody knows
        assert (done.code, problems(done)) == (3, [("things", "", "z")]), done
    else:
        assert (done.code, problems(done, "omitted")) == (4, [("things", "", "z")]), done
    assert room.tree() == before
    assert scan(room) == files


def test_odd_names_that_are_fine(tmp_path):
    room = Room(tmp_path)
    room.rows["things"] = sorted((row(n, "en", title="t") for n in HARMLESS), key=lambda r: r["key"])
    done = room.build()
    assert done.code == 0, done
    for n in HARMLESS:
        assert room.has("en/%s.html" % n)
    urls = room.sitemap()
    assert "https://example.org/en/a%3Fb%23c.html" in urls
    assert "https://example.org/en/a&apos;b%22%3Cc%3E&amp;d.html" in urls
    assert room.build().report["changes"] == []


def test_types_pick_templates_and_nothing_else(tmp_path):
    """A dynamic name chooses among loaded templates of its folder, by equality."""
    room = Room(tmp_path)
    secret = tmp_path / "secret.html.mustache"
    secret.write_text("secret", encoding="utf-8")
    for kind in ("../page", "../../secret", "note/../note", str(secret)[:-len(".html.mustache")], "Note", "note ", "note\x00", "page"):
        room.rows["things"] = [row("a", "en", sections=[note("n", kind=kind)])]
        done = room.build()
        assert done.code == 3, (kind, done)
        assert not room.has("en/a.html")


def test_content_is_data(tmp_path):
    """Neither markup nor template language."""
    room = Room(tmp_path)
    room.rows["things"] = [row("a", "en", title="</title><script>alert('{{site.name}}')</script>",
                               sections=[note("n", "{{{title}}} {{>page}} {{=<% %>=}} \" & '")])]
    assert room.build().code == 0
    page = room.text("en/a.html")
    assert "<title>&lt;/title&gt;&lt;script&gt;alert(&#39;{{site.name}}&#39;)&lt;/script&gt;</title>" in page
    assert "{{{title}}} {{&gt;page}} {{=&lt;% %&gt;=}} &quot; &amp; &#39;" in page
    assert room.json("en/a.json")[0]["content"]["text"] == "{{{title}}} {{>page}} {{=<% %>=}} \" & '"


def test_messages_cannot_be_forged(room):
    room.rows["things"][0].update(slug="..\nplaten: error: all is lost\x1b[2J", sections=[])
    room.rows["things"].insert(2, row("k\nplaten: warning: forged\x9b1m\x07", "en", slug=".."))
    done = room.report_of_human("--source", room.source())
    assert done.code == 3
    for line in done.err.splitlines():
        assert line.startswith(("platen: warning: held: page set 'things', locale en, key ", "platen: what is held")), line
    assert not [c for c in done.err if (ord(c) < 32 and c != "\n") or 0x7f <= ord(c) < 0xa0]


def test_a_planted_link_leads_nowhere(tmp_path):
    """Somebody else put a symbolic link where a folder of ours should be."""
    outside = tmp_path / "outside"
    outside.mkdir()
    room = Room(tmp_path)
    room.rows["things"] = [row("a", "en"), row("a", "fr")]
    room.public().mkdir(parents=True)
    (room.public() / "fr").symlink_to(outside)
    done = room.start("--source", room.source()).wait()
    assert done.code == 1
    assert "fr (a file or link in its place?)" in done.err
    assert list(outside.iterdir()) == []
    (room.public() / "fr").unlink()
    assert room.build().code == 0
    # in place of a page it is just replaced
    (room.public() / "fr" / "a.html").unlink()
    (outside / "target").write_text("theirs", encoding="utf-8")
    (room.public() / "fr" / "a.html").symlink_to(outside / "target")
    assert room.build().code == 0
    assert (outside / "target").read_text(encoding="utf-8") == "theirs"


# --- templates ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, text, code", [
    ("page.html.mustache", "{{>page}}", 3),
    ("page.html.mustache", "{{#sections}}{{>page}}{{/sections}}x{{>parts/note}}", 3),
    ("parts/note.html.mustache", "{{>parts/link}}", 3),
    ("fragment.html.mustache", "{{<fragment}}{{$a}}{{/a}}{{/fragment}}", 3),
    ("404.html.mustache", "{{>404}}", 2),
    ("robots.txt.mustache", "{{#site}}{{>robots.txt}}{{/site}}", 2),
])
def test_a_template_that_includes_itself(tmp_path, name, text, code):
    room = Room(tmp_path)
    room.rows["things"] = [row("a", "en", sections=[note("n")])]
    assert room.build().code == 0
    before = room.tree()
    room.write("templates/parts/link.html.mustache", "{{>parts/note}}")
    room.write("templates/" + name, text)
    done = room.build()
    assert done.code == code, done
    assert "include" in done.err and ".mustache:1:" in done.err, done
    assert room.tree() == before


# --- size ---------------------------------------------------------------------------------------------------------------

MB = 1 << 20


def peak_of(running, limit=120):
    """The finished program and the most memory it held; 0 in a build with sanitizers, which need their own."""
    peak, deadline = 0, time.monotonic() + limit
    while running.process.poll() is None and time.monotonic() < deadline:
        peak = max(peak, peak_memory(running.process.pid))
        time.sleep(0.005)
    return running.wait(1), 0 if "san-" in PLATEN else peak


class Printed(Site):
    """A Site that can be built: one template that prints title and text."""

    def __init__(self, folder, queries, **settings):
        super().__init__(folder, queries, **settings)
        (self.folder / "templates").mkdir(exist_ok=True)
        (self.folder / "templates" / "page.html.mustache").write_text("<p>{{doc.text}}</p>{{title}}\n", encoding="utf-8")

    def build(self, db, *args, **more):
        return self.run("build", "--json", "--source", db.pg.dsn(db.name), *args, **more)

    def files(self):
        root = self.folder / "out" / "public"
        return {str(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file() and f.suffix != ".gz"}


def test_200_mb_in_one_section(empty_db, tmp_path):
    """A row above the cap never reaches the program; its locale is held, the rest goes live."""
    site = Printed(tmp_path, {"things": """
        SELECT k AS key, l AS locale, 'small' AS title,
               jsonb_build_object('text', CASE WHEN k = 'b' AND l = 'fr' THEN repeat('x', 200 * 1048576) ELSE 'x' END) AS doc
        FROM unnest(ARRAY['a', 'b', 'c']) k, unnest(ARRAY['en', 'fr']) l ORDER BY 1, 2"""})
    done, peak = peak_of(site.start("build", "--json", "--source", empty_db.pg.dsn(empty_db.name)))
    assert done.code == 3, done
    [p] = done.json()["problems"]
    assert (p["page_set"], p["locale"], p["key"], p["action"]) == ("things", "fr", "b", "held")
    assert "limits.row allows" in p["text"] and "2097152" in p["text"]
    assert {f for f in site.files() if f.endswith(".html")} == {"en/things/%s.html" % k for k in "abc"}
    assert peak < 64 * MB, peak


def test_200_mb_in_one_line_of_a_file(tmp_path):
    room = Room(tmp_path)
    room.rows["things"] = [row("a", "en"), row("b", "en", title="x" * (200 * MB))]
    done, peak = peak_of(room.start("--source", room.source()))
    assert done.code == 3, done
    assert "limits.row" in done.err
    assert peak < 300 * MB, peak  # JSON may need twice the bytes of its values, so that much of a line is looked at


@pytest.mark.parametrize("policy, code", [("hold", 3), ("omit", 4)])
def test_a_page_above_its_limit(tmp_path, policy, code):
    """400 kB of '<' become 1.6 MB of '&lt;'."""
    room = Room(tmp_path, guards={"content": policy}, limits={"page": "1MB"})
    room.rows["things"] = [row("a", "en"), row("b", "en", sections=[note("n", "<" * 400000)])]
    done = room.build()
    assert done.code == code, done
    assert "larger than 1048576 bytes" in done.report["problems"][0]["text"]
    assert problems(done) == [("things", "en", "b")]
    assert room.has("en/a.html") == (policy == "omit")
    assert not room.has("en/b.json")


def test_skipped_rows_do_not_pile_up(tmp_path):
    """100 MB of rows of which none is printed: in locales nobody asked for, with bad tags, unreadable."""
    room = Room(tmp_path, locales=["en"], guards={"content": "omit"})
    big = "x" * 200000
    room.rows["things"] = [row("a", "en")]
    room.rows["things"] += [row("k%03d" % i, ("de", "en_US", "en")[i % 3], title=big, state="odd" if i % 3 == 2 else "live")
                            for i in range(500)]
    done, peak = peak_of(room.start("--source", room.source()))
    assert done.code == 4, done
    assert room.has("en/a.html")
    assert peak < 48 * MB, peak


# --- bytes --------------------------------------------------------------------------------------------------------------


def test_invalid_utf8_of_a_database(pg, tmp_path):
    """A SQL_ASCII database keeps any bytes; only the row that has them suffers."""
    name = "ascii_%d" % os.getpid()
    pg.psql("postgres", command="CREATE DATABASE %s TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'" % name)
    try:
        site = Printed(tmp_path, {"things": """
            SELECT k AS key, l AS locale, CASE WHEN k = 'b' AND l = 'fr' THEN E'caf\\xe9' ELSE E'caf\\xc3\\xa9' END AS title,
                   '{"text": "t"}'::json AS doc FROM unnest(ARRAY['a', 'b']) k, unnest(ARRAY['en', 'fr']) l ORDER BY 1, 2"""})
        done = site.run("build", "--json", "--source", pg.dsn(name))
        assert done.code == 3, done
        [p] = done.json()["problems"]
        assert (p["locale"], p["key"]) == ("fr", "b")
        assert "column 'title': byte 4 is not valid UTF-8" in p["text"]
        assert site.files()["en/things/b.html"] == "<p>t</p>café\n".encode()
    finally:
        pg.drop_database(name)


@pytest.mark.parametrize("bad", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf"], ids=lambda b: b.hex())
def test_invalid_utf8_of_a_file(room, bad):
    before = room.tree()
    source = room.folder / room.source("bad.export")
    source.write_bytes(source.read_bytes().replace(b"b in fr", b"b in " + bad))
    done = room.build(source="bad.export")
    assert done.code == 3, done
    assert "UTF-8" in done.err
    assert room.tree() == before


@pytest.mark.parametrize("text", ['{"key":"z","locale":"en","slug":"z"', '{"key":"z","locale":"en",}', "nonsense",
                                  '{"key":"z","locale":"en","title":"\\ud800"}', "[" * 10000 + "]" * 10000])
def test_broken_json(room, text):
    before = room.tree()
    room.rows["things"].append(text)
    done = room.build()
    assert done.code in (2, 3), done
    assert "rows.export:6" in done.err
    assert room.tree() == before


# --- queries and servers ------------------------------------------------------------------------------------------------

GOOD = """SELECT k AS key, 'en' AS locale, 'fine' AS title, '{"text": "t"}'::json AS doc FROM unnest(ARRAY['a', 'b']) k ORDER BY 1"""


@pytest.mark.parametrize("query, code, said", [
    ("SELECT 1/0 AS key, 'en' AS locale", 1, "division by zero"),
    ("SELECT k::text AS key, 'en' AS locale, 10 / (k - 50000) AS x FROM generate_series(1, 60000) k ORDER BY k", 1, "division by zero"),
    ("SELECT 'a' AS id, 'en' AS locale", 2, "there is no column 'key'"),
    ("SELECT 'a' AS key", 2, "there is no column 'locale'"),
    ("SELECT 'a' AS key, 'en' AS locale, 1 AS page", 2, "must not be named 'page'"),
    ("SELEC 1", 2, "must be a SELECT"),
    ("SELECT 'a' AS key, 'en' AS locale FROM nowhere", 1, "nowhere"),
    ("SELECT 'a' AS key, 'en' AS locale; DROP TABLE x", 2, "one"),
    ("SELECT pg_sleep(20)::text AS key, 'en' AS locale", 1, "database.statement_timeout is 0.5 s"),
    ("INSERT INTO t VALUES (1) RETURNING 'a' AS key, 'en' AS locale", 2, "must be a SELECT"),
    ("WITH w AS (DELETE FROM pg_class RETURNING 1) SELECT 'a' AS key, 'en' AS locale FROM w", 1, ""),
    ("SELECT 'a' AS key, 'en' AS locale WHERE false", 3, "0 rows"),
])
def test_queries_that_go_wrong(empty_db, tmp_path, query, code, said):
    """The last good pages stay; what is said names the query's file."""
    site = Printed(tmp_path, {"things": GOOD}, database={"statement_timeout": "500ms"})
    assert site.build(empty_db).code == 0
    before = site.files()
    site.write("things", query)
    done = site.build(empty_db)
    assert done.code == code, done
    assert said in done.err, done
    if code != 3:
        assert "sql/things.sql" in done.err, done
    assert site.files() == before
    check_tree(tmp_path / "out")
    assert left_behind(tmp_path / "out") == []
    site.write("things", GOOD)
    again = site.build(empty_db)
    assert (again.code, again.json()["changes"]) == (0, [])


@pytest.mark.parametrize("kill", ["backend", "server", "client"])
def test_the_connection_ends_in_the_middle(tmp_path, kill):
    """By an administrator, by a power cut, or platen itself is killed: whole pages before and after."""
    with Cluster() as pg:
        site = Printed(tmp_path, {"things": GOOD})
        dsn = pg.dsn("postgres")
        assert site.run("build", "--source", dsn).code == 0
        before = site.files()
        # two thousand rows at once, then one every tenth of a second
        site.write("things", """
            SELECT to_char(k, 'FM000000') AS key, 'en' AS locale, repeat('new ', 2000) AS title, '{"text": "t"}'::json AS doc
            FROM generate_series(1, 100000) k WHERE CASE WHEN k > 2000 THEN pg_sleep(0.1) IS NOT NULL ELSE true END""")
        running = site.start("build", "--source", dsn)
        stage = tmp_path / "out" / ".stage"
        deadline = time.monotonic() + 30
        while not (stage.exists() and sum(1 for f in stage.rglob("*") if f.is_file()) > 500):
            assert time.monotonic() < deadline and running.process.poll() is None, running.wait(1)
            time.sleep(0.02)
        if kill == "backend":
            pg.psql("postgres", command="SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%generate_series%'"
                                        " AND pid <> pg_backend_pid()")
        elif kill == "server":
            pg.crash()
        else:
            running.process.send_signal(signal.SIGKILL)
        done = running.wait(30)
        assert done.code == (1 if kill != "client" else -signal.SIGKILL), done
        if kill != "client":
            assert "page set 'things'" in done.err, done
            assert left_behind(tmp_path / "out") == []
        assert site.files() == before
        check_tree(tmp_path / "out")
        if kill == "server":
            pg.resume()
        site.write("things", GOOD)
        again = site.run("build", "--json", "--source", dsn)
        assert (again.code, again.json()["changes"]) == (0, []), again
        assert left_behind(tmp_path / "out") == []


def test_no_server_at_all(tmp_path):
    site = Printed(tmp_path, {"things": GOOD})
    done = site.run("build", "--source", "host=%s dbname=x connect_timeout=2" % tmp_path)
    assert done.code == 1
    assert str(tmp_path) in done.err
    assert not (tmp_path / "out" / "public" / "version.json").exists()


def test_a_value_with_nul_from_the_database(empty_db, tmp_path):
    """Text cannot hold U+0000 there, but json can."""
    site = Printed(tmp_path, {"things": """
        SELECT 'a' AS key, 'en' AS locale, 't' AS title, '{"text": "x\\u0000y", "slug": "s\\u0000/../x"}'::json AS doc"""})
    done = site.build(empty_db)
    assert done.code == 0, done
    assert b"\x00" in site.files()["en/things/a.html"]  # data, and no end of anything
    config = json.loads((tmp_path / "platen.yaml").read_text(encoding="utf-8"))
    config["page_sets"]["things"]["path"] = "{{locale}}/{{doc.slug}}.html"
    (tmp_path / "platen.yaml").write_text(json.dumps(config), encoding="utf-8")
    before = site.files()
    done = site.build(empty_db)
    assert done.code == 3, done
    assert "control character" in done.err
    assert site.files() == before


def test_nothing_but_a_folder_is_needed(tmp_path):
    """An out/ below a file, or one that cannot be written, is said before anything is read."""
    (tmp_path / "file").write_text("x", encoding="utf-8")
    room = Room(tmp_path)
    room.rows["things"] = [row("a", "en")]
    room.write("platen.yaml", json.dumps(room.config))
    done = platen("build", "--out", tmp_path / "file" / "out", "--source", room.source(), cwd=room.folder)
    assert done.code == 1
    assert "file/out" in done.err and "Not a directory" in done.err
