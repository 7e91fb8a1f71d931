"""The page-set queries of the default site, read as the press reads them."""

import json

import pytest

from cmsdata import add_product, add_published, add_schedule, add_section, add_version, publish
from cmsdb import PAGES, SAMPLE, run

AS_JSON = "SELECT jsonb_agg(to_jsonb(t)) FROM public.get_homepage_content(%s) t"
RESERVED = {"page", "site", "asset"}


def read_page_set(db, name):
    """The rows of a page set as dictionaries, read in the press's transaction with the press's
    role."""
    connection = db.connect(role="platen_reader", autocommit=False)
    connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
    with connection.cursor() as cursor:
        cursor.execute((PAGES / (name + ".sql")).read_text(encoding="utf-8"))
        columns = [column.name for column in cursor.description]
        rows = [dict(zip(columns, row)) for row in cursor.fetchall()]
    connection.close()
    assert len(columns) == len(set(columns)) and not RESERVED & set(columns)
    return rows


@pytest.mark.parametrize("name", ["homepage", "products"])
def test_rows_of_one_key_come_together(db, name):
    db.psql(file=SAMPLE)
    rows = read_page_set(db, name)
    order = [(row["key"], row["locale"]) for row in rows]
    assert len(set(order)) == len(order) > 0
    assert [key for n, (key, _) in enumerate(order) if n == 0 or order[n - 1][0] != key] == list(
        dict.fromkeys(key for key, _ in order)
    )
    for n in range(1, len(order)):
        assert order[n][0] != order[n - 1][0] or order[n][1] > order[n - 1][1]


# -- homepage ----------------------------------------------------------------------------------


def test_sections_are_what_the_function_gives(db):
    db.psql(file=SAMPLE)
    rows = read_page_set(db, "homepage")
    assert [row["locale"] for row in rows] == ["ar", "de", "en", "fr"]
    for row in rows:
        assert row["sections"] == db.value(AS_JSON, (row["locale"],))
        assert (row["key"], row["state"]) == ("homepage", "live")
        hero = [s for s in row["sections"] if s["section_type"] == "hero"][0]
        assert (
            row["title"] == hero["content"]["title"]
            and row["description"] == hero["content"]["subtitle"]
        )


def test_kill_switch_is_maintenance(db):
    for locale in ("de", "en"):
        add_published(db, locale=locale)
        add_published(db, "second", locale=locale)
    db.rows(
        "UPDATE homepage_sections SET is_active = false WHERE locale = 'de' AND section_key ="
        " 'hero'"
    )
    assert [
        (row["locale"], row["state"], len(row["sections"])) for row in read_page_set(db, "homepage")
    ] == [("de", "live", 1), ("en", "live", 2)]
    db.rows("UPDATE homepage_sections SET is_active = false WHERE locale = 'de'")
    assert [
        (row["locale"], row["state"], row["sections"]) for row in read_page_set(db, "homepage")
    ][0] == ("de", "maintenance", [])
    db.rows("UPDATE homepage_sections SET is_active = true WHERE locale = 'de'")
    assert [row["state"] for row in read_page_set(db, "homepage")] == ["live", "live"]


def test_a_locale_without_published_sections_has_no_row(db):
    add_published(db)
    add_section(db, locale="de")
    archived, _ = add_published(db, locale="fr")
    db.rows(
        "UPDATE homepage_sections SET status = 'archived', is_active = false WHERE id = %s",
        (archived,),
    )
    assert [row["locale"] for row in read_page_set(db, "homepage")] == ["en"]
    db.rows("DELETE FROM homepage_sections")
    assert read_page_set(db, "homepage") == []


def test_a_section_without_content_is_in_the_row(db):
    """The press has to see it to hold it."""
    section, version = add_published(db)
    db.rows("DELETE FROM section_versions WHERE id = %s", (version,))
    (row,) = read_page_set(db, "homepage")
    assert [s["content"] for s in row["sections"]] == [{}] and row["title"] is None


def test_title_comes_from_the_first_hero_that_has_one(db):
    add_published(db, "banner", "not this", kind="banner", order=0)
    untitled, version = add_published(db, "untitled", order=1)
    db.rows('UPDATE section_versions SET content = \'{"subtitle": "x"}\' WHERE id = %s', (version,))
    add_published(db, "second", "this", order=2)
    add_published(db, "third", "nor this", order=3)
    (row,) = read_page_set(db, "homepage")
    assert (row["title"], row["description"]) == ("this", None)


def test_next_change(db):
    section, _ = add_published(db)
    add_published(db, locale="de")
    add_schedule(db, section, add_version(db, section), publish_in="2 days")
    due = db.value("SELECT publish_at FROM section_schedules")
    assert {row["locale"]: row["next_change_at"] for row in read_page_set(db, "homepage")} == {
        "de": None,
        "en": due,
    }


