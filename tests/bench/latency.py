"""From the commit of a publish to the new bytes under their final name.

A worker of 40 locales and 20 sections each prints what one session publishes, section by section; the clock starts
when COMMIT has returned and ends when the locale's page, read as a web server would, has the new words. The floor is
what cannot be avoided: the round trip of a bare NOTIFY, and the query of that one homepage.
"""

import contextlib
import os
import re
import select
import signal
import subprocess
import threading
import time

import psycopg2

from report import seconds
from stage import HERE, PRESS, BenchError, median

PICK = """
    SELECT s.id, s.locale, v.id FROM public.homepage_sections s
    JOIN LATERAL (SELECT v.id FROM public.section_versions v WHERE v.section_id = s.id ORDER BY v.id LIMIT 1) v ON true
    WHERE s.status = 'published' AND s.is_active AND s.section_type = 'hero' ORDER BY md5(s.id::text)"""


class Latency:
    """Seconds, sorted; the worker's memory before and after, in bytes."""

    def __init__(self, values, before=0, after=0):
        self.values, self.before, self.after = sorted(values), before, after

    def median(self):
        return median(self.values)

    def at(self, share):
        return self.values[min(len(self.values) - 1, int(len(self.values) * share))]


class Worker:
    def __init__(self, stage, database, quiet):
        self.out = stage.fresh("listen")
        self.log = open(self.out + ".log", "wb")
        self.process = subprocess.Popen(
            [stage.platen_path, "listen", "--json", "--verbose", "--config", os.path.join(HERE, "homepages.yaml"),
             "--out", self.out, "--source", stage.cluster.uri(database, PRESS)],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env={**os.environ, "PLATEN_LISTEN_QUIET": quiet})

    def __enter__(self):
        deadline = time.monotonic() + 30
        while b'"printed"' not in self.said():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise BenchError("platen listen:\n" + self.said().decode("utf-8", "replace"))
            time.sleep(0.02)
        time.sleep(0.5)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.log.close()

    def said(self):
        with open(self.log.name, "rb") as log:
            return log.read()

    def memory(self):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1)) * 1024

    def page(self, locale):
        with open(os.path.join(self.out, "public", locale, "index.html"), "rb") as page:
            return page.read()


class Editor:
    """Publishes one hero after the other, each time with words nobody has seen."""

    def __init__(self, stage, database):
        self.connection = psycopg2.connect(stage.cluster.uri(database))
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.cursor.execute(PICK)
        self.heroes = self.cursor.fetchall()
        self.number = 0

    def publish(self):
        """(locale, the words to look for)"""
        self.number += 1
        section, locale, version = self.heroes[self.number % len(self.heroes)]
        words = "Headline %d of %d" % (self.number, time.monotonic_ns())
        self.cursor.execute("BEGIN; UPDATE public.section_versions SET content = jsonb_set(content, '{title}', to_jsonb(%s::text)) "
                            "WHERE id = %s; SELECT public.publish_section_version(%s, %s); COMMIT",
                            (words, version, section, version))
        return locale, words.encode()


def wait_for(worker, locale, words, begun):
    while words not in worker.page(locale):
        if time.monotonic() - begun > 10:
            raise BenchError("not printed within 10 s: %r\n%s" % (words, worker.said()[-3000:].decode("utf-8", "replace")))
        time.sleep(0.0002)
    return time.monotonic() - begun


def one_by_one(stage, database, times, quiet="0ms"):
    with Worker(stage, database, quiet) as worker:
        editor = Editor(stage, database)
        values = []
        for number in range(times + 5):
            locale, words = editor.publish()
            took = wait_for(worker, locale, words, time.monotonic())
            if number >= 5:
                values.append(took)
            time.sleep(0.06)
        return Latency(values)


