"""The sample site: what make demo loads."""

import re

from cmsdata import process
from cmsdb import SAMPLE

TABLES = (
    "users",
    "media_assets",
    "categories",
    "products",
    "homepage_sections",
    "section_versions",
    "section_products",
    "section_categories",
    "section_schedules",
)

# what the sections of the theme are made of
FIELDS = {
    "hero": {"title", "subtitle", "cta_label", "cta_url", "image_url", "image_alt"},
    "product_carousel": {"title", "intro"},
    "category_grid": {"title"},
    "rich_text": {"title", "paragraphs", "list"},
    "banner": {"text", "cta_label", "cta_url", "image_url"},
    "testimonials": {"title", "quotes"},
}


def everything(db):
    return {
        table: db.rows("SELECT to_jsonb(t) FROM %s t ORDER BY to_jsonb(t)::text" % table)
        for table in TABLES
    }


def test_twice_is_harmless_and_undoes_no_edit(db):
    db.psql(file=SAMPLE)
    db.rows('UPDATE section_versions SET content = \'{"title": "edited"}\' WHERE is_published')
    db.rows("DELETE FROM section_schedules WHERE status = 'cancelled'")
    db.rows("UPDATE products SET price = 1")
    before = everything(db)
    db.psql(file=SAMPLE)
    after = everything(db)
    assert len(after.pop("section_schedules")) == len(before.pop("section_schedules")) + 1
    assert after == before


def test_always_the_same(make_db):
    first, second = make_db(), make_db()
    first.psql(file=SAMPLE)
    second.psql(file=SAMPLE)
    assert everything(first) == everything(second)


def test_has_what_a_demonstration_needs(db):
    db.psql(file=SAMPLE)
    assert dict(db.rows("SELECT locale, count(*) FROM published_homepage_sections GROUP BY 1")) == {
        "en": 8,
        "fr": 7,
        "ar": 8,
        "de": 4,
    }
    assert {
        row[0] for row in db.rows("SELECT section_type FROM get_homepage_content('en')")
    } == set(FIELDS)
    assert db.value("SELECT count(*) FROM products WHERE is_active") >= 12
    assert db.value("SELECT count(*) FROM categories") >= 5
    assert set(db.rows("SELECT status FROM section_schedules")) == {
        ("pending",),
        ("active",),
        ("expired",),
        ("cancelled",),
    }
    assert set(db.rows("SELECT status, is_active FROM homepage_sections")) == {
        ("published", True),
        ("published", False),
        ("archived", True),
        ("draft", True),
    }
    assert (
        db.value(
            "SELECT count(*) FROM homepage_sections h JOIN section_versions d ON d.id ="
            " h.draft_version_id JOIN section_versions p ON p.id = h.published_version_id WHERE"
            " d.version_number > p.version_number"
        )
        == 1
    )
    assert db.value("SELECT count(*) FROM products WHERE is_active AND NOT translations ? 'de'") > 0


def test_is_in_order(db):
    """Flags, pointers and times agree; nothing is due, so the demonstration does not change by
    itself."""
    db.psql(file=SAMPLE)
    assert (
        db.rows(
            "SELECT id FROM section_versions v WHERE is_published IS DISTINCT FROM EXISTS"
            " (SELECT FROM homepage_sections h WHERE h.published_version_id = v.id)"
        )
        == []
    )
    assert (
        db.rows("SELECT id FROM section_versions WHERE is_published AND published_at IS NULL") == []
    )
    assert process(db) == []


def test_content_has_the_fields_of_its_type(db):
    db.psql(file=SAMPLE)
    for kind, content in db.rows(
        "SELECT h.section_type, v.content FROM section_versions v"
        " JOIN homepage_sections h ON h.id = v.section_id"
    ):
        assert set(content) <= FIELDS[kind] and content, (kind, content)
        for value in content.values():
            assert "<" not in str(value)
        if kind == "testimonials":
            assert all(set(quote) == {"text", "source"} for quote in content["quotes"])


def test_links_and_pictures_lead_somewhere(db):
    db.psql(file=SAMPLE)
    slugs = {row[0] for row in db.rows("SELECT slug FROM products WHERE is_active")}
    files = {"/media/" + row[0] for row in db.rows("SELECT file_path FROM media_assets")}
    text = SAMPLE.read_text(encoding="utf-8")
    urls = re.findall(r'"cta_url": "([^"]*)"', text)
    assert len(urls) > 10
    for url in urls:
        assert re.fullmatch(r"/(en|fr|ar|de)/(products/(%s)/)?" % "|".join(slugs), url), url
    used = set(re.findall(r"/media/[\w.-]+", text))
    assert used == files


def test_arabic_is_arabic(db):
    db.psql(file=SAMPLE)
    for (title,) in db.rows(
        "SELECT v.content ->> 'title' FROM section_versions v JOIN homepage_sections h"
        " ON h.id = v.section_id WHERE h.locale = 'ar' AND v.content ? 'title'"
    ):
        assert any("\u0600" <= letter <= "\u06ff" for letter in title), title
