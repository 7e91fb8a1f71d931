"""platen listen when the data is not what it was: restored, trimmed, unwatched, redefined; and when workers die, hang
or have no room. Whatever happened, out/public soon equals a cold build, and every test ends with that.

`make soak` runs the long forms. Instants are random; each test prints its seed, PLATEN_TEST_SEED=... repeats it.
"""

import contextlib
import datetime
import glob
import json
import os
import random
import shutil
import signal
import threading
import time

import pytest
from cmsdata import add_due, add_published, add_schedule, add_section, add_version, publish
from cmsdb import Database, run
from crew import cms, done, place, until  # noqa: F401 (fixtures)
from listening import Listening, SmallSite
from pgcluster import Cluster
from printing import left_behind, tree
from test_disk import disk, leave_free  # noqa: F401 (fixtures)
from test_incremental import SETTINGS, furnish, seed_of, unguarded
from test_schedules import lateness
from writers import Crowd

SOAK = bool(os.environ.get("PLATEN_SOAK"))
OURS = "application_name LIKE 'platen%' AND datname = current_database()"


@pytest.fixture
def server():
    """A server of this test alone, with a CMS on it: to be stopped, copied and replaced."""
    with Cluster(settings={"synchronous_commit": "on"}) as pg:  # what was committed outlives crash()
        pg.create_database("cms")
        db = Database(pg, "cms")
        db.migrate()
        add_published(db, "anchor", "here to stay")
        yield db
        db.close()


@pytest.fixture
def notes(db):
    """The one table of SmallSite in a database with a change log, and watched."""
    db.rows(SmallSite.TABLE + "; GRANT SELECT ON note TO PUBLIC; SELECT platen.watch('public.note', key => 'key')")
    return db


@pytest.fixture
def site(tmp_path):
    made = SmallSite(tmp_path)
    made.write("sql/notes.affected.sql", "SELECT unnest(c.keys) AS key, NULL AS locale FROM changed c WHERE c.relation = "
               "'public.note' UNION ALL SELECT NULL, NULL FROM changed c WHERE c.keys IS NULL")
    return made


def retitle(where, title):
    """Publishes a new version of the anchor."""
    section = run(where.connect() if hasattr(where, "connect") else where,
                  "SELECT id FROM homepage_sections WHERE section_key = 'anchor'")[0][0]
    publish(where, section, add_version(where, section, title))


def listening(db, folder, **settings):
    return Listening(db, folder, config=unguarded(folder), **settings)


def files_of(server):
    return os.path.join(server.pg.directory, "data")


def stop(server):
    server.close()
    server.pg.crash()


def copy_files(server):
    """A copy of the data directory, of a moment at which the server is down."""
    stop(server)
    copy = files_of(server) + ".older"
    server.pg.run_as_server("cp", "-a", files_of(server), copy)
    server.pg.resume()
    return copy


def put_back(server, copy):
    shutil.rmtree(files_of(server))
    os.rename(copy, files_of(server))


def log_is_used(worker, db, title="by the log"):
    """The next change is read incrementally."""
    with worker.expect("printed", read="changes"):
        retitle(db, title)
    worker.wait_for("en/index.html", title)
    worker.assert_equals_cold_build()


# -- another database at the same address --------------------------------------------------------------


def test_an_older_copy_is_put_back_while_the_worker_is_down(server, tmp_path):
    copy = copy_files(server)
    with listening(server, tmp_path, **SETTINGS) as worker:
        worker.wait("printed", reason="start")
        retitle(server, "lost with the disk")
        worker.wait_for("en/index.html", "lost with the disk")
    stop(server)
    put_back(server, copy)
    server.pg.resume()
    with listening(server, tmp_path, **SETTINGS) as worker:
        worker.wait("printed", 2, reason="start")
        worker.wait_for("en/index.html", "here to stay")
        worker.assert_equals_cold_build()
        log_is_used(worker, server)


@pytest.mark.parametrize("further", [False, True], ids=["behind", "beyond"])
def test_an_older_copy_is_put_back_while_the_worker_lives(server, tmp_path, further):
    """Also where the copy, before the worker is back, goes on beyond the transactions that it has seen."""
    copy = copy_files(server)
    with listening(server, tmp_path, **SETTINGS) as worker:
        worker.wait("printed", reason="start")
        log_is_used(worker, server, "lost with the disk")
        with worker.expect("printed", read="everything"):
            if further:
                worker.signal(signal.SIGSTOP)
            stop(server)
            put_back(server, copy)
            server.pg.resume()
            if further:
                server.psql(command="DO $$BEGIN FOR n IN 1 .. 200 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END$$")
                worker.signal(signal.SIGCONT)
        worker.wait_for("en/index.html", "here to stay", timeout=15)
        worker.assert_equals_cold_build()
        log_is_used(worker, server)