def test_updated_at_follows_what_is_shown_and_not_drafts(db):
    section, version = add_published(db)
    product = add_product(db)
    db.rows(
        "INSERT INTO section_products (section_id, product_id) VALUES (%s, %s)", (section, product)
    )

    def updated():
        return read_page_set(db, "homepage")[0]["updated_at"]

    for change in (
        "UPDATE products SET price = 2",
        "UPDATE homepage_sections SET display_order = 2",
        'UPDATE section_versions SET content = \'{"title": "new"}\'',
        "UPDATE homepage_sections SET is_active = false",
    ):
        before = updated()
        db.rows(change)
        assert updated() > before, change
    before = updated()
    draft = add_version(db, section, "draft")
    db.rows("UPDATE homepage_sections SET draft_version_id = %s", (draft,))
    db.rows("UPDATE products SET inventory_count = 3")
    assert updated() == before
    publish(db, section, draft)
    assert updated() > before


@pytest.mark.parametrize("name", ["homepage", "products"])
def test_one_snapshot_gives_the_same_rows_again(db, name):
    """No now(), no order left to chance."""
    db.psql(file=SAMPLE)
    assert read_page_set(db, name) == read_page_set(db, name)
    text = "\n".join(
        line
        for line in (PAGES / (name + ".sql")).read_text().splitlines()
        if not line.startswith("--")
    )
    assert "now()" not in text and "current_" not in text.lower() and ";" not in text


# -- products ----------------------------------------------------------------------------------


def test_product_rows(db):
    for locale in ("en", "de", "de-AT"):
        add_published(db, locale=locale)
    add_section(db, locale="fr")
    category = db.value(
        (
            "INSERT INTO categories (name, slug, translations) VALUES ('Lamps', 'lamps', %s)"
            " RETURNING id"
        ),
        (json.dumps({"de": {"name": "Lampen"}}),),
    )
    product = add_product(
        db,
        "Lamp",
        description="Base",
        price="12.50",
        slug="lamp",
        category_id=category,
        inventory_count=7,
        translations=json.dumps({"de": {"name": "Lampe", "description": ""}}),
    )
    bare = add_product(db, "Bare")
    add_product(db, "Gone", is_active=False)
    rows = read_page_set(db, "products")
    assert len(rows) == 6 and {row["key"] for row in rows} == {str(product), str(bare)}
    assert not any("inventory_count" in row for row in rows)
    lamp = {row["locale"]: row for row in rows if row["key"] == str(product)}
    assert {locale: (row["name"], row["description"]) for locale, row in lamp.items()} == {
        "en": ("Lamp", "Base"),
        "de": ("Lampe", "Base"),
        "de-AT": ("Lampe", "Base"),
    }
    assert lamp["de"]["category"] == {"id": str(category), "slug": "lamps", "name": "Lampen"}
    assert lamp["en"]["category"]["name"] == "Lamps"
    assert (lamp["en"]["slug"], str(lamp["en"]["price"])) == ("lamp", "12.50")
    row = [row for row in rows if row["key"] == str(bare)][0]
    assert (row["slug"], row["category"], row["price"]) == (str(bare), None, None)


def test_products_of_a_shop_without_homepage(db):
    add_product(db)
    assert read_page_set(db, "products") == []


def test_links_of_the_homepage_lead_to_product_pages(db):
    """The slug in a section is the slug of the page, also where it is the id."""
    section, _ = add_published(db)
    for product in (add_product(db, "a", slug="a"), add_product(db, "b")):
        db.rows(
            "INSERT INTO section_products (section_id, product_id) VALUES (%s, %s)",
            (section, product),
        )
    (home,) = read_page_set(db, "homepage")
    assert {p["slug"] for p in home["sections"][0]["products"]} == {
        p["slug"] for p in read_page_set(db, "products")
    }


def test_prices_that_cannot_be_paid_are_refused(db):
    for price in ("-0.01", "NaN", "Infinity"):
        with pytest.raises(Exception, match="products_price_check"):
            add_product(db, price=price)
    add_product(db, price="0.00")


def test_rows_stream(db):
    """2,000 products by 20 locales: the first row leaves before the last is made, so nothing is
    sorted or kept as a whole, here or in the server."""
    for number in range(20):
        add_published(db, locale="l%02d" % number)
    db.rows(
        "INSERT INTO products (name, slug) SELECT 'p' || i, 'p' || i FROM generate_series(1,"
        " 2000) i"
    )
    db.rows("ANALYZE")
    connection = db.connect(role="platen_reader")
    plan = run(connection, "EXPLAIN (FORMAT JSON) " + (PAGES / "products.sql").read_text())[0][0][
        0
    ]["Plan"]
    assert (
        plan["Node Type"] == "Incremental Sort" and plan["Startup Cost"] < plan["Total Cost"] / 10
    )
