"""platen listen: what it does about notifications, signals, changed files and lost connections."""

import os
import signal
import time

import psycopg2
import pytest
from cmsdata import add_version, publish
from cmsdb import SAMPLE, Database
from listening import Listening, SmallSite
from pgcluster import Cluster
from pooler import Pooler
from printing import tree
from program import platen
from test_source import copy_as_standby
from wire import Wire

LISTENER = "SELECT pid FROM pg_stat_activity WHERE application_name = 'platen listen' AND datname = current_database()"


@pytest.fixture
def sample(db):
    db.psql(file=SAMPLE)
    return db


@pytest.fixture
def notes(empty_db):
    empty_db.rows(SmallSite.TABLE)
    return empty_db


@pytest.fixture
def site(tmp_path):
    return SmallSite(tmp_path)


def publish_title(db, title, key="hero-main", locale="en", notify=True):
    """A new version of a section, published and announced."""
    section = db.value("SELECT id FROM homepage_sections WHERE section_key = %s AND locale = %s", (key, locale))
    publish(db, section, add_version(db, section, title))
    if notify:
        db.rows("NOTIFY platen")


def retitle(db, title, notify=True):
    db.rows("UPDATE note SET title = %s", (title,))
    if notify:
        db.rows("NOTIFY platen")


def looks(worker):
    return len(worker.said("printed")) + len(worker.said("looked")) + len(worker.said("look failed"))


# --- notifications --------------------------------------------------------------------------------


def test_a_publish_is_printed_within_a_second(sample, tmp_path):
    with Listening(sample, tmp_path) as worker:
        worker.wait("printed", reason="start")
        worker.assert_equals_cold_build()
        publish_title(sample, "Printed at once")
        assert worker.wait_for("en/index.html", "Printed at once") < 1
        worker.wait("printed", reason="notified")
        worker.assert_equals_cold_build()
    assert worker.said("stopped")


def test_a_burst_is_few_releases(notes, site):
    with site.listen(notes, quiet="100ms", quiet_max="400ms") as worker:
        worker.wait("printed", reason="start")
        connection = notes.connect()
        with connection.cursor() as cursor:
            for number in range(40):
                cursor.execute("UPDATE note SET title = %s; NOTIFY platen", ("Title %d." % number,))
                time.sleep(0.01)
        worker.wait_for("en/a.html", "Title 39.")
        time.sleep(0.2)
        assert 1 <= len(worker.said("printed", reason="notified")) <= 4
        worker.assert_equals_cold_build()


@pytest.mark.parametrize("payload", ["x" * 7999, "../../etc/passwd", "'; DROP TABLE note; --", "{\"locale\": \"../../etc\"}", "\x1b[31m\n"],
                         ids=["longest", "path", "sql", "json", "control"])
def test_what_a_notification_says_is_never_read(notes, site, payload):
    with site.listen(notes) as worker:
        worker.wait("printed", reason="start")
        notes.rows("SELECT pg_notify(channel, %s) FROM unnest('{platen,platen_worker,cache_invalidate,homepage_updated}'::text[]) AS channel",
                   (payload,))
        worker.wait("looked", reason="notified")
        retitle(notes, "Still here")
        worker.wait_for("en/a.html", "Still here")
        assert not worker.said("look failed") and not [line for line in worker.lines() if line["level"] == "error"]
        assert "passwd" not in worker.logfile.read_text(encoding="utf-8")


def test_a_flood_costs_few_looks(notes, site):
    with site.listen(notes, quiet="50ms", quiet_max="500ms") as worker:
        worker.wait("printed", reason="start")
        begun = time.monotonic()
        for first in range(0, 100000, 20000):
            notes.rows("SELECT pg_notify('platen', n::text) FROM generate_series(%s, %s) AS n", (first, first + 19999))
        retitle(notes, "After the flood")
        worker.wait_for("en/a.html", "After the flood", timeout=15)
        seconds = time.monotonic() - begun
        time.sleep(0.7)
        heard = sum(line.get("notifications", 0) for line in worker.lines())
        assert heard == 100001, heard
        assert looks(worker) <= 3 + 2 * (seconds + 0.7)
        assert not worker.said("not listening")


