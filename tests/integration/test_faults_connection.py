"""platen listen when its connections fail: whatever happens to them, out/public soon is what a cold build gives.

`make soak` runs the long forms.
"""

import contextlib
import os
import random
import signal
import threading
import time

import psycopg2
import pytest
from cmsdata import add_schedule, add_version, publish, schedule_row
from cmsdb import SAMPLE, TEMPLATE, Database
from listening import Listening
from pgcluster import Cluster
from pooler import Pooler
from proxy import DOWN, UP, Proxy
from standby import Standby

SOAK = bool(os.environ.get("PLATEN_SOAK"))
SEED = int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(1 << 30))
LISTENER, LOOKER = "platen listen", "looks"  # application names


@pytest.fixture(scope="module")
def own():
    """A cluster that may be restarted."""
    with Cluster() as cluster:
        cluster.create_database(TEMPLATE)
        Database(cluster, TEMPLATE).migrate()
        yield cluster


@pytest.fixture
def own_db(own):
    with made(own) as database:
        yield database


@contextlib.contextmanager
def made(cluster, name="cms"):
    cluster.create_database(name, TEMPLATE)
    database = Database(cluster, name)
    database.psql(file=SAMPLE)
    yield database
    database.close()
    cluster.drop_database(name)


@pytest.fixture
def sample(db):
    db.psql(file=SAMPLE)
    return db


def publish_title(db, title, locale="en"):
    section = db.value("SELECT id FROM homepage_sections WHERE section_key = 'hero-main' AND locale = %s", (locale,))
    publish(db, section, add_version(db, section, title))
    db.rows("NOTIFY platen")


def named(dsn, name):
    return "%s application_name=%s" % (dsn, name)


class Worker(Listening):
    """A worker whose two connections can be told apart, and fail apart."""

    def __init__(self, db, folder, read=None, listen=None, environment=(), **settings):
        dsn = db.pg.dsn(db.name)
        super().__init__(db, folder, dsn=named(read or dsn, LOOKER), database=listen or read or dsn, **settings)
        self.env.update(environment)

    def begun(self):
        """It listens, and has printed all there is."""
        self.wait("listening")
        self.wait("printed", reason="start")
        return self

    def rss(self):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))

    def looks(self):
        return [line for line in self.lines() if line["what"] in ("printed", "looked", "look failed")]


def backend(db, name):
    """The process of the server that serves the oldest connection of this name."""
    rows = db.rows("SELECT pid FROM pg_stat_activity WHERE application_name = %s AND datname = %s ORDER BY backend_start LIMIT 1",
                   (name, db.name))
    return rows[0][0] if rows else None


WAITING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock' AND datname = %s"


def until(condition, what, timeout=10):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "not within %d s: %s" % (timeout, what)
        time.sleep(0.01)


# -- sessions that end ---------------------------------------------------------------------------------


def test_the_listening_session_is_terminated(sample, tmp_path):
    """What is published while it does not listen is found by the look that follows; nothing leaks."""
    with Worker(sample, tmp_path) as worker:
        worker.begun()
        descriptors = []
        for number in range(1, 9):
            sample.value("SELECT pg_terminate_backend(%s)", (backend(sample, LISTENER),))
            publish_title(sample, "Unheard %d" % number)
            worker.wait("listening", number + 1)
            worker.wait_for("en/index.html", "Unheard %d" % number)
            time.sleep(0.2)
            descriptors.append(worker.descriptors())
        assert max(descriptors[4:]) <= max(descriptors[:4]), descriptors
        assert "terminating connection" in worker.said("not listening")[0]["text"]
        worker.assert_equals_cold_build()


