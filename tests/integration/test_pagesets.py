"""Page sets of the default site under an editor's hands, and a site of another kind on the same program."""

import json
import re
import shutil

import pytest
from cmsdata import add_product, add_published, add_section, add_version, publish
from cmsdb import ROOT, SAMPLE
from defaultsite import Public, build
from pressroom import content_digest
from program import platen

# --- the CMS ------------------------------------------------------------------------------------------------------------


class Shop:
    """The sample site in a database, printed as often as a test asks."""

    def __init__(self, db, folder, **settings):
        self.db, self.folder, self.settings = db, folder, settings
        self.public = Public(folder / "site" / "out" / "public")

    def build(self, *args, **more):
        done = build(self.folder / "site", "--json", *args, source=self.db.pg.dsn(self.db.name), **{**self.settings, **more})
        assert done.out, done
        done.report = json.loads(done.out)
        return done

    def tree(self):
        return {path: (self.public.folder / path).read_bytes() for path in self.public.files()}

    def cold(self):
        """What a first build into a fresh folder prints."""
        number = len(list(self.folder.glob("cold*")))
        folder = self.folder / ("cold%d" % number)
        done = build(folder, source=self.db.pg.dsn(self.db.name), **self.settings)
        assert done.code == 0, done
        public = Public(folder / "out" / "public")
        return {path: (public.folder / path).read_bytes() for path in public.files()}

    def section(self, locale, key):
        return self.db.value("SELECT id FROM homepage_sections WHERE locale = %s AND section_key = %s", (locale, key))

    def edit(self, locale, key, content):
        self.db.rows(
            "UPDATE section_versions SET content = %s::jsonb WHERE id = (SELECT published_version_id FROM homepage_sections"
            " WHERE locale = %s AND section_key = %s)", (json.dumps(content), locale, key))


@pytest.fixture
def shop(db, tmp_path):
    db.psql(file=SAMPLE)
    made = Shop(db, tmp_path)
    assert made.build().code == 0
    return made


def changed(done):
    return sorted(c["path"] for c in done.report["changes"])


def test_an_edit_changes_what_it_touches_and_nothing_else(shop):
    shop.db.rows("UPDATE section_versions SET content = jsonb_set(content, '{title}', '\"A new headline\"') WHERE id ="
                 " (SELECT published_version_id FROM homepage_sections WHERE locale = 'fr' AND section_key = 'hero-main')")
    done = shop.build()
    assert done.code == 0
    assert changed(done) == ["fr/homepage.json", "fr/index.html", "fr/sections/hero-main.html",
                             "fr/sections/hero-main.json", "sitemap.xml", "version.json"]
    assert "A new headline" in shop.public.read("fr/index.html")
    assert shop.tree() == shop.cold()


def test_drafts_stay_drafts(shop):
    section = shop.section("en", "hero-main")
    version = add_version(shop.db, section, "Only a draft")
    shop.db.rows("UPDATE homepage_sections SET draft_version_id = %s WHERE id = %s", (version, section))
    add_section(shop.db, "not-yet", locale="en")
    done = shop.build()
    assert (done.code, changed(done)) == (0, [])
    publish(shop.db, section, version)
    assert shop.build().code == 0
    assert "Only a draft" in shop.public.read("en/index.html") and "Only a draft" in shop.public.read("index.html")


def test_the_kill_switch(shop):
    before = shop.tree()
    shop.db.rows("UPDATE homepage_sections SET is_active = false WHERE locale = 'fr'")
    done = shop.build()
    assert (done.code, done.report["problems"]) == (0, []), done
    assert shop.public.read("fr/homepage.json") == "[]"
    assert not [p for p in shop.public.files() if p.startswith("fr/sections/")]
    page = shop.public.document("fr/index.html")
    assert not page.all("section") and page.one("html")["lang"] == "fr"
    assert "http://localhost:8080/fr/<" not in shop.public.read("sitemap.xml")
    assert shop.tree()["en/homepage.json"] == before["en/homepage.json"]
    assert shop.tree()["fr/products/halo-desk-lamp/index.html"] == before["fr/products/halo-desk-lamp/index.html"]
    assert shop.tree() == shop.cold()
    assert changed(shop.build()) == []
    shop.db.rows("UPDATE homepage_sections SET is_active = true WHERE locale = 'fr' AND (section_key, locale) IN"
                 " (SELECT section_key, locale FROM homepage_sections WHERE status = 'published')")
    # one section of the sample is switched off on purpose; whatever is on now, the pages say
    assert shop.build().code == 0
    assert shop.tree() == shop.cold()
    assert "fr/sections/hero-main.html" in shop.tree()


