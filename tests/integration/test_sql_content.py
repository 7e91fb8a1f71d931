"""get_homepage_content, its second name, and the materialized view."""

import json

import psycopg2
import pytest

from cmsdata import add_product, add_published, add_section, add_version, live, publish
from cmsdb import SEED_SQL, run

KEYS = [
    "section_id",
    "section_type",
    "section_key",
    "display_order",
    "content",
    "metadata",
    "products",
    "categories",
]
PRODUCT_KEYS = {
    "id",
    "name",
    "description",
    "price",
    "image_url",
    "inventory_count",
    "is_featured",
    "display_order",
    "metadata",
}
CATEGORY_KEYS = {"id", "name", "description", "display_order", "metadata"}

AS_JSON = "SELECT jsonb_agg(to_jsonb(t)) FROM public.%s(%%s) t"


def link_product(db, section, product, order=0):
    db.rows(
        (
            "INSERT INTO section_products (section_id, product_id, display_order, metadata)"
            ' VALUES (%s, %s, %s, \'{"badge": "new"}\')'
        ),
        (section, product, order),
    )


def add_category(db, section, name="Lamps", order=0):
    category = db.value("INSERT INTO categories (name) VALUES (%s) RETURNING id", (name,))
    db.rows(
        (
            "INSERT INTO section_categories (section_id, category_id, display_order) VALUES (%s,"
            " %s, %s)"
        ),
        (section, category, order),
    )
    return category


def refresh(db):
    return db.value("SELECT manual_refresh_homepage_mv()", role="platen_editor")


@pytest.fixture
def shop(db):
    """One section with two products and a category, one without, in another locale a third."""
    section, _ = add_published(db, "carousel", kind="product_carousel", order=2)
    link_product(db, section, add_product(db, "Second", price=2), 20)
    link_product(db, section, add_product(db, "First", price="1.50", is_featured=True), 10)
    add_category(db, section)
    add_published(db, "hero", order=1)
    add_published(db, "hero", locale="de")
    return db


def test_columns_and_keys(shop):
    connection = shop.connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM get_homepage_content('en')")
        assert [column.name for column in cursor.description] == KEYS
        rows = cursor.fetchall()
    assert [row[2] for row in rows] == ["hero", "carousel"]
    products, categories = rows[1][6], rows[1][7]
    assert [p["name"] for p in products] == ["First", "Second"]
    assert PRODUCT_KEYS <= set(products[0]) and CATEGORY_KEYS <= set(categories[0])
    assert rows[0][6] == [] and rows[0][7] == []


def test_equal_to_the_printed_function_where_that_is_right(shop):
    """Whoever calls the function today finds every field, with the same value, in ours."""
    ours = shop.value(AS_JSON % "get_homepage_content", ("en",))
    shop.psql(file=SEED_SQL / "get_homepage_content_optimized.sql")
    printed = shop.value(AS_JSON % "get_homepage_content_optimized", ("en",))
    assert len(printed) == len(ours) == 2

    def includes(whole, part):
        if isinstance(part, dict):
            return isinstance(whole, dict) and all(
                k in whole and includes(whole[k], v) for k, v in part.items()
            )
        if isinstance(part, list):
            return len(whole) == len(part) and all(map(includes, whole, part))
        return whole == part

    assert includes(ours, printed)


def test_second_name_gives_the_same(shop):
    for locale in ("en", "de", "xx", None):
        assert shop.value(AS_JSON % "get_homepage_content", (locale,)) == shop.value(
            AS_JSON % "get_homepage_content_optimized", (locale,)
        )


def test_only_published_and_active(db):
    add_published(db, "shown")
    add_section(db, "draft")
    off, _ = add_published(db, "off")
    db.rows("UPDATE homepage_sections SET is_active = false WHERE id = %s", (off,))
    gone, _ = add_published(db, "gone")
    db.rows("UPDATE homepage_sections SET status = 'archived' WHERE id = %s", (gone,))
    assert list(live(db)) == ["shown"]
    assert live(db, "xx") == {}


def test_published_without_version_is_empty_content(db):
    """A deleted version leaves {}: seen, not hidden, so that the press can hold the page."""
    section, version = add_published(db)
    db.rows("DELETE FROM section_versions WHERE id = %s", (version,))
    assert db.rows("SELECT section_key, content FROM get_homepage_content('en')") == [("hero", {})]


def test_products_that_are_not_sold_disappear(shop):
    shop.rows("UPDATE products SET is_active = false WHERE name = 'First'")
    products = shop.value(
        "SELECT products FROM get_homepage_content('en') WHERE section_key = 'carousel'"
    )
    assert [p["name"] for p in products] == ["Second"]