def test_the_looking_session_is_terminated_in_the_middle_of_a_look(sample, tmp_path):
    with Worker(sample, tmp_path) as worker:
        worker.begun()
        lock = sample.connect(autocommit=False)
        lock.cursor().execute("LOCK TABLE homepage_sections, products")
        publishing = threading.Thread(target=publish_title, args=(sample, "After the lock"))
        publishing.start()
        sample.rows("NOTIFY platen")
        for _ in range(3):
            until(lambda: sample.value(WAITING, (LOOKER, sample.name)) == 1, "a look that waits")
            sample.value("SELECT pg_terminate_backend(%s)", (backend(sample, LOOKER),))
            until(lambda: sample.value(WAITING, (LOOKER, sample.name)) == 0, "its end")
        worker.wait("look failed")
        lock.rollback()
        publishing.join()
        worker.wait_for("en/index.html", "After the lock")
        assert "terminating connection" in worker.said("look failed")[0]["text"]
        worker.assert_equals_cold_build()


def test_a_hung_query_ends_and_the_worker_goes_on(sample, tmp_path):
    """By statement_timeout, whoever hangs; after it a look works as ever."""
    with Worker(sample, tmp_path, environment={"PLATEN_STATEMENT_TIMEOUT": "700ms"}) as worker:
        worker.begun()
        publish_title(sample, "Before the hang")
        worker.wait_for("en/index.html", "Before the hang")
        lock = sample.connect(autocommit=False)
        lock.cursor().execute("LOCK TABLE homepage_sections")
        began = time.monotonic()
        sample.rows("NOTIFY platen")
        worker.wait("look failed")
        assert time.monotonic() - began < 5
        assert "statement timeout" in worker.said("look failed")[0]["text"]
        lock.rollback()
        publish_title(sample, "After the hang")
        worker.wait_for("en/index.html", "After the hang")
        worker.assert_equals_cold_build()


def test_a_server_that_hangs_is_left(sample, tmp_path):
    """Where not even statement_timeout can act: the process that serves the look is stopped."""
    with Worker(sample, tmp_path, environment={"PLATEN_STATEMENT_TIMEOUT": "300ms", "PLATEN_CONNECT_TIMEOUT": "1s"}) as worker:
        worker.begun()
        lock = sample.connect(autocommit=False)
        lock.cursor().execute("LOCK TABLE homepage_sections IN EXCLUSIVE MODE; LOCK TABLE products")
        sample.rows("NOTIFY platen")
        until(lambda: sample.value(WAITING, (LOOKER, sample.name)) == 1, "a look that waits")
        stopped = backend(sample, LOOKER)
        os.kill(stopped, signal.SIGSTOP)
        try:
            lock.rollback()
            publish_title(sample, "While it hangs")
            worker.wait_for("en/index.html", "While it hangs", timeout=15)
            worker.assert_equals_cold_build()
        finally:
            os.kill(stopped, signal.SIGCONT)


@pytest.mark.soak
def test_connections_are_reset_at_any_byte(sample, tmp_path):
    """Also while connecting, in the middle of a message, of a row, of a statement's answer."""
    print("FAULTS_SEED=%d" % SEED)
    chance = random.Random(SEED)
    with Proxy(sample.pg) as proxy:
        worker = Worker(sample, tmp_path, read=proxy.dsn(sample.name), poll="100ms", full_every="100ms")
        with worker:
            worker.begun()
            size = proxy.passed[DOWN]
            for number in range(200 if SOAK else 8):
                proxy.cut_after = int(size ** chance.random())
                proxy.cut()
                publish_title(sample, "Number %d" % number)
                time.sleep(chance.uniform(0, 0.5))
                proxy.cut_after = None
                proxy.cut()
                worker.wait_for("en/index.html", "Number %d" % number)
                worker.wait("listening", number + 2)
            assert worker.said("look failed"), worker.tail()
            worker.assert_equals_cold_build()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_the_server_is_restarted(own_db, tmp_path, mode):
    with Worker(own_db, tmp_path) as worker:
        worker.begun()
        own_db.psql(command="CHECKPOINT")
        publish_title(own_db, "Perhaps lost")  # not flushed, but printed: the same database, but back in time
        worker.wait_for("en/index.html", "Perhaps lost")
        own_db.close()
        with worker.expect("not listening"):
            own_db.pg.shut_down(mode)
        time.sleep(1)
        own_db.pg.resume()
        worker.assert_equals_cold_build()
        publish_title(own_db, "After")
        assert worker.wait_for("en/index.html", "After") < 5
        worker.wait("listening", 2)
        publish_title(own_db, "Later")
        assert worker.wait_for("en/index.html", "Later") < 2
        worker.assert_equals_cold_build()


