"""The release log: who may write it, what the summary says, trimming."""

import psycopg2
import pytest

from cmsdata import add_published, add_schedule, add_version, process
from cmsdb import run

DENIED = psycopg2.errors.InsufficientPrivilege
RELEASE = ("INSERT INTO platen.release (worker, generation, reason, seconds, failed, at)"
           " VALUES ('w', 'g', 'notified', %s, %s, %s)")


def test_the_summary(db):
    at = "2026-01-02 10:%02d:00Z"
    for number in range(1, 21):
        db.rows(RELEASE, (number / 10, False, at % number))
    db.rows(RELEASE, (None, True, at % 30))
    db.rows(RELEASE, (None, True, "2026-01-02 11:00:00Z"))
    rows = db.rows("SELECT extract(hour FROM hour AT TIME ZONE 'UTC')::integer, releases, failures, failure_rate,"
                   " mean_seconds, p95_seconds, mean_commit_to_printed_ms FROM platen.performance_summary ORDER BY hour")
    assert rows[0] == (10, 20, 1, pytest.approx(1 / 21), pytest.approx(1.05), pytest.approx(1.905), None)
    assert rows[1] == (11, 0, 1, 1.0, None, None, None)
    db.rows("DELETE FROM platen.release")
    assert db.rows("SELECT * FROM platen.performance_summary") == []


def test_the_summary_of_uploads(db):
    """They count apart; an hour of uploads alone has no releases, and no rate."""
    upload = ("INSERT INTO platen.release (worker, generation, at, reason, upload, seconds, failed, bytes, requests,"
              " commit_to_live_ms) VALUES ('w', 'g', %s, 'upload', true, %s, %s, %s, %s, %s)")
    at = "2026-01-02 10:%02d:00Z"
    for number in range(1, 21):
        db.rows(upload, (at % number, number / 10, False, 100, 5, number * 100))
    db.rows(upload, (at % 30, 60, True, None, 1, None))
    columns = ("releases, failures, failure_rate, mean_seconds, pages, bytes, uploads, upload_failures,"
               " mean_upload_seconds, p95_upload_seconds, mean_commit_to_live_ms, p95_commit_to_live_ms, upload_requests,"
               " upload_bytes")
    assert db.rows("SELECT %s FROM platen.performance_summary" % columns) == [
        (0, 0, None, None, None, None, 20, 1, pytest.approx(1.05), pytest.approx(1.905), pytest.approx(1050),
         pytest.approx(1905), 101, 2000)]
    db.rows(RELEASE, (1, False, at % 40))
    assert db.rows("SELECT releases, failure_rate, mean_seconds, uploads FROM platen.performance_summary") == [(1, 0, 1, 20)]


def test_what_a_worker_may(db):
    section, _ = add_published(db)
    worker = db.connect(role="platen_worker")
    add_schedule(db, section, add_version(db, section, "scheduled"))
    assert [row[2] for row in process(worker)] == ["published"]
    run(worker, RELEASE, (1, False, "2026-01-01Z"))
    run(worker, "UPDATE platen.release SET commit_to_printed_ms = 12 WHERE id = (SELECT max(id) FROM platen.release)")
    for _ in range(2):
        run(worker, "INSERT INTO platen.worker (id, host, pid, version, mode) VALUES ('w', 'h', 1, 'v', 'direct')"
                    " ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp()")
    assert run(worker, "SELECT releases FROM platen.performance_summary") == [(1,)]
    assert run(worker, "SELECT count(*) > 0 FROM platen.change") == [(True,)]
    assert run(worker, "SELECT pg_try_advisory_lock(platen.leader_key())") == [(True,)]
    assert run(worker, "SELECT section_key FROM homepage_sections") == [("hero",)]
    for statement in ("DELETE FROM platen.release", "DELETE FROM platen.worker", "TRUNCATE platen.release",
                      "INSERT INTO platen.change (relation, operation) VALUES ('x', 'update')",
                      "DELETE FROM platen.change", "SELECT platen.trim()", "SELECT platen.trim_releases()",
                      "SELECT platen.watch('products')", "UPDATE homepage_sections SET is_active = false",
                      "SELECT * FROM section_schedules",
                      "SELECT publish_section_version(gen_random_uuid(), gen_random_uuid())"):
        with pytest.raises(DENIED):
            run(worker, statement)


def test_the_worker_owns_nothing(db):
    assert db.rows("SELECT rolsuper, rolbypassrls, rolcanlogin, rolcreaterole FROM pg_roles"
                   " WHERE rolname = 'platen_worker'") == [(False,) * 4]
    assert db.rows("SELECT relname FROM pg_class WHERE relowner = 'platen_worker'::regrole") == []
    drafts = "SELECT count(*) FROM section_versions WHERE NOT is_published"
    section, _ = add_published(db)
    add_version(db, section, "draft")
    assert db.value(drafts) == 1 and db.value(drafts, role="platen_worker") == 0


@pytest.mark.parametrize("role", ["anon", "authenticated", "platen_editor", "platen_reader"])
def test_others_neither_read_nor_write_it(db, role):
    for statement in ("SELECT * FROM platen.release", "SELECT * FROM platen.worker",
                      "SELECT * FROM platen.performance_summary",
                      "INSERT INTO platen.worker (id, host, pid, version, mode) VALUES ('w', 'h', 1, 'v', 'poll')"):
        with pytest.raises(DENIED):
            db.rows(statement, role=role)


def test_leadership_is_of_one_database(db, make_db):
    key = "SELECT platen.leader_key()"
    assert db.value(key) == db.value("SELECT hashtextextended('platen leader ' || current_database(), 0)")
    assert db.value(key) != make_db().value(key)


def test_trimming(db):
    for number in range(5):
        db.rows(RELEASE, (1, False, "2020-01-0%dZ" % (number + 1)))
    db.rows(RELEASE, (1, False, "2099-01-01Z"))
    db.rows("INSERT INTO platen.worker (id, host, pid, version, mode, seen_at)"
            " VALUES ('gone', 'h', 1, 'v', 'poll', '2020-01-01Z'), ('here', 'h', 1, 'v', 'poll', now())")
    assert db.value("SELECT platen.trim_releases(p_batch => 3)") == 4
    assert db.value("SELECT platen.trim_releases(p_batch => 3)") == 2
    assert db.value("SELECT platen.trim_releases()") == 0
    assert db.value("SELECT count(*) FROM platen.release") == 1
    assert db.rows("SELECT id FROM platen.worker") == [("here",)]
    with pytest.raises(psycopg2.errors.InvalidParameterValue):
        db.rows("SELECT platen.trim_releases('-1 day')")
