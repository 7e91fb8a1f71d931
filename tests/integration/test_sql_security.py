"""Who sees and who may do what: row security, grants, and functions that run with their owner's
rights (B-22)."""

import psycopg2
import pytest

from cmsdata import (
    add_product,
    add_published,
    add_schedule,
    add_section,
    add_version,
    let_expire,
    publish,
)
from cmsdb import SEED_SQL, run

TABLES = (
    "users",
    "categories",
    "products",
    "homepage_sections",
    "section_versions",
    "section_schedules",
    "section_products",
    "section_categories",
    "media_assets",
)
OUTSIDERS = ("anon", "authenticated", "platen_reader")
DENIED = psycopg2.errors.InsufficientPrivilege


@pytest.fixture
def shop(db):
    """Sections in every state, each with a product, a category and an unpublished draft."""
    product, hidden = add_product(db, "sold"), add_product(db, "not sold", is_active=False)
    category = db.value("INSERT INTO categories (name) VALUES ('c') RETURNING id")
    db.rows("INSERT INTO users (email) VALUES ('editor@example.org')")
    db.rows("INSERT INTO media_assets (storage_bucket, file_path) VALUES ('b', 'p')")
    for key in ("live", "off", "archived", "draft"):
        section = add_section(db, key)
        first = add_version(db, section, key)
        if key != "draft":
            publish(db, section, first)
        draft = add_version(db, section, "draft of " + key)
        db.rows(
            "UPDATE homepage_sections SET draft_version_id = %s WHERE id = %s", (draft, section)
        )
        for linked in (product, hidden):
            db.rows(
                "INSERT INTO section_products (section_id, product_id) VALUES (%s, %s)",
                (section, linked),
            )
        db.rows(
            "INSERT INTO section_categories (section_id, category_id) VALUES (%s, %s)",
            (section, category),
        )
        add_schedule(db, section, draft, publish_in="1 day")
    db.rows("UPDATE homepage_sections SET is_active = false WHERE section_key = 'off'")
    db.rows("UPDATE homepage_sections SET status = 'archived' WHERE section_key = 'archived'")
    return db


def sees(db, role, sql):
    """The single column of a query as a set; None when the role may not even ask."""
    try:
        return {row[0] for row in db.rows(sql, role=role)}
    except DENIED:
        return None


# -- row security ------------------------------------------------------------------------------


def test_row_security_is_on_everywhere(db):
    assert (
        db.rows(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind ="
            " 'r' AND NOT relrowsecurity"
        )
        == []
    )
    assert db.value(
        "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind"
        " = 'r'"
    ) == len(TABLES)


def test_without_policies_nobody_sees_anything(shop):
    """Tables and their policies are different files: between them the doors are shut, not open."""
    shop.psql(command="GRANT SELECT ON ALL TABLES IN SCHEMA public TO anon")
    shop.psql(
        command="""
        DO $$ DECLARE p record; BEGIN
            FOR p IN SELECT policyname, tablename FROM pg_policies LOOP
                EXECUTE format('DROP POLICY %I ON public.%I', p.policyname, p.tablename);
            END LOOP;
        END $$"""
    )
    for table in TABLES:
        assert shop.value("SELECT count(*) FROM %s" % table, role="anon") == 0


@pytest.mark.parametrize(
    "role, keys",
    [
        ("anon", {"live"}),
        ("authenticated", {"live"}),
        ("platen_reader", {"live", "off"}),
        ("platen_editor", {"live", "off", "archived", "draft"}),
    ],
)
def test_sections_versions_and_links(shop, role, keys):
    drafts = {"draft of " + key for key in keys} if role == "platen_editor" else set()
    assert sees(shop, role, "SELECT section_key FROM homepage_sections") == keys
    assert sees(shop, role, "SELECT content ->> 'title' FROM section_versions") == keys | drafts
    of_section = (
        "SELECT (SELECT section_key FROM homepage_sections WHERE id = l.section_id) FROM %s l"
    )
    assert sees(shop, role, of_section % "section_products") == keys
    assert sees(shop, role, of_section % "section_categories") == keys


@pytest.mark.parametrize("role", ["anon", "authenticated", "platen_reader", "platen_editor"])
def test_everybody_reads_the_same_homepage(shop, role):
    """Rights decide what a role can reach, never what the homepage says."""
    rows = "SELECT to_jsonb(t) FROM get_homepage_content('en') t"
    seen = shop.rows(rows, role=role)
    assert seen == shop.rows(rows) and len(seen) == 1
    assert [p["name"] for p in seen[0][0]["products"]] == ["sold"]


