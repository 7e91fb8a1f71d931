"""Several workers on one database: one leads, and another within five seconds when it is silent."""

import contextlib
import signal
import time

import pytest
from cmsdata import add_due, add_schedule, add_section, add_version
from cmsdb import run
from crew import PROCESS, cms, done, login, place, until  # noqa: F401 (fixtures)
from listening import Listening
from wire import Wire

KEY = "hashtextextended('platen leader ' || current_database(), 0)"
HOLDERS = (
    "SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
    " WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()"
)
TAKEOVER = 5


def last_word(worker):
    """Whether the worker leads, as it has said itself."""
    said = [line["what"] for line in worker.lines() if line["what"] in ("leading", "following")]
    return said[-1:] == ["leading"]


def leader_of(workers):
    """The one that leads; the test waits until it is one."""
    until(lambda: sum(map(last_word, workers)) == 1)
    return next(worker for worker in workers if last_word(worker))


@pytest.fixture
def crew(cms, tmp_path):
    """Three workers, of which one leads."""
    with contextlib.ExitStack() as stack:
        workers = [Listening(cms, place(tmp_path, name)).start() for name in ("one", "two", "three")]
        for worker in workers:
            stack.callback(worker.kill)
            stack.callback(worker.signal, signal.SIGCONT)
        for worker in workers:
            worker.wait("printed", reason="start")
        leader_of(workers)
        yield workers


def others(workers, one):
    return [worker for worker in workers if worker is not one]


def takeover(workers, old):
    """Seconds until another one leads, and that one."""
    rest = others(workers, old)
    seconds = until(lambda: any(map(last_word, rest)), TAKEOVER + 5)
    assert seconds <= TAKEOVER, seconds
    return seconds, leader_of(rest)


def test_one_of_three_leads_and_stays(cms, crew):
    first = leader_of(crew)
    time.sleep(5)
    assert leader_of(crew) is first
    assert [len(worker.said("leading")) for worker in crew].count(1) == 1
    assert len(cms.rows(HOLDERS)) == 1
    assert not any(worker.said("following") for worker in crew)


def test_a_stopped_leader_is_replaced(cms, crew):
    """SIGSTOP: its connections are open, its locks held. Schedules go on, each published once."""
    old = leader_of(crew)
    old.signal(signal.SIGSTOP)
    seconds, new = takeover(crew, old)
    assert seconds > 1.5  # one beat that is late is no reason
    ended = [worker for worker in crew if worker.said("ended the session of a silent leader")]
    assert len(ended) == 1 and old not in ended
    due = add_due(cms, 3, publish_in="0 s")
    cms.rows("NOTIFY platen")
    new.wait_for("en/index.html", "scheduled 2", timeout=3)
    old.signal(signal.SIGCONT)
    old.wait("following")
    old.wait_for("en/index.html", "scheduled 2")
    time.sleep(4)  # nobody ends anybody again
    assert leader_of(crew) is new
    assert len(cms.rows(HOLDERS)) == 1
    assert sum(len(worker.said("ended the session of a silent leader")) for worker in crew) == 1
    assert done(cms) == {schedule: 1 for _, _, schedule in due}


def test_a_killed_leader_is_replaced(cms, crew):
    old = leader_of(crew)
    old.kill()
    seconds, new = takeover(crew, old)
    due = add_due(cms, 3, publish_in="0 s")
    cms.rows("NOTIFY platen")
    new.wait_for("en/index.html", "scheduled 2", timeout=3)
    assert done(cms) == {schedule: 1 for _, _, schedule in due}


def test_a_leader_that_ends_makes_way(crew):
    old = leader_of(crew)
    assert old.stop() == 0
    assert takeover(crew, old)[0] < 3


def test_a_leader_whose_session_is_ended_may_lead_again(cms, crew):
    cms.rows("SELECT pg_terminate_backend(pid) FROM (%s) l" % HOLDERS)
    time.sleep(0.5)
    until(lambda: len(cms.rows(HOLDERS)) == 1, TAKEOVER)
    leader_of(crew)


