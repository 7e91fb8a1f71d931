"""The change log: what is logged, for whom, and that it never stands in a writer's way."""

import json
import select
import threading

import psycopg2
import pytest

from cmsdata import add_product, add_published, add_schedule, add_section, add_version, process, publish
from cmsdb import down_files, run, up_files

DENIED = psycopg2.errors.InsufficientPrivilege
SINCE = ("SELECT relation, operation, locale, keys, also FROM platen.change"
         " WHERE xid >= pg_snapshot_xmin(%(since)s) AND NOT pg_visible_in_snapshot(xid, %(since)s) ORDER BY id")
COVERED = ("SELECT pg_visible_in_snapshot(valid_from, %s) AND pg_snapshot_xmin(%s) >= trimmed_below"
           " FROM platen.log_state")
CMS = {"homepage_sections", "section_versions", "section_schedules", "section_products", "section_categories",
       "products", "categories", "media_assets"}


class Log:
    """What a reader sees: everything since it looked last."""

    def __init__(self, db, role="platen_reader"):
        self.db, self.role = db, role
        self.since = None
        self.look()

    def look(self):
        """The rows since the look before, as tuples; keys and also as sets."""
        session = self.db.connect(role=self.role, autocommit=False)
        session.set_session(isolation_level="REPEATABLE READ", readonly=True)
        rows = []
        if self.since:
            rows = run(session, SINCE, {"since": self.since})
        self.since = run(session, "SELECT pg_current_snapshot()::text")[0][0]
        session.rollback()
        session.close()
        return [(relation, operation, locale, keys and set(keys),
                 also and {name: set(values) for name, values in also.items()})
                for relation, operation, locale, keys, also in rows]

    def covered(self, since=None):
        since = since or self.since
        return self.db.value(COVERED, (since, since), role=self.role)


@pytest.fixture
def log(db):
    return Log(db)


@pytest.fixture
def items(db):
    """A table of no CMS, watched, with ten rows: (watched table, log)."""
    db.psql(command="""
        CREATE TABLE items (id integer PRIMARY KEY, place text, locale text, words json);
        INSERT INTO items SELECT n, 'a', 'en', '{"n": 1}' FROM generate_series(1, 10) n;
        SELECT platen.watch('items', also => '{place}', locale => 'locale')""")
    return Log(db)


def notifications(session, seconds=0.3):
    """What arrived at a listening session."""
    got = []
    while select.select([session], [], [], seconds)[0]:
        session.poll()
        got += [(n.channel, n.payload) for n in session.notifies]
        session.notifies.clear()
        seconds = 0.05
    return got


def listening(db, *channels):
    session = db.connect()
    for channel in channels or ("platen",):
        run(session, "LISTEN " + channel)
    return session


# -- what is logged ----------------------------------------------------------------------------


def test_the_tables_of_the_cms_are_watched(db):
    rows = db.rows("SELECT relation, enabled FROM platen.watched", role="platen_reader")
    assert {relation for relation, _ in rows} == {"public." + name for name in CMS}
    assert all(enabled for _, enabled in rows)


def test_publishing(db, log):
    section = add_section(db)
    version = add_version(db, section)
    assert log.look() == [
        ("public.homepage_sections", "insert", "en", {str(section)}, {"status": {"draft"}}),
        ("public.section_versions", "insert", None, {str(version)}, {"section_id": {str(section)}}),
    ]
    publish(db, section, version)
    assert log.look() == [
        ("public.section_versions", "update", None, {str(version)}, {"section_id": {str(section)}}),
        ("public.homepage_sections", "update", "en", {str(section)}, {"status": {"draft", "published"}}),
    ]
    publish(db, section, version)  # is live already
    assert log.look() == []


def test_a_schedule(db, log):
    section = add_section(db)
    add_schedule(db, section, add_version(db, section))
    log.look()
    assert len(process(db)) == 1
    assert {row[:2] for row in log.look()} == {
        ("public.section_versions", "update"), ("public.homepage_sections", "update"),
        ("public.section_schedules", "update")}


def test_each_operation(db, log):
    lamp, sofa = add_product(db, "Lamp", slug="lamp"), add_product(db, "Sofa", slug="sofa")
    none = {"slug": {"lamp"}, "category_id": set()}
    assert log.look()[0] == ("public.products", "insert", None, {str(lamp)}, none)
    db.rows("UPDATE products SET price = 1")
    both = {"slug": {"lamp", "sofa"}, "category_id": set()}
    assert log.look() == [("public.products", "update", None, {str(lamp), str(sofa)}, both)]
    db.rows("DELETE FROM products WHERE slug = 'lamp'")
    assert log.look() == [("public.products", "delete", None, {str(lamp)}, none)]
    db.rows("TRUNCATE products CASCADE")
    assert log.look() == [("public.products", "truncate", None, None, None),
                          ("public.section_products", "truncate", None, None, None)]


