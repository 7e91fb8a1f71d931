"""Publishing, reverting, numbers of versions, updated_at, and the editors' lists."""

import io
import threading
import uuid

import psycopg2
import pytest

from cmsdata import (
    add_product,
    add_published,
    add_schedule,
    add_section,
    add_version,
    live,
    publish,
)
from cmsdb import SEED_SQL, run

UNKNOWN = uuid.UUID("99999999-9999-4999-8999-999999999999")


def flagged(db, section):
    return db.rows(
        "SELECT id FROM section_versions WHERE section_id = %s AND is_published", (section,)
    )


# -- publish -----------------------------------------------------------------------------------


def test_publish_and_what_was_live_before(db):
    section = add_section(db)
    first, second = add_version(db, section, "one"), add_version(db, section, "two")
    assert publish(db, section, first) is None
    assert publish(db, section, second) == first
    assert live(db) == {"hero": "two"} and flagged(db, section) == [(second,)]
    assert publish(db, section, first) == second
    assert live(db) == {"hero": "one"} and flagged(db, section) == [(first,)]


def test_publish_an_archived_section(db):
    """Nothing was live before, though the section still points to its last version."""
    section, version = add_published(db)
    db.rows("UPDATE homepage_sections SET status = 'archived' WHERE id = %s", (section,))
    assert publish(db, section, version) is None
    assert live(db) == {"hero": "text"}


def test_publish_leaves_the_kill_switch_alone(db):
    section, _ = add_published(db)
    db.rows("UPDATE homepage_sections SET is_active = false")
    publish(db, section, add_version(db, section, "two"))
    assert live(db) == {} and db.value("SELECT is_active FROM homepage_sections") is False


def test_a_published_draft_is_no_draft(db):
    section = add_section(db)
    draft = add_version(db, section)
    db.rows("UPDATE homepage_sections SET draft_version_id = %s", (draft,))
    publish(db, section, draft)
    assert db.value("SELECT draft_version_id FROM homepage_sections") is None


def test_publishing_what_is_live_changes_nothing(db):
    section, version = add_published(db)
    before = db.rows(
        "SELECT xmin::text, updated_at FROM homepage_sections"
        " UNION ALL SELECT xmin::text, published_at FROM section_versions"
    )
    assert publish(db, section, version) == version
    assert (
        db.rows(
            "SELECT xmin::text, updated_at FROM homepage_sections"
            " UNION ALL SELECT xmin::text, published_at FROM section_versions"
        )
        == before
    )


@pytest.mark.parametrize("function", ["publish_section_version", "revert_section_to_version"])
def test_wrong_section_or_version_is_refused(db, function):
    section, version = add_published(db, "one", "text of one")
    other, _ = add_published(db, "two", "text of two")
    call = "SELECT public.%s(%%s, %%s)" % function
    for arguments, message in (
        ((other, version), "does not belong to section"),
        ((section, UNKNOWN), "does not belong to section"),
        ((UNKNOWN, version), "does not exist"),
        ((section, None), "does not belong"),
        ((None, version), "does not exist"),
    ):
        with pytest.raises(psycopg2.errors.NoDataFound, match=message):
            db.rows(call, arguments)
    assert live(db) == {"one": "text of one", "two": "text of two"}


def test_a_section_cannot_point_to_another_sections_version(db):
    section, _ = add_published(db, "one")
    _, foreign = add_published(db, "two")
    for column in ("published_version_id", "draft_version_id"):
        with pytest.raises(psycopg2.errors.ForeignKeyViolation):
            db.rows(
                "UPDATE homepage_sections SET %s = %%s WHERE id = %%s" % column, (foreign, section)
            )


def test_publishers_of_one_section_take_turns(db):
    """B waits for A and then goes on from what A left."""
    section, _ = add_published(db, title="old")
    a_version, b_version = add_version(db, section, "a"), add_version(db, section, "b")
    a, b = db.connect(autocommit=False), db.connect()
    publish(a, section, a_version)
    found = []
    thread = threading.Thread(target=lambda: found.append(publish(b, section, b_version)))
    thread.start()
    thread.join(0.3)
    assert thread.is_alive(), "B did not wait"
    a.commit()
    thread.join(10)
    assert found == [a_version]
    assert live(db) == {"hero": "b"} and flagged(db, section) == [(b_version,)]


# -- revert and numbers: H-19 ------------------------------------------------------------------


def test_revert_makes_a_draft_with_the_old_words(db):
    section, first = add_published(db, title="good")
    publish(db, section, add_version(db, section, "bad"))
    author = db.value("INSERT INTO users (email) VALUES ('editor@example.org') RETURNING id")
    new = db.value("SELECT revert_section_to_version(%s, %s, %s)", (section, first, author))
    assert live(db) == {"hero": "bad"}
    assert db.rows(
        (
            "SELECT version_number, content ->> 'title', is_published, change_summary, created_by"
            " FROM section_versions WHERE id = %s"
        ),
        (new,),
    ) == [(3, "good", False, "Back to version 1", author)]
    assert db.value("SELECT draft_version_id FROM homepage_sections") == new
    publish(db, section, new)
    assert live(db) == {"hero": "good"}


