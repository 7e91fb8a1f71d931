"""`platen migrate`: forward, back, forward again; what it refuses; what a failure leaves behind."""

import json
import os
import signal
import threading
import time

import pytest

from cmsdb import MIGRATIONS, down_files, up_files
from program import Running, platen

NUMBERS = len(up_files())


class Folder:
    """A folder of migrations, and platen migrate on it and a database."""

    def __init__(self, path, db):
        self.path, self.db = path, db
        self.source = db.pg.dsn(db.name)
        path.mkdir(exist_ok=True)

    def write(self, name, text, down="SELECT 1;\n"):
        (self.path / (name + ".sql")).write_text(text, encoding="utf-8")
        if down is not None:
            (self.path / (name + ".down.sql")).write_text(down, encoding="utf-8")

    def run(self, *args, **more):
        return platen("migrate", "--source", self.source, "--dir", self.path, *args, cwd=self.path.parent, **more)

    def start(self, *args):
        return Running("migrate", "--source", self.source, "--dir", self.path, *args, cwd=self.path.parent)

    def list(self):
        done = self.run("--list", "--json")
        assert done.code == 0, done
        return done.json()["migrations"]

    def states(self):
        return [entry["state"] for entry in self.list()]


@pytest.fixture
def folder(tmp_path, empty_db):
    return Folder(tmp_path / "m", empty_db)


@pytest.fixture
def ours(tmp_path, empty_db):
    """The repository's own migrations."""
    folder = Folder(tmp_path / "unused", empty_db)
    folder.path = MIGRATIONS
    return folder


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def without_bookkeeping(dump):
    """A schema dump without schema platen and table platen.migration, which psql does not make."""
    body = dump.replace("\n--\n-- PostgreSQL database dump complete\n--\n", "").rstrip("\n")
    blocks = body.split("\n--\n-- Name: ")
    ours = ("platen; Type: SCHEMA", "migration; Type:", "migration migration_pkey;", "TABLE migration; Type:")
    return "\n--\n-- Name: ".join(block.rstrip("\n") for block in blocks if not block.startswith(ours))


# --- the repository's own files -----------------------------------------------------------------------------------------


def test_up_down_up_again(ours):
    db = ours.db
    before = without_bookkeeping(db.pg.dump_schema(db.name))
    done = ours.run()
    assert done.code == 0, done
    assert done.out.count("applied ") == NUMBERS
    up = db.pg.dump_schema(db.name)
    assert set(ours.states()) == {"applied"}
    done = ours.run("--down", "0")
    assert done.code == 0, done
    assert done.out.count("rolled back ") == NUMBERS
    assert set(ours.states()) == {"pending"}
    assert without_bookkeeping(db.pg.dump_schema(db.name)) == before
    assert ours.run().code == 0
    assert db.pg.dump_schema(db.name) == up


def test_one_step_back_and_forth_at_every_version(ours):
    for n in range(1, NUMBERS + 1):
        assert ours.run("--to", n).code == 0
        up = ours.db.pg.dump_schema(ours.db.name)
        assert ours.run("--down", n - 1).code == 0
        done = ours.run("--to", n)
        assert done.code == 0, done
        assert ours.db.pg.dump_schema(ours.db.name) == up


def test_psql_makes_the_same_schema(ours, make_db):
    """The files are plain SQL: psql -f, one after the other, comes to the same end."""
    assert ours.run().code == 0
    by_psql = make_db(migrated=False)
    for file in up_files():
        by_psql.psql(file=file)
    assert (without_bookkeeping(by_psql.pg.dump_schema(by_psql.name))
            == without_bookkeeping(ours.db.pg.dump_schema(ours.db.name)))
    for file in down_files():
        by_psql.psql(file=file)


def test_the_configuration_may_name_the_folder(tmp_path, empty_db):
    (tmp_path / "platen.yaml").write_text("database: {migrations: %s}\n" % MIGRATIONS)
    done = platen("migrate", "--list", cwd=tmp_path, env={"DATABASE_URL": empty_db.pg.uri(empty_db.name)})
    assert done.code == 0, done
    assert done.out.count("pending") == NUMBERS


# --- forward, back, list ------------------------------------------------------------------------------------------------


def three(folder):
    for n, name in enumerate(("a", "b", "c"), 1):
        folder.write("000%d_%s" % (n, name), "CREATE TABLE %s (x int);\n" % name, "DROP TABLE %s;\n" % name)


def tables(db):
    return [name for (name,) in db.rows("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")]


