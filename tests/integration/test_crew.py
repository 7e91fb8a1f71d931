"""Three workers that are killed, halted and cut off at random, while schedules fall due all the time."""

import os
import random
import signal
import time

import pytest
from cmsdata import add_schedule, add_section, add_version, live
from crew import cms, done, place, until  # noqa: F401 (fixtures)
from listening import Listening

SOAK = bool(os.environ.get("PLATEN_SOAK"))
SECONDS = 300 if SOAK else 8
EVERY = 1 if SOAK else 0.2  # between schedules


class Victim:
    """A worker and what is done to it."""

    def __init__(self, db, folder):
        self.db = db
        self.worker = Listening(db, folder).start()
        self.wakes_at = None

    def suffer(self, chance):
        if self.wakes_at is not None:
            return
        what = chance.choice(("kill", "kill", "halt", "halt", "end", "session"))
        if what == "kill":
            self.worker.kill()
            self.worker.start()
        elif what == "halt":
            self.worker.signal(signal.SIGSTOP)
            self.wakes_at = time.monotonic() + chance.uniform(0.1, 6)
        elif what == "end":
            assert self.worker.stop() == 0, self.worker.tail()
            self.worker.start()
        else:
            self.db.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name LIKE 'platen%%' ORDER BY md5(pid::text || %s) LIMIT 1", (str(chance.random()),)
            )

    def wake(self, now=True):
        if self.wakes_at is not None and (now or time.monotonic() > self.wakes_at):
            self.worker.signal(signal.SIGCONT)
            self.wakes_at = None


@pytest.mark.soak
def test_each_schedule_once_whatever_happens_to_the_workers(cms, tmp_path):
    seed = os.environ.get("PLATEN_TEST_SEED") or "%08x" % random.SystemRandom().getrandbits(32)
    print("seed: PLATEN_TEST_SEED=" + seed)
    chance = random.Random(seed)
    due = set()
    for number in range(int(SECONDS / EVERY)):
        section = add_section(cms, "s%04d" % number)
        version = add_version(cms, section, "scheduled %d" % number)
        due.add(add_schedule(cms, section, version, publish_in="%f s" % (1 + number * EVERY)))
    victims = [Victim(cms, place(tmp_path, str(number))) for number in range(3)]
    try:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            time.sleep(chance.uniform(0.05, 0.8))
            for victim in victims:
                victim.wake(now=False)
            chance.choice(victims).suffer(chance)
        for victim in victims:
            victim.wake()
        until(lambda: len(done(cms)) == len(due), 20)
        assert done(cms) == {schedule: 1 for schedule in due}
        assert len(live(cms)) == len(due) + 1
        for victim in victims:
            victim.worker.assert_equals_cold_build(timeout=20)
            assert victim.worker.stop() == 0, victim.worker.tail()
        late = cms.value("SELECT extract(epoch FROM max(executed_at - publish_at))::float8 FROM section_schedules")
        print("the latest schedule was published %.2f s late" % late)
        assert late < 30
    finally:
        for victim in victims:
            victim.wake()
            victim.worker.kill()
