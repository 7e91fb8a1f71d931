"""`platen listen` in tests: starting it, waiting for what it says, and what must be true at its end.

    with Listening(db, tmp_path) as worker:
        worker.wait("printed")
        ...
        worker.wait("printed", reason="notified")
        worker.assert_equals_cold_build()
    assert worker.code == 0

The log is read as JSON lines. Leaving the block ends the worker by SIGTERM and asserts that it ended well.
"""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time

from cmsdb import ROOT
from printing import differences, tree
from program import PLATEN, platen


class Listening:
    def __init__(self, db, folder, *args, config=None, dsn=None, cwd=ROOT, env=None, quiet="20ms", program=PLATEN,
                 **settings):
        """settings: of listen.*, without the dots: poll="200ms"."""
        self.db, self.folder = db, pathlib.Path(folder)
        self.out = self.folder / "out"
        self.config = pathlib.Path(config or ROOT / "platen.yaml")
        self.program = str(program)
        self.dsn = dsn or db.pg.dsn(db.name)
        self.cwd = cwd
        self.args = args
        self.env = {"PLATEN_LISTEN_" + name.upper(): value for name, value in {"quiet": quiet, **settings}.items()}
        self.env.update(env or {})
        self.logfile = self.folder / "listen.log"
        self.process = None
        self.code = None

    # -- life ------------------------------------------------------------------------------------

    def start(self):
        with open(self.logfile, "ab") as log:
            self.process = subprocess.Popen(
                [self.program, "listen", "--json", "--verbose", "--config", str(self.config), "--out", str(self.out),
                 "--source", self.dsn, *map(str, self.args)],
                cwd=self.cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **self.env})
        return self

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, timeout=30):
        """SIGTERM; returns the exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            self.code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the worker did not end within %d s:\n%s" % (timeout, self.tail())) from None
        return self.code

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind is not None:
            self.kill()
            return
        assert self.stop() == 0, self.tail()

    # -- what it says ----------------------------------------------------------------------------

    def lines(self):
        """What the log says so far, as dicts; a last line that is still being written is left out."""
        try:
            text = self.logfile.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text.split("\n")[:-1]]

    def said(self, what, **values):
        return [line for line in self.lines() if line["what"] == what and values.items() <= line.items()]

    def wait(self, what, count=1, timeout=20, **values):
        """The count-th line so far that says `what` with these values. Error lines are shown when it does not come."""
        deadline = time.monotonic() + timeout
        while True:
            found = self.said(what, **values)
            if len(found) >= count:
                return found[count - 1]
            assert self.process.poll() is None, "the worker has ended (%s):\n%s" % (self.process.returncode, self.tail())
            assert time.monotonic() < deadline, "no '%s' %r within %s s:\n%s" % (what, values, timeout, self.tail())
            time.sleep(0.01)

    @contextlib.contextmanager
    def expect(self, what, timeout=20, **values):
        """One more line of the kind must come after what is done in the block."""
        before = len(self.said(what, **values))
        yield
        self.wait(what, before + 1, timeout, **values)

    def tail(self, n=40):
        return "\n".join(self.logfile.read_text(encoding="utf-8", errors="replace").splitlines()[-n:])

    # -- what it prints --------------------------------------------------------------------------

    def public(self, path):
        return self.out / "public" / path

    def wait_for(self, path, wanted, timeout=10):
        """Seconds until the file has the text."""
        begun = time.monotonic()
        while time.monotonic() - begun < timeout:
            with contextlib.suppress(FileNotFoundError):
                if wanted in self.public(path).read_text(encoding="utf-8"):
                    return time.monotonic() - begun
            time.sleep(0.003)
        raise AssertionError("%s did not get %r within %s s:\n%s" % (path, wanted, timeout, self.tail()))

    def cold(self):
        """{path: bytes} of a cold build of what the database has now."""
        out = self.folder / ("cold-%d" % time.monotonic_ns())
        done = platen("build", "--config", self.config, "--source", self.db.pg.dsn(self.db.name), "--out", out, cwd=self.cwd)
        assert done.code == 0, done
        return tree(out)

    def assert_equals_cold_build(self, timeout=10):
        """out/public is, soon, what a first build of the database as it is now would print."""
        deadline = time.monotonic() + timeout
        cold, made = self.cold(), time.monotonic()
        while True:
            try:
                different = differences(tree(self.out), cold)
            except FileNotFoundError as gone:  # the worker prints meanwhile
                different = [str(gone)]
            if not different:
                return
            assert time.monotonic() < deadline, "not as a cold build: %s\n%s" % (different[:20], self.tail())
            time.sleep(0.05)
            if time.monotonic() > made + 1:  # a schedule may have been published since
                cold, made = self.cold(), time.monotonic()

    # -- what it uses ----------------------------------------------------------------------------

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.process.pid))

    def cpu(self):
        """Seconds of processor time so far."""
        with open("/proc/%d/stat" % self.process.pid, encoding="ascii") as stat:
            fields = stat.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


PAGE = "<!DOCTYPE html><title>{{title}}</title>{{>footer}}\n"


class SmallSite:
    """A site of one table and one page set, in a folder of its own: what a test may break and mend."""

    TABLE = "CREATE TABLE note (key text, locale text, title text); INSERT INTO note VALUES ('a', 'en', 'First')"
    QUERY = "SELECT key, locale, title FROM public.note ORDER BY key, locale"

    def __init__(self, folder, query=QUERY, **settings):
        self.folder = pathlib.Path(folder)
        self.settings = settings
        self.write("templates/page.html.mustache", PAGE)
        self.write("templates/footer.html.mustache", "<p>Old footer</p>")
        self.write("templates/404.html.mustache", "<title>Not here</title>\n")
        self.write("sql/notes.sql", query)
        self.configure()

    def configure(self, **more):
        config = {"site": {"name": "Notes", "base_url": "http://localhost/"}, "static": "static",
                  "page_sets": {"notes": {"query": "sql/notes.sql", "template": "page", "path": "{{locale}}/{{key}}.html"}},
                  **self.settings, **more}
        self.write("platen.yaml", json.dumps(config))

    def write(self, path, text):
        """As editors do: another file, then a rename."""
        path = self.folder / path
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name("." + path.name + ".new")
        beside.write_text(text, encoding="utf-8")
        beside.rename(path)

    def listen(self, db, **more):
        return Listening(db, self.folder, config=self.folder / "platen.yaml", cwd=self.folder, **more)
