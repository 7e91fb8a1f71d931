"""platen listen and its origin: what is printed is soon there, printing never waits for it, and one worker uploads."""

import contextlib
import json
import signal
import time

import pytest
from cmsdata import add_published
from crew import cms, place, until  # noqa: F401 (a fixture)
from faultproxy import FaultProxy
from listening import Listening, SmallSite
from origins import BucketOrigin, FolderOrigin, expected
from printing import differences
from program import platen
from test_leader import TAKEOVER, last_word, leader_of, takeover
from test_listen import retitle


@pytest.fixture
def notes(empty_db):
    empty_db.rows(SmallSite.TABLE)
    return empty_db


@pytest.fixture
def site(tmp_path):
    return SmallSite(place(tmp_path, "site"))


@pytest.fixture
def origin(tmp_path):
    return FolderOrigin(tmp_path / "origin")


def is_there(worker, origin):
    try:
        return differences(origin.bodies(), expected(worker.out)) == []
    except FileNotFoundError:  # either changes meanwhile
        return False


def at_origin(worker, origin, timeout=10):
    """Seconds until what the worker has printed is at the origin."""
    begun = time.monotonic()
    while not is_there(worker, origin):
        assert time.monotonic() - begun < timeout, "not at the origin within %s s:\n%s" % (timeout, worker.tail())
        time.sleep(0.01)
    return time.monotonic() - begun


def words(worker):
    """(exit code, what `platen status` knows of the origin)"""
    done = platen("status", "--out", worker.out, "--json", cwd=worker.cwd)
    return done.code, done.json()["worker"]["origin"]


def words_with(worker, wanted, timeout=15):
    deadline = time.monotonic() + timeout
    while True:
        code, found = words(worker)
        if wanted(found):
            return code, found
        assert time.monotonic() < deadline, "not within %s s: %s\n%s" % (timeout, found, worker.tail())
        time.sleep(0.02)


class Outage:
    """A folder into which nothing can be uploaded: what platen keeps there has a file in its place."""

    def __init__(self, origin):
        self.state = origin.folder / ".platen"
        self.aside = origin.folder.parent / "aside"

    def begin(self):
        self.state.rename(self.aside)
        self.state.write_text("no folder", encoding="utf-8")

    def end(self):
        self.state.unlink()
        self.aside.rename(self.state)


def test_what_is_printed_is_uploaded(notes, site, origin):
    with site.listen(notes, env=origin.env) as worker:
        worker.wait("uploaded", release=1)
        assert is_there(worker, origin)
        retitle(notes, "Second")
        worker.wait_for("en/a.html", "Second")
        assert at_origin(worker, origin) < 2
        line = worker.wait("uploaded", release=2)
        assert {"en/a.html", "version.json"} <= set(expected(worker.out)) and line["put"] >= 2
        assert 0 <= line["commit_to_live_ms"] < 3000
        code, found = words_with(worker, lambda o: o["release"] == 2 and o["state"] == "idle")
        assert code == 0
        assert (found["name"], found["uploads"], found["failures"]) == (str(origin.folder), 2, 0)
        assert found["behind_since"] is None and found["running_since"] is None and found["uploaded"] is not None
        assert found["requests"] == line["requests"] > 0 and found["bytes"] == line["bytes"] > 0
        assert found["latency"]["count"] == 1 and 0 < found["latency"]["p99_ms"] < 3000


def test_printing_goes_on_while_the_origin_is_away_and_one_upload_ends_the_outage(notes, site, origin):
    outage = Outage(origin)
    with site.listen(notes, env=origin.env) as worker:
        worker.wait("uploaded", release=1)
        outage.begin()
        for number in range(5):
            retitle(notes, "Title %d" % number)
            assert worker.wait_for("en/a.html", "Title %d" % number) < 2
            worker.wait("printed", number + 2)
        code, found = words_with(worker, lambda o: o["failures_in_row"] > 1)
        assert code == 1 and found["release"] == 1 and found["behind_since"] is not None
        assert str(origin.folder) in found["error"] and found["state"] in ("retrying", "uploading")
        behind = found["behind_since"]
        table = platen("status", "--out", worker.out, cwd=worker.cwd).out
        assert "release 6 is not there yet, since " in table and "FAILED, the last " in table
        outage.end()
        line = worker.wait("uploaded", 2)
        assert line["release"] == 6 and is_there(worker, origin)
        code, found = words_with(worker, lambda o: o["release"] == 6 and o["state"] == "idle")
        assert code == 0 and found["failures_in_row"] == 0 and found["failures"] > 1
        assert (found["uploads"], found["error"], found["behind_since"]) == (2, "", None)
        assert behind is not None and found["latency"]["max_ms"] > 1000  # the first of the five waited longest
        assert [line["release"] for line in worker.said("uploaded") if line["put"] > 0] == [1, 6]