def test_a_deletion_that_cascades(db, log):
    section, _ = add_published(db)
    product = add_product(db)
    db.rows("INSERT INTO section_products (section_id, product_id) VALUES (%s, %s)", (section, product))
    log.look()
    db.rows("DELETE FROM products")
    found = {row[0]: row for row in log.look()}
    assert found["public.section_products"][3:] == (
        {str(section)}, {"section_id": {str(section)}, "product_id": {str(product)}})


def test_old_and_new(db, items):
    """What moves is logged where it was and where it is."""
    db.rows("UPDATE items SET place = 'b' WHERE id = 1")
    assert items.look() == [("public.items", "update", "en", {"1"}, {"place": {"a", "b"}})]
    db.rows("UPDATE items SET id = 11 WHERE id = 1")
    assert items.look() == [("public.items", "update", "en", {"1", "11"}, {"place": {"b"}})]
    db.rows("UPDATE items SET locale = 'de', place = 'c' WHERE id = 2")
    assert sorted(items.look()) == [("public.items", "update", "de", {"2"}, {"place": {"c"}}),
                                    ("public.items", "update", "en", {"2"}, {"place": {"a"}})]
    db.rows("UPDATE items SET locale = NULL, place = NULL WHERE id = 3")
    assert {(row[2], tuple(row[4]["place"])) for row in items.look()} == {("en", ("a",)), (None, ())}


def test_an_update_that_changes_nothing(db, items):
    session = listening(db)
    db.rows("UPDATE items SET place = place, words = words")
    db.rows("UPDATE items SET place = 'x' WHERE id = 77")
    db.rows("DELETE FROM items WHERE id = 77")
    assert items.look() == [] and notifications(session) == []
    db.rows("UPDATE items SET place = CASE id WHEN 5 THEN 'z' ELSE place END")  # one of ten
    assert items.look() == [("public.items", "update", "en", {"5"}, {"place": {"a", "z"}})]
    db.rows("UPDATE items SET words = '{\"n\":1}' WHERE id = 5")  # json: equal only as text
    assert [row[3] for row in items.look()] == [{"5"}]


@pytest.mark.parametrize("change, logged", [
    ("words = '{}'", [("en", {"1", "2"}, {"a"})]),
    ("words = CASE id WHEN 1 THEN '{}' ELSE words END", [("en", {"1"}, {"a"})]),
    ("words = CASE id WHEN 2 THEN '{}' ELSE words END", [("en", {"2"}, {"a"})]),
    ("place = CASE id WHEN 2 THEN 'b' ELSE place END", [("en", {"2"}, {"a", "b"})]),
    ("words = '{}', place = CASE id WHEN 2 THEN 'b' ELSE place END", [("en", {"1", "2"}, {"a", "b"})]),
    ("words = '{}', locale = CASE id WHEN 2 THEN 'de' ELSE locale END",
     [("de", {"2"}, {"a"}), ("en", {"1", "2"}, {"a"})]),
    ("id = 3 - id", [("en", {"1", "2"}, {"a"})]),
    ("id = id + 1", [("en", {"1", "2", "3"}, {"a"})]),
    ("words = words", []),
])
def test_two_rows(db, change, logged):
    """What publishing writes: two rows at once."""
    db.psql(command="CREATE TABLE pairs (id integer, place text, locale text, words json);"
                    "INSERT INTO pairs SELECT n, 'a', 'en', '{\"n\": 1}' FROM generate_series(1, 2) n;"
                    "SELECT platen.watch('pairs', also => '{place}', locale => 'locale')")
    log = Log(db)
    db.rows("UPDATE pairs SET " + change)
    assert sorted((locale, keys, also["place"]) for _, _, locale, keys, also in log.look()) == logged


@pytest.mark.parametrize("rows, logged", [
    ("(1, 'a', 'en'), (2, 'b', 'en')", [("en", {"1", "2"}, {"a", "b"})]),
    ("(1, 'a', 'en'), (2, 'a', 'de')", [("de", {"2"}, {"a"}), ("en", {"1"}, {"a"})]),
    ("(1, 'a', 'en'), (1, 'a', 'en')", [("en", {"1"}, {"a"})]),
    ("(1, 'a', 'en'), (2, NULL, 'en')", [("en", {"1", "2"}, {"a"})]),
    ("(1, 'a', 'en'), (NULL, 'a', 'en')", [("en", None, None)]),
])
def test_two_rows_of_different_kinds(db, rows, logged):
    db.psql(command="CREATE TABLE pairs (id integer, place text, locale text, words json);"
                    "INSERT INTO pairs VALUES %s;"
                    "SELECT platen.watch('pairs', also => '{place}', locale => 'locale')" % rows)
    log = Log(db)
    db.rows("UPDATE pairs SET words = '{}'")
    assert sorted((locale, keys, also and also["place"]) for _, _, locale, keys, also in log.look()) == logged