# -- connections that are silent -------------------------------------------------------------------------


QUICK = {} if SOAK else {"echo_every": "500ms", "echo_wait": "300ms", "poll": "1s"}
BRIEF = {"PLATEN_STATEMENT_TIMEOUT": "2s"} if SOAK else {"PLATEN_CONNECT_TIMEOUT": "1s", "PLATEN_STATEMENT_TIMEOUT": "2s"}
SILENCE = 120 if SOAK else 2


@pytest.mark.soak
@pytest.mark.parametrize("ways", [(UP, DOWN), (UP,), (DOWN,)], ids=["both", "up", "down"])
def test_nothing_passes_for_a_while(sample, tmp_path, ways):
    """No side is told anything, and the connections that were there stay silent for ever."""
    with Proxy(sample.pg) as proxy, Worker(sample, tmp_path, read=proxy.dsn(sample.name), environment=BRIEF, **QUICK) as worker:
        worker.begun()
        time.sleep(1)  # proven to hear
        with worker.expect("not listening", timeout=SILENCE + 30):
            proxy.hole(*ways)
            publish_title(sample, "In the silence")
            schedule = None
            if SOAK or len(ways) == 2:
                section = sample.value("SELECT id FROM homepage_sections WHERE section_key = 'hero-main' AND locale = 'de'")
                schedule = add_schedule(sample, section, add_version(sample, section, "Due in the silence"), "1 second")
            time.sleep(SILENCE)
        proxy.heal()
        healed = time.monotonic()
        worker.wait_for("en/index.html", "In the silence", timeout=45)
        if schedule:
            until(lambda: schedule_row(sample, schedule)[0] == "active", "what was due in the silence", 60)
        worker.wait("listening", 2, timeout=45)
        print("whole again after %.1f s" % (time.monotonic() - healed))
        publish_title(sample, "After the silence")
        worker.wait_for("en/index.html", "After the silence")
        worker.assert_equals_cold_build()


@pytest.mark.soak
@pytest.mark.parametrize("forget", [True, False], ids=["forgotten", "resumed"])
def test_the_listening_connection_alone_is_silent(sample, tmp_path, forget):
    """It is the echo that finds out. Meanwhile looks go on, by polling."""
    with Proxy(sample.pg) as proxy, Worker(sample, tmp_path, listen=proxy.dsn(sample.name), **QUICK) as worker:
        worker.begun()
        time.sleep(1)
        proxy.hole(DOWN)
        publish_title(sample, "Unheard")
        worker.wait_for("en/index.html", "Unheard", timeout=75)
        worker.wait("not listening", timeout=60)
        proxy.heal(forget)
        worker.wait("listening", 2, timeout=60)
        publish_title(sample, "Heard")
        worker.wait("printed", reason="notified")
        worker.assert_equals_cold_build()


def test_a_connection_that_was_forgotten_is_found_dead_by_its_echo(sample, tmp_path):
    """Only what is there is silent, as when a router has forgotten it: new connections work."""
    with Proxy(sample.pg) as proxy, Worker(sample, tmp_path, listen=proxy.dsn(sample.name), echo_every="500ms",
                                           echo_wait="300ms") as worker:
        worker.begun()
        time.sleep(1)
        with worker.expect("not listening"):
            proxy.heal(forget=True)
            publish_title(sample, "Unheard")
        assert "an echo was not heard" in worker.said("not listening")[0]["text"]
        worker.wait("printed", reason="reconnect")
        worker.assert_equals_cold_build()