def test_the_least_role_will_do(sample, tmp_path):
    name = "reader_of_%s" % sample.name
    sample.rows('CREATE ROLE "%s" LOGIN IN ROLE platen_reader' % name)
    try:
        with Listening(sample, tmp_path, dsn=sample.pg.dsn(sample.name, name), echo_every="200ms") as worker:
            worker.wait("printed", reason="start")
            publish_title(sample, "As the reader")
            worker.wait_for("en/index.html", "As the reader")
            time.sleep(0.5)
            assert not [line for line in worker.lines() if line["level"] in ("warning", "error") and line["what"] != "no change log"]
            worker.assert_equals_cold_build()
    finally:
        sample.rows('DROP ROLE "%s"' % name)


def test_without_a_change_log_the_channels_of_the_cms_count(notes, site):
    with site.listen(notes, channels="cache_invalidate  homepage_updated") as worker:
        worker.wait("printed", reason="start")
        for number, channel in enumerate(("cache_invalidate", "homepage_updated"), 1):
            retitle(notes, "By " + channel, notify=False)
            notes.rows("SELECT pg_notify(%s, '{}')", (channel,))
            worker.wait_for("en/a.html", "By " + channel)
        assert len(worker.said("no change log")) == 1
        notes.rows("NOTIFY something_else")
        notes.rows("SELECT pg_terminate_backend(pid) FROM (%s) AS l" % LISTENER)
        worker.wait("listening", 2)
        assert len(worker.said("no change log")) == 1


# --- the clock ------------------------------------------------------------------------------------


def test_polling_finds_what_nobody_announced(notes, site):
    with site.listen(notes, poll="200ms") as worker:
        worker.wait("printed", reason="start")
        retitle(notes, "Nobody said so", notify=False)
        worker.wait_for("en/a.html", "Nobody said so")
        worker.wait("printed", reason="poll")


def test_a_full_look_now_and_then_finds_what_became_of_the_files(notes, site):
    with site.listen(notes, full_every="500ms") as worker:
        worker.wait("printed", reason="start")
        before = len(worker.said("looked", reason="full"))
        worker.wait("looked", before + 2, reason="full", read="everything")


def test_an_idle_worker_does_nothing(sample, tmp_path):
    with Listening(sample, tmp_path) as worker:
        worker.wait("printed", reason="start")
        time.sleep(0.5)
        before = worker.cpu()
        time.sleep(3)
        assert worker.cpu() - before <= 0.05
        assert looks(worker) == 1


def test_the_listening_session_is_idle_and_holds_nothing(sample, tmp_path):
    with Listening(sample, tmp_path) as worker:
        worker.wait("printed", reason="start")
        publish_title(sample, "Another title")
        worker.wait("printed", reason="notified")
        assert sample.rows(
            """SELECT state, xact_start, backend_xmin, backend_xid FROM pg_stat_activity
               WHERE datname = current_database() AND application_name = 'platen listen'""") == [("idle", None, None, None)]
        assert sample.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%%'") == 0


# --- signals --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_look_is_finished_before_the_end(notes, site, number):
    site.write("sql/notes.sql", "SELECT key, locale, title, pg_sleep(1)::text AS slept FROM public.note ORDER BY key, locale")
    worker = site.listen(notes).start()
    try:
        worker.wait("listening")
        time.sleep(0.3)
        worker.signal(number)
        worker.wait("stopping")
        worker.signal(number)
        assert worker.stop() == 0
    finally:
        worker.kill()
    assert worker.public("en/a.html").exists() and worker.said("printed")
    assert len(worker.said("stopping")) == 1 and worker.lines()[-1]["what"] == "stopped"
    assert not list(worker.out.glob("releases/*.pending"))