def test_upsert_and_merge(db, items):
    db.rows("INSERT INTO items VALUES (1, 'u', 'en'), (20, 'i', 'en')"
            " ON CONFLICT (id) DO UPDATE SET place = excluded.place")
    assert {(row[1], tuple(row[3])) for row in items.look()} == {("insert", ("20",)), ("update", ("1",))}
    db.rows("MERGE INTO items i USING (VALUES (1), (2), (30)) v (id) ON i.id = v.id"
            " WHEN MATCHED AND v.id = 1 THEN DELETE WHEN MATCHED THEN UPDATE SET place = 'm'"
            " WHEN NOT MATCHED THEN INSERT VALUES (v.id, 'n', 'en')")
    assert {(row[1], tuple(row[3])) for row in items.look()} == {
        ("insert", ("30",)), ("update", ("2",)), ("delete", ("1",))}


def test_copy(db, items):
    import io
    with db.connect().cursor() as cursor:
        cursor.copy_expert("COPY items (id, place, locale) FROM STDIN", io.StringIO("40\tc\ten\n41\tc\tde\n"))
    assert sorted((row[2], tuple(row[3])) for row in items.look()) == [("de", ("41",)), ("en", ("40",))]


@pytest.mark.parametrize("rows, named", [(1000, True), (1001, False), (3000, False)])
def test_too_many_keys_are_the_whole_table(db, rows, named):
    db.psql(command="CREATE TABLE many (id integer, n integer); SELECT platen.watch('many', also => '{n}');"
                    "CREATE TABLE several (id integer, l text);"
                    " SELECT platen.watch('several', locale => 'l')")
    log = Log(db)
    for statement, operation in (("INSERT INTO many SELECT n, 0 FROM generate_series(1, %d) n", "insert"),
                                 ("UPDATE many SET n = 1 WHERE id <= %d", "update"),
                                 ("DELETE FROM many WHERE id <= %d", "delete")):
        db.rows(statement % rows)
        (row,) = log.look()
        assert row[:3] == ("public.many", operation, None)
        assert (row[3] is not None and len(row[3]) == rows and row[4] is not None) if named else row[3:] == (None, None)
    db.rows("INSERT INTO several SELECT n, 'en' FROM generate_series(1, %d) n UNION SELECT 1, 'de'" % rows)
    found = {row[2]: row[3] for row in log.look()}
    assert found["de"] == {"1"} and (found["en"] is not None) == named


def test_many_rows_of_few_keys_are_named(db):
    db.psql(command="CREATE TABLE links (a integer, b integer); SELECT platen.watch('links', key => 'a');"
                    "INSERT INTO links SELECT n % 3, n FROM generate_series(1, 5000) n")
    log = Log(db)
    db.rows("UPDATE links SET b = b + 1")
    assert log.look() == [("public.links", "update", None, {"0", "1", "2"}, None)]


def test_a_row_without_key_is_the_whole_table(db):
    db.psql(command="CREATE TABLE loose (id integer, n integer); SELECT platen.watch('loose')")
    log = Log(db)
    db.rows("INSERT INTO loose VALUES (NULL, 1)")
    db.rows("UPDATE loose SET n = 2")
    db.rows("UPDATE loose SET id = 1")
    db.rows("INSERT INTO loose VALUES (NULL, 1), (2, 2)")
    assert [(row[1], row[3]) for row in log.look()] == [
        ("insert", None), ("update", None), ("update", None), ("insert", None)]


def test_names_that_need_quotes_and_keys_of_any_type(db):
    db.psql(command="""
        CREATE SCHEMA "My Schema";
        CREATE TYPE "My Schema".kind AS ENUM ('it''s', 'b');
        CREATE TABLE "My Schema"."T ""1" (
            gone integer, "Key %I" "My Schema".kind, "a'b" numeric(10, 2), "sélect" timestamptz, "user" text);
        ALTER TABLE "My Schema"."T ""1" DROP COLUMN gone;
        SELECT platen.watch('"My Schema"."T ""1"', key => 'Key %I', also => '{"a''b",sélect}', locale => 'user')""")
    log = Log(db)
    db.rows("""INSERT INTO "My Schema"."T ""1" VALUES ('it''s', 1.5, '2026-01-01Z', 'en')""")
    db.rows("""UPDATE "My Schema"."T ""1" SET "a'b" = 2""")
    name = '"My Schema"."T ""1"'
    inserted, updated = log.look()
    assert inserted[:4] == (name, "insert", "en", {"it's"}) and inserted[4]["a'b"] == {"1.50"}
    assert updated[:4] == (name, "update", "en", {"it's"}) and updated[4]["a'b"] == {"1.50", "2.00"}
    assert ("My Schema",) not in db.rows("SELECT relation FROM platen.watched")
    assert db.value("SELECT enabled FROM platen.watched WHERE relation = %s", (name,)) is True
    db.rows('ALTER TABLE "My Schema"."T ""1" RENAME TO renamed')
    db.rows('DELETE FROM "My Schema".renamed')
    assert log.look()[0][0] == '"My Schema".renamed'