@pytest.mark.parametrize("role", OUTSIDERS)
def test_what_outsiders_do_not_see(shop, role):
    assert sees(shop, role, "SELECT name FROM products") == {"sold"}
    assert sees(shop, role, "SELECT email FROM users") is None
    assert sees(shop, role, "SELECT status FROM section_schedules") is None
    assert sees(shop, role, "SELECT change_summary FROM section_versions") is None
    assert sees(shop, role, "SELECT created_by FROM section_versions") is None
    assert sees(shop, role, "SELECT file_path FROM media_assets") == (
        {"p"} if role == "platen_reader" else None
    )
    assert sees(shop, role, "SELECT locale FROM homepage_next_change") == (
        {"en"} if role == "platen_reader" else None
    )


def test_outsiders_write_nothing(shop):
    for role in OUTSIDERS:
        session = shop.connect(role=role)
        for table in TABLES:
            column = shop.value(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 1",
                (table,),
            )
            for statement in (
                "DELETE FROM {0}",
                "TRUNCATE {0} CASCADE",
                "INSERT INTO {0} DEFAULT VALUES",
                "UPDATE {0} SET {1} = {1}",
            ):
                with pytest.raises(DENIED):
                    run(session, statement.format(table, column))


def test_an_editor_writes_but_cannot_truncate_or_touch_users(shop):
    editor = shop.connect(role="platen_editor")
    section, version = add_published(editor, "by-editor")
    let_expire(editor, add_schedule(editor, section, version))
    add_product(editor)
    run(editor, "UPDATE categories SET name = 'x'")
    run(editor, "DELETE FROM media_assets")
    run(editor, "DELETE FROM homepage_sections WHERE id = %s", (section,))
    assert run(editor, "SELECT email FROM users") == [("editor@example.org",)]
    for statement in (
        "TRUNCATE products CASCADE",
        "UPDATE users SET email = 'x'",
        "DELETE FROM users",
    ):
        with pytest.raises(DENIED):
            run(editor, statement)


def test_grants_of_a_generous_platform_are_taken_back(empty_db):
    """Where new tables and functions are granted to anon by default, the migrations still end
    with ours."""
    empty_db.psql(
        command="""
        DO $$ BEGIN CREATE ROLE anon NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon;
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO anon"""
    )
    empty_db.migrate()
    tables = empty_db.rows(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'v', 'm') AND has_table_privilege('anon', oid, 'TRUNCATE, DELETE')"
    )
    assert tables == []
    assert {row[0] for row in empty_db.rows(CALLABLE, ("anon",))} == PUBLIC_API


# -- functions ---------------------------------------------------------------------------------

PUBLIC_API = {
    "cms_words",
    "get_homepage_content",
    "get_homepage_content_optimized",
    "get_homepage_from_mv",
}
EDITOR_API = {
    "publish_section_version",
    "revert_section_to_version",
    "get_admin_sections_list",
    "get_section_version_history",
    "count_section_versions",
    "process_scheduled_publishes",
    "process_scheduled_publishes_optimized",
    "manual_refresh_homepage_mv",
}
CALLABLE = (
    "SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    " AND has_function_privilege(%s, oid, 'EXECUTE')"
)


@pytest.mark.parametrize(
    "role, functions",
    [
        ("anon", PUBLIC_API),
        ("authenticated", PUBLIC_API),
        ("platen_reader", PUBLIC_API),
        ("platen_editor", PUBLIC_API | EDITOR_API),
    ],
)
def test_who_may_call_what(db, role, functions):
    assert {row[0] for row in db.rows(CALLABLE, (role,))} == functions


def test_nothing_is_granted_to_public(db):
    granted = db.rows(
        """SELECT p.proname FROM pg_proc p, aclexplode(COALESCE(p.proacl, acldefault('f',
        p.proowner))) a WHERE p.pronamespace = 'public'::regnamespace AND a.grantee = 0 UNION ALL
        SELECT c.relname FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace =
        'public'::regnamespace AND a.grantee = 0"""
    )
    assert granted == []


def test_search_path_is_pinned(db):
    """Every function that names anything resolves it the same way for every caller. (A body in
    RETURN form, which has prosqlbody, was resolved when it was made.)"""
    loose = db.rows(
        """
        SELECT proname FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND prosqlbody IS NULL
          AND NOT COALESCE(proconfig, '{}') @> ARRAY['search_path=pg_catalog, public, pg_temp']"""
    )
    assert loose == []
    definers = {
        row[0]
        for row in db.rows(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
        )
    }
    assert definers == {"process_scheduled_publishes", "manual_refresh_homepage_mv", "cms_announce_change"}


HISTORY = (
    "SELECT count(*) FROM get_section_version_history((SELECT id FROM homepage_sections LIMIT 1))"
)