def test_a_dump_is_restored_into_a_new_cluster_at_the_same_address(server, tmp_path):
    """The worker may print what is there when half of it is restored. Triggers come last, so it is polling that ends this."""
    pg, dump, roles = server.pg, tmp_path / "dump.sql", tmp_path / "roles.sql"
    roles.write_text("\n".join(line for line in pg.run("pg_dumpall", "--roles-only", "-d", pg.dsn()).splitlines()
                               if " postgres" not in line and "restrict" not in line), encoding="utf-8")
    dump.write_text(pg.run("pg_dump", "-d", pg.dsn("cms")), encoding="utf-8")
    with listening(server, tmp_path, quiet="1ms", poll="1s", full_every="1h") as worker:
        worker.wait("printed", reason="start")
        retitle(server, "after the dump")
        worker.wait_for("en/index.html", "after the dump")
        with worker.expect("printed", read="everything"):
            stop(server)
            shutil.rmtree(files_of(server))
            pg.initialise()
            pg.resume()
            pg.psql("postgres", file=roles)
            pg.create_database("cms")
            pg.psql("cms", file=dump)
        worker.wait_for("en/index.html", "here to stay", timeout=15)
        worker.assert_equals_cold_build()
        log_is_used(worker, server)


# -- a change log that cannot be believed ----------------------------------------------------------------


def trimmed(db):
    while db.value("SELECT platen.trim('0')"):
        pass
    assert db.value("SELECT count(*) FROM platen.change") == 0


def test_the_log_is_trimmed_while_the_worker_is_down(db, tmp_path):
    add_published(db, "anchor", "here to stay")
    with listening(db, tmp_path, **SETTINGS) as worker:
        worker.wait("printed", reason="start")
    retitle(db, "while it was down")
    trimmed(db)
    with listening(db, tmp_path, **SETTINGS) as worker:
        worker.wait("printed", 2, reason="start")
        worker.wait_for("en/index.html", "while it was down")
        worker.assert_equals_cold_build()
        log_is_used(worker, db)


@pytest.mark.parametrize("crudely", [False, True], ids=["trim", "truncate"])
def test_the_log_is_trimmed_while_the_worker_cannot_connect(db, tmp_path, crudely):
    add_published(db, "anchor", "here to stay")
    with listening(db, tmp_path, **SETTINGS) as worker:
        worker.wait("printed", reason="start")
        log_is_used(worker, db)
        editor = db.connect()
        db.pg.psql("postgres", command='ALTER DATABASE "%s" ALLOW_CONNECTIONS false' % db.name)
        with editor.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE " + OURS)
            worker.wait("not listening")
            retitle(editor, "nobody heard")
            cursor.execute("TRUNCATE platen.change" if crudely else "SELECT platen.trim('0')")
        editor.close()
        db.pg.psql("postgres", command='ALTER DATABASE "%s" ALLOW_CONNECTIONS true' % db.name)
        worker.wait_for("en/index.html", "nobody heard", timeout=15)
        worker.wait("printed", 2, read="everything")
        worker.assert_equals_cold_build()


def test_the_log_is_trimmed_while_the_worker_hangs(db, tmp_path):
    """Its connections are as they were: only the log itself can tell."""
    add_published(db, "anchor", "here to stay")
    with listening(db, tmp_path, **SETTINGS) as worker:
        worker.wait("printed", reason="start")
        log_is_used(worker, db)
        worker.signal(signal.SIGSTOP)
        retitle(db, "nobody heard")
        trimmed(db)
        worker.signal(signal.SIGCONT)
        worker.wait_for("en/index.html", "nobody heard")
        worker.wait("printed", because="the change log does not reach back to the last look")
        worker.assert_equals_cold_build()


@pytest.mark.parametrize("again", [False, True], ids=["off", "off-and-on"])
def test_triggers_are_disabled_and_rows_change(db, tmp_path, again):
    add_published(db, "anchor", "here to stay")
    off, on = db.rows("""
        SELECT string_agg(format('ALTER TABLE %s DISABLE TRIGGER %I', t.tgrelid::regclass, t.tgname), '; '),
               string_agg(format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', t.tgrelid::regclass, t.tgname), '; ')
        FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid
        WHERE f.pronamespace = 'platen'::regnamespace AND NOT t.tgisinternal""")[0]
    with listening(db, tmp_path, **SETTINGS) as worker:
        worker.wait("printed", reason="start")
        log_is_used(worker, db)
        logged = db.value("SELECT count(*) FROM platen.change")
        db.psql(command=off)
        retitle(db, "behind its back")
        assert db.value("SELECT count(*) FROM platen.change") == logged
        db.psql(command=(on if again else "SELECT 1") + "; NOTIFY platen")
        assert worker.wait_for("en/index.html", "behind its back") < 5
        worker.wait("printed", 2, read="everything")
        worker.assert_equals_cold_build()
        if not again:
            db.psql(command=on + "; NOTIFY platen")
            worker.assert_equals_cold_build()
        log_is_used(worker, db, "all is well")