def test_it_ends_at_once_when_it_is_idle_or_cannot_connect(notes, site):
    worker = site.listen(notes).start()
    worker.wait("printed")
    begun = time.monotonic()
    assert worker.stop() == 0 and time.monotonic() - begun < 1
    # a port where nobody answers: SYNs into the void (TEST-NET-1)
    worker = site.listen(notes, dsn="host=192.0.2.1 dbname=x connect_timeout=60").start()
    time.sleep(0.5)
    begun = time.monotonic()
    assert worker.stop() == 0 and time.monotonic() - begun < 12, worker.tail()


def test_sighup_reads_everything_again(notes, site):
    with site.listen(notes) as worker:
        worker.wait("printed", reason="start")
        worker.signal(signal.SIGHUP)
        worker.wait("looked", reason="reload", read="everything")
    assert '"mode":"stopped"' in (worker.out / "status.json").read_text(encoding="utf-8").replace(" ", "")


# --- files ----------------------------------------------------------------------------------------


def test_changed_files_are_printed(notes, site):
    with site.listen(notes) as worker:
        worker.wait("printed", reason="start")
        site.write("templates/footer.html.mustache", "<p>New footer</p>")
        worker.wait_for("en/a.html", "New footer")
        site.write("templates/parts/deep/line.html.mustache", "Deep down")
        site.write("templates/footer.html.mustache", "<p>{{>parts/deep/line}}</p>")
        worker.wait_for("en/a.html", "Deep down")
        site.write("templates/parts/deep/line.html.mustache", "Deeper")
        worker.wait_for("en/a.html", "Deeper")
        site.write("sql/notes.sql", "SELECT key, locale, upper(title) AS title FROM public.note ORDER BY key, locale")
        worker.wait_for("en/a.html", "FIRST")
        site.write("static/a/b.txt", "A static file")
        worker.signal(signal.SIGHUP)  # the folder was not there when the worker began
        worker.wait_for("a/b.txt", "A static file")
        site.write("static/a/b.txt", "Another")
        worker.wait_for("a/b.txt", "Another")
        site.configure(page_sets={"notes": {"query": "sql/notes.sql", "template": "page", "path": "{{locale}}/n-{{key}}.html"}})
        worker.wait_for("en/n-a.html", "FIRST")
        assert not worker.said("look failed")
        worker.assert_equals_cold_build()


def test_a_broken_template_keeps_the_last_pages_until_it_is_mended(notes, site):
    with site.listen(notes) as worker:
        worker.wait("printed", reason="start")
        good = tree(worker.out)
        site.write("templates/footer.html.mustache", "{{#open}}")
        failed = worker.wait("look failed")
        assert "footer.html.mustache:1" in failed["text"]
        retitle(notes, "Meanwhile")
        time.sleep(1.5)
        assert tree(worker.out) == good
        site.write("templates/footer.html.mustache", "<p>Mended</p>")
        worker.wait_for("en/a.html", "Mended")
        worker.assert_equals_cold_build()


def test_a_broken_configuration_keeps_the_old_one(notes, site):
    with site.listen(notes) as worker:
        worker.wait("printed", reason="start")
        site.write("platen.yaml", "{\"temlates\": 1}")
        refused = worker.wait("configuration not used")
        assert "platen.yaml:1" in refused["text"] and "did you mean 'templates'" in refused["text"]
        retitle(notes, "With the old one")
        worker.wait_for("en/a.html", "With the old one")
        site.configure(site={"name": "Notes", "base_url": "http://localhost/below/"}, listen={"poll": "150ms"})
        worker.wait("printed", reason="reload")
        retitle(notes, "Polled", notify=False)
        worker.wait_for("en/a.html", "Polled")
        worker.assert_equals_cold_build()


