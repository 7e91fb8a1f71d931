"""platen listen and what changes by the clock alone: schedules of the CMS, and next_change_at of any query."""

import contextlib
import json
import time

import pytest
from cmsdata import add_due, add_published, add_schedule, add_section, add_version, live, poison
from cmsdb import ROOT
from crew import PROCESS, cms, done, login, place, until  # noqa: F401 (fixtures)
from listening import Listening
from pooler import Pooler
from program import Site, platen


def lateness(db, column="executed_at - publish_at"):
    """Seconds between when schedules were due and when they were done."""
    return db.value("SELECT extract(epoch FROM max(%s))::float8 FROM section_schedules" % column)


def test_published_when_due_and_printed(cms, tmp_path):
    """By the database's clock, without pg_cron, and taken down again."""
    section = add_section(cms, "sale")
    with Listening(cms, tmp_path) as worker:
        worker.wait("printed", reason="start")
        worker.wait("leading")
        schedule = add_schedule(cms, section, add_version(cms, section, "Sale is on"), publish_in="2 s", expire_in="4 s")
        cms.rows("NOTIFY platen")
        time.sleep(1)
        assert done(cms) == {}
        worker.wait_for("en/index.html", "Sale is on")
        assert lateness(cms) < 0.5
        assert done(cms) == {schedule: 1}
        until(lambda: "Sale is on" not in worker.public("en/index.html").read_text(encoding="utf-8"))
        assert done(cms, "expired") == {schedule: 1}
        worker.wait("schedules done", count=2)
        worker.assert_equals_cold_build()


def test_a_schedule_nobody_announced_is_found(cms, tmp_path):
    """Where neither change log nor channel names schedules, due times are looked up every ten seconds."""
    with Listening(cms, tmp_path) as worker:
        worker.wait("leading")
        section = add_section(cms, "sale")
        version = add_version(cms, section, "Unannounced")
        time.sleep(1)  # the looks for these two are over
        cms.rows("ALTER TABLE section_schedules DISABLE TRIGGER USER")
        add_schedule(cms, section, version, publish_in="1 s")
        worker.wait_for("en/index.html", "Unannounced", timeout=13)


def test_what_was_due_while_nobody_ran_is_published_at_the_start(cms, tmp_path):
    due = add_due(cms, 5, publish_in="-1 day")
    with Listening(cms, tmp_path) as worker:
        until(lambda: len(done(cms)) == 5)
        worker.wait_for("en/index.html", "scheduled 4")
    assert done(cms) == {schedule: 1 for _, _, schedule in due}


def test_many_workers_publish_each_schedule_once(cms, tmp_path):
    """All of them at once, whoever leads, and somebody else's cron besides."""
    due = []
    for number in range(30):
        section = add_section(cms, "s%02d" % number)
        version = add_version(cms, section, "scheduled %d" % number)
        due.append(add_schedule(cms, section, version, publish_in="%d ms" % (1500 + 50 * number)))
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(Listening(cms, place(tmp_path, str(n)), lead="true" if n else "false")) for n in range(3)]
        deadline = time.monotonic() + 15
        while len(done(cms)) < len(due):
            cms.rows("SELECT process_scheduled_publishes()")
            time.sleep(0.1)
            assert time.monotonic() < deadline
        for worker in workers:
            worker.assert_equals_cold_build()
    assert done(cms) == {schedule: 1 for schedule in due}
    assert len(live(cms)) == 31


def test_one_worker_alone_that_may_not_lead_publishes(cms, tmp_path):
    section = add_section(cms, "sale")
    with Listening(cms, tmp_path, lead="false") as worker:
        worker.wait("printed", reason="start")
        add_schedule(cms, section, add_version(cms, section, "Alone"), publish_in="1 s")
        cms.rows("NOTIFY platen")
        worker.wait_for("en/index.html", "Alone")
        assert lateness(cms) < 0.5
        assert not worker.said("leading")


def test_behind_a_pooler_nobody_leads_and_schedules_are_published(cms, tmp_path):
    """Transaction mode: no notification arrives, nobody can hold a lock, and that is enough."""
    section = add_section(cms, "sale")
    schedule = add_schedule(cms, section, add_version(cms, section, "Pooled"), publish_in="4 s", expire_in="1 day")
    with Pooler(cms.pg, "transaction", size=5) as pooler:
        with Listening(cms, tmp_path, dsn=pooler.dsn(cms.name), echo_wait="500ms") as worker:
            worker.wait("polling")
            worker.wait_for("en/index.html", "Pooled")
            assert lateness(cms) < 0.5
            assert not worker.said("leading")
    assert done(cms) == {schedule: 1}


def test_publishing_can_be_switched_off(cms, tmp_path):
    add_due(cms, 1)
    with Listening(cms, tmp_path, schedules="false") as worker:
        worker.wait("leading")
        time.sleep(1.5)
        assert done(cms) == {}
        cms.rows("SELECT process_scheduled_publishes(); NOTIFY platen")
        worker.wait_for("en/index.html", "scheduled 0")


