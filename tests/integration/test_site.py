"""The site that ships with platen, as a visitor, a search engine and an API client find it."""

import collections
import hashlib
import json
import re
import urllib.parse
import xml.etree.ElementTree

import pytest
from cmsdb import ROOT, SAMPLE
from defaultsite import BASE, LOCALES, Public, build
from pressroom import content_digest
from program import platen


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = build(folder)
    assert done.code == 0, done
    return Public(folder / "out" / "public")


# --- pages --------------------------------------------------------------------------------------------------------------


def test_every_page_is_well_formed(public):
    for path in [*public.pages(), "404.html"]:
        document = public.document(path)
        assert document.faults == [], path
        assert public.read(path).startswith("<!DOCTYPE html>\n"), path
        ids = collections.Counter(a["id"] for _, a in document.elements if "id" in a)
        assert max(ids.values()) == 1, (path, ids)
        assert len(document.all("h1")) == 1, path
        assert len(document.all("main")) == 1, path
        assert document.title.strip(), path
        for image in document.all("img"):
            assert {"alt", "width", "height"} <= set(image), (path, image)
        assert not document.all("script"), path  # everything works without
        assert "{{" not in public.read(path), path


def test_lang_and_dir(public):
    for path in public.pages():
        locale = path.split("/")[0] if "/" in path else "en"
        page = public.document(path).one("html")
        assert (page["lang"], page["dir"]) == (locale, "rtl" if locale == "ar" else "ltr"), path


def test_canonical_and_alternates(public):
    """A page is its own original; its translations are pages that are there, and name it back."""
    for path in public.pages():
        document = public.document(path)
        canonical = document.one("link", rel="canonical")["href"]
        home = "en/index.html" if path == "index.html" else path
        assert public.path_of(canonical) == home
        alternates = document.alternates
        assert alternates[home.split("/")[0]] == canonical
        assert alternates["x-default"] == alternates["en"]
        for language, url in alternates.items():
            there = public.document(public.path_of(url))
            assert there.alternates == alternates, (path, language)
        menu = [a["href"] for a in document.all("a") if "hreflang" in a]
        assert [urllib.parse.urljoin(BASE, a) for a in menu] == [alternates[lang] for lang in LOCALES]


def test_every_link_leads_somewhere(public):
    """And nothing is fetched from anywhere else."""
    files = public.files()
    fragments = {p for p in files if "/sections/" in p and p.endswith(".html")}
    assert len(fragments) > 20
    for path in [*public.pages(), "404.html", *sorted(fragments)]:
        here = BASE + re.sub(r"(^|/)index\.html$", r"\1", path)
        for name, a in public.document(path).elements:
            for attribute in ("href", "src", "poster", "action"):
                url = a.get(attribute)
                if url is None or url.startswith("mailto:"):
                    continue
                there = public.path_of(urllib.parse.urljoin(here, url))
                assert there in files, (path, name, url)
                anchor = urllib.parse.urlsplit(url).fragment
                if anchor and there.endswith(".html"):
                    assert any(b.get("id") == anchor for _, b in public.document(there).elements), (path, url)
        assert not re.search(r"(?:src|srcset|@import|url\()[\"'=\s]*(?:https?:)?//", public.read(path)), path


def test_assets_are_named_after_their_content(public):
    [style] = [p for p in public.files() if p.startswith("assets/site.") and p.endswith(".css")]
    data = (public.folder / style).read_bytes()
    assert style == "assets/site.%s.css" % hashlib.sha256(data).hexdigest()[:8]
    for path in public.pages():
        assert public.document(path).one("link", rel="stylesheet")["href"] == "/" + style
    for url in re.findall(rb"url\(([^)]*)\)", data):
        assert url.startswith((b"data:", b"'data:", b'"data:')), url


def test_static_files_come_as_they_are(public):
    for file in (ROOT / "static").rglob("*"):
        if file.is_file():
            assert (public.folder / file.relative_to(ROOT / "static")).read_bytes() == file.read_bytes()


def test_fragments_are_what_stands_in_the_page(public):
    """Edge includes put together give the page."""
    for locale in LOCALES:
        page = public.read(locale + "/index.html")
        at = 0
        for section in json.loads(public.read(locale + "/homepage.json")):
            name = "%s/sections/%s" % (locale, section["section_key"])
            assert json.loads(public.read(name + ".json")) == section
            fragment = public.read(name + ".html").strip()
            assert fragment.startswith("<section") and fragment.endswith("</section>")
            at = page.index(fragment, at) + len(fragment)  # in the order of the page