def test_the_kill_switch_of_the_default_locale_and_back(shop):
    before = shop.tree()
    on = [r[0] for r in shop.db.rows("SELECT id FROM homepage_sections WHERE locale = 'en' AND is_active")]
    shop.db.rows("UPDATE homepage_sections SET is_active = false WHERE locale = 'en'")
    assert shop.build().code == 0
    assert shop.public.read("index.html") == shop.public.read("en/index.html") != before["en/index.html"].decode()
    shop.db.rows("UPDATE homepage_sections SET is_active = true WHERE id = ANY(%s::uuid[])", (on,))
    assert shop.build().code == 0
    now = shop.tree()
    different = {p for p in before if before[p] != now.get(p)} | set(now) - set(before)
    assert different <= {"sitemap.xml", "version.json"}  # they tell when the page last changed
    assert now == shop.cold()


def test_the_kill_switch_works_while_the_locale_is_held(shop):
    shop.db.rows("UPDATE section_versions SET content = '{}' WHERE section_id = %s", (shop.section("fr", "hero-main"),))
    assert shop.build().code == 3
    assert shop.public.document("fr/index.html").all("section")
    shop.db.rows("UPDATE homepage_sections SET is_active = false WHERE locale = 'fr'")
    done = shop.build()
    assert done.code == 0, done  # nothing of the bad section is asked for any more
    assert not shop.public.document("fr/index.html").all("section")


def test_an_emptied_table_is_an_accident(shop):
    before = shop.tree()
    shop.db.rows("UPDATE homepage_sections SET published_version_id = NULL, draft_version_id = NULL")
    shop.db.rows("DELETE FROM homepage_sections")
    done = shop.build()
    assert done.code == 3
    assert {(p["page_set"], p["locale"]) for p in done.report["problems"]} == \
        {(s, locale) for s in ("homepage", "products") for locale in ("ar", "de", "en", "fr")}
    assert shop.tree() == before


def test_one_locale_emptied(shop):
    before = shop.tree()
    shop.db.rows("DELETE FROM homepage_sections WHERE locale = 'de'")
    done = shop.build()
    assert done.code == 3
    assert {(p["page_set"], p["locale"]) for p in done.report["problems"]} == {("homepage", "de"), ("products", "de")}
    assert shop.tree() == before  # nothing else was changed, and the others still name their translation


@pytest.mark.parametrize("what", ["version deleted", "content {}"])
def test_a_section_without_content(shop, what):
    """Held by default; with the policies, left out or as it was."""
    before = shop.tree()
    if what == "content {}":
        shop.edit("fr", "hero-main", {})
    else:
        shop.db.rows("DELETE FROM section_versions WHERE id = (SELECT published_version_id FROM homepage_sections"
                     " WHERE locale = 'fr' AND section_key = 'hero-main')")
    shop.db.rows("UPDATE section_versions SET content = jsonb_set(content, '{text}', '\"New words\"') WHERE id ="
                 " (SELECT published_version_id FROM homepage_sections WHERE locale = 'fr' AND section_type = 'banner')")
    done = shop.build()
    assert done.code == 3
    assert done.report["problems"] == [{
        "action": "held", "page_set": "homepage", "locale": "fr", "key": "homepage",
        "text": "sections 'hero-main': 'content' is missing or empty: is its published version gone?"}]
    assert shop.tree() == before
    kept = shop.build(guards={"content": "keep"})
    assert kept.code == 4
    assert kept.report["problems"][0]["action"] == "kept"
    assert shop.tree()["fr/sections/hero-main.html"] == before["fr/sections/hero-main.html"]
    assert "New words" in shop.public.read("fr/index.html")
    left_out = shop.build(guards={"content": "omit"})
    assert left_out.code == 4
    assert "fr/sections/hero-main.html" not in shop.tree()
    assert "hero-main" not in [s["section_key"] for s in json.loads(shop.public.read("fr/homepage.json"))]
    assert 'id="hero-main"' not in shop.public.read("fr/index.html")