def test_replicated_changes_are_logged(db, tmp_path):
    """session_replication_role = replica, as restoring tools and logical replication set it."""
    add_published(db, "anchor", "here to stay")
    with listening(db, tmp_path, **SETTINGS) as worker:
        worker.wait("printed", reason="start")
        with worker.expect("printed", read="changes", reason="notified"):
            db.psql(command="SET session_replication_role = replica; "
                            "UPDATE section_versions SET content = jsonb_build_object('title', 'by a replica')")
        worker.wait_for("en/index.html", "by a replica")
        worker.assert_equals_cold_build()


def test_what_is_not_watched_is_found_by_the_next_full_look(db, tmp_path):
    add_published(db, "anchor", "here to stay")
    with listening(db, tmp_path, quiet="1ms", poll="1h", full_every="2s") as worker:
        worker.wait("printed", reason="start")
        db.psql(command="SELECT platen.unwatch('public.section_versions'); NOTIFY platen")
        worker.wait("looked", reason="notified", read="everything")
        worker.assert_equals_cold_build()
        db.rows("UPDATE section_versions SET content = jsonb_build_object('title', 'unheard')")
        worker.wait_for("en/index.html", "unheard", timeout=10)
        worker.wait("printed", reason="full")
        worker.wait("unnamed changes", level="warning")
        until(lambda: json.loads((worker.out / "status.json").read_text(encoding="utf-8"))["counters"]["unnamed"] == 1)
        worker.assert_equals_cold_build()
        db.psql(command="SELECT platen.watch('public.section_versions', also => '{section_id}'); NOTIFY platen")
        worker.assert_equals_cold_build()
        log_is_used(worker, db)
        worker.wait("looked", len(worker.said("looked", reason="full")) + 2, reason="full")
        assert len(worker.said("unnamed changes")) == 1


# -- definitions that change -----------------------------------------------------------------------------


def shows(worker, notes, sql, wanted):
    """What the definition changes is out soon, although no row has changed."""
    notes.psql(command=sql + "; NOTIFY platen")
    assert worker.wait_for("en/a.html", wanted) < 5
    worker.assert_equals_cold_build()


def touched(worker, notes, title):
    with worker.expect("printed", read="changes"):
        notes.rows("UPDATE note SET title = %s", (title,))
    worker.wait_for("en/a.html", title)
    worker.assert_equals_cold_build()


def test_a_view_and_a_function_are_replaced(notes, site):
    notes.psql(command="""
        CREATE FUNCTION decorated(text) RETURNS text LANGUAGE sql STABLE AS $$ SELECT $1 || ' plain' $$;
        CREATE VIEW shown AS SELECT key, locale, decorated(title) AS title FROM note""")
    site.write("sql/notes.sql", "SELECT key, locale, title FROM public.shown ORDER BY key, locale")
    with site.listen(notes, **SETTINGS) as worker:
        worker.wait("printed", reason="start")
        worker.wait_for("en/a.html", "First plain")
        shows(worker, notes, "CREATE OR REPLACE FUNCTION decorated(text) RETURNS text LANGUAGE sql STABLE AS $$ SELECT $1 || "
                             "' in gold' $$", "First in gold")
        touched(worker, notes, "Second")
        shows(worker, notes, "CREATE OR REPLACE VIEW shown AS SELECT key, locale, upper(decorated(title)) AS title FROM note",
              "SECOND IN GOLD")
        touched(worker, notes, "THIRD")
        shows(worker, notes, "DROP VIEW shown; CREATE VIEW shown AS SELECT key, locale, title || '.' AS title FROM note", "THIRD.")
        touched(worker, notes, "Fourth.")


