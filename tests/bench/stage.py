"""Where `make bench` measures: a private PostgreSQL with its content, folders, programs, clocks."""

import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "integration"))

from pgcluster import Cluster  # pylint: disable=wrong-import-position

TICKS = os.sysconf("SC_CLK_TCK")
PROGRAM_SECONDS = 900
PRESS = "bench_press"  # reads with the rights the press has, row level security included


class BenchError(RuntimeError):
    """What was to be measured did not do its work."""


class Cost:
    """One run: seconds by the clock, seconds of processor time (user and system), of the
    database's too, and the most memory held, in bytes."""

    def __init__(self, wall=0.0, cpu=0.0, server=0.0, peak=0):
        self.wall, self.cpu, self.server, self.peak = wall, cpu, server, peak


def median(values):
    """The middle one; of an even number, the mean of the two."""
    values = sorted(values)
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def typical(costs):
    """The median of each figure; of memory the largest."""
    return Cost(median([c.wall for c in costs]), median([c.cpu for c in costs]),
                median([c.server for c in costs]), max(c.peak for c in costs))


class Stage:
    """Everything `make bench` leaves behind while it runs; close() removes it all.

    Nothing is deleted before: for a while after deleting many files ext4 creates new ones slowly,
    so every run writes to a fresh folder and all folders go at the end."""

    def __init__(self, build, base):
        os.makedirs(base, exist_ok=True)
        self.folder = tempfile.mkdtemp(prefix="bench-", dir=base)
        self.build = build
        self.platen_path = os.path.join(build, "platen")
        self.cluster = Cluster(durable=True, settings={"shared_buffers": "128MB"})
        self.servers = None  # process ids whose time is the server's; None: PostgreSQL's
        self._numbers = {}

    def start(self):
        self.cluster.start()
        self.cluster.psql("postgres", command="CREATE ROLE %s LOGIN" % PRESS)

    def close(self):
        self.cluster.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- content ------------------------------------------------------------------------------------

    def make_database(self, name, **numbers):
        """A database with the schema of the CMS and as much content as the numbers say."""
        self.cluster.create_database(name)
        done = subprocess.run([self.platen_path, "migrate", "--quiet", "--config", os.path.join(TOP, "platen.yaml"),
                               "--source", self.cluster.uri(name)], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=PROGRAM_SECONDS, check=False)
        if done.returncode != 0:
            raise BenchError("platen migrate: " + done.stderr)
        self.cluster.psql(name, command="GRANT platen_reader TO %s" % PRESS)
        options = []
        for key, value in numbers.items():
            options += ["-v", "%s=%d" % (key, value)]
        self.cluster.psql(name, file=os.path.join(HERE, "content.sql"), options=options)

    def rows(self, site, database):
        """The rows of the first page set, as dictionaries."""
        done = subprocess.run([self.platen_path, "export", "--config", self.site(site),
                               "--source", self.cluster.uri(database, PRESS)],
                              stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=PROGRAM_SECONDS)
        for line in done.stdout.decode("utf-8").splitlines()[1:-1]:
            yield json.loads(line)["row"]

    @staticmethod
    def site(name):
        return os.path.join(HERE, name + ".yaml")

    # -- running ------------------------------------------------------------------------------------

    def fresh(self, what):
        """The name of a folder that does not exist yet."""
        self._numbers[what] = self._numbers.get(what, 0) + 1
        return os.path.join(self.folder, "%s-%d" % (what, self._numbers[what]))

    def settle(self):
        """What was written before is not the business of what comes next."""
        subprocess.run(["sync", "-f", self.folder], check=True)

    def run(self, argv, env=None):
        """Runs a program to its end: its Cost and what it printed. Anything but exit status 0 is an error."""
        result = os.path.join(self.folder, "result")
        self.settle()
        before = self._server_cpu()
        with tempfile.TemporaryFile() as out:
            child = subprocess.Popen([self.program("measure"), result, *argv], stdin=subprocess.DEVNULL, stdout=out,
                                     stderr=subprocess.STDOUT, env=clean_environment(env), start_new_session=True)
            try:
                status = child.wait(PROGRAM_SECONDS)
            except BaseException:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                raise
            out.seek(0)
            text = out.read().decode("utf-8", "replace")
        with open(result, encoding="ascii") as said:
            code, wall, cpu, peak = map(float, said.read().split())
        if status != 0 or code != 0:
            raise BenchError("%s failed:\n%s" % (" ".join(argv), text))
        return Cost(wall, cpu, self._server_cpu() - before, int(peak)), text

    def program(self, name):
        return os.path.join(self.build, "bench", name)

    def platen(self, site, database, out, gzip=True):
        """One `platen build`: its Cost."""
        return self.run([self.platen_path, "build", "--quiet", "--config", self.site(site), "--out", out,
                         "--source", self.cluster.uri(database, PRESS)],
                        {"PLATEN_GZIP": "true" if gzip else "false"})[0]

    def floor(self, tree):
        """The bare writer's Cost for the same files. It measures itself: reading them is not part of it."""
        text = self.run([self.program("floor"), os.path.join(tree, "public"), self.fresh("floor")])[1]
        wall, cpu = map(float, text.split()[:2])
        return Cost(wall, cpu)

    def zlib(self, tree):
        """Processor seconds zlib needs for the twins of a tree without twins."""
        return float(self.run([self.program("zlib_cost"), os.path.join(tree, "public")])[1].split()[0])

    def sql(self, database, role, statement, times):
        """Milliseconds of each execution, in one session, after one to warm up."""
        lines = ["SET ROLE %s;" % role, "\\o /dev/null", "\\timing on"] + [statement + ";"] * (times + 1)
        done = subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.cluster.dsn(database)],
                              input="\n".join(lines), capture_output=True, text=True, env=clean_environment(), check=False,
                              timeout=PROGRAM_SECONDS)
        found = [float(ms) for ms in re.findall(r"^Time: ([\d.]+) ms", done.stdout, re.M)]
        if done.returncode != 0 or len(found) != times + 1:
            raise BenchError("%s\n%s%s" % (statement, done.stdout, done.stderr))
        return found[1:]

    # -- inside -------------------------------------------------------------------------------------

    def _postmaster(self):
        with open(os.path.join(self.cluster.directory, "data", "postmaster.pid"), encoding="ascii") as file:
            return int(file.readline())

    def _server_cpu(self):
        """Processor seconds of the whole server so far. A session that ended is part of the postmaster's children
        as soon as that has noticed."""
        roots = self.servers or [self._postmaster()]
        ticks = 0
        for path in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(path, encoding="utf-8", errors="replace") as stat:
                    fields = stat.read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(path.split("/")[2]) in roots:
                ticks += sum(map(int, fields[11:15]))
            elif int(fields[1]) in roots:
                ticks += sum(map(int, fields[11:13]))
        return ticks / TICKS


def clean_environment(more=None):
    """Our environment without what would change what is measured."""
    kept = {key: value for key, value in os.environ.items()
            if not key.startswith(("PG", "PLATEN_", "DATABASE_URL", "HUGO_", "MAKE", "MFLAGS", "AWS_", "RCLONE_"))}
    return {**kept, "LC_ALL": "C.UTF-8", **(more or {})}