def test_a_connection_that_dies_at_once_is_no_pooler(sample, tmp_path):
    """Silent before it has ever heard anything; what to mend is the network."""
    with Proxy(sample.pg) as proxy:
        proxy.deafen = 1
        with Worker(sample, tmp_path, listen=proxy.dsn(sample.name), echo_wait="300ms") as worker:
            assert "echo" in worker.wait("not listening")["text"]
            worker.wait("listening", 2)
            publish_title(sample, "Heard")
            worker.wait("printed", reason="notified")
            assert not worker.said("polling"), worker.tail()
            worker.assert_equals_cold_build()


def test_the_looking_connection_alone_is_silent(sample, tmp_path):
    """A kept connection that does not answer is left after the time a new one is given."""
    with Proxy(sample.pg) as proxy, Worker(sample, tmp_path, read=proxy.dsn(sample.name), listen=sample.pg.dsn(sample.name),
                                           environment={"PLATEN_CONNECT_TIMEOUT": "1s"}) as worker:
        worker.begun()
        with worker.expect("printed", reason="notified"):
            publish_title(sample, "The first title")
        time.sleep(0.3)  # nothing is under way
        proxy.heal(forget=True)
        publish_title(sample, "The second title")
        assert worker.wait_for("en/index.html", "The second title") < 5
        worker.assert_equals_cold_build()


# -- connections that do not come about ---------------------------------------------------------------------


@pytest.mark.parametrize("what", ["refused", "no such name", "no such database"])
def test_no_server_at_the_beginning(make_db, tmp_path, what):
    """It keeps trying, with growing pauses, and says so now and then."""
    db = make_db()
    db.psql(file=SAMPLE)
    with Proxy(db.pg) as proxy:
        dsn = proxy.dsn(db.name)
        if what == "refused":
            proxy.refuse()
        elif what == "no such name":
            dsn = proxy.dsn(db.name, host="no-such-host.invalid")
        else:
            db.pg.psql("postgres", command='ALTER DATABASE "%s" ALLOW_CONNECTIONS false' % db.name)
        with Worker(db, tmp_path, read=dsn) as worker:
            worker.wait("not listening")
            worker.wait("look failed")
            time.sleep(2)
            assert len(worker.lines()) < 8, worker.tail()
            assert worker.cpu() < 1
            if what == "no such name":
                return
            proxy.refuse()
            proxy.admit()
            db.pg.psql("postgres", command='ALTER DATABASE "%s" ALLOW_CONNECTIONS true' % db.name)
            worker.wait("listening")
            worker.wait("printed")
            worker.assert_equals_cold_build()


# -- a pooler -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3])
def test_a_pooler_in_transaction_mode_is_recognised(sample, tmp_path, size):
    """LISTEN works through it, and nothing is ever heard. One idle server connection is the hard case: what is sent
    on the same one would come back."""
    with Pooler(sample.pg, "transaction", size) as pooler:
        worker = Worker(sample, tmp_path, read=pooler.dsn(sample.name), poll="400ms", echo_wait="500ms")
        with worker:
            said = worker.wait("polling")
            for word in ("pooler", "transaction mode", "listen.database", "5432"):
                assert word in said["text"], said
            worker.wait("printed", reason="start")
            for number in range(4):
                publish_title(sample, "Polled %d" % number)
                assert worker.wait_for("en/index.html", "Polled %d" % number) < 3
            time.sleep(2)  # it tries again from time to time, and says it once
            assert len(worker.said("polling")) == 1, worker.tail()
            assert all(line["time"] <= said["time"] for line in worker.said("listening")), worker.tail()
            assert len(worker.said("printed", reason="reconnect")) <= 1, worker.tail()
            assert not worker.said("look failed"), worker.tail()
            worker.assert_equals_cold_build()
            if size == 1:  # others get the session next
                until(lambda: channels(pooler, sample) == [], "nobody listening")


