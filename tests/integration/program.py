"""Running platen in tests, and a site for it to run on.

    site = Site(tmp_path, {"things": "SELECT ..."})
    done = site.run("export", "--source", db.dsn)
    assert done.code == 0, done.err
"""

import json
import os
import pathlib
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PLATEN = os.environ.get("PLATEN") or str(ROOT / "build" / "platen")


class Done:
    """What a finished program said. rss: the most memory it held, in bytes."""

    def __init__(self, code, out, err, rss):
        self.code, self.out, self.err, self.rss = code, out, err, rss

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return "Done(code=%r, out=%r, err=%r)" % (self.code, self.out[:2000], self.err[:4000])


class Running:
    """A platen at work; its output goes to files, so that no pipe can block it."""

    def __init__(self, *args, cwd=None, env=None, stdout=None, wrap=()):
        """wrap: words to put in front of the command line, such as another program that runs it."""
        env = dict(env or {})
        if wrap and wrap[0] == "strace":  # of which there can be one only: the sanitizers look for leaks likewise
            env["ASAN_OPTIONS"] = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "detect_leaks=0")))
        self._out = tempfile.TemporaryFile() if stdout is None else stdout
        self._err = tempfile.TemporaryFile()
        self.process = subprocess.Popen([*wrap, PLATEN, *map(str, args)], cwd=cwd, stdin=subprocess.DEVNULL, stdout=self._out,
                                        stderr=self._err, env={**os.environ, **env})

    def wait(self, timeout=60):
        """Done; a program that does not end in time is killed, and that is an error."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("platen did not end within %d s" % timeout) from None
        self._err.seek(0)
        err = self._err.read().decode("utf-8", "replace")
        out = ""
        if not isinstance(self._out, int):
            self._out.seek(0)
            out = self._out.read().decode("utf-8")
        return Done(self.process.returncode, out, err, None)


def platen(*args, cwd=None, env=None, timeout=60, stdout=None):
    return Running(*args, cwd=cwd, env=env, stdout=stdout).wait(timeout)


def platen_measured(*args, cwd=None):
    """The same with the peak of its memory (of the program alone: what wait4() tells begins with our own)."""
    # a sanitized build keeps what was freed for a while, which is not what is measured here
    running = Running(*args, cwd=cwd, env={"ASAN_OPTIONS": "quarantine_size_mb=1"})
    peak = 0
    while running.process.poll() is None:
        peak = max(peak, peak_memory(running.process.pid))
        time.sleep(0.002)
    done = running.wait()
    done.rss = peak
    return done


def peak_memory(pid):
    """VmHWM in bytes; 0 when the process is over."""
    try:
        with open("/proc/%d/status" % pid, encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith("VmHWM"):
                    return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


class Site:
    """A folder with platen.yaml and one query file for each page set."""

    def __init__(self, folder, queries, **settings):
        self.folder = pathlib.Path(folder)
        (self.folder / "sql").mkdir(parents=True, exist_ok=True)
        sets = {}
        for name, query in queries.items():
            self.write(name, query)
            sets[name] = {"query": "sql/%s.sql" % name, "template": "page", "path": "{{locale}}/%s/{{key}}.html" % name}
        config = {"site": {"name": "Test", "base_url": "http://localhost/"}, "page_sets": sets, **settings}
        (self.folder / "platen.yaml").write_text(json.dumps(config), encoding="utf-8")

    def write(self, name, query):
        data = query if isinstance(query, bytes) else query.encode("utf-8")
        (self.folder / "sql" / ("%s.sql" % name)).write_bytes(data)

    def run(self, *args, **more):
        return platen(*args, cwd=self.folder, **more)

    def start(self, *args, **more):
        return Running(*args, cwd=self.folder, **more)

    def export(self, source, **more):
        """The file's rows by page set; the command must succeed."""
        done = self.run("export", "--source", source, **more)
        assert done.code == 0, done
        return rows(done.out)


def rows(text):
    """{page set: [row, ...]} of an exported file."""
    lines = [json.loads(line) for line in text.splitlines()]
    sets = {s["name"]: [] for s in lines[0]["sets"]}
    for line in lines[1:-1]:
        sets[line["set"]].append(line["row"])
    assert lines[-1] == {"end": {name: len(found) for name, found in sets.items()}}
    return sets
