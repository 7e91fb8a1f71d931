"""platen status, and the words of a worker to the service manager that started it."""

import contextlib
import copy
import datetime
import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest
from cmsdata import add_schedule, add_version
from cmsdb import SAMPLE
from listening import Listening
from program import PLATEN, ROOT, platen
from pressroom import Room, row
from test_listen import publish_title


@pytest.fixture
def sample(db):
    db.psql(file=SAMPLE)
    return db


def ask(out, *args):
    """(the answer of --json, the table)."""
    done = platen("status", "--out", out, "--json", *args, cwd=out.parent)
    table = platen("status", "--out", out, *args, cwd=out.parent)
    assert done.code == done.json()["exit"] and done.err == table.err == "", (done, table)
    return done.json(), table.out


def line(table, label):
    """The one line of that label, or None."""
    found = re.findall(r"^%s +(.*)$" % re.escape(label), table, re.M)
    assert len(found) <= 1, table
    return found[0] if found else None


# --- without a worker -----------------------------------------------------------------------------------------------


def test_without_anything_it_says_so(tmp_path):
    found, table = ask(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert found["exit"] == 1
    assert (found["life"], found["release"], found["worker"]) == ("none", None, None)
    assert line(table, "worker").startswith("none: no worker has written to")
    assert line(table, "release").startswith("none in ")


def test_without_a_worker_it_tells_the_release_and_what_is_due(tmp_path):
    room = Room(tmp_path)
    room.rows["things"] = [row("a", "en", next_change_at="2099-01-02T03:04:05Z"), row("a", "fr"), row("b", "fr")]
    assert room.build().code == 0
    room.rows["things"] = [row("a", "en", title="new", next_change_at="2099-01-02T03:04:05Z")]
    assert room.build().code == 3
    found, table = ask(room.folder / "out")
    assert found["exit"] == 1
    assert found["release"]["generation"] == json.loads((newest(room.folder / "out")).read_text("utf-8"))["generation"]
    assert found["release"]["held"] == [{"page_set": "things", "locale": "fr"}]
    assert found["release"]["next_change_at"].startswith("2099-01-02T03:04:05")
    assert line(table, "held") == "things in fr"
    assert line(table, "next due").startswith("2099-01-02")


def newest(out):
    return max((out / "releases").glob("*.json"), key=lambda f: int(f.stem))


def test_a_damaged_manifest_is_told_and_the_one_before_shown(tmp_path):
    room = Room(tmp_path)
    room.rows["things"] = [row("a", "en")]
    room.build()
    good = int(newest(room.folder / "out").stem)
    (room.folder / "out/releases" / ("%d.json" % (good + 1))).write_text('{"platen":1,', encoding="utf-8")
    found, table = ask(room.folder / "out")
    assert found["exit"] == 1
    assert found["release"]["generation"] == good
    assert "%d.json: line 1" % (good + 1) in found["warning"]
    assert found["warning"] in line(table, "problem")


PIN = {"platen": 1, "generation": 12, "since": "2026-01-02T03:04:05Z", "reason": "wrong prices", "by": "rollback"}


@pytest.mark.parametrize("alive", [False, True])
def test_a_pin_is_told_and_outweighs_a_worker_that_is_well(tmp_path, alive):
    room = Room(tmp_path)
    room.rows["things"] = [row("a", "en")]
    room.build()
    room.write("out/releases/pin.json", json.dumps(PIN))
    found, table = told(room.folder, look={"held": True}) if alive else ask(room.folder / "out")
    assert found["exit"] == (3 if alive else 1)
    assert found["pin"] == {k: v for k, v in PIN.items() if k != "platen"} | {"platen": 1}
    assert line(table, "pinned") == ("release 12 stays since 2026-01-02T03:04:05Z, by rollback: wrong prices; "
                                     "'platen unpin' ends that")
    assert line(table, "held") is None


def test_a_damaged_pin_is_told(tmp_path):
    room = Room(tmp_path)
    room.rows["things"] = [row("a", "en")]
    room.build()
    room.write("out/releases/pin.json", "{}")
    found, table = told(room.folder)
    assert (found["exit"], found["pin"]) == (1, None)
    assert "pin.json" in found["warning"] and "platen unpin" in line(table, "problem")


# --- what a worker wrote --------------------------------------------------------------------------------------------


def moment(seconds=0.0):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (at.microsecond // 1000)


WORDS = {
    "platen_status": 1,
    "worker": {"id": "press-1", "host": "elsewhere", "pid": 4711, "pid_start": 1, "place": "elsewhere/1",
               "version": "0.1.0", "started": "2026-01-02T03:04:05.000Z", "heartbeat_ms": 5000},
    "mode": "listening", "why": "", "leader": True, "generation": 42,
    "look": {"at": "2026-01-02T03:04:06.000Z", "reason": "notified", "incremental": True, "seconds": 0.0123,
             "result": "released", "held": False, "omitted": False, "error": ""},
    "looking_since": None, "stuck": False,
    "latency": {"count": 9, "p50_ms": 12.5, "p99_ms": 40, "max_ms": 41.5},
    "lag_ms": 0, "next_due": None, "overdue": None, "failures_in_row": 0,
    "counters": {"looks": 7, "full": 2, "incremental": 4, "failures": 1, "notifications": 99, "reconnects": 3,
                 "unnamed": 5},
    "held": [], "more_held": 0, "problems": [], "more_problems": 0,
    "origin": {"name": "s3://www-example-com/site", "state": "idle", "release": 42, "behind_since": None,
               "running_since": None, "uploads": 8, "failures": 2, "failures_in_row": 0, "error": "", "held": False,
               "pinned": False, "held_deletes": 0, "why": "", "purge_error": "", "proof_error": "",
               "uploaded": "2026-01-02T03:04:07.000Z", "seconds": 0.21, "live_seconds": 0.4, "requests": 7,
               "bytes": 1234, "latency": {"count": 3, "p50_ms": 512.5, "p99_ms": 700, "max_ms": 700}},
}


def test_every_field_is_explained():
    manual = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`\.?(?:[a-z]+\.)?(\w+)`", manual))
    for name, value in [*WORDS.items(), ("written", "")]:
        inner = set(value) if isinstance(value, dict) else set()
        assert inner <= named, name
        assert name in named or inner, name


def told(tmp_path, age=0.0, **changed):
    """The answer about a worker of another host, whose last word is so many seconds old."""
    words = copy.deepcopy(WORDS)
    words["written"] = moment(-age)
    for name, value in changed.items():
        if isinstance(value, dict):
            words[name].update(value)
        else:
            words[name] = value
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    (out / "status.json").write_text(json.dumps(words), encoding="utf-8")
    return ask(out)


def test_a_worker_that_is_well(tmp_path):
    found, table = told(tmp_path)
    assert (found["exit"], found["life"]) == (0, "alive")
    assert found["worker"]["counters"] == WORDS["counters"]
    assert 0 <= found["age_ms"] < 5000
    assert line(table, "worker").startswith("alive: press-1, pid 4711 on elsewhere, platen 0.1.0, up ")
    assert line(table, "worker").endswith("leader")
    assert line(table, "mode") == "listening"
    assert ": notified, incremental, 0.012 s, released" in line(table, "last look")
    assert line(table, "latency") == "commit to page: half within 12.5 ms, 99 % within 40.0 ms, all 41.5 ms"
    assert line(table, "lag") == "none"
    assert line(table, "origin").startswith("s3://www-example-com/site: release 42, last changed 2026-01-02T03:04:07Z, ")
    assert line(table, "origin").endswith(" ago: 0.210 s, 7 requests, 1234 bytes, live after 0.400 s")
    assert line(table, "uploads") == ("8, 2 failed; commit to live: half within 512.5 ms, 99 % within 700.0 ms, "
                                      "all 700.0 ms")
    assert all(line(table, label) is None for label in ("behind", "upload", "not sent", "not purged", "not live"))
    assert line(table, "looks") == ("7: 2 full, 4 incremental, 1 failed; 99 notifications, 3 reconnects; "
                                    "5 found what the change log did not name")


@pytest.mark.parametrize(("changed", "code"), [
    ({"failures_in_row": 1, "look": {"result": "failed", "error": "no server"}}, 1),
    ({"stuck": True, "looking_since": moment(-500)}, 1),
    ({"look": {"held": True}, "held": [{"page_set": "things", "locale": "fr"}]}, 3),
    ({"look": {"held": True}, "failures_in_row": 1}, 1),
    ({"mode": "polling", "why": "a pooler"}, 0),
    ({"mode": "reconnecting", "why": "no route"}, 0),
    ({"mode": "stopped"}, 1),
    ({"origin": {"state": "retrying", "failures_in_row": 3, "error": "no route"}}, 1),
    ({"origin": {"purge_error": "403"}}, 1),
    ({"origin": {"proof_error": "still the old one"}}, 1),
    ({"origin": {"held": True, "held_deletes": 60, "why": "60 paths are gone"}}, 3),
    ({"origin": {"held": True, "pinned": True, "why": "pinned"}, "stuck": True, "looking_since": moment(-500)}, 1),
    ({"origin": {"behind_since": moment(-1), "state": "uploading", "running_since": moment(-1)}}, 0),
    ({"origin": {"state": "elsewhere", "release": 0}}, 0),
    ({"origin": None}, 0),
])
def test_the_exit_code_tells_how_it_is(tmp_path, changed, code):
    found, table = told(tmp_path, **changed)
    assert found["exit"] == code
    if "why" in changed:
        assert line(table, "mode") == "%s: %s" % (changed["mode"], changed["why"])
    if "stuck" in changed:
        assert line(table, "looking").startswith("STUCK since ")
    if "held" in changed:
        assert line(table, "held") == "things in fr"
    if "failures_in_row" in changed and "error" in changed.get("look", {}):
        assert line(table, "last look").endswith("failed: no server")
    out = tmp_path / "out"
    quiet = platen("status", "--out", out, "--quiet", cwd=tmp_path)
    assert (quiet.code, quiet.out) == (code, "")


def test_what_is_wrong_with_the_origin(tmp_path):
    table = told(tmp_path, origin={
        "state": "retrying", "release": 40, "behind_since": moment(-75), "failures_in_row": 3, "error": "no \x1broute",
        "held": True, "why": "60 paths are gone", "purge_error": "the cache says 403", "proof_error": "an old page"})[1]
    assert line(table, "origin").startswith("s3://www-example-com/site: release 40, ")
    assert re.search(r"^release 42 is not there yet, since .*Z, 1 min 15 s ago$", line(table, "behind"))
    assert line(table, "upload") == "FAILED, the last 3: no ?route"
    assert (line(table, "not sent"), line(table, "not purged")) == ("60 paths are gone", "the cache says 403")
    assert line(table, "not live") == "an old page"
    table = told(tmp_path, origin={"state": "elsewhere", "release": 0, "uploaded": None})[1]
    assert line(table, "origin") == "s3://www-example-com/site: the worker that leads uploads"
    table = told(tmp_path, origin={"state": "uploading", "running_since": moment(-3), "release": 0, "uploaded": None})[1]
    assert line(table, "origin").endswith(": nothing was uploaded yet")
    assert line(table, "upload").startswith("at work since ")


@pytest.mark.parametrize("origin", [None, "absent"])
def test_without_an_origin_nothing_is_said_of_it(tmp_path, monkeypatch, origin):
    """A worker of before there were origins says nothing at all."""
    if origin == "absent":
        monkeypatch.delitem(WORDS, "origin")
    found, table = told(tmp_path, **({} if origin == "absent" else {"origin": None}))
    assert found["exit"] == 0 and found["worker"]["origin"] is None
    assert line(table, "origin") is None and line(table, "uploads") is None


@pytest.mark.parametrize("age", [17, 3600, -17])
def test_a_worker_is_silent_after_three_heartbeats(tmp_path, age):
    found, table = told(tmp_path, age=age)
    assert (found["exit"], found["life"]) == (1, "silent")
    assert "one is due every 5 s" in line(table, "worker")
    assert line(table, "problem") is None


def test_what_is_due_and_wrong(tmp_path):
    found, table = told(tmp_path, next_due=moment(600), overdue=2, lag_ms=1500,
                        problems=["held: \x1b[2Jthings"] + ["more"] * 14, more_problems=10)
    assert found["exit"] == 0
    assert re.search(r"Z, in 9 min \d+ s; schedules of 2 locales are past their time$", line(table, "next due"))
    assert line(table, "lag") == "what was announced 1 s ago is not printed yet"
    problems = re.findall(r"^problem +(.*)$", table, re.M)
    assert problems[0] == "held: ?[2Jthings" and problems[-1] == "and 15 more" and len(problems) == 11


@pytest.mark.parametrize(("text", "why"), [
    ("", "line 1"),
    ("[]", "not the status of a worker"),
    ('{"platen_status":1}', "written is missing"),
    ('{"platen_status":2}', "newer platen"),
    ("[" * 100000, "line 1"),
    (" " * (2 << 20), "larger than"),
    (b'{"platen_status":1,"\xff', "line 1"),
], ids=["empty", "list", "bare", "newer", "deep", "large", "bytes"])
def test_a_hostile_file_is_told_and_hides_nothing_else(tmp_path, text, why):
    room = Room(tmp_path)
    room.rows["things"] = [row("a", "en")]
    room.build()
    out = room.folder / "out"
    (out / "status.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    found, table = ask(out)
    assert (found["exit"], found["life"], found["worker"]) == (1, "unknown", None)
    assert why in found["worker_fault"]
    assert "status.json" in found["worker_fault"]
    assert line(table, "worker").startswith("unknown: ")
    assert found["release"]["generation"] == 1


# --- a real worker --------------------------------------------------------------------------------------------------


def answer_with(worker, wanted, seconds=15):
    """The first answer of `platen status --json` whose worker is as wanted."""
    deadline = time.monotonic() + seconds
    while True:
        found = ask(worker.out)[0]
        if found["worker"] is not None and wanted(found["worker"]):
            return found
        assert time.monotonic() < deadline, "not within %s s: %s\n%s" % (seconds, found, worker.tail())
        time.sleep(0.02)


def test_a_worker_writes_down_what_it_does(sample, tmp_path):
    with Listening(sample, tmp_path) as worker:
        found = answer_with(worker, lambda said: said["generation"] == 1)
        assert found["exit"] == 0
        said = found["worker"]
        assert (said["mode"], said["look"]["reason"], said["look"]["result"]) == ("listening", "start", "released")
        assert said["worker"]["pid"] == worker.process.pid
        assert "-%d-" % worker.process.pid in said["worker"]["id"]
        assert said["generation"] == found["release"]["generation"] == 1
        assert said["counters"]["looks"] == said["counters"]["full"] == 1
        assert said["latency"]["count"] == 0 and said["lag_ms"] == 0

        publish_title(sample, "Told of")
        worker.wait("printed", reason="notified")
        said = answer_with(worker, lambda said: said["generation"] == 2)["worker"]
        assert said["look"]["reason"] == "notified"
        assert said["counters"]["notifications"] >= 1
        assert said["latency"]["count"] == 1
        assert 0 < said["latency"]["p50_ms"] == said["latency"]["p99_ms"] < 5000
        assert said["looking_since"] is None and not said["stuck"]
    found, table = ask(worker.out)
    assert (found["exit"], found["life"]) == (1, "stopped")
    assert line(table, "worker").startswith("stopped: ")
    assert line(table, "release").startswith("2, printed ")


def test_it_tells_who_leads_and_what_is_due(sample, tmp_path):
    section = sample.value("SELECT id FROM homepage_sections WHERE section_key = 'hero-main' AND locale = 'en'")
    version = add_version(sample, section, "Later")
    with Listening(sample, tmp_path) as worker:
        answer_with(worker, lambda said: said["generation"] == 1 and said["overdue"] == 0)
        assert answer_with(worker, lambda said: said["leader"])["exit"] == 0
        add_schedule(sample, section, version, publish_in="10 minutes")
        sample.rows("NOTIFY platen")
        soon, late = moment(590), moment(610)
        answer_with(worker, lambda said: soon < (said["next_due"] or "") < late)
        table = ask(worker.out)[1]
        assert re.search(r"Z, in \d+ min \d+ s$", line(table, "next due")) and line(table, "worker").endswith(", leader")
    assert not ask(worker.out)[0]["worker"]["leader"]


def test_what_the_change_log_did_not_name_is_found_and_counted(sample, tmp_path):
    with Listening(sample, tmp_path, full_every="400ms") as worker:
        answer_with(worker, lambda said: said["generation"] == 1)
        for number in range(6):  # what is logged is never counted, however often everything is read
            publish_title(sample, "Named %d" % number, notify=False)
            time.sleep(0.15)
        worker.wait_for("en/index.html", "Named 5")
        full = answer_with(worker, lambda said: said["look"]["reason"] == "full")["worker"]["counters"]["full"]
        said = answer_with(worker, lambda said: said["counters"]["full"] > full + 1)["worker"]
        assert said["counters"]["unnamed"] == 0 and said["counters"]["notifications"] > 0
        for table, trigger in sample.rows("SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgname LIKE 'platen%'"):
            sample.rows('ALTER TABLE %s DISABLE TRIGGER "%s"' % (table, trigger))
        sample.rows("""UPDATE section_versions SET content = jsonb_set(content, '{title}', '"Not named"')
                       WHERE content->>'title' = 'Named 5'""")
        worker.wait_for("en/index.html", "Not named")
        answer_with(worker, lambda said: said["counters"]["unnamed"] == 1)
        assert "1 found what the change log did not name" in line(ask(worker.out)[1], "looks")
        assert len(worker.said("unnamed changes")) == 1


def test_a_worker_that_was_killed_is_gone_at_once_and_one_that_is_halted_falls_silent(sample, tmp_path):
    worker = Listening(sample, tmp_path).start()
    try:
        worker.wait("printed", reason="start")
        answer_with(worker, lambda said: said["generation"] == 1)
        worker.signal(signal.SIGSTOP)
        time.sleep(0.5)
        assert ask(worker.out)[0]["life"] == "alive"  # its last word is not old yet
        words = json.loads((worker.out / "status.json").read_text(encoding="utf-8"))
        words["written"] = moment(-16)
        (worker.out / "status.json").write_text(json.dumps(words), encoding="utf-8")
        assert ask(worker.out)[0]["life"] == "silent"
        worker.signal(signal.SIGCONT)
        answer_with(worker, lambda said: said["written"] > words["written"])
        assert ask(worker.out)[0]["life"] == "alive"
    finally:
        worker.kill()
    assert ask(worker.out)[0]["life"] == "gone"


def test_a_look_that_fails_and_one_that_holds(sample, tmp_path):
    with Listening(sample, tmp_path, poll="300ms") as worker:
        worker.wait("printed", reason="start")
        sample.rows("ALTER TABLE homepage_sections RENAME TO elsewhere")
        found = answer_with(worker, lambda said: said["failures_in_row"] > 1)
        assert found["exit"] == 1
        assert "homepage_sections" in found["worker"]["look"]["error"]
        assert ", failed, the last " in line(ask(worker.out)[1], "last look")
        sample.rows("ALTER TABLE elsewhere RENAME TO homepage_sections")
        sample.rows("NOTIFY platen")
        assert answer_with(worker, lambda said: said["failures_in_row"] == 0)["exit"] == 0
        sample.rows("DELETE FROM homepage_sections WHERE locale = 'fr'")
        sample.rows("NOTIFY platen")
        found = answer_with(worker, lambda said: said["look"]["held"])
        assert found["exit"] == 3
        assert {"page_set": "homepage", "locale": "fr"} in found["worker"]["held"]
        assert "homepage in fr" in line(ask(worker.out)[1], "held")
        assert any(p.startswith("held: page set 'homepage', locale fr") for p in found["worker"]["problems"])


def test_a_server_that_is_away_and_comes_back(make_db, tmp_path):
    from pgcluster import Cluster
    from cmsdb import Database
    with Cluster() as own:
        own.create_database("cms")
        db = Database(own, "cms")
        db.migrate()
        db.psql(file=SAMPLE)
        with Listening(db, tmp_path) as worker:
            worker.wait("printed", reason="start")
            db.close()
            own.crash()
            found = answer_with(worker, lambda said: said["mode"] == "reconnecting")
            assert found["worker"]["why"] != ""
            assert found["life"] == "alive" and found["worker"]["lag_ms"] is None
            own.resume()
            found = answer_with(worker, lambda said: said["mode"] == "listening" and said["failures_in_row"] == 0, 30)
            assert found["worker"]["counters"]["reconnects"] >= 1


# --- the service manager --------------------------------------------------------------------------------------------


class Manager:
    """Listens as systemd does; words are (seconds since the start, text)."""

    def __init__(self, worker, folder, watchdog=None, abstract=False):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        name = "\0platen-%d-%d" % (os.getpid(), id(self)) if abstract else str(folder / "notify")
        self.socket.bind(name)
        worker.env["NOTIFY_SOCKET"] = name.replace("\0", "@")
        if watchdog is not None:
            worker.env["WATCHDOG_USEC"] = str(int(watchdog * 1e6))
        self.begun = time.monotonic()
        self.words = []

    def hear(self, seconds):
        """What comes within so many seconds."""
        deadline = time.monotonic() + seconds
        heard = []
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            with contextlib.suppress(socket.timeout):
                heard.append((time.monotonic() - self.begun, self.socket.recv(4096).decode("utf-8")))
        self.words += heard
        return [text for _, text in heard]

    def wait(self, pattern, seconds=20):
        """The first word of that pattern, among those to come."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.01))
            with contextlib.suppress(socket.timeout):
                text = self.socket.recv(4096).decode("utf-8")
                self.words.append((time.monotonic() - self.begun, text))
                if re.fullmatch(pattern, text):
                    return text
        raise AssertionError("no %s within %s s, but %s" % (pattern, seconds, self.words))

    def all(self):
        return [text for _, text in self.words]

    def close(self):
        self.socket.close()


@pytest.mark.parametrize("abstract", [False, True])
def test_the_manager_is_told_of_each_state(sample, tmp_path, abstract):
    worker = Listening(sample, tmp_path)
    manager = Manager(worker, tmp_path, abstract=abstract)
    with worker:
        manager.wait("READY=1")
        assert worker.public("en/index.html").is_file()  # not before the first look has ended
        manager.wait("STATUS=listening(, leader)?, release 1")
        publish_title(sample, "Said aloud")
        manager.wait("STATUS=listening(, leader)?, release 2")
        manager.hear(0.5)
        worker.signal(signal.SIGHUP)
        manager.wait(r"RELOADING=1\nMONOTONIC_USEC=\d+")
        manager.wait("READY=1")
        assert worker.wait("looked", reason="reload")
        assert worker.stop() == 0
        manager.wait("STOPPING=1")
    assert "WATCHDOG=1" not in manager.all()  # none was asked for
    manager.close()


def test_it_is_ready_also_when_the_first_look_fails(sample, tmp_path):
    sample.rows("ALTER TABLE homepage_sections RENAME TO elsewhere")
    worker = Listening(sample, tmp_path)
    manager = Manager(worker, tmp_path)
    with worker:
        manager.wait("READY=1")
        assert worker.said("look failed")
        manager.wait("STATUS=.*, failing: .*homepage_sections.*")
    manager.close()


def test_the_watchdog_is_fed_while_nothing_happens(sample, tmp_path):
    worker = Listening(sample, tmp_path)
    manager = Manager(worker, tmp_path, watchdog=1)
    with worker:
        manager.wait("READY=1")
        assert 3 <= manager.hear(2.4).count("WATCHDOG=1") <= 8  # every half second
        worker.signal(signal.SIGSTOP)
        manager.hear(0.1)
        assert manager.hear(1) == []
        worker.signal(signal.SIGCONT)
        manager.wait("WATCHDOG=1", 5)
    manager.close()


class Hanging(Listening):
    """A worker whose disk never answers when it is to flush: strace, the process that we hold, keeps the thread that
    calls; no other one."""

    def start(self):
        with open(self.logfile, "ab") as log:
            self.process = subprocess.Popen(
                ["strace", "-f", "-o", str(self.folder / "strace.log"), "-e", "trace=fsync,syncfs,fdatasync",
                 "-e", "inject=fsync,syncfs,fdatasync:delay_enter=600000000",
                 PLATEN, "listen", "--json", "--verbose", "--config", str(self.config), "--out", str(self.out),
                 "--source", self.dsn], cwd=self.cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.env, "ASAN_OPTIONS": "detect_leaks=0"})
        return self

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(ask(self.out)[0]["worker"]["worker"]["pid"], signal.SIGKILL)
        super().kill()


def test_the_watchdog_is_not_fed_while_a_look_is_stuck(sample, tmp_path):
    worker = Hanging(sample, tmp_path, stuck_after="100ms")
    worker.env.update(PLATEN_CONNECT_TIMEOUT="1s", PLATEN_STATEMENT_TIMEOUT="1s", PLATEN_LOCK_WAIT="0s")
    manager = Manager(worker, tmp_path, watchdog=0.5)
    done = platen("build", "--config", worker.config, "--source", worker.dsn, "--out", worker.out, cwd=worker.cwd)
    assert done.code == 0, done
    worker.start()
    try:
        manager.wait("READY=1")  # nothing was new, so nothing was flushed
        manager.hear(0.1)
        assert "WATCHDOG=1" in manager.hear(1)
        publish_title(sample, "Never to be seen")
        manager.wait("STATUS=listening.*, release 1, the look is stuck")
        at = manager.words[-1][0]
        fed = max(at for at, text in manager.words if text == "WATCHDOG=1")
        assert at - fed < 1.5  # until the deadlines had passed it was
        assert "WATCHDOG=1" not in manager.hear(2)
        found, table = ask(worker.out)
        assert (found["exit"], found["life"], found["worker"]["stuck"]) == (1, "alive", True)
        assert line(table, "looking").startswith("STUCK since ")
        assert worker.said("the look is stuck")
    finally:
        worker.kill()
        manager.close()
    deadline = time.monotonic() + 10
    while ask(worker.out)[0]["life"] != "gone":
        assert time.monotonic() < deadline
        time.sleep(0.1)