def channels(pooler, db):
    with contextlib.closing(psycopg2.connect(pooler.dsn(db.name))) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT array(SELECT pg_listening_channels())")
        return cursor.fetchone()[0]


def test_it_listens_directly_and_looks_through_a_pooler(sample, tmp_path):
    with Pooler(sample.pg, "transaction") as pooler:
        with Worker(sample, tmp_path, read=pooler.dsn(sample.name), listen=sample.pg.dsn(sample.name)) as worker:
            worker.begun()
            for number in range(4):
                publish_title(sample, "Heard %d" % number)
                worker.wait_for("en/index.html", "Heard %d" % number)
            worker.assert_equals_cold_build()


# -- a standby --------------------------------------------------------------------------------------------------


def test_a_standby_is_polled_until_it_is_promoted(own, own_db, tmp_path):
    """Recognised and named; what was replayed is printed. Once it is a primary, it is listened to."""
    with Standby(own) as standby:
        there = Database(standby, own_db.name)
        with Worker(there, tmp_path, poll="300ms") as worker:
            said = worker.wait("polling")
            for word in ("standby", "listen.poll", "listen.database", "primary"):
                assert word in said["text"], said
            worker.wait("printed", reason="start")
            publish_title(own_db, "Replayed")
            assert worker.wait_for("en/index.html", "Replayed") < 5
            standby.caught_up()
            worker.assert_equals_cold_build()
            time.sleep(1)
            assert len(worker.said("polling")) == 1 and not worker.said("listening"), worker.tail()
            standby.promote()
            worker.wait("listening")
            publish_title(there, "On a timeline of its own")
            worker.wait_for("en/index.html", "On a timeline of its own")
            worker.assert_equals_cold_build()
            there.close()


@pytest.mark.parametrize("lost", [False, True], ids=["nothing lost", "commits lost"])
def test_a_standby_takes_over(tmp_path, lost):
    """Several hosts: the one that is the primary now is found, and what only the old one knew is gone."""
    with Cluster() as primary:
        primary.create_database(TEMPLATE)
        Database(primary, TEMPLATE).migrate()
        with made(primary) as old, Standby(primary) as standby:
            new = Database(standby, old.name)
            dsn = "host=%s,%s port=%d dbname=%s user=postgres target_session_attrs=read-write" % (
                primary.directory, standby.directory, primary.port, old.name)
            with Worker(old, tmp_path, read=dsn) as worker:
                worker.begun()
                publish_title(old, "Kept")
                worker.wait_for("en/index.html", "Kept")
                standby.caught_up()
                if lost:
                    standby.cut_off()
                    for number in range(5):
                        publish_title(old, "Lost %d" % number)
                    worker.wait_for("en/index.html", "Lost 4")
                old.close()
                with worker.expect("not listening"):
                    primary.crash()
                standby.promote()
                worker.db = new
                worker.wait("listening", 2)
                worker.wait_for("en/index.html", "Kept")
                worker.assert_equals_cold_build()
                for number in range(5):  # numbers of transactions are used again
                    publish_title(new, "New %d" % number)
                worker.wait_for("en/index.html", "New 4")
                worker.assert_equals_cold_build()
                new.close()
            primary.resume()


# -- what it does to the server ---------------------------------------------------------------------------------