def test_partitions(db):
    db.psql(command="""
        CREATE TABLE parts (id integer, n integer) PARTITION BY RANGE (id);
        CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
        CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20) PARTITION BY LIST (n);
        CREATE TABLE parts_2_a PARTITION OF parts_2 DEFAULT;
        SELECT platen.watch('parts')""")
    log = Log(db)
    db.rows("INSERT INTO parts VALUES (1, 1), (11, 1)")
    db.rows("UPDATE parts SET id = 12 WHERE id = 1")  # into another partition
    db.rows("UPDATE parts_1 SET n = 2")  # empty by now
    db.rows("UPDATE parts_2 SET n = 2 WHERE id = 11")
    db.rows("DELETE FROM parts_2_a WHERE id = 12")
    assert log.look() == [("public.parts", "insert", None, {"1", "11"}, None),
                          ("public.parts", "update", None, {"1", "12"}, None),
                          ("public.parts", "update", None, {"11"}, None),
                          ("public.parts", "delete", None, {"12"}, None)]
    enabled = "SELECT enabled FROM platen.watched WHERE relation = 'public.parts'"
    before = db.value("SELECT platen.fingerprint()")
    assert db.value(enabled) is True
    db.rows("CREATE TABLE parts_3 PARTITION OF parts FOR VALUES FROM (20) TO (30)")
    assert db.value(enabled) is False and db.value("SELECT platen.fingerprint()") != before
    db.rows("SELECT platen.watch('parts')")
    db.rows("INSERT INTO parts_3 VALUES (21, 1)")
    assert db.value(enabled) is True and log.look() == [("public.parts", "insert", None, {"21"}, None)]
    with pytest.raises(psycopg2.errors.WrongObjectType, match="is a partition"):
        db.rows("SELECT platen.watch('parts_1')")
    db.rows("SELECT platen.unwatch('parts')")
    assert db.rows("SELECT tgname FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'parts%'") == []


# -- transactions ------------------------------------------------------------------------------


def test_savepoints_and_rollback(db, items):
    session = db.connect(autocommit=False)
    run(session, "UPDATE items SET place = 'b' WHERE id = 1")
    run(session, "SAVEPOINT s")
    run(session, "UPDATE items SET place = 'b' WHERE id = 2")
    run(session, "ROLLBACK TO SAVEPOINT s")
    run(session, "SAVEPOINT t")
    run(session, "UPDATE items SET place = 'b' WHERE id = 3")
    run(session, "RELEASE SAVEPOINT t")
    assert items.look() == []
    session.commit()
    assert [row[3] for row in items.look()] == [{"1"}, {"3"}]
    run(session, "UPDATE items SET place = 'c'")
    session.rollback()
    assert items.look() == []
    xids = db.rows("SELECT DISTINCT xid::text FROM platen.change WHERE keys && '{1,3}' AND operation = 'update'")
    assert len(xids) == 1, "savepoints have numbers of their own, snapshots do not know them"


def test_who_commits_late_is_not_missed(db, items):
    """A reader looks while older and younger transactions are open."""
    sessions = [db.connect(autocommit=False) for _ in range(3)]
    for number, session in enumerate(sessions, 1):
        run(session, "UPDATE items SET place = 'late' WHERE id = %s", (number,))
    sessions[1].commit()
    assert [row[3] for row in items.look()] == [{"2"}]
    sessions[2].commit()
    assert [row[3] for row in items.look()] == [{"3"}]
    sessions[0].commit()
    assert [row[3] for row in items.look()] == [{"1"}]
    assert items.look() == []


def test_writers_at_once(db, items):
    """Each change is seen exactly once, however looks and commits mix."""
    def write(place):
        session = db.connect(autocommit=False)
        for number in range(40):
            run(session, "INSERT INTO items VALUES (%s, 'w', 'en')", (100 + 40 * place + number,))
            if number % 3 == 2:
                session.commit()
        session.commit()

    writers = [threading.Thread(target=write, args=(place,)) for place in range(4)]
    for writer in writers:
        writer.start()
    seen = []
    while any(writer.is_alive() for writer in writers):
        seen += [key for row in items.look() for key in row[3]]
    for writer in writers:
        writer.join()
    seen += [key for row in items.look() for key in row[3]]
    assert sorted(map(int, seen)) == list(range(100, 260))