def test_product_pages(public):
    products = [p for p in public.pages() if "/products/" in p]
    assert len(products) == 4 * 13
    document = public.document("fr/products/halo-desk-lamp/index.html")
    assert "Lumen & Loom" in document.title
    assert document.one("meta", property="og:type")["content"] == "product"
    listed = {p for p in products if p.startswith("en/")}
    linked = {public.path_of(a["href"]) for a in public.document("en/index.html").all("a") if "/products/" in a.get("href", "")}
    assert linked and linked <= listed


# --- what a site has once -----------------------------------------------------------------------------------------------


def test_the_root_page_repeats_that_of_the_default_locale(public):
    assert (public.folder / "index.html").read_bytes() == (public.folder / "en/index.html").read_bytes()


def test_the_page_that_is_not_there(public):
    document = public.document("404.html")
    assert document.one("html")["lang"] == "en"
    assert [a["content"] for a in document.all("meta") if a.get("name") == "robots"] == ["noindex"]
    assert [a["href"] for a in document.all("a") if "hreflang" in a] == ["/%s/" % locale for locale in LOCALES]
    for name, a in document.elements:
        for attribute in ("href", "src"):
            assert a.get(attribute, "/").startswith(("/", BASE, "#")), a  # served at any depth


def test_the_sitemap(public):
    sm, xhtml = "{http://www.sitemaps.org/schemas/sitemap/0.9}", "{http://www.w3.org/1999/xhtml}"
    root = xml.etree.ElementTree.fromstring(public.read("sitemap.xml"))
    assert root.tag == sm + "urlset"
    urls = root.findall(sm + "url")
    assert len(root) == len(urls)
    seen = {}
    for url in urls:
        tags = [child.tag for child in url]
        assert tags[:2] == [sm + "loc", sm + "lastmod"] and set(tags[2:]) == {xhtml + "link"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", url.find(sm + "lastmod").text)
        seen[url.find(sm + "loc").text] = {a.get("hreflang"): a.get("href") for a in url.findall(xhtml + "link")}
    pages = {public.path_of(url) for url in seen}
    assert pages == {p for p in public.pages() if p != "index.html"}
    for url, alternates in seen.items():
        of_page = public.document(public.path_of(url)).alternates
        assert alternates == {lang: there for lang, there in of_page.items() if lang != "x-default"}
        assert all(seen[there] == alternates for there in alternates.values())


def test_robots(public):
    lines = public.read("robots.txt").splitlines()
    assert "User-agent: *" in lines
    assert "Sitemap: " + BASE + "sitemap.xml" in lines
    assert not any(line.startswith("Disallow: /") and line.split()[1] in ("/", "/*") for line in lines)


def test_version_json(public):
    version = json.loads(public.read("version.json"))
    assert set(version) == {"content", "platen"}
    assert version["content"] == content_digest(public.folder)
    assert platen("--version").out.split()[1] == version["platen"]


# --- other settings -----------------------------------------------------------------------------------------------------


def test_a_site_in_a_subfolder(tmp_path):
    base = "https://shop.example/lamps/"
    assert build(tmp_path, site={"base_url": base}).code == 0
    public = Public(tmp_path / "out" / "public")
    files = public.files()
    for path in public.pages():
        document = public.document(path)
        assert document.one("link", rel="canonical")["href"].startswith(base)
        for name, a in document.elements:
            url = a.get("href") if name in ("a", "link") else None
            if url is None or url.startswith(("#", "/media/")):
                continue  # images are content, and their addresses its own
            if name == "a" and "hreflang" not in a and not url.startswith("/lamps/"):
                continue  # so are links of editors
            assert public.path_of(url, base) in files, (path, url)
    assert base + "sitemap.xml" in public.read("robots.txt")
    assert base + "ar/" in public.read("sitemap.xml")


def test_borrowed_pages_and_names_of_the_list(tmp_path):
    """fr-CA has nothing of its own: it shows French pages, and search engines are told so."""
    locales = [{"code": "en"}, {"code": "fr"}, {"code": "fr-CA", "fallback": ["fr", "en"]}, {"code": "ar", "name": "عربي"}]
    assert build(tmp_path, locales=locales).code == 0
    public = Public(tmp_path / "out" / "public")
    borrowed = public.document("fr-CA/index.html")
    assert borrowed.one("html")["lang"] == "fr"
    assert borrowed.one("link", rel="canonical")["href"] == BASE + "fr/"
    assert borrowed.alternates == {"ar": BASE + "ar/", "en": BASE + "en/", "fr": BASE + "fr/", "x-default": BASE + "en/"}
    assert borrowed.alternates == public.document("fr/index.html").alternates
    assert [a["href"] for a in public.document("fr/index.html").all("a") if "hreflang" in a] == \
        ["/ar/", "/en/", "/fr/", "/fr-CA/"]
    assert "عربي" in public.read("en/index.html")
    assert "fr-CA" not in public.read("sitemap.xml")
    assert public.read("fr-CA/homepage.json") == public.read("fr/homepage.json")
    assert not (public.folder / "de").exists()


def test_another_default_locale(tmp_path):
    assert build(tmp_path, default_locale="ar").code == 0
    public = Public(tmp_path / "out" / "public")
    assert public.read("index.html") == public.read("ar/index.html")
    assert public.document("404.html").one("html") == {"lang": "ar", "dir": "rtl"}
    assert public.document("de/index.html").alternates["x-default"] == BASE + "ar/"


def test_the_chooser(tmp_path):
    assert build(tmp_path, root_page="").code == 0
    public = Public(tmp_path / "out" / "public")
    document = public.document("index.html")
    assert document.faults == []
    assert [(a["href"], a["lang"], a["dir"]) for a in document.all("a") if "hreflang" in a] == \
        [("/%s/" % locale, locale, "rtl" if locale == "ar" else "ltr") for locale in LOCALES]
    assert document.alternates["x-default"] == BASE


def test_one_locale_of_an_unchanged_site(tmp_path):
    assert build(tmp_path).code == 0
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "out" / "public").rglob("*") if p.is_file()}
    done = build(tmp_path, "--locale", "fr", "--json")
    assert (done.code, done.json()["changes"]) == (0, []), done
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "out" / "public").rglob("*") if p.is_file()}