def test_other_content_problems_of_the_default_site(shop):
    for content, part in (({"subtitle": "x"}, "required field 'title' of type 'hero'"),
                          ({"title": "t", "cta_url": "javascript:alert(1)"}, "'cta_url' is 'javascript:alert(1)'"),
                          ({"title": "t", "more": [{"link_url": " javascript:x"}]}, "'link_url'")):
        shop.edit("de", "hero-main", content)
        done = shop.build()
        assert done.code == 3
        assert part in done.report["problems"][0]["text"]
    shop.edit("de", "hero-main", {"title": "Gut"})
    shop.db.rows("UPDATE homepage_sections SET section_type = 'carrousel' WHERE id = %s", (shop.section("de", "hero-main"),))
    done = shop.build()
    assert "type 'carrousel' has no template in sections/" in done.report["problems"][0]["text"]


def test_an_unknown_type_is_a_template_away(shop, tmp_path):
    """A theme of one's own: a new section type is one new file."""
    templates = tmp_path / "theme"
    shutil.copytree(ROOT / "templates", templates)
    add_published(shop.db, "count", "Soon", locale="en", kind="countdown", order=99)
    assert shop.build(templates=str(templates)).code == 3
    (templates / "sections" / "countdown.html.mustache").write_text("<section id=\"{{section_key}}\">{{content.title}}!</section>\n")
    assert shop.build(templates=str(templates)).code == 0
    assert '<section id="count">Soon!</section>' in shop.public.read("en/index.html")


def test_two_sets_are_guarded_apart(shop):
    shop.db.rows("UPDATE products SET is_active = false WHERE slug <> 'gift-card'")
    shop.db.rows("UPDATE section_versions SET content = jsonb_set(content, '{title}', '\"New words\"') WHERE id ="
                 " (SELECT published_version_id FROM homepage_sections WHERE locale = 'en' AND section_key = 'hero-main')")
    done = shop.build()
    assert done.code == 3
    assert {p["page_set"] for p in done.report["problems"]} == {"products"}
    assert "New words" in shop.public.read("en/index.html")
    assert "en/products/halo-desk-lamp/index.html" in shop.tree()
    assert shop.build("--accept").code == 0
    assert [p for p in shop.tree() if "/products/" in p and p.startswith("en/")] == ["en/products/gift-card/index.html"]


def test_a_product_comes_and_goes(shop):
    add_product(shop.db, "Standing lamp", slug="standing-lamp", price="129.00", currency="EUR")
    done = shop.build()
    assert done.code == 0
    assert sorted(c["path"] for c in done.report["changes"] if c["action"] == "added") == \
        ["%s/products/standing-lamp/index.html" % locale for locale in ("ar", "de", "en", "fr")]
    shop.db.rows("UPDATE products SET is_active = false WHERE slug = 'standing-lamp'")
    done = shop.build()
    assert (done.code, done.report["removed"]) == (0, 4)
    assert shop.tree() == shop.cold()


def test_the_manifest_tells_when_the_next_change_is_due(shop):
    release = max((shop.folder / "site" / "out" / "releases").glob("*.json"), key=lambda f: int(f.stem))
    expected = shop.db.value("SELECT to_char(min(next_change_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
                             " FROM homepage_next_change")
    assert expected is not None
    assert json.loads(release.read_text(encoding="utf-8"))["next_change_at"] == expected


# --- a site of another kind ---------------------------------------------------------------------------------------------