def test_an_origin_that_is_away_at_the_start_holds_up_nothing(notes, site, origin):
    origin.folder.write_text("a file", encoding="utf-8")
    with site.listen(notes, env=origin.env) as worker:
        worker.wait("printed", reason="start")
        worker.wait("upload failed")
        retitle(notes, "Second")
        worker.wait_for("en/a.html", "Second")
        origin.folder.unlink()
        at_origin(worker, origin)


def test_what_died_half_way_is_finished_by_the_next_start(notes, site, origin):
    with site.listen(notes, env=origin.env) as worker:
        worker.wait("uploaded", release=1)
        outage = Outage(origin)
        outage.begin()
        retitle(notes, "Second")
        worker.wait("upload failed")
    outage.end()
    with site.listen(notes, env=origin.env) as worker:
        at_origin(worker, origin)
        assert "Second" in origin.bodies()["en/a.html"].decode()


def test_a_reload_uploads_with_the_new_configuration_and_goes_on_counting(notes, site, origin):
    with site.listen(notes, env=origin.env) as worker:
        worker.wait("uploaded", release=1)
        words_with(worker, lambda o: o["uploads"] == 1)
        site.configure(origin={"mode": "both"})
        until(lambda: differences(origin.bodies(), expected(worker.out, "both")) == [])
        assert words_with(worker, lambda o: o["uploads"] == 2 and o["state"] == "idle")[1]["failures"] == 0


def test_deletes_beyond_the_limit_are_held_and_accepted(notes, site, origin):
    site.configure(origin={"max_deletes": 1}, guards={"max_shrink": 1})
    notes.rows("INSERT INTO note SELECT 'n' || n, 'en', 'More' FROM generate_series(1, 6) n")
    with site.listen(notes, env=origin.env) as worker:
        worker.wait("uploaded", release=1)
        notes.rows("DELETE FROM note WHERE key <> 'a'; NOTIFY platen")
        line = worker.wait("upload held")
        assert "origin.max_deletes" in line["text"]
        code, found = words_with(worker, lambda o: o["held"])
        assert code == 3 and found["held_deletes"] == 6 and not found["pinned"] and "en/n1.html" in origin.bodies()
        done = platen("upload", "--accept", "--config", worker.config, "--out", worker.out, cwd=worker.cwd, env=origin.env)
        assert done.code == 0, done
        assert is_there(worker, origin)
        retitle(notes, "After")
        at_origin(worker, origin)
        assert words_with(worker, lambda o: not o["held"])[0] == 0


# --- commands beside it -----------------------------------------------------------------------------


def command(worker, origin, *args):
    done = platen(*args, "--config", worker.config, "--out", worker.out, cwd=worker.cwd, env=origin.env)
    assert done.code == 0, done


def test_rollback_and_unpin_end_at_the_origin_within_a_second(notes, site, origin):
    def text():
        return origin.bodies()["en/a.html"].decode()

    with site.listen(notes, env=origin.env) as worker:
        worker.wait("uploaded", release=1)
        retitle(notes, "Wrong")
        at_origin(worker, origin)
        command(worker, origin, "rollback", "1")
        assert "First" in text()
        assert at_origin(worker, origin) < 1
        retitle(notes, "Right")
        time.sleep(0.3)
        assert "First" in text()
        command(worker, origin, "unpin")
        worker.wait_for("en/a.html", "Right")
        assert at_origin(worker, origin, 3) < 1.5 and "Right" in text()
        command(worker, origin, "pin", "--reason", "stop")
        retitle(notes, "Later")
        time.sleep(0.3)
        assert "Right" in text()
        command(worker, origin, "unpin")
        worker.wait_for("en/a.html", "Later")
        assert at_origin(worker, origin, 3) < 1.5
        assert words_with(worker, lambda o: o["state"] == "idle" and not o["held"])[1]["failures"] == 0
        until(lambda: words(worker)[0] == 0)


def test_a_pin_from_elsewhere_holds_all_until_it_is_over(notes, site, origin, tmp_path):
    """Another machine with another out/ has rolled back."""
    with site.listen(notes, env=origin.env) as worker:
        worker.wait("uploaded", release=1)
        other = Listening(notes, place(tmp_path, "other"), config=worker.config, cwd=worker.cwd)
        command(other, origin, "build", "--source", other.dsn)
        command(other, origin, "pin", "--reason", "prices are wrong")
        for number in range(3):
            retitle(notes, "Title %d" % number)
            worker.wait_for("en/a.html", "Title %d" % number)
        code, found = words_with(worker, lambda o: o["pinned"])
        assert code == 3 and found["held"] and "prices are wrong" in found["why"] and found["behind_since"] is not None
        assert "First" in origin.bodies()["en/a.html"].decode()
        time.sleep(2)
        assert len(worker.said("upload held")) == 1  # however often it asks
        command(other, origin, "unpin")
        until(lambda: "Title 2" in origin.bodies()["en/a.html"].decode(), 15)
        words_with(worker, lambda o: not o["held"] and o["behind_since"] is None)