# --- what fails -----------------------------------------------------------------------------------


def test_a_failed_look_is_repeated(notes, site):
    with site.listen(notes) as worker:
        worker.wait("printed", reason="start")
        notes.rows("ALTER TABLE note RENAME TO hidden")
        notes.rows("NOTIFY platen")
        assert "note" in worker.wait("look failed", reason="notified")["text"]
        worker.wait("look failed", reason="notified")
        notes.rows("ALTER TABLE hidden RENAME TO note; UPDATE note SET title = 'Back again'")
        worker.wait_for("en/a.html", "Back again")
        worker.wait("printed", reason="retry")


def test_a_server_that_is_not_there_is_waited_for(notes, site):
    notes.rows("ALTER DATABASE \"%s\" CONNECTION LIMIT 0" % notes.name)
    name = "late_%s" % notes.name
    notes.rows('CREATE ROLE "%s" LOGIN; GRANT SELECT ON note TO "%s"' % (name, name))
    try:
        with site.listen(notes, dsn=notes.pg.dsn(notes.name, name)) as worker:
            worker.wait("look failed", reason="start")
            worker.wait("not listening")
            time.sleep(2)
            assert len(worker.said("not listening")) == 1 and len(worker.said("look failed")) <= 2  # said, not repeated
            notes.rows('ALTER DATABASE "%s" CONNECTION LIMIT -1' % notes.name)
            worker.wait("listening")
            worker.wait("printed")
            worker.assert_equals_cold_build()
    finally:
        notes.rows('DROP OWNED BY "%s"; DROP ROLE "%s"' % (name, name))


def test_a_connection_that_can_never_be_is_refused_at_once(site, notes):
    for key, value in (("--source", "host=x port=abc"), ("--source", str(site.folder / "some.export"))):
        done = platen("listen", "--config", site.folder / "platen.yaml", key, value)
        assert done.code == 2 and "database" in done.err, done
    done = platen("listen", "--config", site.folder / "platen.yaml", env={"PLATEN_LISTEN_DATABASE": "cms"})
    assert done.code == 2 and "listen.database" in done.err, done


def test_fifty_lost_connections(notes, site):
    with site.listen(notes) as worker:
        worker.wait("printed", reason="start")
        descriptors = None
        for number in range(1, 51):
            retitle(notes, "Round %d." % number, notify=False)
            notes.rows("SELECT pg_terminate_backend(pid) FROM (%s) AS l" % LISTENER)
            worker.wait_for("en/a.html", "Round %d." % number)  # found by the look after it is back
            worker.wait("listening", number + 1)
            if number == 5:
                time.sleep(0.2)
                descriptors = worker.descriptors()
        time.sleep(0.3)
        assert worker.descriptors() <= descriptors + 1
        retitle(notes, "Heard again")
        worker.wait_for("en/a.html", "Heard again")
        assert len(worker.said("not listening")) <= 10  # a line for each kind of farewell, not for each loss


def test_a_server_that_restarts(tmp_path):
    with Cluster(settings={"synchronous_commit": "on"}) as pg:
        pg.create_database("notes")
        db = Database(pg, "notes")
        db.rows(SmallSite.TABLE)
        site = SmallSite(tmp_path)
        with site.listen(db) as worker:
            worker.wait("printed", reason="start")
            db.close()
            pg.crash()
            worker.wait("not listening")
            pg.resume()
            worker.wait("listening", 2)
            retitle(db, "After the restart")
            worker.wait_for("en/a.html", "After the restart")
            worker.assert_equals_cold_build()
            db.close()


# --- does it hear? --------------------------------------------------------------------------------