def test_columns_come_and_go(notes, site):
    site.write("sql/notes.sql", "SELECT key, locale, to_jsonb(n) - 'key' - 'locale' AS title FROM public.note n ORDER BY 1, 2")
    with site.listen(notes, **SETTINGS) as worker:
        worker.wait("printed", reason="start")
        shows(worker, notes, "ALTER TABLE note ADD COLUMN more text DEFAULT 'something more'", "something more")
        touched(worker, notes, "Second")
        shows(worker, notes, "ALTER TABLE note RENAME COLUMN more TO other_name", "other_name")
        touched(worker, notes, "Third")
        notes.psql(command="ALTER TABLE note DROP COLUMN other_name; NOTIFY platen")
        until(lambda: "other_name" not in worker.public("en/a.html").read_text(encoding="utf-8"))
        worker.assert_equals_cold_build()
        touched(worker, notes, "Fourth")


# -- workers that die and hang ---------------------------------------------------------------------------


@contextlib.contextmanager
def at_work(crowd, rate):
    """The crowd makes about so many transactions a second, for as long as the block lasts."""
    stopped, failed = threading.Event(), []

    def pace():
        begun, count = time.monotonic(), 0
        while not stopped.wait(0.1):
            due = min(int((time.monotonic() - begun) * rate) - count, rate)
            try:
                crowd.run(due)
            except AssertionError as broken:
                failed.append(broken)
                return
            count += due

    thread = threading.Thread(target=pace)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
    assert not failed, failed


def assert_tidy(worker):
    """The last look has left nothing but what a look leaves."""
    assert left_behind(worker.out) == []
    assert not [name for name in os.listdir(worker.out) if name.startswith(".") and name not in (".stage", ".lock")], \
        os.listdir(worker.out)


@pytest.mark.soak
def test_killed_at_random_moments_under_load(db, tmp_path):
    seed = seed_of()
    chance = random.Random(seed)
    furnish(db, seed)
    worker = listening(db, tmp_path, **SETTINGS)
    with Crowd(db, seed) as crowd:
        try:
            with at_work(crowd, 100):
                for _ in range(200 if SOAK else 15):
                    worker.start()
                    time.sleep(chance.choice((0.1, 0.4, 1.2)) * chance.random())
                    worker.kill()
            with worker:
                worker.assert_equals_cold_build(30)
                crowd.run(20)
                worker.assert_equals_cold_build()
            print("%d releases" % len(worker.said("printed")))
            assert len(worker.said("printed")) > 15, "the kills came too early"
        finally:
            worker.kill()
    assert_tidy(worker)


def pester(workers, chance, seconds):
    """Kills, stops and continues workers at random. In the end all of them run."""
    until_then, asleep = time.monotonic() + seconds, {}
    while time.monotonic() < until_then:
        worker = chance.choice(workers)
        if worker in asleep:
            if time.monotonic() > asleep[worker]:
                worker.signal(signal.SIGCONT)
                del asleep[worker]
        elif chance.random() < 0.5:
            worker.kill()
            worker.start()
        else:
            worker.signal(signal.SIGSTOP)
            asleep[worker] = time.monotonic() + chance.random() * 2
        time.sleep(chance.random() * 0.5)
    for worker in asleep:
        worker.signal(signal.SIGCONT)


@pytest.mark.soak
def test_three_workers_that_are_killed_and_stopped(cms, tmp_path):
    """Each prints all there is, and together they publish each schedule once."""
    chance, seconds = random.Random(seed_of()), 240 if SOAK else 8
    due = []
    for number in range(seconds * 4):
        section = add_section(cms, "s%04d" % number)
        version = add_version(cms, section, "scheduled %d" % number)
        due.append(add_schedule(cms, section, version, publish_in="%d ms" % (250 * number)))
    workers = [listening(cms, place(tmp_path, str(n)), poll="5s", full_every="1h") for n in range(3)]
    with contextlib.ExitStack() as stack:
        for worker in workers:
            stack.callback(worker.kill)
            worker.start()
        pester(workers, chance, seconds)
        until(lambda: len(done(cms)) == len(due), 20)
        for worker in workers:
            worker.assert_equals_cold_build(15)
            assert worker.stop() == 0, worker.tail()
            assert_tidy(worker)
    assert done(cms) == {schedule: 1 for schedule in due}


@pytest.mark.parametrize("alive", [False, True], ids=["down", "waiting"])
def test_schedules_were_due_while_everything_was_down(server, tmp_path, alive):
    """The server in any case; the worker, too, or it waits for the server."""
    worker = listening(server, tmp_path, poll="1h", full_every="1h")
    try:
        worker.start()
        worker.wait("printed", reason="start")
        add_due(server, 5, publish_in="1500 ms")
        if not alive:
            assert worker.stop() == 0
        stop(server)
        time.sleep(2)
        server.pg.resume()
        assert server.value("SELECT count(*) FROM section_schedules WHERE status = 'pending'") >= (0 if alive else 5)
        if not alive:
            worker.start()
        worker.wait_for("en/index.html", "scheduled 4", timeout=15)
        worker.assert_equals_cold_build()
        assert server.rows("SELECT status, count(*) FROM section_schedules GROUP BY 1") == [("active", 5)]
        assert worker.stop() == 0
    finally:
        worker.kill()