def test_the_question_uses_the_index(db):
    db.rows("INSERT INTO platen.change (xid, relation, operation) SELECT n::text::xid8, 'x', 'update'"
            " FROM generate_series(3, 600) n, generate_series(1, 40)")
    db.rows("ANALYZE platen.change")
    snapshot = db.value("SELECT pg_current_snapshot()::text")
    plan = "\n".join(row[0] for row in db.rows("EXPLAIN " + SINCE, {"since": snapshot}))
    assert "change_pkey" in plan and "Index Cond: (xid >=" in plan, plan


# -- notifications -----------------------------------------------------------------------------


def test_one_empty_notification_a_transaction(db):
    session = listening(db)
    writer = db.connect(autocommit=False)
    for _ in range(3):
        add_product(writer)
    run(writer, "UPDATE products SET price = 2")
    assert notifications(session) == []
    writer.commit()
    assert notifications(session) == [("platen", "")]
    run(writer, "UPDATE products SET price = 3")
    writer.rollback()
    assert notifications(session) == []
    db.rows("TRUNCATE products CASCADE")
    assert notifications(session) == [("platen", "")]


def test_notifications_can_be_switched_off(db, log):
    session = listening(db)
    writer = db.connect()
    run(writer, "SET platen.notify = off")
    add_product(writer)
    assert notifications(session) == [] and len(log.look()) == 1
    run(writer, "RESET platen.notify")
    add_product(writer)
    assert notifications(session) == [("platen", "")]


def test_two_phase_commit(pg, make_db):
    """PREPARE TRANSACTION refuses a transaction that has notified, so it has to be possible not to."""
    db = make_db()
    session = db.connect()
    run(session, "BEGIN")
    run(session, "SET LOCAL platen.notify = off")
    add_product(session)
    try:
        run(session, "PREPARE TRANSACTION 'p'")
    except psycopg2.errors.ObjectNotInPrerequisiteState as error:
        assert "max_prepared_transactions" in str(error) or "disabled" in str(error)  # and not: has executed NOTIFY


# -- the channels of caches --------------------------------------------------------------------


def announced(session):
    """{(locale, section_id)} of cache_invalidate, {locale} of homepage_updated; each message once."""
    got = [(channel, json.loads(payload)) for channel, payload in notifications(session)]
    for channel, message in got:
        assert set(message) == ({"locale", "timestamp"} if channel == "homepage_updated"
                                else {"table", "operation", "section_id", "locale", "timestamp"})
    cache = [(m["locale"], m["section_id"]) for channel, m in got if channel == "cache_invalidate"]
    home = [m["locale"] for channel, m in got if channel == "homepage_updated"]
    return sorted(cache, key=str), sorted(home, key=str)


def test_caches_are_told_once_per_locale(db):
    session = listening(db, "cache_invalidate", "homepage_updated")
    section, version = add_published(db)
    notifications(session)
    one = ([("en", str(section))], ["en"])
    publish(db, section, add_version(db, section, "b"))
    assert announced(session) == one
    add_version(db, section, "draft")
    db.rows("UPDATE section_versions SET content = '{}' WHERE id = %s", (version,))  # is not live any more
    db.rows("UPDATE homepage_sections SET is_active = is_active")
    assert announced(session) == ([], [])
    db.rows("UPDATE section_versions SET content = '{}' WHERE is_published")
    assert announced(session) == one
    product = add_product(db)
    db.rows("UPDATE products SET price = 1")  # in no section yet
    assert announced(session) == ([], [])
    db.rows("INSERT INTO section_products (section_id, product_id) VALUES (%s, %s)", (section, product))
    assert announced(session) == one
    db.rows("UPDATE products SET price = 2")
    assert announced(session) == one
    db.rows("DELETE FROM products")  # and with it the link
    assert announced(session) == one
    db.rows("UPDATE homepage_sections SET locale = 'de'")
    assert announced(session) == ([("de", str(section)), ("en", str(section))], ["de", "en"])
    for number in range(9):
        add_section(db, "s%d" % number, locale="de")
    notifications(session)
    db.rows("UPDATE homepage_sections SET display_order = display_order + 1")
    assert announced(session) == ([("de", None)], ["de"])
    db.rows("TRUNCATE homepage_sections CASCADE")
    cache, home = announced(session)
    assert (None, None) in cache and home == [None]