def test_no_transaction_stays_open_on_the_listening_connection(sample, tmp_path):
    """It would keep the server from delivering, and from cleaning up."""
    states = []
    with Worker(sample, tmp_path, echo_every="200ms", poll="200ms") as worker:
        worker.begun()
        pid = backend(sample, LISTENER)
        eye = sample.connect()
        for number in range(120):
            if number % 20 == 0:
                publish_title(sample, "Number %d" % number)
            with eye.cursor() as cursor:
                cursor.execute("SELECT state, extract(epoch FROM clock_timestamp() - xact_start), backend_xmin::text"
                               " FROM pg_stat_activity WHERE pid = %s", (pid,))
                states.append(cursor.fetchone())
            time.sleep(0.02)
        worker.wait_for("en/index.html", "Number 100")
        worker.assert_equals_cold_build()
        assert not worker.said("not listening"), worker.tail()
    assert None not in states
    assert {state for state, _, _ in states} <= {"idle", "active"}, states
    assert sum(state == "idle" for state, _, _ in states) > 100, states
    assert all(state == "active" or (age is None and xmin is None) for state, age, xmin in states), states
    assert all(age is None or age < 1 for _, age, _ in states), states


HOSTILE = ("../../etc/passwd", "{\"locale\":\"../../etc\",\"section_id\":", "'; DROP TABLE products; --", "%s%n%p", "\u202e\u0001\x7f",
           "en\nlevel=error what=forged", "\U0001f480" * 100, "0" * 7999)


def flood(db, count, chance, channels):
    """That many notifications with different payloads, a thousand in each transaction."""
    connection = db.connect()
    for begin in range(0, count, 1000):
        payloads = [(chance.choice(HOSTILE[:-1]) + " %d" % (begin + i)) for i in range(1000)]
        payloads[::10] = ["%08d" % (begin + i) + HOSTILE[-1][8:] for i in range(0, 1000, 10)]
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(pg_notify((%s::text[])[1 + n %% %s], p)) FROM unnest(%s) WITH ORDINALITY AS u(p, n)",
                           (channels, len(channels), payloads))


@pytest.mark.soak
def test_a_hundred_thousand_notifications_cost_a_few_looks(sample, tmp_path):
    """Four sessions at once, with payloads of all kinds; whose echoes they are not, who leads they do not say."""
    print("FAULTS_SEED=%d" % SEED)
    chance = random.Random(SEED)
    channels = ["platen", "platen_worker", "cache_invalidate", "homepage_updated"]
    with Worker(sample, tmp_path, echo_every="500ms", echo_wait="2s", quiet="200ms") as worker:
        worker.begun()
        flood_for(sample, 4000, chance, channels)
        worker.wait("looked", reason="notified")
        time.sleep(1)
        rss, descriptors, before, lines = worker.rss(), worker.descriptors(), len(worker.looks()), len(worker.lines())
        began = time.monotonic()
        for _ in range(10 if SOAK else 1):
            flooding = threading.Thread(target=flood_for, args=(sample, 100000, chance, channels))
            flooding.start()
            number = 0
            while flooding.is_alive():
                number += 1
                publish_title(sample, "In the flood %d" % number)
                worker.wait_for("en/index.html", "In the flood %d" % number, timeout=5)
            flooding.join()
        time.sleep(1)
        publish_title(sample, "After the flood")
        worker.wait_for("en/index.html", "After the flood")
        took = time.monotonic() - began
        looks = worker.looks()[before:]
        heard = sum(look.get("notifications", 0) for look in looks)
        print("%.1f s, %d heard, %d looks, %d lines, %d KiB more, %.1f s of processor time" %
              (took, heard, len(looks), len(worker.lines()) - lines, (worker.rss() - rss) >> 10, worker.cpu()))
        assert heard >= 25000
        assert len(looks) <= took / 0.2 + 5
        assert len(worker.lines()) - lines <= len(looks) + 10, worker.tail()
        assert worker.rss() - rss < (8 << 20)
        until(lambda: worker.descriptors() <= descriptors + 1, "as many descriptors as before")
        assert not worker.said("not listening"), worker.tail()
        worker.assert_equals_cold_build()


def flood_for(db, count, chance, channels):
    threads = [threading.Thread(target=flood, args=(db, count // 4, chance, channels)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