def test_a_leader_that_is_cut_off_is_replaced(cms, tmp_path):
    """Its session at the server is idle and well; no packet passes. Then the wire is mended."""
    with Wire(cms.pg) as wire:
        with Listening(cms, place(tmp_path, "far"), dsn=wire.dsn(cms.name)) as far:
            far.wait("leading")
            with Listening(cms, place(tmp_path, "near")) as near:
                near.wait("printed", reason="start")
                time.sleep(1)
                assert not near.said("leading")
                wire.cut()
                assert takeover([far, near], far)[1] is near
                far.wait("following", timeout=10)  # it has found out by itself
                wire.mend()
                far.wait("listening", count=2)
                time.sleep(2)
                assert len(cms.rows(HOLDERS)) == 1 and last_word(near)


def test_an_old_leader_asks_before_it_publishes(cms, tmp_path):
    """It still hears nothing of the end of its session, but its word is no longer enough."""
    section = add_section(cms, "sale")
    with Wire(cms.pg) as wire, Listening(cms, tmp_path, dsn=wire.dsn(cms.name)) as worker:
        worker.wait("leading")
        worker.wait("printed", reason="start")
        schedule = add_schedule(cms, section, add_version(cms, section, "Twice?"), publish_in="1500 ms")
        cms.rows("NOTIFY platen")
        time.sleep(0.7)  # the schedule is known
        wire.cut("platen listen")
        other = cms.connect()
        run(other, "SELECT pg_terminate_backend(pid) FROM (%s) l" % HOLDERS)
        until(lambda: run(other, "SELECT pg_try_advisory_lock(%s)" % KEY) == [(True,)])
        worker.wait("no longer leading", timeout=3)
        assert not worker.said("following")
        assert done(cms) == {}
        until(lambda: done(cms) == {schedule: 1}, 15)  # whoever holds the lock does not publish


def test_who_holds_the_lock_and_is_no_worker_is_ended(cms, tmp_path):
    """The same rule for all: three seconds without a beat."""
    stranger = cms.connect()
    run(stranger, "SELECT pg_advisory_lock(%s)" % KEY)
    with Listening(cms, tmp_path) as worker:
        worker.wait("leading", timeout=TAKEOVER + 2)
        assert worker.said("ended the session of a silent leader")


def test_a_holder_that_may_not_be_ended_is_reported_once(cms, tmp_path, login):
    stranger = cms.connect()
    run(stranger, "SELECT pg_advisory_lock(%s)" % KEY)
    with Listening(cms, tmp_path, dsn=login("reader", "platen_reader")) as worker:
        worker.wait("the session of a silent leader cannot be ended", timeout=TAKEOVER + 2)
        time.sleep(4)
        assert len(worker.said("the session of a silent leader cannot be ended")) == 1
        assert not worker.said("leading")
        cms.rows("NOTIFY platen")
        stranger.close()
        worker.wait("leading", timeout=2)


def test_beats_of_strangers_are_no_reason_to_look(cms, crew):
    """Anybody may notify. Nothing is believed but that somebody leads, and no look comes of it."""
    looks = [len(worker.said("looked") + worker.said("printed")) for worker in crew]
    for text in ("beat", "beat ", "knock", "knock \u202e", "x" * 7999, "beat " + "9" * 7000, "echo"):
        cms.rows("SELECT pg_notify('platen_worker', %s)", (text,))
    time.sleep(1.5)
    assert [len(worker.said("looked") + worker.said("printed")) for worker in crew] == looks
    leader_of(crew)


def test_readers_of_one_role_lead_and_take_over(cms, tmp_path, login):
    """platen_reader is enough; also with transactions that are read-only by default."""
    dsn = login("reader", "platen_reader")
    cms.psql(command="ALTER ROLE %s_reader SET default_transaction_read_only = on" % cms.name)
    with Listening(cms, place(tmp_path, "one"), dsn=dsn) as one:
        one.wait("leading")
        with Listening(cms, place(tmp_path, "two"), dsn=dsn) as two:
            two.wait("printed", reason="start")
            time.sleep(1)
            one.signal(signal.SIGSTOP)
            try:
                assert takeover([one, two], one)[1] is two
            finally:
                one.signal(signal.SIGCONT)