@pytest.mark.parametrize("off", ["-1h", "+1h"])
def test_the_clock_of_the_worker_is_off(cms, tmp_path, off):  # noqa: F811 (fixture)
    """What is due tells the database's clock; what has changed, no clock at all. Then the clock is set right."""
    library = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    assert library, "this test needs libfaketime: make test installs it"
    options = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
    env = {"LD_PRELOAD": library[0], "FAKETIME": off, "DONT_FAKE_MONOTONIC": "1", "ASAN_OPTIONS": options}
    worker = listening(cms, tmp_path, poll="1h", full_every="1h", env=env)
    with worker:
        worker.wait("printed", reason="start")
        said = datetime.datetime.fromisoformat(worker.lines()[-1]["time"].replace("Z", "+00:00"))
        assert 3500 < abs((said - datetime.datetime.now(datetime.timezone.utc)).total_seconds()) < 3700, "the clock is not off"
        log_is_used(worker, cms)
        add_due(cms, 1, publish_in="1500 ms")
        time.sleep(1)
        assert done(cms) == {}, "published before its time"
        worker.wait_for("en/index.html", "scheduled 0")
        assert lateness(cms) < 0.5
        worker.assert_equals_cold_build()
    worker.env = {name: value for name, value in worker.env.items() if name not in env}
    with worker:
        worker.wait("looked", reason="start")
        log_is_used(worker, cms, "by the right time")


# -- no room ---------------------------------------------------------------------------------------------


def test_the_disk_is_full_for_a_while(disk, notes, site, tmp_path):  # noqa: F811 (fixture)
    """The last good pages stay, and when there is room it goes on by itself."""
    small = disk("size=8m")
    notes.psql(command="INSERT INTO note SELECT 'n' || n, 'en', 'Note ' || n FROM generate_series(1, 300) n")
    worker = site.listen(notes, **SETTINGS)
    worker.out = small.path / "out"
    with worker:
        worker.wait("printed", reason="start")
        worker.assert_equals_cold_build()
        good = tree(worker.out)
        ballast = leave_free(small.path, 0)
        notes.psql(command="UPDATE note SET title = title || repeat(' and more of it', 100)")
        assert "No space left" in worker.wait("look failed")["text"]
        time.sleep(1)
        assert tree(worker.out) == good and worker.process.poll() is None
        notes.psql(command="UPDATE note SET title = 'Another one' WHERE key = 'a'")
        ballast.unlink()
        worker.wait_for("en/a.html", "Another one", timeout=15)
        worker.assert_equals_cold_build()
        with worker.expect("printed", read="changes"):
            notes.psql(command="UPDATE note SET title = 'In passing' WHERE key = 'a'")
        worker.assert_equals_cold_build()
        assert left_behind(worker.out) == []


# -- for long --------------------------------------------------------------------------------------------


def used_by(worker):
    """Descriptors and bytes of memory: the least of some moments, since looks come and go."""
    seen = []
    for _ in range(25):
        with open("/proc/%d/statm" % worker.process.pid, encoding="ascii") as file:
            seen.append((worker.descriptors(), int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")))
        time.sleep(0.02)
    return min(seen)[0], min(size for _, size in seen)


@pytest.mark.soak
def test_load_and_kills_for_long(db, tmp_path):
    """Twenty commits a second; between two kills neither descriptors nor memory grow."""
    seed, lives, seconds = seed_of(), 30 if SOAK else 3, 20 if SOAK else 3
    furnish(db, seed)
    worker = listening(db, tmp_path, **SETTINGS)
    used = []
    with Crowd(db, seed) as crowd:
        try:
            for life in range(lives):
                worker.start()
                with at_work(crowd, 20):
                    time.sleep(seconds / 4)
                    before = used_by(worker)
                    time.sleep(seconds * 3 / 4)
                    used.append((before, used_by(worker)))
                    if life < lives - 1:
                        worker.kill()
            worker.assert_equals_cold_build(20)
            assert worker.stop() == 0, worker.tail()
        finally:
            worker.kill()
    assert_tidy(worker)
    print("descriptors and bytes, early and late: %s" % used)
    for (descriptors, size), late in used:
        assert late[0] <= descriptors + 8 and late[1] <= size + (8 << 20), used
    assert max(late[1] for _, late in used) <= used[0][1][1] + (8 << 20), "what is in out/ has grown"