def test_visitors_do_not_read_drafts_through_functions(shop):
    for role in OUTSIDERS:
        with pytest.raises(DENIED):
            shop.rows(HISTORY, role=role)
        with pytest.raises(DENIED):
            shop.rows("SELECT * FROM get_admin_sections_list('en')", role=role)
        with pytest.raises(DENIED):
            shop.rows("SELECT * FROM process_scheduled_publishes()", role=role)


def test_visitors_read_drafts_through_functions_as_printed(shop):
    shop.psql(command="DROP FUNCTION get_section_version_history(uuid, integer, integer)")
    shop.psql(file=SEED_SQL / "get_section_version_history.sql")
    assert shop.value(HISTORY, role="anon") == 2


# -- escalation --------------------------------------------------------------------------------


@pytest.fixture
def attacker(db):
    """A login with nothing but what a database gives to everybody, and what a test adds."""
    name = "mallory_" + db.name
    db.psql(command="CREATE ROLE %s LOGIN" % name)
    yield name
    db.close()
    db.psql(
        command="""
        REASSIGN OWNED BY {0} TO postgres;
        DROP OWNED BY {0};
        DROP ROLE {0}; DROP ROLE IF EXISTS {0}_owns""".format(
            name
        )
    )


def became_superuser(db, name):
    return db.value(
        "SELECT EXISTS (SELECT FROM pg_roles WHERE rolsuper AND rolname = %s)", (name + "_owns",)
    )


EVIL = """
    CREATE FUNCTION {schema}.evil() RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        IF current_user <> session_user THEN
            EXECUTE 'CREATE ROLE {name}_owns SUPERUSER';
        END IF;
        RETURN true;
    EXCEPTION WHEN OTHERS THEN RETURN true;
    END $$"""


def test_escalation_as_printed(db, attacker):
    """A temporary view in the place of a statistics view, and a function of the owner's that does
    not say where it looks: the caller becomes superuser."""
    db.psql(file=SEED_SQL / "get_cache_hit_ratio.sql")
    session = db.connect(user=attacker)
    run(session, EVIL.format(schema="pg_temp", name=attacker))
    run(
        session,
        (
            "CREATE TEMP VIEW pg_stat_database AS SELECT 1::bigint AS blks_hit, 1::bigint AS"
            " blks_read, current_database() AS datname WHERE pg_temp.evil()"
        ),
    )
    run(session, "SET search_path = pg_temp, pg_catalog, public")
    run(session, "SELECT * FROM get_cache_hit_ratio()")
    assert became_superuser(db, attacker)


def attack(db, name):
    """Everything an editor with a schema of his own can put in the way of our owner-rights
    functions: tables and views of the same names in pg_temp, functions of the same names in a
    schema that he searches first."""
    db.psql(command="CREATE SCHEMA evil AUTHORIZATION {0}; GRANT platen_editor TO {0}".format(name))
    section, version = add_published(db)
    schedule = add_schedule(db, section, version, expire_in="1 hour")
    session = db.connect(user=name)
    for schema in ("pg_temp", "evil"):
        run(session, EVIL.format(schema=schema, name=name))
    for table in (
        "homepage_sections",
        "section_schedules",
        "section_versions",
        "mv_published_homepage",
    ):
        run(
            session,
            "CREATE TEMP VIEW %s AS SELECT v.* FROM public.%s v WHERE pg_temp.evil()"
            % (table, table),
        )
    for signature, result, body in (
        ("clock_timestamp()", "timestamptz", "pg_catalog.clock_timestamp()"),
        ("now()", "timestamptz", "pg_catalog.now()"),
        ("pg_current_xact_id_if_assigned()", "xid8", "NULL::xid8"),
        ("publish_section_version(uuid, uuid)", "uuid", "$1"),
        ("round(numeric, integer)", "numeric", "pg_catalog.round($1, $2)"),
    ):
        run(
            session,
            "CREATE FUNCTION evil.%s RETURNS %s LANGUAGE sql AS"
            " 'SELECT CASE WHEN evil.evil() THEN %s END'" % (signature, result, body),
        )
    run(session, "SET search_path = evil, pg_temp, pg_catalog, public")
    run(session, "SELECT * FROM public.process_scheduled_publishes()")
    let_expire(db, schedule)
    run(session, "SELECT * FROM public.process_scheduled_publishes_optimized()")
    run(session, "SELECT public.manual_refresh_homepage_mv()")


def test_our_functions_do_not_escalate(db, attacker):
    attack(db, attacker)
    assert not became_superuser(db, attacker)


@pytest.mark.parametrize(
    "function", ["process_scheduled_publishes()", "manual_refresh_homepage_mv()"]
)
def test_it_is_the_pin_that_holds(db, attacker, function):
    """The same attack on the same functions without it succeeds: so the test above can fail."""
    db.psql(command="ALTER FUNCTION %s RESET search_path" % function)
    attack(db, attacker)
    assert became_superuser(db, attacker)