def test_revert_without_an_author(db):
    section, first = add_published(db)
    assert db.value("SELECT revert_section_to_version(%s, %s)", (section, first))


def revert_at_once(db, sessions=2):
    """Sessions that revert one section at the same time. Returns the errors; numbers are for the
    caller to look at."""
    section, first = add_published(db)
    connections = [db.connect(autocommit=False) for _ in range(sessions)]
    errors = []

    def finish(connection):
        try:
            run(connection, "SELECT revert_section_to_version(%s, %s)", (section, first))
            connection.commit()
        except psycopg2.Error as error:
            errors.append(error)
            connection.rollback()

    # the first one is in the middle of its transaction when the others begin
    run(connections[0], "SELECT revert_section_to_version(%s, %s)", (section, first))
    threads = [threading.Thread(target=finish, args=(c,)) for c in connections[1:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(0.2)
    connections[0].commit()
    for thread in threads:
        thread.join(10)
    return errors


NUMBERS = "SELECT array_agg(version_number ORDER BY version_number) FROM section_versions"


def test_numbers_do_not_collide(db):
    assert revert_at_once(db, sessions=4) == []
    assert db.value(NUMBERS) == [1, 2, 3, 4, 5]


def test_numbers_collide_in_the_plain_form(db):
    db.psql(file=SEED_SQL / "revert_section_to_version.sql")
    errors = revert_at_once(db)
    assert [type(error) for error in errors] == [psycopg2.errors.UniqueViolation]


def test_numbers_within_one_statement(db):
    section = add_section(db)
    db.rows(
        (
            "INSERT INTO section_versions (section_id, content) SELECT %s, '{}' FROM"
            " generate_series(1, 3)"
        ),
        (section,),
    )
    add_version(db, section, number=10)
    add_version(db, section)
    assert db.value(NUMBERS) == [1, 2, 3, 10, 11]
    with pytest.raises(psycopg2.errors.UniqueViolation):
        add_version(db, section, number=11)


# -- updated_at --------------------------------------------------------------------------------


UPDATES = [  # table, change, does updated_at move?
    ("homepage_sections", "is_active = false", True),
    ("homepage_sections", "display_order = display_order + 1", True),
    ("homepage_sections", "metadata = '{\"a\": 1}'", True),
    ("homepage_sections", "is_active = is_active", False),
    ("homepage_sections", "draft_version_id = published_version_id", False),
    ("section_versions", 'content = \'{"title": "edited"}\'', True),
    ("section_versions", "is_published = NOT is_published", False),
    ("section_schedules", "expire_at = now()", True),
    ("products", "price = 5", True),
    ("products", "translations = '{\"de\": {}}'", True),
    ("products", "inventory_count = inventory_count - 1", False),
    ("categories", "name = 'other'", True),
    ("media_assets", "alt_text = 'other'", True),
    ("users", "full_name = 'other'", True),
]


def test_updated_at(db):
    section, version = add_published(db)
    add_schedule(db, section, version)
    add_product(db)
    db.rows("INSERT INTO categories (name) VALUES ('c')")
    db.rows("INSERT INTO media_assets (storage_bucket, file_path) VALUES ('b', 'p')")
    db.rows("INSERT INTO users (email) VALUES ('editor@example.org')")
    for table, change, moves in UPDATES:
        db.rows("UPDATE %s SET updated_at = '2020-01-01Z'" % table)  # an import may set it
        assert db.value("SELECT updated_at = '2020-01-01Z' FROM %s" % table)
        db.rows("UPDATE %s SET %s" % (table, change))
        assert db.value("SELECT updated_at > '2020-01-01Z' FROM %s" % table) is moves, (
            table,
            change,
        )


# -- the editors' lists: B-10 ------------------------------------------------------------------


def busy_section(db):
    """Versions 1 to 3; an older one is live after a newer one was; 3 is the draft; a schedule
    waits."""
    author = db.value(
        "INSERT INTO users (email, full_name) VALUES ('editor@example.org', 'Homepage desk')"
        " RETURNING id"
    )
    section, first = add_published(db, title="é")
    publish(db, section, add_version(db, section, "two"))
    publish(db, section, first)
    third = add_version(db, section, "three")
    db.rows(
        "UPDATE section_versions SET created_by = %s, created_at = '2099-01-01Z' WHERE id = %s",
        (author, third),
    )
    db.rows("UPDATE homepage_sections SET draft_version_id = %s", (third,))
    add_schedule(db, section, third, publish_in="1 day")
    return section


def test_admin_list(db):
    section = busy_section(db)
    add_section(db, "b", order=5, kind="banner")
    add_section(db, "elsewhere", locale="de")
    rows = db.rows("SELECT * FROM get_admin_sections_list()", role="platen_editor")
    assert len(rows) == 2
    assert rows[0][0:10] == (section, "hero", "hero", 0, "published", True, "en", 1, 3, 3)
    assert rows[0][10].year == 2099 and rows[0][11:] == ("editor@example.org", True)
    assert rows[1][7:10] == (None, None, 0) and rows[1][11:] == (None, False)
    only = "SELECT array_agg(section_key) FROM get_admin_sections_list('en', %s, %s)"
    assert db.value(only, ("draft", None)) == ["b"]
    assert db.value(only, (None, "hero")) == ["hero"]
    assert db.value(only, ("published", "banner")) is None


def test_admin_list_never_runs_as_printed(db):
    busy_section(db)
    db.psql(file=SEED_SQL / "get_admin_sections_list.sql")
    with pytest.raises(psycopg2.errors.AmbiguousColumn):
        db.rows("SELECT * FROM get_admin_sections_list('en')")


def test_history(db):
    section = busy_section(db)
    history = (
        "SELECT version_number, is_published, created_by_email, created_by_name, content_size"
        " FROM get_section_version_history(%s, %s, %s)"
    )
    rows = db.rows(history, (section, 20, 0), role="platen_editor")
    assert [row[0] for row in rows] == [3, 2, 1] and [row[1] for row in rows] == [
        False,
        False,
        True,
    ]
    assert rows[0][2:4] == ("editor@example.org", "Homepage desk")
    assert rows[2][4] == len('{"title": "é"}'.encode())  # bytes, not characters
    assert [row[0] for row in db.rows(history, (section, 1, 1))] == [2]
    assert db.value("SELECT count_section_versions(%s)", (section,), role="platen_editor") == 3
    assert db.value("SELECT count_section_versions(%s)", (UNKNOWN,)) == 0


# -- loading -----------------------------------------------------------------------------------

ROWS = {
    "categories": ("id, name, description", "{c}\tLamps\t\\N"),
    "homepage_sections": (
        (
            "id, section_type, section_key, locale, display_order, status, is_active, metadata,"
            " published_version_id, draft_version_id, created_at, updated_at"
        ),
        "{s}\thero_banner\thero-main\ten\t0\tpublished\tt\t\\N\t{v}\t{d}\t2025-01-01\t2025-01-01",
    ),
    "media_assets": (
        "id, storage_bucket, file_path, file_size, created_at",
        "{m}\tmedia\ta/b.jpg\t12\t2025-01-01",
    ),
    "products": (
        "id, name, description, price, image_url, inventory_count, is_featured",
        "{p}\tLamp\t\\N\t12.50\t/lamp.jpg\t3\tt",
    ),
    "section_categories": ("section_id, category_id, display_order, metadata", "{s}\t{c}\t1\t{{}}"),
    "section_products": ("section_id, product_id, display_order, metadata", "{s}\t{p}\t1\t\\N"),
    "section_schedules": (
        (
            "id, section_id, version_id, publish_at, expire_at, status, executed_at, created_at,"
            " updated_at"
        ),
        "{h}\t{s}\t{d}\t2099-01-01\t\\N\tpending\t\\N\t2025-01-01\t2025-01-01",
    ),
    "section_versions": (
        (
            "id, section_id, version_number, content, change_summary, created_by, is_published,"
            " published_at, created_at"
        ),
        (
            '{v}\t{s}\t1\t{{"title": "live"}}\t\\N\t{u}\tt\t2025-01-01\t2025-01-01\n'
            "{d}\t{s}\t2\t{{}}\tdraft\t{u}\tf\t\\N\t2025-01-02"
        ),
    ),
    "users": ("id, email, full_name", "{u}\teditor@example.org\tHomepage desk"),
}


@pytest.mark.parametrize("order", [sorted(ROWS), sorted(ROWS, reverse=True)])
def test_plain_copy_loads_in_any_order(db, order):
    """Rows with the columns that the documents name, one COPY for each table, one transaction."""
    ids = {letter: uuid.uuid5(UNKNOWN, letter) for letter in "scmphvdu"}
    connection = db.connect(autocommit=False)
    with connection.cursor() as cursor:
        for table in order:
            columns, text = ROWS[table]
            cursor.copy_expert(
                "COPY public.%s (%s) FROM STDIN" % (table, columns),
                io.StringIO(text.format(**ids) + "\n"),
            )
    connection.commit()
    assert live(db) == {"hero-main": "live"}
    assert db.value("SELECT jsonb_array_length(products) FROM get_homepage_content('en')") == 1
    assert db.value("SELECT draft_version FROM get_admin_sections_list('en')") == 2


def test_a_dump_comes_back(db, empty_db, tmp_path):
    """pg_dump of data only, into a schema made by the migrations, with the triggers it asks to
    switch off."""
    section, _ = add_published(db)
    add_schedule(db, section, add_version(db, section))
    dump = tmp_path / "data.sql"
    db.pg.run(
        "pg_dump", "--data-only", "--disable-triggers", "-f", str(dump), "-d", db.pg.dsn(db.name)
    )
    empty_db.migrate()
    empty_db.psql(options=["-1"], file=dump)
    assert live(empty_db) == live(db)