def many_a_second(stage, database, rate, how_long):
    """At that rate, however fast the worker is; each one is waited for, in order, by a second thread."""
    with Worker(stage, database, "50ms") as worker:
        editor = Editor(stage, database)
        published, values, failed = [], [], []
        ended = threading.Event()

        def follow():
            newest = {}  # a later publish of the same page has other words: each is looked for until it, or its successor, is there
            try:
                while published or not ended.is_set():
                    if not published:
                        time.sleep(0.001)
                        continue
                    locale, words, begun = published.pop(0)
                    newest[locale] = words
                    values.append(wait_for(worker, locale, words, begun))
            except BenchError as error:
                failed.append(error)

        before = worker.memory()
        thread = threading.Thread(target=follow)
        thread.start()
        begun = time.monotonic()
        for number in range(int(rate * how_long)):
            time.sleep(max(0.0, begun + number / rate - time.monotonic()))
            published.append((*editor.publish(), time.monotonic()))
        ended.set()
        thread.join()
        if failed:
            raise failed[0]
        return Latency(values, before, worker.memory())


def floor(stage, database, times):
    """A bare NOTIFY's round trip and the query of one homepage, added."""
    with open(os.path.join(os.path.dirname(os.path.dirname(HERE)), "sql", "pages", "homepage.sql"), encoding="utf-8") as file:
        query = "SELECT * FROM (%s) AS q WHERE q.locale = 'en'" % file.read().replace("%", "%%")
    listener, sender = (psycopg2.connect(stage.cluster.uri(database)) for _ in range(2))
    values = []
    for connection in (listener, sender):
        connection.autocommit = True
    with contextlib.closing(listener), contextlib.closing(sender), listener.cursor() as hears, sender.cursor() as says:
        hears.execute("LISTEN bench")
        for number in range(times + 5):
            begun = time.monotonic()
            says.execute("NOTIFY bench")
            select.select([listener], [], [], 10)
            listener.poll()
            del listener.notifies[:]
            hears.execute(query.replace("%%", "%"))
            hears.fetchall()
            if number >= 5:
                values.append(time.monotonic() - begun)
    return Latency(values)


@contextlib.contextmanager
def neighbour(folder):
    """Somebody who writes to the same disk as fast as it goes, and flushes."""
    file = os.path.join(folder, "neighbour")
    writer = subprocess.Popen(["sh", "-c", "while :; do dd if=/dev/zero of='%s' bs=1M count=256 conv=fsync 2>/dev/null; done" % file],
                              start_new_session=True)
    time.sleep(1)
    try:
        yield
    finally:
        os.killpg(writer.pid, signal.SIGKILL)
        writer.wait()


def report(stage, database, table, quick):
    """The lines of the table."""
    times = 100 if quick else 400
    bare = floor(stage, database, times)
    alone = one_by_one(stage, database, times)
    with neighbour(stage.folder):
        disturbed = one_by_one(stage, database, times // 2)
    window = one_by_one(stage, database, times // 4, "50ms")
    how_long = 10 if quick else 60
    busy = many_a_second(stage, database, 50, how_long)
    table.heading("From commit to new bytes: 40 locales of 20 sections, one publish at a time")
    table.figure("a bare NOTIFY and the homepage's query: the floor", bare.median(), seconds)
    table.figure("platen, no quiet window: median", alone.median(), seconds, "15 ms", 0.015)
    table.figure("  99 of 100", alone.at(0.99), seconds, "40 ms", 0.040)
    table.figure("  beside somebody who fills the disk: median", disturbed.median(), seconds)
    table.figure("  99 of 100", disturbed.at(0.99), seconds)
    table.figure("with the standard window of 50 ms: median", window.median(), seconds, "the above + 50 ms", alone.median() + 0.055)
    table.heading("50 publishes a second for %d s" % how_long)
    table.figure("the latest", busy.values[-1], seconds, "1 s", 1.0)
    table.figure("  median", busy.median(), seconds)
    table.figure("memory at the end, of that at the beginning", busy.after / busy.before, lambda v: "%.2fx" % v, "flat", 1.25)