def test_echoes_are_no_reason_to_look(notes, site):
    with site.listen(notes, echo_every="100ms", echo_wait="5s") as worker:
        worker.wait("printed", reason="start")
        with notes.connect().cursor() as cursor:
            cursor.execute("LISTEN platen_worker")
            time.sleep(1.5)
            connection = cursor.connection
            connection.poll()
            heard = [n.payload for n in connection.notifies]
        assert len([text for text in heard if text.startswith("echo ")]) >= 5 and len(set(heard)) == len(heard)
        for text in (heard[0], "echo", "echo x y", "", "beat"):
            notes.rows("SELECT pg_notify('platen_worker', %s)", (text,))
        time.sleep(0.3)
        assert looks(worker) == 1
        assert not worker.said("not listening")


def test_a_dead_connection_is_noticed(notes, site):
    """Its server process is stopped: the socket is open, nobody answers."""
    with site.listen(notes, echo_every="200ms", echo_wait="300ms") as worker:
        worker.wait("printed", reason="start")
        pid = notes.value(LISTENER)
        os.kill(pid, signal.SIGSTOP)
        try:
            retitle(notes, "While it was dead")
            lost = worker.wait("not listening")
            assert "echo" in lost["text"]
            worker.wait("listening", 2)
            worker.wait_for("en/a.html", "While it was dead")
        finally:
            os.kill(pid, signal.SIGCONT)
        retitle(notes, "Alive")
        worker.wait_for("en/a.html", "Alive")


def test_a_pooler_in_transaction_mode_is_recognised(notes, site):
    """With one server session for all, what the worker sends itself would come back to it, and prove nothing."""
    with Pooler(notes.pg, "transaction") as pooler:
        with site.listen(notes, dsn=pooler.dsn(notes.name), poll="150ms", echo_wait="1s") as worker:
            told = worker.wait("polling")
            assert told["level"] == "warning" and "transaction mode" in told["text"] and "5432 instead of 6543" in told["text"]
            for number in range(5):
                retitle(notes, "Poll %d." % number)
                worker.wait_for("en/a.html", "Poll %d." % number)
            time.sleep(2)  # it tries again
            assert len(worker.said("polling")) == len(worker.said("listening")) == 1  # and says it once
            assert not worker.said("look failed")
            worker.assert_equals_cold_build()


def test_a_pooler_with_many_sessions_is_recognised(notes, site):
    """Neither is in the other's session; the echo is simply never heard."""
    with Pooler(notes.pg, "transaction", size=5) as pooler:
        busy = [psycopg2.connect(pooler.dsn(notes.name)) for _ in range(3)]
        for connection in busy:
            connection.cursor().execute("SELECT 1")  # a transaction keeps its server session
        with site.listen(notes, dsn=pooler.dsn(notes.name), echo_wait="500ms") as worker:
            worker.wait("polling")
            worker.wait("printed", reason="start")
        for connection in busy:
            connection.close()


def test_a_direct_listening_connection_beside_a_pooler(notes, site):
    with Pooler(notes.pg, "transaction") as pooler:
        with site.listen(notes, dsn=pooler.dsn(notes.name), database=notes.pg.dsn(notes.name), echo_every="200ms") as worker:
            worker.wait("printed", reason="start")
            time.sleep(0.7)
            retitle(notes, "Direct")
            worker.wait_for("en/a.html", "Direct")
            assert not worker.said("polling")


def test_a_pooler_in_session_mode_will_do(notes, site):
    with Pooler(notes.pg, "session", size=10) as pooler:
        with site.listen(notes, dsn=pooler.dsn(notes.name), echo_every="200ms", echo_wait="1s") as worker:
            worker.wait("printed", reason="start")
            time.sleep(1.5)
            retitle(notes, "Heard")
            worker.wait_for("en/a.html", "Heard")
            assert not worker.said("polling") and not worker.said("not listening")