def test_caches_can_be_left_alone(db):
    session = listening(db, "cache_invalidate", "homepage_updated")
    writer = db.connect()
    run(writer, "SET platen.notify = off")
    add_published(writer)
    db.rows("SELECT cms_announce(false)")
    add_published(db, "other")
    db.psql(file=[f for f in up_files() if f.name.startswith("0013")][0])  # leaves them off
    add_published(db, "third")
    assert announced(session) == ([], [])
    db.rows("SELECT cms_announce(true)")
    add_published(db, "fourth")
    assert announced(session)[1][:1] == ["en"]
    add_section(db, "long", locale="x" * 9000)
    assert announced(session) == ([], [])


# -- it never fails a writer -------------------------------------------------------------------


@pytest.mark.parametrize("harm, detail", [
    ("DROP TABLE platen.change CASCADE", False),
    ("ALTER TABLE platen.change RENAME COLUMN also TO aldo", True),
    ("ALTER TABLE platen.change ADD CHECK (false) NOT VALID", False),
    ("DROP FUNCTION platen.log_failed(text, text, text); DROP TABLE platen.change CASCADE", None),
    ("DROP FUNCTION platen.log_failed(text, text, text); DROP TABLE platen.change, platen.log_mark CASCADE", None),
    ("ALTER TABLE products RENAME COLUMN slug TO slag", True),
])
def test_a_failing_log_does_not_fail_a_publish(db, harm, detail):
    section = add_section(db)
    version = add_version(db, section)
    log = Log(db)
    since = log.since
    db.psql(command=harm)
    session = listening(db)
    writer = db.connect()
    publish(writer, section, version)
    run(writer, "INSERT INTO products (name) VALUES ('x'), ('y')")
    assert db.value("SELECT status FROM homepage_sections") == "published"
    assert db.value("SELECT count(*) FROM products") == 2
    assert notifications(session) == [("platen", "")] * 2
    assert any("was not logged" in notice for notice in writer.notices)
    if detail is True:
        if "aldo" in harm:
            db.psql(command="ALTER TABLE platen.change RENAME COLUMN aldo TO also")
        assert ("public.products", "insert", None, None, None) in log.look()  # the whole table
    elif detail is False:
        assert db.value(COVERED, (since, since)) is False
        assert db.value(COVERED, (fresh := db.value("SELECT pg_current_snapshot()::text"), fresh)) is True


def test_a_locked_log_does_not_hang_a_publish(db):
    section = add_section(db)
    version = add_version(db, section)
    log = Log(db)
    holder = db.connect(autocommit=False)
    run(holder, "LOCK TABLE platen.change IN ACCESS EXCLUSIVE MODE")
    publish(db, section, version)
    assert log.covered() is False
    holder.rollback()


def test_an_editor_needs_no_rights(db, log):
    editor = db.connect(role="platen_editor")
    for statement in ("SELECT * FROM platen.change", "SELECT platen.fingerprint()"):
        with pytest.raises(DENIED):
            run(editor, statement)
    section = add_section(editor)
    version = add_version(editor, section)
    publish(editor, section, version)
    add_product(editor)
    run(editor, "DELETE FROM products")
    assert {(row[0], row[1]) for row in log.look()} >= {
        ("public.homepage_sections", "update"), ("public.section_versions", "update"),
        ("public.products", "insert"), ("public.products", "delete")}
    assert not editor.notices


def test_replica_role_still_logs(db, items):
    session = db.connect()
    run(session, "SET session_replication_role = replica")
    run(session, "UPDATE items SET place = 'r' WHERE id = 1")
    assert [row[3] for row in items.look()] == [{"1"}]


def test_a_cast_of_the_owner_is_not_run(db):
    """The trigger functions have their owner's rights: they must not run what a table's owner made."""
    db.psql(command="""
        CREATE TYPE mood AS ENUM ('good');
        CREATE FUNCTION evil(mood) RETURNS text LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'run as %', current_user; END $$;
        CREATE CAST (mood AS text) WITH FUNCTION evil(mood) AS IMPLICIT;
        CREATE TABLE moods (id mood); SELECT platen.watch('moods')""")
    log = Log(db)
    session = db.connect()
    run(session, "INSERT INTO moods VALUES ('good')")
    run(session, "INSERT INTO moods VALUES ('good'), ('good')")
    assert not session.notices and [row[3] for row in log.look()] == [{"good"}] * 2


# -- watch, unwatch, fingerprint ---------------------------------------------------------------