# --- several workers --------------------------------------------------------------------------------


@pytest.fixture
def two(cms, origin, tmp_path):
    """Two workers of one database and one origin."""
    with contextlib.ExitStack() as stack:
        env = {**origin.env, "PLATEN_ORIGIN_LEASE": "5s"}  # of a claim whose owner was killed
        workers = [Listening(cms, place(tmp_path, name), env=env).start() for name in ("one", "two")]
        for worker in workers:
            stack.callback(worker.kill)
            stack.callback(worker.signal, signal.SIGCONT)
        for worker in workers:
            worker.wait("printed", reason="start")
        at_origin(leader_of(workers), origin, 20)
        words_with(leader_of(workers), lambda o: o["state"] == "idle")
        yield workers


def sent(worker):
    """How many uploads of it have changed something."""
    return len([line for line in worker.said("uploaded") if line["level"] == "info"])


def test_the_leader_uploads_and_another_takes_over(two, cms, origin):
    old = leader_of(two)
    new = next(worker for worker in two if worker is not old)
    before = sent(new)
    for number in range(3):
        add_published(cms, "more%d" % number, "More %d" % number)
        old.wait_for("en/index.html", "More %d" % number)
        at_origin(old, origin)
    assert sent(new) == before and sent(old) >= 3
    words_with(old, lambda o: o["state"] == "idle")
    code, found = words_with(new, lambda o: o["state"] == "elsewhere")
    assert code == 0 and found["release"] == 0 and found["behind_since"] is None
    old.signal(signal.SIGSTOP)
    takeover(two, old)
    add_published(cms, "halted", "While it was halted")
    new.wait_for("en/index.html", "While it was halted")
    at_origin(new, origin)
    counted = sent(old)
    old.signal(signal.SIGCONT)
    old.wait("following")
    old.wait_for("en/index.html", "While it was halted")
    add_published(cms, "after", "After")
    at_origin(new, origin)
    words_with(old, lambda o: o["state"] == "elsewhere")
    assert sent(old) == counted
    new.kill()
    until(lambda: last_word(old), TAKEOVER + 5)
    add_published(cms, "killed", "The other was killed")
    old.wait_for("en/index.html", "The other was killed")
    at_origin(old, origin, 20)


def test_what_a_leader_leaves_half_done_is_finished_by_the_next(two, cms, origin):
    """It is killed while the origin takes nothing from it; nothing is printed after."""
    old = leader_of(two)
    new = next(worker for worker in two if worker is not old)
    outage = Outage(origin)
    outage.begin()
    add_published(cms, "last", "The last change")
    new.wait_for("en/index.html", "The last change")
    old.wait("upload failed")
    old.kill()
    outage.end()
    until(lambda: last_word(new), TAKEOVER + 5)
    at_origin(new, origin, 20)


# --- a real S3 server -------------------------------------------------------------------------------


def test_it_ends_soon_in_the_middle_of_an_upload(notes, site, s3, tmp_path):
    """And the next start finishes what was begun."""
    notes.rows("INSERT INTO note SELECT 'n' || n, 'en', 'More' FROM generate_series(1, 60) n")
    with FaultProxy(s3.port) as proxy:
        origin = BucketOrigin(s3, s3.make_bucket(), "site/", endpoint="http://127.0.0.1:%d" % proxy.port)
        proxy.set(delay=150)
        worker = site.listen(notes, env=origin.env).start()
        try:
            until(lambda: "en/n1.html" in origin.keys() or len(origin.keys()) > 10, 30)
            begun = time.monotonic()
            assert worker.stop() == 0
            assert time.monotonic() - begun < 3
            assert not worker.said("uploaded") and not worker.said("upload failed")
        finally:
            worker.kill()
        assert differences(origin.bodies(), expected(worker.out)) != []
        proxy.heal()
        with site.listen(notes, env=origin.env) as worker:
            worker.wait("uploaded")
            assert differences(origin.bodies(), expected(worker.out)) == []


def test_credentials_are_in_no_status(notes, site, s3):
    origin = BucketOrigin(s3, s3.make_bucket())
    with site.listen(notes, env={**origin.env, "AWS_SECRET_ACCESS_KEY": "never-to-be-seen"}) as worker:
        worker.wait("upload failed")
        found = words_with(worker, lambda o: o["failures_in_row"] > 0)[1]
        text = (worker.out / "status.json").read_text(encoding="utf-8") + worker.tail()
        assert "never-to-be-seen" not in text and json.dumps(found["name"]) == '"%s"' % origin.env["PLATEN_ORIGIN"]
