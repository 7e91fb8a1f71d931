"""What platen listen writes to the database of itself: platen.release and platen.worker."""

import socket
import time

import psycopg2
import pytest
from cmsdata import add_due, add_published, add_version, publish
from cmsdb import run
from crew import cms, done, login, until  # noqa: F401 (fixtures)
from listening import Listening
from origins import FolderOrigin

COLUMNS = (
    "reason, generation, incremental, pages, added, changed, removed, bytes, seconds, commit_to_printed_ms, failed, error"
)


def releases(db, columns="reason, generation, failed"):
    return db.rows("SELECT %s FROM platen.release ORDER BY id" % columns)


@pytest.fixture
def worker_dsn(login):
    """What a worker needs to log, and no more."""
    return login("worker", "platen_worker")


def test_a_row_for_each_release(cms, tmp_path, worker_dsn):
    with Listening(cms, tmp_path, dsn=worker_dsn) as worker:
        worker.wait("printed", reason="start")
        until(lambda: len(releases(cms)) == 1)
        section, _ = add_published(cms, "second", "Second")
        worker.wait_for("en/index.html", "Second")
        until(lambda: len(releases(cms)) == 2)
        publish(cms, section, add_version(cms, section, "Second again"))
        worker.wait_for("en/index.html", "Second again")
        until(lambda: len(releases(cms)) == 3)
        time.sleep(0.5)
    rows = releases(cms, COLUMNS)
    assert [row[:2] for row in rows] == [("start", "1"), ("notified", "2"), ("notified", "3")]
    assert [row[2] for row in rows] == [line["read"] == "changes" for line in worker.said("printed")]
    for reason, _, _, pages, added, changed, removed, size, seconds, late, failed, error in rows:
        assert pages == 2 and size > 0 and 0 < seconds < 10 and not failed and error is None
        assert added > 0 if reason == "start" else changed > 0
        assert removed == 0
        assert late is None if reason == "start" else 0 <= late < 3000
    assert cms.value("SELECT bool_and(at BETWEEN now() - interval '1 minute' AND now()) FROM platen.release") is True
    assert cms.value("SELECT count(DISTINCT worker) FROM platen.release") == 1


def test_the_row_of_a_worker(cms, tmp_path, worker_dsn):
    """Renewed when something changes, every ten seconds besides, and for the last time at the end."""
    with Listening(cms, tmp_path, dsn=worker_dsn) as worker:
        worker.wait("printed", reason="start")
        sql = "SELECT mode, leader, generation, pid, host, version <> '' FROM platen.worker"
        until(lambda: cms.rows(sql) == [("listening", True, "1", worker.process.pid, socket.gethostname(), True)])
        first = cms.value("SELECT seen_at FROM platen.worker")
        until(lambda: cms.value("SELECT seen_at > %s FROM platen.worker", (first,)), 12)
        assert cms.value("SELECT count(*) FROM platen.worker w JOIN platen.release r ON r.worker = w.id") == 1
    assert cms.rows("SELECT mode, leader FROM platen.worker") == [("stopped", False)]
    assert cms.value("SELECT started_at < seen_at FROM platen.worker") is True


UPLOADS = ("SELECT generation, failed, changed, removed, bytes, requests, seconds, commit_to_live_ms, error, pages, added"
           " FROM platen.release WHERE upload AND reason = 'upload' ORDER BY id")