def test_watching_twice_is_harmless(db, items):
    mark = db.value("SELECT platen.fingerprint()"), db.value("SELECT valid_from::text FROM platen.log_state")
    db.rows("SELECT platen.watch('items', also => '{place}', locale => 'locale')")
    assert (db.value("SELECT platen.fingerprint()"),
            db.value("SELECT valid_from::text FROM platen.log_state")) == mark
    since = items.since
    db.rows("SELECT platen.watch('items', also => '{place,locale}')")
    assert db.rows("SELECT also, locale_column, enabled FROM platen.watched WHERE relation = 'public.items'") == [
        (["place", "locale"], None, True)]
    db.rows("UPDATE items SET place = 'b' WHERE id = 1")
    assert len(items.look()) == 1 and items.covered(since) is False


def test_unwatch_leaves_nothing(db, items):
    db.rows("SELECT platen.unwatch('items')")
    db.rows("SELECT platen.unwatch('items')")
    assert db.value("SELECT count(*) FROM platen.watched") == len(CMS)
    assert db.rows("SELECT tgname FROM pg_trigger WHERE tgrelid = 'items'::regclass") == []
    assert db.rows("SELECT proname FROM pg_proc WHERE proname LIKE 'log\\_items%'") == []
    db.rows("UPDATE items SET place = 'b'")
    assert items.look() == []


def test_a_snapshot_from_before_watching_is_not_covered(db):
    db.psql(command="CREATE TABLE late (id integer)")
    log = Log(db)
    assert log.covered() is True
    db.psql(command="SELECT platen.watch('late')")
    assert log.covered() is False
    log.look()
    assert log.covered() is True


@pytest.mark.parametrize("call, error", [
    ("platen.watch('products', key => 'sku')", "public.products has no column sku"),
    ("platen.watch('products', also => '{slug,Name}')", 'has no column "Name"'),
    ("platen.watch('products', key => NULL)", "has no column NULL"),
    ("platen.watch('published_homepage_sections')", "is not an ordinary table"),
    ("platen.watch('nothing')", "does not exist"),
    ("platen.trim('-1 day')", "must not be negative"),
    ("platen.trim('1 day', 0)", "not below 1"),
])
def test_what_is_refused(db, call, error):
    with pytest.raises(psycopg2.Error, match=error):
        db.rows("SELECT " + call)


@pytest.mark.parametrize("change", [
    "ALTER TABLE products DISABLE TRIGGER platen_update",
    "ALTER TABLE products DISABLE TRIGGER ALL; ALTER TABLE products ENABLE TRIGGER ALL",
    "ALTER TABLE products DISABLE TRIGGER platen_update; ALTER TABLE products ENABLE ALWAYS TRIGGER platen_update",
    "DROP TRIGGER platen_truncate ON products",
    "ALTER TABLE products ADD COLUMN x integer DEFAULT 7",
    "ALTER TABLE products DISABLE ROW LEVEL SECURITY",
    "DROP POLICY \"Press sees media\" ON media_assets",
    "REVOKE SELECT ON products FROM platen_reader",
    "CREATE OR REPLACE VIEW homepage_next_change AS SELECT 'en'::text AS locale, now() AS next_change_at",
    "CREATE OR REPLACE FUNCTION cms_words(jsonb, text) RETURNS jsonb LANGUAGE sql IMMUTABLE RETURN NULL::jsonb",
])
def test_the_fingerprint_tells(db, change):
    ask = "SELECT platen.fingerprint()"
    before = db.value(ask, role="platen_reader")
    db.rows("UPDATE products SET price = 1")
    db.rows("ANALYZE products")
    assert db.value(ask, role="platen_reader") == before
    if "cms_words" in change:
        db.psql(command="DROP FUNCTION IF EXISTS spare(); CREATE FUNCTION spare() RETURNS integer LANGUAGE sql RETURN 1")
    else:
        db.psql(command=change)
    assert db.value(ask, role="platen_reader") != before


def test_a_disabled_trigger_shows(db):
    enabled = "SELECT enabled FROM platen.watched WHERE relation = 'public.products'"
    for change in ("DISABLE TRIGGER platen_update", "ENABLE TRIGGER platen_update"):  # not ALWAYS
        db.rows("ALTER TABLE products " + change)
        assert db.value(enabled) is False
    db.rows("SELECT platen.watch('products', also => '{slug,category_id}')")
    assert db.value(enabled) is True


def test_the_next_look_costs_little(db):
    """fingerprint() is asked at every look."""
    session = db.connect(role="platen_reader")
    run(session, "SELECT platen.fingerprint()")
    times = [run(session, "EXPLAIN (ANALYZE, FORMAT json) SELECT platen.fingerprint()")[0][0][0]["Execution Time"]
             for _ in range(9)]
    assert sorted(times)[4] < 50, times


# -- trimming ----------------------------------------------------------------------------------