# --- against the database -----------------------------------------------------------------------------------------------


def test_homepage_json_is_what_the_function_returns(db, tmp_path):
    """In display order, ties by section_key: API clients can move to the file."""
    db.psql(file=SAMPLE)
    db.rows("UPDATE homepage_sections SET display_order = 1 WHERE locale = 'en'")
    done = build(tmp_path, source=db.pg.dsn(db.name))
    assert done.code == 0, done
    public = Public(tmp_path / "out" / "public")
    for locale in LOCALES:
        expected = db.value("SELECT json_agg(to_json(h)) FROM get_homepage_content(%s) h", (locale,))
        assert json.loads(public.read(locale + "/homepage.json")) == expected, locale
    keys = [s["section_key"] for s in json.loads(public.read("en/homepage.json"))]
    assert keys == sorted(keys) and len(keys) == 8


def test_products_are_the_active_ones(db, tmp_path):
    db.psql(file=SAMPLE)
    assert build(tmp_path, source=db.pg.dsn(db.name)).code == 0
    public = Public(tmp_path / "out" / "public")
    expected = {row[0] for row in db.rows("SELECT coalesce(slug, id::text) FROM products WHERE is_active")}
    assert {p.split("/")[2] for p in public.pages() if p.startswith("de/products/")} == expected
    [(slug, price)] = db.rows("SELECT slug, price::text FROM products WHERE is_active ORDER BY slug LIMIT 1")
    assert price in public.read("en/products/%s/index.html" % slug)


def test_without_a_database_the_same(db, tmp_path):
    """export, then build --source FILE, somewhere else: equal to the last byte."""
    db.psql(file=SAMPLE)
    assert build(tmp_path / "one", source=db.pg.dsn(db.name)).code == 0
    done = platen("export", "--config", tmp_path / "one" / "platen.yaml", "--source", db.pg.dsn(db.name), tmp_path / "file",
                  cwd=ROOT)
    assert done.code == 0, done
    assert build(tmp_path / "two", source=tmp_path / "file").code == 0
    one, two = (Public(tmp_path / name / "out" / "public") for name in ("one", "two"))
    assert one.files() == two.files()
    for path in one.folder.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (two.folder / path.relative_to(one.folder)).read_bytes()