def test_translations_fall_back(db):
    words = {
        "de": {"name": "Lampe", "description": "Warm"},
        "de-AT": {"name": "Lamperl"},
        "fr": {"name": ""},
        "ar": "not an object",
    }
    product = add_product(db, "Lamp", description="Base", translations=json.dumps(words))
    seen = {}
    for locale in ("de", "de-AT", "de-CH", "fr", "ar", "en", "x-y"):
        section, _ = add_published(db, "carousel", locale=locale)
        link_product(db, section, product)
        (shown,) = db.value("SELECT products FROM get_homepage_content(%s)", (locale,))
        seen[locale] = (shown["name"], shown["description"])
    assert seen == {
        "de": ("Lampe", "Warm"),
        "de-AT": ("Lamperl", "Warm"),
        "de-CH": ("Lampe", "Warm"),
        "fr": ("Lamp", "Base"),
        "ar": ("Lamp", "Base"),
        "en": ("Lamp", "Base"),
        "x-y": ("Lamp", "Base"),
    }


# -- order of ties -----------------------------------------------------------------------------


def make_ties(db):
    """Equal display_order everywhere, rows written in an order that no key has. Returns the
    products in the order in which they must come."""
    for key in ("b-tie", "C-tie", "a-tie"):
        add_published(db, key)
    section = db.value("SELECT id FROM homepage_sections WHERE section_key = 'a-tie'")
    ids = sorted(add_product(db, "p%d" % n) for n in range(5))
    for product in reversed(ids):
        link_product(db, section, product)
    return [str(i) for i in ids]


ORDER = "SELECT array_agg(section_key) FROM public.%s('en')"
PRODUCTS = "SELECT products FROM public.%s('en') WHERE section_key = 'a-tie'"


def test_ties_have_an_order(db):
    ids = make_ties(db)
    assert db.value(ORDER % "get_homepage_content") == ["C-tie", "a-tie", "b-tie"]  # bytewise
    assert [p["id"] for p in db.value(PRODUCTS % "get_homepage_content")] == ids


def test_ties_have_none_as_printed(db):
    ids = make_ties(db)
    db.psql(file=SEED_SQL / "get_homepage_content_optimized.sql")
    name = "get_homepage_content_optimized"
    assert (db.value(ORDER % name), [p["id"] for p in db.value(PRODUCTS % name)]) != (
        ["C-tie", "a-tie", "b-tie"],
        ids,
    )


# -- the materialized view: B-05 to B-09 -------------------------------------------------------


def print_view(db, *triggers):
    """The view as printed, and its refreshing triggers."""
    db.psql(
        command=(
            "DROP MATERIALIZED VIEW mv_published_homepage CASCADE; DROP FUNCTION"
            " get_homepage_from_mv(text)"
        )
    )
    for name in ("homepage_mv", "homepage_mv_refresh_function", *triggers):
        db.psql(file=SEED_SQL / (name + ".sql"))


SECTION_TRIGGER, VERSION_TRIGGER = "homepage_mv_section_trigger", "homepage_mv_version_trigger"


def test_view_equals_the_function(shop):
    refresh(shop)
    for locale in ("en", "de"):
        assert shop.value("SELECT get_homepage_from_mv(%s)", (locale,)) == shop.value(
            AS_JSON % "get_homepage_content", (locale,)
        )


def test_printed_view_lacks_fields(shop):
    """B-09."""
    print_view(shop)
    shop.psql(command="REFRESH MATERIALIZED VIEW mv_published_homepage")
    section = [
        s for s in shop.value("SELECT get_homepage_from_mv('en')") if s["section_key"] == "carousel"
    ][0]
    assert PRODUCT_KEYS - set(section["products"][0]) == {"is_featured", "metadata"}
    assert CATEGORY_KEYS - set(section["categories"][0]) == {"metadata"}


def test_nothing_live_is_not_unknown(shop):
    """B-09: the printed view answers null to both."""
    switch_off = "UPDATE homepage_sections SET is_active = false WHERE locale = 'de'"
    both = "SELECT get_homepage_from_mv('de'), get_homepage_from_mv('xx')"
    shop.rows(switch_off)
    refresh(shop)
    assert shop.rows(both) == [([], None)]
    print_view(shop)
    assert shop.rows(both) == [(None, None)]


def test_last_updated_follows_what_is_shown(shop):
    """B-09: the printed one only knows the sections."""
    newest = "SELECT last_updated FROM mv_published_homepage WHERE locale = 'en'"
    for statement in (
        "UPDATE products SET price = 99 WHERE name = 'First'",
        "UPDATE categories SET name = 'Lights'",
        'UPDATE section_versions SET content = \'{"title": "edited in place"}\'',
    ):
        refresh(shop)
        before = shop.value(newest)
        shop.rows(statement)
        refresh(shop)
        assert shop.value(newest) > before, statement
    print_view(shop)
    before = shop.value(newest)
    shop.rows("UPDATE products SET price = 98 WHERE name = 'First'")
    shop.psql(command="REFRESH MATERIALIZED VIEW mv_published_homepage")
    assert shop.value(newest) == before