def test_trimming(db, log):
    old = log.since
    for _ in range(5):
        add_product(db)
    db.rows("UPDATE platen.change SET at = now() - interval '8 days'")
    log.look()
    between = log.since
    add_product(db)
    assert log.covered(old) is True
    assert db.value("SELECT platen.trim(p_batch => 3)") == 3
    assert db.value("SELECT platen.trim(p_batch => 3)") == 2
    assert db.value("SELECT platen.trim()") == 0
    assert db.value("SELECT count(*) FROM platen.change") == 1
    assert log.covered(old) is False
    assert log.covered(between) is True  # it has seen all that is gone
    assert len(log.look()) == 1


def test_a_reader_sees_trimming_whole_or_not_at_all(db, log):
    add_product(db)
    reader = db.connect(role="platen_reader", autocommit=False)
    reader.set_session(isolation_level="REPEATABLE READ", readonly=True)
    assert run(reader, "SELECT count(*) FROM platen.change")[0][0] == 1
    db.rows("SELECT platen.trim('0 days')")
    assert run(reader, "SELECT count(*) FROM platen.change")[0][0] == 1
    assert run(reader, COVERED, (log.since, log.since)) == [(True,)]
    reader.rollback()
    assert log.covered() is False


def test_the_state_of_another_cluster_does_not_count(db, log):
    """A restored dump brings marks with transaction numbers that are still to come here."""
    db.rows("INSERT INTO platen.log_mark (xid, reason) VALUES ('99999999', 'elsewhere')")
    db.rows("INSERT INTO platen.log_mark (trimmed, reason) VALUES ('99999999', 'elsewhere')")
    assert log.covered() is True


# -- rights ------------------------------------------------------------------------------------


def test_what_the_reader_may(db):
    may = db.rows("SELECT c.relname::text FROM pg_class c WHERE relnamespace = 'platen'::regnamespace"
                  " AND relkind IN ('r', 'v', 'S') AND CASE relkind WHEN 'S' THEN"
                  " has_sequence_privilege('platen_reader', oid, 'USAGE, SELECT, UPDATE')"
                  " ELSE has_table_privilege('platen_reader', oid, 'SELECT') END ORDER BY 1")
    assert [name for (name,) in may] == ["change", "log_state", "watched"]
    assert db.rows("SELECT relname FROM pg_class WHERE relnamespace = 'platen'::regnamespace AND relkind IN ('r', 'v')"
                   " AND has_table_privilege('platen_reader', oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')") == []
    calls = db.rows("SELECT proname::text FROM pg_proc WHERE pronamespace = 'platen'::regnamespace"
                    " AND has_function_privilege('platen_reader', oid, 'EXECUTE') ORDER BY 1")
    assert [name for (name,) in calls] == ["fingerprint", "leader_key", "relation_name", "tree"]


@pytest.mark.parametrize("role", ["anon", "authenticated", "platen_editor"])
def test_others_may_nothing(db, role):
    assert db.value("SELECT has_schema_privilege(%s, 'platen', 'USAGE, CREATE')", (role,)) is False
    assert db.rows("SELECT proname FROM pg_proc WHERE pronamespace = 'platen'::regnamespace"
                   " AND has_function_privilege(%s, oid, 'EXECUTE')", (role,)) == []
    assert db.rows("SELECT relname FROM pg_class WHERE relnamespace = 'platen'::regnamespace AND relkind IN ('r', 'v')"
                   " AND has_table_privilege(%s, oid, 'SELECT, INSERT, UPDATE, DELETE')", (role,)) == []


def test_every_function_pins_its_path(db):
    assert db.rows("SELECT proname FROM pg_proc WHERE pronamespace = 'platen'::regnamespace"
                   " AND NOT COALESCE(proconfig, '{}') @> ARRAY['search_path=pg_catalog, pg_temp']") == []
    definers = db.rows("SELECT proname::text FROM pg_proc WHERE pronamespace = 'platen'::regnamespace AND prosecdef")
    assert {name for (name,) in definers} == {"log_" + name for name in CMS}


# -- the way down ------------------------------------------------------------------------------


def test_down_takes_later_tables_along_and_leaves_the_schema(db):
    db.psql(command="CREATE TABLE mine (id integer); SELECT platen.watch('mine');"
                    "CREATE TABLE platen.migration (number integer)")
    for file in down_files():
        if file.name[:4] >= "0011":
            db.psql(file=file)
    assert db.rows("SELECT tgname FROM pg_trigger WHERE tgname LIKE 'platen\\_%'") == []
    assert db.rows("SELECT relname FROM pg_class WHERE relnamespace = 'platen'::regnamespace") == [("migration",)]
    assert db.value("SELECT has_schema_privilege('platen_reader', 'platen', 'USAGE')") is False
    db.rows("INSERT INTO mine VALUES (1)")