def test_a_standby_is_polled_and_its_primary_listened_to(tmp_path):
    with Cluster(settings={"wal_level": "replica", "max_wal_senders": 4, "hot_standby": "on"}) as primary:
        standby = Cluster(settings={"hot_standby": "on", "primary_conninfo": "host=%s port=%d user=postgres" % (
            primary.directory, primary.port)})
        primary.create_database("notes")
        db = Database(primary, "notes")
        db.rows(SmallSite.TABLE)
        copy_as_standby(primary, standby)
        site = SmallSite(tmp_path)
        both = "host=%s,%s port=%d,%d dbname=notes user=postgres" % (standby.directory, primary.directory, standby.port, primary.port)
        try:
            standby.resume()
            with site.listen(db, dsn=standby.dsn("notes"), poll="200ms") as worker:
                told = worker.wait("polling")
                assert "standby" in told["text"]
                retitle(db, "From the standby")
                worker.wait_for("en/a.html", "From the standby")
                time.sleep(0.5)
                assert len(worker.said("polling")) == 1
                standby.psql("postgres", command="SELECT pg_promote()")
                worker.wait("listening")
            worker = Listening(db, tmp_path, config=tmp_path / "platen.yaml", cwd=tmp_path, dsn=both, database=both)
            standby.crash()
            copied = standby.directory
            with worker:  # its first host is down
                worker.wait("listening")
                assert copied == standby.directory
                retitle(db, "From the second host")
                worker.wait_for("en/a.html", "From the second host")
        finally:
            db.close()
            standby.stop()


def test_a_network_that_swallows_everything(notes, site):
    """Nothing comes through, nothing is refused; then it does again."""
    with Wire(notes.pg) as wire:
        with site.listen(notes, dsn=wire.dsn(notes.name), poll="500ms", echo_every="300ms", echo_wait="300ms", env={
                "PLATEN_CONNECT_TIMEOUT": "500ms", "PLATEN_STATEMENT_TIMEOUT": "500ms"}) as worker:
            worker.wait("printed", reason="start")
            wire.cut()
            retitle(notes, "Through the hole")
            worker.wait("not listening")
            worker.wait("look failed", timeout=30)
            wire.mend()
            worker.wait_for("en/a.html", "Through the hole", timeout=30)
            worker.wait("listening", 2)
            retitle(notes, "Heard again")
            worker.wait_for("en/a.html", "Heard again")
            worker.assert_equals_cold_build()


def test_rows_of_a_standby_are_awaited(tmp_path):
    """Listening to the primary, reading from a standby: a look waits until the standby has what was notified."""
    with Cluster(settings={"wal_level": "replica", "max_wal_senders": 4, "hot_standby": "on", "synchronous_commit": "on"}) as primary:
        standby = Cluster(settings={"hot_standby": "on", "primary_conninfo": "host=%s port=%d user=postgres" % (
            primary.directory, primary.port)})
        primary.create_database("notes")
        db = Database(primary, "notes")
        db.rows(SmallSite.TABLE)
        copy_as_standby(primary, standby)
        try:
            standby.resume()
            with SmallSite(tmp_path).listen(db, dsn=standby.dsn("notes"), database=primary.dsn("notes"), poll="1h") as worker:
                worker.wait("printed", reason="start")
                for number in range(5):
                    retitle(db, "Round %d." % number)
                    worker.wait_for("en/a.html", "Round %d." % number)
                standby.psql("postgres", command="SELECT pg_wal_replay_pause()")
                retitle(db, "Held back")
                time.sleep(1)
                standby.psql("postgres", command="SELECT pg_wal_replay_resume()")
                worker.wait_for("en/a.html", "Held back")
                assert not worker.said("standby is behind")
                standby.psql("postgres", command="SELECT pg_wal_replay_pause()")
                retitle(db, "Held back for long")
                worker.wait("standby is behind")
                time.sleep(1)
                standby.psql("postgres", command="SELECT pg_wal_replay_resume()")
                worker.wait_for("en/a.html", "Held back for long")
                assert not worker.said("look failed") and not worker.said("polling")
        finally:
            db.close()
            standby.stop()