def test_to_and_down_name_the_version_to_be_at(folder):
    three(folder)
    assert folder.run("--to", 2).code == 0
    assert tables(folder.db) == ["a", "b"]
    assert folder.run().code == 0
    assert tables(folder.db) == ["a", "b", "c"]
    done = folder.run("--down", 1)
    assert done.code == 0, done
    assert done.out.splitlines()[0].startswith("rolled back 0003_c (")
    assert tables(folder.db) == ["a"]
    assert folder.run("--down", 1).out == "nothing to do\n"
    assert folder.run().out.count("applied") == 2
    assert folder.run().out == "nothing to do\n"


@pytest.mark.parametrize("args, words", [
    (("--to", 4), "ends with 0003; there is no 0004"),
    (("--to", 1), "the database is at 0002 already; --down 1 goes back to 0001"),
    (("--down", 3), "the database is at 0002, before 0003; --to 3 goes there"),
    (("--to", 1, "--down", 0), "give one of them"),
    (("--list", "--dry-run"), "goes with no other"),
])
def test_targets_that_make_no_sense(folder, args, words):
    three(folder)
    assert folder.run("--to", 2).code == 0
    done = folder.run(*args)
    assert done.code == 2, done
    assert words in done.err
    assert tables(folder.db) == ["a", "b"]


def test_list_and_json(folder):
    three(folder)
    done = folder.run("--to", 2, "--json")
    assert done.json() == {"applied": ["0001_a", "0002_b"], "dry_run": False}
    entries = folder.list()
    assert [(e["number"], e["name"], e["state"]) for e in entries] == [
        (1, "0001_a", "applied"), (2, "0002_b", "applied"), (3, "0003_c", "pending")]
    assert entries[0]["applied_by"] == "postgres" and entries[0]["applied_at"].endswith("Z")
    assert entries[2]["applied_at"] is None
    assert not any(e["changed"] or e["missing"] for e in entries)
    plain = folder.run("--list").out.splitlines()
    assert plain[0].startswith("applied    0001_a ") and plain[2].startswith("pending    0003_c ")
    assert folder.run("--down", 1, "--json").json() == {"rolled_back": ["0002_b"], "dry_run": False}


def test_list_names_files_that_changed_or_vanished(folder):
    three(folder)
    assert folder.run().code == 0
    folder.write("0001_a", "CREATE TABLE a (x int); -- changed\n")
    for name in ("0003_c.sql", "0003_c.down.sql"):
        (folder.path / name).unlink()
    entries = folder.list()
    assert [(e["changed"], e["missing"]) for e in entries] == [(True, False), (False, False), (False, True)]
    plain = folder.run("--list").out
    assert "(the file was changed since)" in plain and "(not in the folder)" in plain


def test_dry_run_changes_nothing(folder):
    three(folder)
    before = folder.db.pg.dump_schema(folder.db.name)
    done = folder.run("--dry-run")
    assert done.code == 0, done
    assert [line.split("/")[-1] for line in done.out.splitlines()] == [
        "0001_a.sql: 1 statements", "0002_b.sql: 1 statements", "0003_c.sql: 1 statements"]
    assert folder.run("--dry-run", "--json").json() == {"applied": ["0001_a", "0002_b", "0003_c"], "dry_run": True}
    assert folder.db.pg.dump_schema(folder.db.name) == before
    assert folder.run().code == 0
    before = folder.db.pg.dump_schema(folder.db.name)
    assert "would roll back" in folder.run("--down", 0, "--dry-run").out
    assert folder.db.pg.dump_schema(folder.db.name) == before
    assert set(folder.states()) == {"applied"}


def test_quiet_and_notices(folder):
    folder.write("0001_a", "CREATE TABLE IF NOT EXISTS a (x int);\nDO $$ BEGIN RAISE NOTICE 'hello';"
                           " RAISE WARNING 'careful'; END $$;\n", "DROP TABLE a;")
    done = folder.run("--verbose")
    assert "NOTICE: hello" in done.err and "warning: careful" in done.err
    assert folder.run("--down", 0).code == 0
    done = folder.run("--quiet")
    assert done.out == "" and "hello" not in done.err and "careful" in done.err


def test_a_source_that_is_a_file(folder):
    done = platen("migrate", "--source", "x.export", "--dir", folder.path, cwd=folder.path)
    assert done.code == 2 and "migrations need a database" in done.err


