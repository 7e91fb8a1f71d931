"""kill -9 in the middle of a build, and calls of the system that fail: what is public is always whole, and the
next build ends where a first build would.

Each test goes from release to release of one out/: it begins to print some version, is killed (or fails), looks
at what is public, prints either that version or the one before, and compares. `make soak` runs the long forms.
Instants are random; a failure names its seed, KILL_SEED=N repeats it.
"""

import collections
import os
import random
import re
import shutil
import time

import pytest

from cmsdb import ROOT, SAMPLE
from printing import Eye, PrintSite, differences, left_behind, named_objects, objects, page, quick_folder, tree
from program import Running

SOAK = bool(os.environ.get("PLATEN_SOAK"))
SEED = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(2**32))
LONG = "A sentence that repeats itself is worth a twin. " * 6


def versions(site, size):
    """Three versions of a site: pages that change, come, go, and files that become folders and back."""

    def row(n, word):
        return page("en/p%d/index.html" % n, "%s %d. %s" % (word, n, LONG), parts=[("e%d" % n, word)])

    steady = [page("en/index.html", LONG, key="home"), page("en/steady/a.html", LONG)]
    # all that a folder has: it comes as one, and goes
    guest = page("fr/guest.html", LONG, locale="fr", parts=[("g%d" % n, LONG) for n in range(3)])
    return [site.snapshot(name, rows) for name, rows in {
        "one": steady + [row(n, "one") for n in range(size)]
        + [page("en/guide", LONG), page("en/old/a.html", LONG), page("en/old/deep/b.html", "b" + LONG)],
        "two": steady + [row(n, "two" if n % 2 else "one") for n in range(2, size + 3)]
        + [page("en/guide/index.html", "folder " + LONG), page("en/old", "file " + LONG), guest],
        "three": steady + [row(n, "three") for n in range(0, size, 3)]
        + [page("en/guide", "again " + LONG), page("en/p1", "a file that was a folder"), page("en/old/deep", LONG)],
    }.items()]


class Chain:
    """One out/ and the releases it goes through."""

    def __init__(self, build, sources, out, random_):
        self.build, self.out, self.random = build, out, random_
        self.cold = {}
        for source in sources:
            folder = quick_folder()
            try:
                done = build(source, out=folder).wait()
                assert done.code == 0, done
                self.cold[source] = tree(folder)
            finally:
                shutil.rmtree(folder)
        self.eye = Eye()
        self.possible = [sources[0]]  # versions whose bytes may be public
        self.current = sources[0]  # the one last printed in full
        self.check_heals(sources[0])

    def next(self):
        """Another version than the current one."""
        return self.random.choice([source for source in self.cold if source != self.current])

    def check_look(self, source, what):
        """After a build of `source` that did not end well."""
        self.possible.append(source)
        wrong = self.eye.look(self.out, *(self.cold[s] for s in set(self.possible)))
        assert wrong == [], self.said(source, what, wrong)

    def check_heals(self, source, what="a good build"):
        done = self.build(source, out=self.out).wait()
        assert done.code == 0 and done.err == "", self.said(source, what, done)
        seen = tree(self.out)
        assert differences(seen, self.cold[source]) == [], self.said(source, what, done)
        assert left_behind(self.out) == [], self.said(source, what, done)
        self.current, self.possible = source, [source]
        wrong = self.eye.look(self.out, self.cold[source])
        assert wrong == [], self.said(source, what, wrong)

    def check_heals_somehow(self, source, what):
        """Half of the times the content is put back."""
        self.check_heals(self.current if self.random.random() < 0.5 else source, what)

    def said(self, source, what, found):
        return "KILL_SEED=%d: %s, from %s to %s (last good: %s): %s" % (
            SEED, what, self.possible, source, self.current, found)


@pytest.fixture
def chain(tmp_path):
    """chain(size): a Chain over a site of about so many pages, printed from files."""
    made = []

    def make(size, *words):
        site = PrintSite(tmp_path, out=quick_folder())
        made.append(site.out)
        return Chain(lambda source, **more: site.start(source, *words, **more), versions(site, size), site.out,
                     random.Random(SEED))

    print("KILL_SEED=%d" % SEED)
    yield make
    for out in made:
        shutil.rmtree(out, ignore_errors=True)