TIMETABLE = """
CREATE TABLE stops (code text PRIMARY KEY, names jsonb NOT NULL, zone int NOT NULL, changed timestamptz NOT NULL DEFAULT '2026-01-01Z');
CREATE TABLE lines (number int PRIMARY KEY, kind text NOT NULL, stops text[] NOT NULL, suspended boolean NOT NULL DEFAULT false);
INSERT INTO stops VALUES
    ('HBF', '{"de": "Hauptbahnhof", "cs": "Hlavní nádraží"}', 1),
    ('MKT', '{"de": "Markt <alt>", "cs": "Náměstí & trh"}', 1),
    ('ZOO', '{"de": "Zoo"}', 2);
INSERT INTO lines VALUES (3, 'tram', '{HBF,MKT,ZOO}'), (61, 'bus', '{ZOO,MKT}');
"""
STOPS_SQL = """
SELECT s.code AS key, n.locale, s.changed AS updated_at, n.name, s.zone,
       (SELECT coalesce(jsonb_agg(l.number ORDER BY l.number), '[]') FROM public.lines l WHERE s.code = ANY (l.stops)) AS served_by
FROM public.stops s, jsonb_each_text(s.names) AS n (locale, name)
ORDER BY key, locale
"""
LINES_SQL = """
WITH tongues (locale) AS (VALUES ('cs'), ('de'))
SELECT l.number::text AS key, t.locale, CASE WHEN l.suspended THEN 'maintenance' ELSE 'live' END AS state, l.number, l.kind,
       (SELECT jsonb_agg(jsonb_build_object('code', s.code, 'vehicle', l.kind,
                                            'at', jsonb_build_object('name', coalesce(s.names ->> t.locale, s.names ->> 'de')))
                         ORDER BY u.place)
        FROM unnest(l.stops) WITH ORDINALITY AS u (code, place) JOIN public.stops s USING (code)) AS calls
FROM public.lines l, tongues t
ORDER BY key, locale
"""
TIMETABLE_CONFIG = {
    "site": {"name": "Tramway", "base_url": "https://tram.example/"},
    "locales": [{"code": "de"}, {"code": "cs", "fallback": ["de"]}],
    "root_page": "{{locale}}/line/3.html",
    "page_sets": {
        "stops": {"query": "sql/stops.sql", "template": "stop", "path": "{{locale}}/stop/{{key}}.html", "required": ["name"]},
        "lines": {"query": "sql/lines.sql", "template": "line", "maintenance": "suspended", "path": "{{locale}}/line/{{number}}.html",
                  "parts": "vehicles", "items": {"column": "calls", "key": "code", "type": "vehicle", "content": "at",
                                                 "required": {"tram": ["name"], "bus": ["name"]}},
                  "outputs": [{"path": "{{locale}}/line/{{number}}.json", "data": "calls"},
                              {"path": "{{locale}}/line/{{number}}/{{code}}.txt", "each": "calls", "template": "call.txt"}]},
    },
}
TIMETABLE_TEMPLATES = {
    "stop.html.mustache": "<!DOCTYPE html><title>{{name}}</title><p>{{zone}}{{#served_by}} [{{.}}]{{/served_by}}"
                          "{{#page.fallback}} ({{page.lang}}){{/page.fallback}}\n",
    "line.html.mustache": "<!DOCTYPE html><title>{{kind}} {{number}}</title>{{#calls}}{{>*vehicle}}{{/calls}}\n",
    "suspended.html.mustache": "<!DOCTYPE html><title>{{number}}: -</title>\n",
    "vehicles/tram.html.mustache": "<li class=\"rail\">{{at.name}}",
    "vehicles/bus.html.mustache": "<li class=\"road\">{{at.name}}",
    "call.txt.mustache": "{{number}} {{code}} {{at.name}}\n",
    "robots.txt.mustache": "Sitemap: {{site.base_url}}sitemap.xml\n",
}


@pytest.fixture
def tramway(empty_db, tmp_path):
    empty_db.psql(command=TIMETABLE)
    for name, text in {"sql/stops.sql": STOPS_SQL, "sql/lines.sql": LINES_SQL, "platen.yaml": json.dumps(TIMETABLE_CONFIG),
                       **{"templates/" + name: text for name, text in TIMETABLE_TEMPLATES.items()}}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")

    def run(*args):
        return platen("build", "--source", empty_db.pg.dsn(empty_db.name), "--json", *args, cwd=tmp_path)
    return empty_db, Public(tmp_path / "out" / "public"), run