def test_a_row_for_each_upload(cms, tmp_path, worker_dsn):
    """That changed something, or failed; the summary keeps them apart from looks."""
    origin = FolderOrigin(tmp_path / "origin")
    with Listening(cms, tmp_path, dsn=worker_dsn, env=origin.env) as worker:
        until(lambda: len(cms.rows(UPLOADS)) == 1)
        add_published(cms, "second", "Second")
        worker.wait("uploaded", release=2)
        until(lambda: len(cms.rows(UPLOADS)) == 2)
        (origin.folder / ".platen").rename(tmp_path / "aside")
        (origin.folder / ".platen").write_text("no folder", encoding="utf-8")
        add_published(cms, "third", "Third")
        until(lambda: any(row[1] for row in cms.rows(UPLOADS)))
        (origin.folder / ".platen").unlink()
        (tmp_path / "aside").rename(origin.folder / ".platen")
        until(lambda: cms.rows(UPLOADS)[-1][:2] == ("3", False))
        lines = [line for line in worker.said("uploaded") if line["level"] == "info"]
    rows = cms.rows(UPLOADS)
    good = [row for row in rows if not row[1]]
    assert [row[0] for row in good] == ["1", "2", "3"]
    for row, line in zip(good, lines):
        assert row[2:6] == (line["put"], line["deleted"], line["bytes"], line["requests"])
        assert 0 < row[6] < 10 and row[7] == line.get("commit_to_live_ms") and row[8:] == (None, None, None)
    assert good[0][7] is None and 0 <= good[1][7] < 5000 and good[2][7] > 500
    for row in rows:
        assert not row[1] or (row[0] is None and row[2:5] == (None,) * 3 and "origin" in row[8])
    summary = ("SELECT sum(releases), sum(failures), sum(uploads), sum(upload_failures), max(mean_commit_to_live_ms) > 0,"
               " sum(upload_bytes), max(p95_upload_seconds) < 10 FROM platen.performance_summary")
    assert cms.rows(summary) == [(3, 0, 3, len(rows) - 3, True, sum(row[4] for row in good), True)]


def test_a_look_that_failed_is_in_the_log(cms, tmp_path, worker_dsn):
    with Listening(cms, tmp_path, dsn=worker_dsn) as worker:
        worker.wait("printed", reason="start")
        cms.rows("ALTER TABLE public.categories RENAME TO elsewhere; NOTIFY platen")
        worker.wait("look failed")
        until(lambda: any(row[2] for row in releases(cms)))
        cms.rows("ALTER TABLE public.elsewhere RENAME TO categories; NOTIFY platen")
        error = cms.rows("SELECT error FROM platen.release WHERE failed")[0][0]
        assert error and len(error) <= 2048
        worker.assert_equals_cold_build()


def test_the_role_of_workers_is_enough_and_no_more(cms, tmp_path, worker_dsn):
    """It prints, publishes schedules and logs; it owns nothing, sees no drafts and is no superuser."""
    name = cms.name + "_worker"
    ((_, _, schedule),) = add_due(cms, 1)
    with Listening(cms, tmp_path, dsn=worker_dsn) as worker:
        worker.wait_for("en/index.html", "scheduled 0")
        until(lambda: releases(cms) != [])
        worker.assert_equals_cold_build()
        assert not [line for line in worker.lines() if line["level"] in ("warning", "error")], worker.tail()
    assert done(cms) == {schedule: 1}
    rights = (
        "SELECT bool_or(rolbypassrls OR rolsuper OR rolcreaterole OR rolcreatedb) FROM pg_roles"
        " WHERE pg_has_role(%s, oid, 'MEMBER')"
    )
    assert cms.value(rights, (name,)) is False
    owned = "SELECT count(*) FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'platen'::regnamespace) AND pg_has_role(%s, relowner, 'MEMBER')"
    assert cms.value(owned, (name,)) == 0
    for table in ("homepage_sections", "section_versions", "section_schedules"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cms.rows("SET ROLE %s; UPDATE public.%s SET updated_at = now()" % (name, table))


def test_a_reader_writes_nothing_and_says_nothing(cms, tmp_path, login):
    """platen_reader alone listens and prints; no connection is kept for what it may not write."""
    with Listening(cms, tmp_path, dsn=login("reader", "platen_reader")) as worker:
        worker.wait("printed", reason="start")
        section, _ = add_published(cms, "second", "Second")
        worker.wait_for("en/index.html", "Second")
        publish(cms, section, add_version(cms, section, "Second again"))
        worker.wait_for("en/index.html", "Second again")
        worker.wait("printed", reason="notified", read="changes")
        worker.assert_equals_cold_build()
        time.sleep(0.5)
        assert cms.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'platen log'"
                         " AND datname = current_database()") == 0
        assert not [line for line in worker.lines() if line["level"] in ("warning", "error")], worker.tail()
    assert releases(cms) == [] and cms.rows("SELECT id FROM platen.worker") == []