def duration(chain):
    """How long a build takes from its start to its end: the longest of some."""
    longest = 0
    for _ in range(4):
        source = chain.next()
        since = time.monotonic()
        running = chain.build(source, out=chain.out)
        running.process.wait()
        longest = max(longest, time.monotonic() - since)
        chain.check_heals(source)
    return longest


def kill_somewhere(chain, source, longest):
    """Starts a build and kills it. Whether it was still at work."""
    running = chain.build(source, out=chain.out)
    time.sleep(chain.random.uniform(0, longest))
    running.process.kill()
    return running.wait().code == -9


def kill_often(chain, times):
    longest = duration(chain)
    landed = collections.Counter()
    for number in range(times):
        source = chain.next()
        while True:
            landed[kill_somewhere(chain, source, longest)] += 1
            chain.check_look(source, "kill %d" % number)
            if chain.random.random() < 0.7:
                break
            source = chain.random.choice(list(chain.cold))  # killed again before it could heal
        chain.check_heals_somehow(source, "kill %d" % number)
    print("%d of %d kills landed, over %.0f ms" % (landed[True], landed.total(), longest * 1000))
    assert landed[True] >= times / 3, "the kills came too late"
    assert objects(chain.out) == named_objects(chain.out)


@pytest.mark.soak
@pytest.mark.parametrize("size", [8, 120])
def test_kill_at_random_instants(chain, size):
    """Releases of up to 64 files and of more are made durable in different ways."""
    kill_often(chain(size * (4 if SOAK else 1)), 2000 if SOAK else 100)


@pytest.mark.soak
def test_kill_while_the_sample_site_is_printed_from_its_database(db, tmp_path):
    """The same with a database: each version is a commit."""
    db.psql(file=SAMPLE)
    url = db.pg.uri(db.name)
    changes = {
        "as it is": "UPDATE products SET name = replace(name, ' (new)', '')",
        "renamed": "UPDATE products SET name = name || ' (new)' WHERE name NOT LIKE '%(new)'",
    }

    def build(version, **more):
        # without triggers: a change that is taken back leaves no trace in updated_at
        db.psql(command="SET session_replication_role = replica; " + changes[version])
        return Running("build", "--config", ROOT / "platen.yaml", "--source", url, "--out", more.pop("out"), **more)

    out = quick_folder()
    try:
        kill_often(Chain(build, list(changes), out, random.Random(SEED)), 200 if SOAK else 12)
    finally:
        shutil.rmtree(out)


# -- at each call of the system ----------------------------------------------------------------------

# How each call is made to fail.
FAILING = {
    "write": "ENOSPC",
    "fsync": "EIO",
    "syncfs": "EIO",
    "renameat": "ENOSPC",
    "linkat": "ENOSPC",
    "unlinkat": "EIO",
    "mkdirat": "ENOSPC",
    "utimensat": "EROFS",
    "close": "EIO",
    "openat": "EMFILE",
    "read": "EIO",
    "newfstatat": "EIO",
}
# Whose failing need not be the end of the build: what was only looked at, or looked for in vain.
MAY_BE_MADE_UP_FOR = ("close", "openat", "read", "newfstatat")
# What is needed for releases of more than 64 files alone, or of up to 64.
LARGE_ONLY, SMALL_ONLY = ("syncfs", "renameat2"), ("fsync",)


def traced(log, name, inject=None):
    words = ["strace", "-f", "-o", str(log), "-e", "trace=" + name]
    return words + (["-e", "inject=%s:%s" % (name, inject)] if inject else [])


def calls_of(chain, tmp_path, source, name):
    """How often a good build calls it, in the thread that does so most: strace counts by thread."""
    log = tmp_path / "calls"
    done = chain.build(source, out=chain.out, wrap=traced(log, name)).wait()
    assert done.code == 0, done
    chain.check_heals(source)
    by_thread = collections.Counter(re.findall(r"^(\d+) +%s\(" % name, log.read_text(errors="replace"), re.M))
    return max(by_thread.values(), default=0)


