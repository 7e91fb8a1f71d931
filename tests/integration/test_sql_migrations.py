"""The migrations as files: up, down, up again; twice; through psql, in one transaction and
without."""

import subprocess

import psycopg2
import pytest

from cmsdata import add_product, add_published, add_section, add_version, publish
from cmsdb import MIGRATIONS, SEED_SQL, Database, down_files, run, seed_sql, up_files
from pgcluster import Cluster, ClusterError

ROLES = ("anon", "authenticated", "platen_editor", "platen_reader", "platen_worker")


def is_transactional(file):
    """As the tools read it: a mark among the comments that begin the file."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("--"):
            return True
        if line.strip() == "-- platen: no-transaction":
            return False
    return True


@pytest.fixture
def own_cluster():
    """Roles belong to the cluster; whoever drops them needs one to himself."""
    with Cluster() as cluster:
        yield cluster


def test_every_migration_has_its_way_back():
    assert up_files()
    for file in up_files():
        assert (MIGRATIONS / file.name.replace(".sql", ".down.sql")).exists(), file.name
    assert len(down_files()) == len(up_files())


def test_up_down_up(own_cluster):
    own_cluster.create_database("shop")
    empty = own_cluster.dump_schema("shop")
    roles = "SELECT count(*) FROM pg_roles WHERE rolname IN %s"
    shop = Database(own_cluster, "shop")

    shop.migrate()
    full = own_cluster.dump_schema("shop")
    assert full != empty and shop.value(roles, (ROLES,)) == len(ROLES)

    for file in down_files():
        shop.psql(file=file)
    assert own_cluster.dump_schema("shop") == empty
    assert shop.value(roles, (ROLES,)) == 0
    left = shop.rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )
    assert left == []

    shop.migrate()
    assert own_cluster.dump_schema("shop") == full


def test_down_with_content(db):
    """The way down is not only for empty tables."""
    section, _ = add_published(db)
    add_version(db, section, "draft")
    for file in down_files():
        db.psql(file=file)
    assert (
        db.value("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == 0
    )


def test_each_step_alone_comes_back(empty_db):
    """Down one step and up again gives the same schema, whichever step it is."""
    applied = []
    for up in up_files():
        empty_db.psql(file=up)
        applied.append(up)
        before = empty_db.pg.dump_schema(empty_db.name)
        if up.name.startswith("0001"):
            continue  # roles: other databases of this cluster use them
        empty_db.psql(file=MIGRATIONS / up.name.replace(".sql", ".down.sql"))
        assert empty_db.pg.dump_schema(empty_db.name) != before, "%s undoes nothing" % up.name
        empty_db.psql(file=up)
        assert empty_db.pg.dump_schema(empty_db.name) == before


def test_twice_is_harmless(db):
    """B-24: with content in the tables, every file runs again and changes nothing."""
    add_published(db)
    before = db.pg.dump_schema(db.name)
    db.migrate()
    assert db.pg.dump_schema(db.name) == before
    assert db.value("SELECT count(*) FROM homepage_sections") == 1


def test_twice_is_not_harmless_as_printed(db):
    db.psql(
        command=seed_sql("homepage_mv_refresh_function.sql")
        + seed_sql("homepage_mv_section_trigger.sql")
    )
    again = db.psql(file=SEED_SQL / "homepage_mv_section_trigger.sql", check=False)
    assert (
        'trigger "refresh_mv_on_section_publish" for relation "homepage_sections" already exists'
        in again.stderr
    )


def test_files_hold_plain_statements_only():
    """One tool sends whole files, another one statement after the other: neither knows psql's
    commands, and transactions are theirs to begin."""
    for file in [*up_files(), *down_files()]:
        outside, dollar = [], None
        for line in file.read_text(encoding="utf-8").splitlines():
            code = line.split("--")[0].strip()
            for word in code.replace(";", " ").split():
                if word.startswith("$") and word.endswith("$") and len(word) > 1:
                    dollar = None if dollar == word else (dollar or word)
            if dollar is None and code:
                outside.append(code)
        for code in outside:
            assert not code.startswith("\\"), (file.name, code)
            assert code.split()[0].rstrip(";").upper() not in (
                "BEGIN",
                "COMMIT",
                "ROLLBACK",
                "START",
            ), (file.name, code)
        assert dollar is None, "%s: a dollar quote stays open" % file.name


def test_in_one_transaction_each(empty_db):
    """As the migrating tool does it: in a transaction, unless the file says otherwise."""
    for file in [*up_files(), *down_files()[:-1], *up_files()]:
        empty_db.psql(file=file, options=["-1"] if is_transactional(file) else [])
    assert empty_db.value("SELECT to_regproc('public.process_scheduled_publishes') IS NOT NULL")


def test_a_failing_file_leaves_nothing_in_a_transaction(empty_db):
    """Somebody else's table of our name: the file stops, says which column is missing, and is
    rolled back."""
    empty_db.psql(file=up_files()[0])
    empty_db.psql(
        command="CREATE TABLE public.products (id uuid PRIMARY KEY, name text, description text)"
    )
    tables = [f for f in up_files() if f.name.startswith("0002")][0]
    failed = empty_db.psql(file=tables, options=["-1"], check=False)
    assert failed.returncode != 0
    assert "products.slug" in failed.stderr and "HINT" in failed.stderr
    assert empty_db.value("SELECT to_regclass('public.homepage_sections') IS NULL")


# -- indexes: B-14, B-23 -----------------------------------------------------------------------


def test_printed_index_migration_says_success_and_does_nothing(db):
    """B-14: run as the document runs it, psql -f without ON_ERROR_STOP."""
    done = subprocess.run(
        ["psql", "-X", "-d", db.pg.dsn(db.name), "-f", str(SEED_SQL / "apply_optimizations.sql")],
        capture_output=True,
        text=True,
    )
    assert "CREATE INDEX CONCURRENTLY cannot run inside a transaction block" in done.stderr
    assert "completed successfully" in done.stdout and done.returncode == 0
    assert db.value("SELECT to_regclass('public.idx_section_products_covering') IS NULL")


def test_our_indexes_are_all_there_and_valid(db):
    text = (MIGRATIONS / "0003_indexes.sql").read_text(encoding="utf-8")
    wanted = {line.split()[-1] for line in text.splitlines() if line.startswith("CREATE INDEX")}
    found = dict(
        db.rows(
            "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " WHERE c.relname LIKE 'idx\\_%'"
        )
    )
    assert wanted and wanted <= set(found)
    assert all(found.values())
    # the repair at the top of the file, and the way down, know the same names
    assert all("'%s'" % name in text for name in wanted)
    down = (MIGRATIONS / "0003_indexes.down.sql").read_text(encoding="utf-8")
    assert all("public.%s;" % name in down for name in wanted)


def test_a_failed_concurrent_build_is_repaired(db):
    """B-14: IF NOT EXISTS takes the remains of a failed build for an index; our file does not."""
    add_product(db, "a")
    add_product(db, "b")
    db.psql(command="DROP INDEX idx_products_category")
    with pytest.raises(ClusterError, match="could not create unique index"):
        db.psql(command="CREATE UNIQUE INDEX CONCURRENTLY idx_products_category ON products ((1))")
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'idx_products_category'::regclass"
    assert db.value(valid) is False

    skipped = db.psql(
        command=(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_products_category ON products"
            " (category_id)"
        )
    )
    assert "already exists, skipping" in skipped.stderr and db.value(valid) is False

    db.psql(file=MIGRATIONS / "0003_indexes.sql")
    assert db.value(valid) is True
    assert "(category_id)" in db.value("SELECT pg_get_indexdef('idx_products_category'::regclass)")


LONG_METADATA = """
    INSERT INTO section_products (section_id, product_id, metadata)
    SELECT %s, %s, jsonb_build_object('note', string_agg(md5(i::text), ''))
    FROM generate_series(1, 200) i"""


def test_large_metadata_can_be_stored(db):
    """B-23: with the printed index it cannot."""
    section, product = add_section(db), add_product(db)
    db.rows(LONG_METADATA, (section, product))
    db.rows("DELETE FROM section_products")
    db.psql(file=SEED_SQL / "covering_index.sql")
    with pytest.raises(psycopg2.errors.ProgramLimitExceeded):
        db.rows(LONG_METADATA, (section, product))


# -- the way back: B-15 ------------------------------------------------------------------------


def test_printed_rollback_breaks_publishing(db):
    section, _ = add_published(db)
    second = add_version(db, section, "second")
    for name in ("homepage_mv_refresh_function.sql", "homepage_mv_version_trigger.sql"):
        db.psql(file=SEED_SQL / name)
    db.psql(file=SEED_SQL / "rollback.sql")
    with pytest.raises(psycopg2.errors.UndefinedTable, match="mv_published_homepage"):
        publish(db, section, second)


def test_our_way_back_does_not(db):
    section, _ = add_published(db)
    second = add_version(db, section, "second")
    for file in down_files():
        if file.name[:4] > "0007":
            db.psql(file=file)
    publish(db, section, second)
    assert db.value("SELECT content ->> 'title' FROM get_homepage_content('en')") == "second"


# -- roles -------------------------------------------------------------------------------------


def test_roles_that_were_there_stay(own_cluster):
    """On some platforms anon and authenticated are not ours."""
    own_cluster.create_database("shop")
    shop = Database(own_cluster, "shop")
    shop.psql(command="CREATE ROLE anon NOLOGIN; COMMENT ON ROLE anon IS 'of the platform'")
    shop.psql(command="CREATE ROLE press LOGIN")
    shop.migrate()
    shop.psql(command="GRANT platen_reader TO press")
    for file in down_files():
        said = shop.psql(file=file)
    assert "role platen_reader has members and stays" in said.stderr
    assert shop.rows("SELECT rolname FROM pg_roles WHERE rolname IN %s ORDER BY 1", (ROLES,)) == [
        ("anon",),
        ("platen_reader",),
    ]
    assert shop.value("SELECT shobj_description('anon'::regrole, 'pg_authid')") == "of the platform"


def test_roles_used_by_another_database_stay(own_cluster):
    for name in ("shop", "other"):
        own_cluster.create_database(name)
        Database(own_cluster, name).migrate()
    shop = Database(own_cluster, "shop")
    for file in down_files():
        said = shop.psql(file=file)
    assert "role platen_editor is used elsewhere and stays" in said.stderr
    other = Database(own_cluster, "other")
    assert other.value("SELECT has_table_privilege('platen_reader', 'homepage_sections', 'SELECT')")


def test_no_role_can_log_in(db):
    assert (
        db.rows(
            (
                "SELECT rolname FROM pg_roles WHERE rolname IN %s"
                " AND (rolcanlogin OR rolsuper OR rolcreaterole OR rolbypassrls)"
            ),
            (ROLES,),
        )
        == []
    )


def test_not_only_a_superuser_can_migrate(own_cluster):
    """The owner of the database is enough, if it may create roles."""
    own_cluster.psql("postgres", command="CREATE ROLE owner LOGIN CREATEROLE")
    own_cluster.psql("postgres", command="CREATE DATABASE shop OWNER owner TEMPLATE template0")
    for file in [*up_files(), *down_files(), *up_files()]:
        own_cluster.psql("shop", file=file, user="owner")
    shop = Database(own_cluster, "shop")
    owner = shop.connect(user="owner")
    section, version = add_published(owner, title="by the owner")
    assert run(owner, "SELECT content ->> 'title' FROM get_homepage_content('en')") == [
        ("by the owner",)
    ]
    run(owner, "SELECT manual_refresh_homepage_mv()")
    assert shop.value("SELECT jsonb_array_length(get_homepage_from_mv('en'))") == 1
    shop.close()