def test_a_log_that_is_locked_keeps_no_look_waiting(cms, tmp_path, worker_dsn):
    with Listening(cms, tmp_path, dsn=worker_dsn) as worker:
        worker.wait("printed", reason="start")
        until(lambda: len(releases(cms)) == 1)
        other = cms.connect(autocommit=False)
        run(other, "LOCK TABLE platen.release, platen.worker IN ACCESS EXCLUSIVE MODE")
        for number in range(3):
            add_published(cms, "more%d" % number, "More %d" % number)
            assert worker.wait_for("en/index.html", "More %d" % number, timeout=3) < 2
        other.rollback()
        until(lambda: len(releases(cms)) == 4)
    assert [row[1] for row in releases(cms)] == ["1", "2", "3", "4"]


def test_a_log_that_goes_away_is_said_once(cms, tmp_path, worker_dsn):
    with Listening(cms, tmp_path, dsn=worker_dsn) as worker:
        worker.wait("printed", reason="start")
        until(lambda: len(releases(cms)) == 1)
        cms.rows("ALTER TABLE platen.release RENAME TO elsewhere")
        for number in range(4):
            add_published(cms, "more%d" % number, "More %d" % number)
            worker.wait_for("en/index.html", "More %d" % number, timeout=3)
            time.sleep(0.5)
        worker.wait("the release log is not written")
        assert len(worker.said("the release log is not written")) == 1
        worker.assert_equals_cold_build()


OLD = "SELECT (SELECT count(*) FROM platen.change WHERE at < now() - interval '80 days')," \
    " (SELECT count(*) FROM platen.release WHERE worker = 'old'), (SELECT count(*) FROM platen.worker WHERE id = 'old')"


@pytest.fixture
def old(cms):
    """What has been kept for long enough."""
    cms.psql(
        command="""
        UPDATE platen.change SET at = at - interval '100 days';
        INSERT INTO platen.release (worker, at, reason)
            SELECT 'old', now() - interval '100 days', 'start' FROM generate_series(1, 5001);
        INSERT INTO platen.worker (id, host, pid, seen_at, version, mode)
            VALUES ('old', 'gone', 1, now() - interval '100 days', '0', 'stopped')"""
    )
    before = cms.rows(OLD)[0]
    assert before[0] > 0 and before[1:] == (5001, 1)
    return cms


def test_the_leader_trims_the_logs(old, tmp_path):
    """Where it may, in batches."""
    with Listening(old, tmp_path) as worker:
        worker.wait("leading")
        worker.wait("the logs were trimmed")
        assert old.rows(OLD)[0] == (0, 0, 0)
        worker.assert_equals_cold_build()


@pytest.mark.parametrize("lead", ["false", "true"])
def test_who_does_not_lead_or_may_not_does_not_trim(old, tmp_path, worker_dsn, lead):
    before = old.rows(OLD)[0]
    with Listening(old, tmp_path, lead=lead, dsn=worker_dsn if lead == "true" else None) as worker:
        worker.wait("printed", reason="start")
        until(lambda: old.rows("SELECT 1 FROM platen.worker WHERE leader = %s AND mode = 'listening'", (lead == "true",)) != [])
        time.sleep(1)
        assert old.rows(OLD)[0] == before
        assert not [line for line in worker.lines() if "trimmed" in line["what"]]