# --- folders that are wrong -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("files, words", [
    ([], "holds no migrations"),
    (["0002_b.sql", "0002_b.down.sql"], "there is no 0001 before 0002_b.sql"),
    (["0001_a.sql", "0001_a.down.sql", "0003_c.sql", "0003_c.down.sql"], "there is no 0002 before 0003_c.sql"),
    (["0001_a.sql", "0001_a.down.sql", "0001_b.sql", "0001_b.down.sql"], "0001_a.sql: there is another migration of that number"),
    (["0001_a.sql"], "0001_a.sql: its way back, of the same name with .down.sql, is missing"),
    (["0001_a.sql", "0001_b.down.sql"], "0001_a.sql: its way back"),
    (["0001_a.down.sql"], "0001_a.down.sql: 0001_a.sql is missing"),
    (["0000_a.sql", "0000_a.down.sql"], "numbers begin with 0001"),
    (["1_a.sql"], "1_a.sql: a migration's name is NNNN_name.sql"),
    (["0001_a b.sql"], "a migration's name is NNNN_name.sql"),
    (["0001.sql"], "a migration's name is NNNN_name.sql"),
])
def test_a_folder_with_a_hole(folder, files, words):
    for name in files:
        (folder.path / name).write_text("SELECT 1;")
    done = folder.run()
    assert done.code == 2, done
    assert words in done.err
    assert folder.db.value("SELECT to_regnamespace('platen') IS NULL")


def test_a_folder_that_is_not_there(folder):
    folder.path = folder.path / "nowhere"
    done = platen("migrate", "--source", folder.source, "--dir", folder.path)
    assert done.code == 2 and "cannot read the folder of migrations" in done.err


def test_other_files_do_not_matter(folder):
    three(folder)
    (folder.path / "README.md").write_text("x")
    (folder.path / ".0009_hidden.sql").write_text("x")
    assert folder.run().code == 0


def test_an_applied_file_must_not_change(folder):
    three(folder)
    assert folder.run("--to", 2).code == 0
    folder.write("0002_b", "CREATE TABLE b (x int, y int);\n", "DROP TABLE b;\n")
    done = folder.run()
    assert done.code == 2, done
    assert "0002_b.sql was changed after it was applied" in done.err
    assert tables(folder.db) == ["a", "b"]
    assert folder.run("--down", 1).code == 0  # the way back stays open
    assert folder.run().code == 0


def test_an_applied_file_must_not_vanish_or_be_renamed(folder):
    three(folder)
    assert folder.run().code == 0
    for kind in (".sql", ".down.sql"):
        (folder.path / ("0003_c" + kind)).rename(folder.path / ("0003_d" + kind))
    done = folder.run()
    assert done.code == 2 and "the database has 0003_c under this number" in done.err
    for kind in (".sql", ".down.sql"):
        (folder.path / ("0003_d" + kind)).unlink()
    done = folder.run()
    assert done.code == 2 and "the database has migration 0003_c, but" in done.err


def test_a_history_with_a_hole(folder):
    three(folder)
    assert folder.run().code == 0
    folder.db.rows("DELETE FROM platen.migration WHERE number = 2")
    done = folder.run()
    assert done.code == 2 and "the database has 0003_c but not 0002_b before it" in done.err


# --- statements that are refused before anything runs ------------------------------------------------------------------------

REFUSED = [
    ("CREATE TABLE a (x int);\n\\i other.sql\n", "0002_b.sql:2:1: a backslash: psql's own commands"),
    ("\\set x 1\n", "0002_b.sql:1:1: a backslash"),
    ("SELECT 1;\nCOPY a FROM stdin;\n1\n\\.\n", "0002_b.sql:4:1: a backslash"),
    ("SELECT 1;\n COPY a FROM STDIN;", "0002_b.sql:2:2: COPY from or to the client"),
    ("COPY a TO STDOUT", "COPY from or to the client"),
    ("SELECT 'open;\n", "0002_b.sql:1:8: this string is not closed"),
    ("SELECT 1;\nCREATE INDEX CONCURRENTLY i ON a (x);", "0002_b.sql:2:1: CONCURRENTLY cannot run inside a transaction"),
    ("create unique index concurrently i on a (x);", "-- platen: no-transaction"),
    ("DROP INDEX CONCURRENTLY i", "CONCURRENTLY cannot run"),
    ("REINDEX (VERBOSE) INDEX CONCURRENTLY i", "CONCURRENTLY cannot run"),
    ("ALTER TABLE p DETACH PARTITION q CONCURRENTLY", "CONCURRENTLY cannot run"),
    ("SELECT 1; COMMIT; SELECT 2;", "0002_b.sql:1:11: transaction control"),
    ("BEGIN; SELECT 1;", "0002_b.sql:1:1: this BEGIN has no COMMIT"),
    ("SELECT 1; ROLLBACK", "transaction control"),
    ("PREPARE TRANSACTION 'x'", "transaction control"),
    ("-- platen: no-transaction\nBEGIN; SELECT 1; COMMIT;", "0002_b.sql:2:1: transaction control"),
]