def test_first_publish_fails_as_printed(db):
    """B-05."""
    section = add_section(db)
    version = add_version(db, section)
    print_view(db, SECTION_TRIGGER)
    with pytest.raises(
        psycopg2.errors.UndefinedColumn, match='record "new" has no field "section_id"'
    ):
        publish(db, section, version)


def test_an_editor_publishes_and_refreshes(db):
    """B-06: the printed triggers refresh as the publisher, who does not own the view."""
    section, first = add_published(db)
    second = add_version(db, section, "second")
    editor = db.connect(role="platen_editor")
    publish(editor, section, second)
    assert "refreshed in" in run(editor, "SELECT manual_refresh_homepage_mv()")[0][0]
    assert db.value("SELECT get_homepage_from_mv('en') -> 0 -> 'content' ->> 'title'") == "second"

    print_view(db, VERSION_TRIGGER)
    with pytest.raises(
        psycopg2.errors.InsufficientPrivilege, match="must be owner of materialized view"
    ):
        publish(editor, section, first)


def two_publishers(db):
    """A publishes one section and has not committed; B publishes another. Returns when B is
    through."""
    pairs = []
    for key in ("one", "two"):
        section, _ = add_published(db, key)
        pairs.append((section, add_version(db, section, "new " + key)))
    first = db.connect(autocommit=False)
    second = db.connect()
    run(second, "SET lock_timeout = '1s'")
    publish(first, *pairs[0])
    publish(second, *pairs[1])
    first.rollback()


def test_publishers_do_not_wait_for_each_other(db):
    """B-07."""
    two_publishers(db)
    assert live(db)["two"] == "new two"


def test_publishers_wait_as_printed(db):
    print_view(db, VERSION_TRIGGER)
    with pytest.raises(psycopg2.errors.LockNotAvailable):
        two_publishers(db)


def test_view_is_stale_after_a_publish_as_printed(db):
    """B-08: and the refresh that ran said nothing."""
    section, _ = add_published(db, title="first")
    second = add_version(db, section, "second")
    print_view(db, VERSION_TRIGGER)
    publish(db, section, second)
    assert live(db) == {"hero": "second"}
    assert db.value("SELECT get_homepage_from_mv('en') -> 0 -> 'content' ->> 'title'") == "first"


def test_refresh_keeps_out_of_the_publishing_transaction(db):
    """B-07, B-08: nobody can put it back in by habit."""
    section, _ = add_published(db, title="first")
    second = add_version(db, section, "second")
    editor = db.connect(role="platen_editor", autocommit=False)
    publish(editor, section, second)
    with pytest.raises(
        psycopg2.errors.ActiveSqlTransaction, match="in a transaction that has written"
    ):
        run(editor, "SELECT manual_refresh_homepage_mv()")
    editor.rollback()
    publish(editor, section, second)
    editor.commit()
    run(editor, "SELECT manual_refresh_homepage_mv()")
    assert run(editor, "SELECT get_homepage_from_mv('en') -> 0 -> 'content' ->> 'title'") == [
        ("second",)
    ]


@pytest.mark.parametrize(
    "change",
    [
        'UPDATE section_versions SET content = \'{"title": "edited in place"}\'',
        "UPDATE homepage_sections SET status = 'archived' WHERE section_key = 'hero'",
        "UPDATE homepage_sections SET is_active = false",
        "UPDATE homepage_sections SET display_order = 10 - display_order",
        "UPDATE products SET price = 101.50",
        "DELETE FROM section_products",
    ],
)
def test_refresh_sees_every_change(shop, change):
    """B-08: what no printed trigger notices."""
    refresh(shop)
    before = shop.value("SELECT get_homepage_from_mv('en')")
    shop.rows(change)
    assert shop.value("SELECT get_homepage_from_mv('en')") == before
    refresh(shop)
    after = shop.value("SELECT get_homepage_from_mv('en')")
    assert after != before
    assert after == (shop.value(AS_JSON % "get_homepage_content", ("en",)) or [])


def test_readers_read_on_during_a_refresh(shop):
    refresh(shop)
    # holds the lock that a concurrent refresh takes
    holder = shop.connect(autocommit=False)
    run(holder, "REFRESH MATERIALIZED VIEW CONCURRENTLY mv_published_homepage")
    reader = shop.connect(role="anon")
    run(reader, "SET lock_timeout = '1s'")
    assert run(reader, "SELECT jsonb_array_length(get_homepage_from_mv('en'))") == [(2,)]