def test_a_reader_prints_what_others_publish(cms, tmp_path, login):
    """It may not publish: no error, no look more than one for the due time, however long it is overdue."""
    section = add_section(cms, "sale")
    schedule = add_schedule(cms, section, add_version(cms, section, "By others"), publish_in="1500 ms")
    with Listening(cms, tmp_path, dsn=login("reader", "platen_reader")) as worker:
        worker.wait("printed", reason="start")
        worker.wait("leading")
        time.sleep(4.5)
        assert done(cms) == {}
        assert len(worker.said("looked")) <= 3, worker.tail()
        until(lambda: json.loads((worker.out / "status.json").read_text(encoding="utf-8"))["overdue"] == 1)
        shown = platen("status", "--out", worker.out, cwd=ROOT)
        assert "schedules of 1 locale are past their time" in shown.out, shown
        cms.rows("SELECT process_scheduled_publishes(); NOTIFY platen")
        worker.wait_for("en/index.html", "By others")
        worker.assert_equals_cold_build()
        assert not [line for line in worker.lines() if line["level"] in ("warning", "error") and "schedule" in str(line)]
    assert done(cms) == {schedule: 1}


def test_a_leader_that_may_not_publish_keeps_nobody_waiting_for_long(cms, tmp_path, login):
    reader = login("reader", "platen_reader")
    publisher = login("publisher", "platen_reader", grants=[PROCESS])
    with Listening(cms, place(tmp_path, "one"), dsn=reader) as leader:
        leader.wait("leading")
        with Listening(cms, place(tmp_path, "two"), dsn=publisher) as follower:
            follower.wait("printed", reason="start")
            ((_, _, schedule),) = add_due(cms, 1, publish_in="-4 s")
            cms.rows("NOTIFY platen")
            time.sleep(2)
            assert done(cms) == {}  # the leader goes first
            follower.wait_for("en/index.html", "scheduled 0", timeout=12)
            leader.wait_for("en/index.html", "scheduled 0")
            assert not follower.said("leading")
    assert done(cms) == {schedule: 1}


def test_what_cannot_be_published_holds_up_nothing_else(cms, tmp_path):
    due = add_due(cms, 2)
    poison(cms, due)
    section = add_section(cms, "later", locale="de")
    with Listening(cms, tmp_path) as worker:
        worker.wait("schedule", level="warning")
        assert "was not published" in worker.said("schedule")[0]["text"]
        add_published(cms, "german", locale="de")
        time.sleep(3)  # the pauses have grown by now
        add_schedule(cms, section, add_version(cms, section, "Rechtzeitig"), publish_in="1 s")
        cms.rows("NOTIFY platen")
        worker.wait_for("de/index.html", "Rechtzeitig")
        late = cms.value(
            "SELECT extract(epoch FROM executed_at - publish_at)::float8 FROM section_schedules WHERE section_id = %s", (section,)
        )
        assert late < 0.5
        attempts = cms.value("SELECT attempts FROM section_schedules WHERE id = %s", (due[0][2],))
        assert 2 <= attempts <= 8, attempts


def test_an_editor_who_holds_the_row_is_waited_for(cms, tmp_path):
    ((section, _, schedule),) = add_due(cms, 1, publish_in="1 s")
    with Listening(cms, tmp_path) as worker:
        worker.wait("leading")
        editor = cms.connect(autocommit=False)
        with editor.cursor() as cursor:
            cursor.execute("SELECT FROM homepage_sections WHERE id = %s FOR UPDATE", (section,))
        time.sleep(3)
        assert done(cms) == {}
        editor.rollback()
        worker.wait_for("en/index.html", "scheduled 0", timeout=5)
    assert done(cms) == {schedule: 1}


# -- sites that are not the CMS ----------------------------------------------------------------

THINGS = """SELECT key, 'en' AS locale, words, (SELECT min(at) FROM things t2 WHERE at > now()) AS next_change_at
FROM (SELECT key, max(words) AS words FROM things WHERE at <= now() GROUP BY key) t ORDER BY key"""


@pytest.fixture
def things(empty_db, tmp_path):
    """Two columns of anybody's, shown when their time has come."""
    empty_db.psql(
        command="""CREATE TABLE things (key text, words text, at timestamptz);
        INSERT INTO things VALUES ('a', 'first', '2020-01-01Z')"""
    )
    site = Site(tmp_path / "site", {"things": THINGS})
    (site.folder / "templates").mkdir()
    (site.folder / "templates" / "page.html.mustache").write_text("<p>{{words}}</p>\n", encoding="utf-8")
    return site


def test_any_query_may_name_its_next_change(empty_db, things, tmp_path):
    """To the second: what is within one is found when it is over."""
    empty_db.rows("INSERT INTO things VALUES ('a', 'second', now() + interval '2 s'), ('a', 'third', now() + interval '5 s')")
    with Listening(empty_db, tmp_path, config=things.folder / "platen.yaml", cwd=things.folder) as worker:
        worker.wait("printed", reason="start")
        page = "en/things/a.html"
        assert "first" in worker.public(page).read_text(encoding="utf-8")
        worker.wait_for(page, "second", timeout=4)
        worker.wait_for(page, "third", timeout=5)
        late = empty_db.value("SELECT extract(epoch FROM clock_timestamp() - max(at))::float8 FROM things")
        assert late < 1.5
        worker.wait("printed", reason="due")
        assert len(worker.said("looked") + worker.said("printed")) <= 9, worker.tail()
        assert "schedule" not in json.dumps([line for line in worker.lines() if line["level"] != "debug"])