@pytest.mark.parametrize("text, words", REFUSED)
def test_what_cannot_run_is_refused_first(folder, text, words):
    folder.write("0001_a", "CREATE TABLE a (x int);", "DROP TABLE a;")
    folder.write("0002_b", text)
    done = folder.run()
    assert done.code == 2, done
    assert words in done.err
    assert tables(folder.db) == []


ACCEPTED = [
    "BEGIN;\nCREATE TABLE b (x int);\nCOMMIT;\n",
    "START TRANSACTION; CREATE TABLE b (x int); END;",
    "CREATE TABLE b (x int); SAVEPOINT s; ROLLBACK TO s; RELEASE SAVEPOINT s",
    "CREATE TABLE b AS SELECT 'concurrently' AS x; COMMENT ON TABLE b IS 'CREATE INDEX CONCURRENTLY'",
    "CREATE TABLE b (x int);; ; -- COMMIT;\n/* ROLLBACK; */",
    "CREATE TABLE b (x int); COPY b TO '/dev/null'",
    "\ufeffCREATE TABLE b (x int);",
    "CREATE TABLE b (x int);\nCREATE FUNCTION f(i int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN $1 > 0 THEN 1 END; END;",
    "CREATE TABLE b (x int); SELECT repeat('x', 1000) FROM generate_series(1, 1000);",
    "CREATE TABLE b (x int); CREATE MATERIALIZED VIEW v AS SELECT 1 AS x; CREATE UNIQUE INDEX ON v (x); REFRESH MATERIALIZED VIEW CONCURRENTLY v",
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_can_run_runs(folder, text):
    folder.write("0001_b", text)
    done = folder.run()
    assert done.code == 0, done
    assert "b" in tables(folder.db)


# --- failures ---------------------------------------------------------------------------------------------------------------


def test_the_first_error_stops_and_rolls_back(folder):
    three(folder)
    folder.write("0002_b", "CREATE TABLE b (x int);\n\nCREATE VIEW v AS\n  SELECT y FROM b;\nCREATE TABLE never ();\n")
    done = folder.run()
    assert done.code == 1
    assert "0002_b.sql:4:10: column \"y\" does not exist (SQLSTATE 42703)" in done.err
    assert "statement: CREATE VIEW v AS\n" in done.err
    assert "0002_b.sql was rolled back: nothing of it remains" in done.err
    assert tables(folder.db) == ["a"]
    assert folder.states() == ["applied", "pending", "pending"]
    assert "applied 0001_a" in done.out
    folder.write("0002_b", "CREATE TABLE b (x int);\n", "DROP TABLE b;\n")
    assert folder.run().code == 0  # from there on
    assert tables(folder.db) == ["a", "b", "c"]


def test_json_after_a_failure_says_what_was_done(folder):
    three(folder)
    folder.write("0002_b", "SELECT 1/0;\n")
    done = folder.run("--json")
    assert done.code == 1
    assert json.loads(done.out) == {"applied": ["0001_a"], "dry_run": False}


def test_deferred_constraints_fail_at_the_commit(folder):
    folder.write("0001_a", "CREATE TABLE a (x int PRIMARY KEY, y int REFERENCES a DEFERRABLE INITIALLY DEFERRED);"
                           "INSERT INTO a VALUES (1, 2);")
    done = folder.run()
    assert done.code == 1
    assert "0001_a.sql: at its COMMIT: " in done.err and "SQLSTATE 23503" in done.err
    assert tables(folder.db) == [] and folder.states() == ["pending"]


def test_a_failing_way_back_changes_nothing(folder):
    folder.write("0001_a", "CREATE TABLE a (x int);", "DROP TABLE a;\nDROP TABLE b;")
    assert folder.run().code == 0
    done = folder.run("--down", 0)
    assert done.code == 1
    assert "0001_a.down.sql:2: table \"b\" does not exist" in done.err
    assert tables(folder.db) == ["a"] and folder.states() == ["applied"]


def test_a_statement_that_needs_no_transaction_says_so(folder):
    folder.write("0001_a", "VACUUM;")
    done = folder.run()
    assert done.code == 1
    assert "VACUUM cannot run inside a transaction block (SQLSTATE 25001)" in done.err
    assert "hint: put the comment line \"-- platen: no-transaction\"" in done.err


def test_a_file_cannot_disturb_the_next_one(folder):
    """Settings and roles that a file leaves behind are gone for its record and for the next file."""
    folder.db.rows("DO $$ BEGIN CREATE ROLE nobody_much; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    folder.write("0001_a", "CREATE TABLE a (x int); CREATE SCHEMA other; SET search_path = other; SET ROLE nobody_much;")
    folder.write("0002_b", "CREATE TABLE b AS SELECT current_user::text AS who;")
    done = folder.run()
    assert done.code == 0, done
    assert folder.db.value("SELECT who FROM public.b") == "postgres"


def test_a_lock_held_by_somebody_else(folder):
    """The site goes on: the migration gives up its place in the queue instead of blocking everybody behind it."""
    folder.db.rows("CREATE TABLE a (x int)")
    folder.write("0001_a", "SET LOCAL lock_timeout = '300ms'; ALTER TABLE a ADD y int;")
    other = folder.db.connect(autocommit=False)
    other.cursor().execute("SELECT * FROM a")
    done = folder.run()
    assert done.code == 1
    assert "SQLSTATE 55P03" in done.err and "hint: another session holds a lock" in done.err
    other.rollback()
    assert folder.run().code == 0


def test_dropping_the_record_is_refused(folder):
    three(folder)
    folder.write("0002_b", "CREATE TABLE b (x int);", "DROP TABLE b; DROP SCHEMA platen CASCADE;")
    assert folder.run().code == 0
    done = folder.run("--down", 0)
    assert done.code == 2, done
    assert "drops the table platen.migration" in done.err
    assert folder.states() == ["applied", "applied", "pending"]


# --- without a transaction -----------------------------------------------------------------------------------------------------

MARK = "-- Indexes.\n-- platen: no-transaction\n"


def test_concurrently(folder):
    folder.write("0001_a", "CREATE TABLE a (x int);", "DROP TABLE a;")
    folder.write("0002_i", MARK + "CREATE INDEX CONCURRENTLY i ON a (x);", MARK + "DROP INDEX CONCURRENTLY i;")
    assert folder.run().code == 0
    assert folder.db.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass")
    assert "without a transaction" in folder.run("--down", 0, "--dry-run").out
    assert folder.run("--down", 0).code == 0
    assert tables(folder.db) == []


def test_the_marker_counts_only_above_the_first_statement(folder):
    folder.write("0001_a", "CREATE TABLE a (x int);\n" + MARK + "CREATE INDEX CONCURRENTLY i ON a (x);")
    assert folder.run().code == 2
    folder.write("0001_a", "SELECT '\n-- platen: no-transaction\n';\nCREATE INDEX CONCURRENTLY i ON a (x);")
    assert folder.run().code == 2


def test_stopped_half_way_and_gone_on(folder):
    """A unique index fails on equal values and leaves an invalid index; mended, the file runs from its start."""
    folder.write("0001_a", "CREATE TABLE a (x int); INSERT INTO a VALUES (1), (1);", "DROP TABLE a;")
    text = (MARK + "CREATE TABLE IF NOT EXISTS done (x int);\nDROP INDEX IF EXISTS i;\n"
            "CREATE UNIQUE INDEX CONCURRENTLY i\n  ON a (x);\nCREATE TABLE IF NOT EXISTS after (x int);\n")
    folder.write("0002_i", text, MARK + "DROP INDEX i; DROP TABLE done, after;")
    folder.write("0003_c", "CREATE TABLE c ();", "DROP TABLE c;")
    done = folder.run()
    assert done.code == 1
    assert "0002_i.sql:5: could not create unique index \"i\" (SQLSTATE 23505)" in done.err
    assert "statement: CREATE UNIQUE INDEX CONCURRENTLY i\n" in done.err
    assert "2 of 4 statements of" in done.err and "runs it from its start again" in done.err
    assert folder.states() == ["applied", "applying", "pending"]
    assert "(stopped half-way)" in folder.run("--list").out
    assert folder.db.value("SELECT statements_done FROM platen.migration WHERE number = 2") == 2
    assert tables(folder.db) == ["a", "done"]
    folder.db.rows("DELETE FROM a WHERE ctid = '(0,1)'")
    folder.write("0002_i", text + "-- a change of a file that was never applied is no change\n",
                 MARK + "DROP INDEX i; DROP TABLE done, after;")
    done = folder.run()
    assert done.code == 0, done
    assert "0002_i stopped half-way before: once more from its start" in done.err
    assert folder.states() == ["applied"] * 3
    assert folder.db.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass")


def test_rolled_back_half_way(folder):
    folder.write("0001_a", "CREATE TABLE a (x int);", MARK + "DROP TABLE IF EXISTS a;\nSELECT 1/0;")
    assert folder.run().code == 0
    assert folder.run("--down", 0).code == 1
    assert folder.states() == ["reverting"]
    done = folder.run()
    assert done.code == 2 and "is half rolled back: finish with 'platen migrate --down 0' first" in done.err
    folder.write("0001_a", "CREATE TABLE a (x int);", MARK + "DROP TABLE IF EXISTS a;")
    assert folder.run("--down", 0).code == 0
    assert folder.states() == ["pending"]
    assert folder.run().code == 0


def test_an_invalid_index_is_told(folder):
    """IF NOT EXISTS takes the remains of a failed build for an index; platen looks."""
    folder.write("0001_a", "CREATE TABLE a (x int); INSERT INTO a VALUES (1), (1);")
    folder.write("0002_i", MARK + "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON a (x);")
    assert folder.run().code == 1
    done = folder.run()
    assert done.code == 0
    assert "warning: 0002_i: index i is not valid" in done.err


# --- two at once, and sudden ends ----------------------------------------------------------------------------------------------


def test_two_at_once_wait_for_each_other(folder):
    folder.write("0001_a", "CREATE TABLE a (x int); SELECT pg_sleep(1.5);", "DROP TABLE a;")
    first = folder.start()
    wait_for(lambda: folder.db.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == 1)
    second = folder.run()
    assert first.wait().code == 0
    assert second.code == 0, second
    assert second.out == "nothing to do\n"
    assert "another 'platen migrate' is at work; waiting for it" in second.err


def test_waiting_has_an_end(folder):
    three(folder)
    holder = folder.db.connect()
    holder.cursor().execute("SELECT pg_advisory_lock(123610793796974)")
    (folder.path.parent / "platen.yaml").write_text("output: {lock_wait: 400ms}\n")
    since = time.monotonic()
    done = folder.run()
    assert done.code == 1
    assert "another 'platen migrate' holds the database for longer than 0.4 s" in done.err
    assert time.monotonic() - since < 5
    assert tables(folder.db) == []


def test_many_at_once_apply_each_file_once(folder):
    for n in range(1, 6):
        folder.write("000%d_t" % n, "CREATE TABLE t%d (x int); SELECT pg_sleep(0.05);" % n)
    running = [folder.start() for _ in range(4)]
    done = [r.wait() for r in running]
    assert [d.code for d in done] == [0] * 4, done
    assert sum(d.out.count("applied ") for d in done) == 5


def test_killed_in_the_middle_nothing_is_half_done(folder):
    folder.write("0001_a", "CREATE TABLE a (x int); SELECT pg_sleep(30);", "DROP TABLE a;")
    running = folder.start()
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
    wait_for(lambda: folder.db.value(sleeping) == 1)
    os.kill(running.process.pid, signal.SIGKILL)
    running.process.wait()
    folder.db.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
                   " AND datname = current_database()")
    wait_for(lambda: folder.db.value(sleeping) == 0)
    assert tables(folder.db) == [] and folder.states() == ["pending"]
    folder.write("0001_a", "CREATE TABLE a (x int);", "DROP TABLE a;")
    assert folder.run().code == 0


def test_the_connection_is_lost(folder):
    folder.write("0001_a", "CREATE TABLE a (x int);\nSELECT pg_sleep(30);", "DROP TABLE a;")

    def end():
        wait_for(lambda: folder.db.value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                                         " WHERE wait_event = 'PgSleep' AND datname = current_database()") == 1)
    helper = threading.Thread(target=end)
    helper.start()
    done = folder.run()
    helper.join()
    assert done.code == 1
    assert "0001_a.sql:2: terminating connection due to administrator command (SQLSTATE 57P01)" in done.err
    assert tables(folder.db) == []


def test_a_role_without_rights(folder):
    three(folder)
    folder.db.rows("DO $$ BEGIN CREATE ROLE visitor LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    done = platen("migrate", "--source", folder.db.pg.dsn(folder.db.name, user="visitor"), "--dir", folder.path)
    assert done.code == 1
    assert "cannot create platen.migration: permission denied for database" in done.err