def test_a_timetable(tramway):
    """Two tables of its own, no migrations of ours, other words for everything."""
    db, public, run = tramway
    done = run()
    assert done.code == 0, done
    assert public.files() == {
        "cs/line/3.html", "cs/line/3.json", "cs/line/3/HBF.txt", "cs/line/3/MKT.txt", "cs/line/3/ZOO.txt",
        "cs/line/61.html", "cs/line/61.json", "cs/line/61/MKT.txt", "cs/line/61/ZOO.txt",
        "cs/stop/HBF.html", "cs/stop/MKT.html", "cs/stop/ZOO.html",
        "de/line/3.html", "de/line/3.json", "de/line/3/HBF.txt", "de/line/3/MKT.txt", "de/line/3/ZOO.txt",
        "de/line/61.html", "de/line/61.json", "de/line/61/MKT.txt", "de/line/61/ZOO.txt",
        "de/stop/HBF.html", "de/stop/MKT.html", "de/stop/ZOO.html",
        "index.html", "robots.txt", "sitemap.xml", "version.json"}
    assert public.read("de/stop/MKT.html") == "<!DOCTYPE html><title>Markt &lt;alt&gt;</title><p>1 [3] [61]\n"
    assert public.read("cs/stop/ZOO.html") == "<!DOCTYPE html><title>Zoo</title><p>2 [3] [61] (de)\n"
    assert public.read("cs/line/61.html") == \
        "<!DOCTYPE html><title>bus 61</title><li class=\"road\">Zoo<li class=\"road\">Náměstí &amp; trh\n"
    assert public.read("cs/line/61/MKT.txt") == "61 MKT Náměstí & trh\n"
    assert public.read("index.html") == public.read("de/line/3.html")
    assert json.loads(public.read("version.json"))["content"] == content_digest(public.folder)


def test_a_timetable_that_changes(tramway):
    db, public, run = tramway
    assert run().code == 0
    db.rows("UPDATE lines SET suspended = true WHERE number = 61")
    db.rows("UPDATE stops SET zone = 3 WHERE code = 'ZOO'")
    done = run()
    assert done.code == 0
    assert {c["path"]: c["action"] for c in done.json()["changes"]} == {
        **{"%s/line/61.html" % locale: "changed" for locale in ("cs", "de")},
        **{"%s/line/61/%s.txt" % (locale, code): "removed" for locale in ("cs", "de") for code in ("MKT", "ZOO")},
        "cs/stop/ZOO.html": "changed", "de/stop/ZOO.html": "changed", "sitemap.xml": "changed", "version.json": "changed"}
    assert public.read("de/line/61.html") == "<!DOCTYPE html><title>61: -</title>\n"
    db.rows("UPDATE stops SET names = '{\"de\": \"\"}' WHERE code = 'HBF'")
    done = run()
    assert done.code == 3
    assert {(p["page_set"], p["locale"]) for p in done.json()["problems"]} == {("stops", "de"), ("lines", "de"), ("lines", "cs")}
    assert "Hauptbahnhof" in public.read("de/stop/HBF.html")
    assert "Hlavní nádraží" in public.read("cs/line/3.html")


def code_without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)


def test_the_program_knows_nothing_of_homepages():
    """What is printed is decided by configuration, queries and templates alone."""
    sources = [*ROOT.glob("src/*.[ch]"), *ROOT.glob("src/*/*.[ch]")]
    assert len(sources) > 100
    word = re.compile(r"home_?page|\bhero|carousel|testimonial|rich_text|section_(?:key|type)|published_version", re.I)
    tables = ("tables.c", "tables_entry.c")
    found = []
    for file in sources:
        if file.name in tables:
            continue  # examples in prose
        for match in word.finditer(code_without_comments(file.read_text(encoding="utf-8"))):
            found.append((file.name, match.group()))
    assert found == []
    for name in tables:
        text = code_without_comments((ROOT / "src" / "config" / name).read_text(encoding="utf-8"))
        assert not re.search(r"home_?page|hero", text, re.I)