def points(chain, tmp_path, name, most):
    """[(from, to, number)]: for each step from one version to the next the numbers of its calls; all of them, or
    about `most` together, spread evenly, with the last ones: those about the manifest and the intent."""
    sources = list(chain.cold)
    steps = [*zip(sources, sources[1:]), (sources[-1], sources[0])]
    for _ in range(4):  # so that there are releases to drop
        for source in sources:
            chain.check_heals(source)
    found = []
    for before, after in steps:
        chain.check_heals(before)
        count = calls_of(chain, tmp_path, after, name)
        numbers = {*range(1, count + 1, 1 if SOAK else max(1, count * len(steps) // most)), count - 2, count - 1, count}
        found += [(before, after, number) for number in sorted(numbers) if number > 0]
    return found


def is_used(chain, name):
    """Whether releases of this size are made with it."""
    large = len(chain.cold[chain.current]) > 200
    return not (large and name in SMALL_ONLY or not large and name in LARGE_ONLY)


@pytest.mark.soak
@pytest.mark.parametrize("name", ["renameat", "renameat2", "linkat", "unlinkat", "mkdirat", "utimensat", "fsync",
                                  "syncfs"])
@pytest.mark.parametrize("size", [6, 60])
def test_kill_before_each_change(chain, tmp_path, size, name):
    """Deterministic: before the first rename, before the second, and so on."""
    chain = chain(size, "--threads", "1")
    found = points(chain, tmp_path, name, 12)
    assert bool(found) == is_used(chain, name)
    landed = 0
    for before, after, number in found:
        if chain.current != before:
            chain.check_heals(before)
        what = "killed before %s number %d" % (name, number)
        wrap = traced(tmp_path / "log", name, "signal=KILL:when=%d" % number)
        done = chain.build(after, out=chain.out, wrap=wrap).wait()
        assert done.code in (-9, 0), chain.said(after, what, done)
        landed += done.code == -9
        chain.check_look(after, what)
        chain.check_heals_somehow(after, what)
    print("%d landed of %d" % (landed, len(found)))
    assert landed >= len(found) * 0.7


@pytest.mark.soak
@pytest.mark.parametrize("name", FAILING)
@pytest.mark.parametrize("size", [6, 60])
def test_a_call_that_fails_is_told_and_loses_nothing(chain, tmp_path, name, size):
    """Every write, flush, rename and close is checked: exit 1 with the path, and the next build heals."""
    chain = chain(size, "--threads", "1", "--quiet")
    found = points(chain, tmp_path, name, 6)
    assert bool(found) == is_used(chain, name)
    failed = 0
    for before, source, number in found:
        if chain.current != before:
            chain.check_heals(before)
        log = tmp_path / "log"
        wrap = traced(log, name, "error=%s:when=%d" % (FAILING[name], number))
        done = chain.build(source, out=chain.out, wrap=wrap).wait()
        injected = re.findall(r".*\(INJECTED\)", log.read_text(errors="replace"))
        what = "%s number %d: %s" % (name, number, injected)
        if done.code == 0:
            assert not injected or name in MAY_BE_MADE_UP_FOR, chain.said(source, what, done)
            assert differences(tree(chain.out), chain.cold[source]) == [], chain.said(source, what, done)
            chain.check_heals(source, what)
            continue
        failed += 1
        check_error(chain, name, done, any(" write(2, " in line for line in injected), chain.said(source, what, done))
        chain.check_look(source, what)
        chain.check_heals_somehow(source, what)
    assert failed > 0 or not found, "no call of %s was made to fail" % name


def check_error(chain, name, done, muted, what):
    if name in MAY_BE_MADE_UP_FOR:
        assert done.code in (1, 2, 127), what  # 127: the program could not be loaded
        assert len(done.err) > 30, what
    else:
        assert done.code == 1, what
        assert muted or re.fullmatch(r"platen: error: .*%s.*: .*\n" % re.escape(str(chain.out)), done.err), what
