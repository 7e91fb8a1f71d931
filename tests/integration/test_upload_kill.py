"""kill -9 in the middle of an upload: no page is lost, and the next upload ends as if nothing had happened.

Killed before each change of a folder, and before and after each request to a real S3 server. Then the content is
put back, or edited once more, or left as it is, and uploaded from the same out/ or from one of another machine.
`make soak` runs all combinations. Choices are random; a failure names its seed, KILL_SEED=N repeats it.
"""

import collections
import itertools
import os
import random
import re
import shutil

import pytest
from origins import BucketOrigin, FolderOrigin, expected
from printing import differences, page
from uploading import LONG, Site, rows

SOAK = bool(os.environ.get("PLATEN_SOAK"))
SEED = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(2**32))

STRANGER = "google1234.html"
GUIDE, FOLDER = page("en/guide", LONG, key="guide"), page("en/guide/index.html", LONG, key="guide")
# Pages that change, come and go, one that becomes a folder and back, and JSON files that come and go with their page.
VERSIONS = {
    "one": rows("a", "b", more=[GUIDE]),
    "two": rows("a", "B", "c", more=[FOLDER]),
    "three": rows("A", more=[GUIDE, page("fr/guest.html", LONG, locale="fr", parts=[("g1", "x"), ("g2", LONG)])]),
}
COMBINATIONS = list(itertools.product(["put back", "left", "edited"], ["same out", "fresh out"]))


class Chain:
    """One origin, and what it goes through. A kill happens between two versions that are both known."""

    def __init__(self, folder, origin):
        self.random = random.Random(SEED)
        self.folder, self.origin = folder, origin
        (folder / "here").mkdir()
        self.site = Site(folder / "here", origin, output={"threads": 1})
        self.site.configure(concurrency=1)
        self.numbers = itertools.count()
        self.wanted = {None: {}}  # of an origin that has nothing yet
        for version in VERSIONS:
            self.print(version)
            self.wanted[version] = expected(self.site.out)
        origin.put(STRANGER, b"not of platen")
        self.current = None

    def print(self, version):
        source = self.site.snapshot("rows", VERSIONS[version])
        self.site.build_good(source, "--no-upload", "--quiet")

    def check(self, version, what):
        seen = self.origin.bodies()
        assert seen.pop(STRANGER, None) == b"not of platen", self.said(what)
        assert differences(strip(seen), strip(self.wanted[version])) == [], self.said(what)

    def check_look(self, versions, what):
        """After an upload that was cut off: nothing that lives is gone, and nothing is there that never was."""
        seen = self.origin.bodies()
        assert seen.pop(STRANGER, None) == b"not of platen", self.said(what)
        wanted = [self.wanted[version] for version in versions]
        odd = [key for key, body in strip(seen).items() if not any(w.get(key) == body for w in map(strip, wanted))]
        gone = [key for key in set.intersection(*map(set, wanted)) if key not in seen]
        assert (odd, gone) == ([], []), self.said(what)

    def said(self, what):
        return "KILL_SEED=%d: %s" % (SEED, what)

    def reach(self, version):
        """A good upload of a version from our own out/."""
        if self.current == version:
            return
        if version is None:
            for key in set(self.origin.all()) - {STRANGER}:
                self.origin.delete(key)
            self.current = None
            return
        self.print(version)
        self.site.upload()
        self.check(version, "from %s to %s" % (self.current, version))
        self.current = version

    def kill(self, version, wrap):
        """Uploads a version and is killed. Whether it was; the origin is somewhere between the two then."""
        self.print(version)
        done = self.site.start_upload("--quiet", wrap=wrap).wait()
        assert done.code in (-9, 0), self.said(done)
        return done.code == -9

    def heal(self, before, after, combination, what):
        content, where = combination
        third = next(version for version in VERSIONS if version not in (before, after))
        version = {"put back": before or third, "left": after, "edited": third}[content]
        what = "%s, then %s, %s" % (what, content, where)
        shutil.rmtree(self.site.out) if where == "fresh out" else None
        self.print(version)
        # the claim of a machine that is gone for good holds until it lapses; here nobody waits for that
        if where == "fresh out":
            self.lapse()
        self.site.upload()
        self.check(version, what)
        again = self.site.upload()
        assert not again["changed"] and again["put"] == 0, self.said((what, again))
        self.current = version

    def lapse(self):
        """As if the lease were over."""
        claim = self.origin.all().get(".platen/claim.json")
        if claim is not None:
            self.origin.put(".platen/claim.json", re.sub(rb'"until":"[^"]*"', b'"until":"2020-01-01T00:00:00Z"', claim))


def strip(bodies):
    """Without version.json, which tells the time."""
    return {key: body for key, body in bodies.items() if not key.startswith("version.json")}


@pytest.fixture
def chain(tmp_path, request):
    print("KILL_SEED=%d" % SEED)
    if request.param == "folder":
        origin = FolderOrigin(tmp_path / "origin")
    else:
        s3 = request.getfixturevalue("s3")
        origin = BucketOrigin(s3, s3.make_bucket(), "site/")
    return Chain(tmp_path, origin)


def traced(log, name, inject=None):
    words = ["strace", "-f", "-o", str(log), "-e", "trace=" + name]
    return words + (["-e", "inject=%s:%s" % (name, inject)] if inject else [])


def calls_of(chain, log, before, after, name):
    """How often an upload from one version to the next calls it, in the thread that does so most."""
    chain.reach(before)
    chain.print(after)
    done = chain.site.start_upload("--quiet", wrap=traced(log, name)).wait()
    assert done.code == 0, done
    chain.current = after
    return max(collections.Counter(re.findall(r"^(\d+) +%s\(" % name, log.read_text(errors="replace"), re.M)).values(), default=0)


def kill_at_each(chain, tmp_path, name, most):
    """most: about so many points, or all of them in the long form."""
    steps = [(None, "one"), ("one", "two"), ("two", "three"), ("three", "one")]
    steps = steps[name == "unlinkat":]  # a first upload has nothing to delete
    landed, points = 0, 0
    combinations = itertools.cycle(chain.random.sample(COMBINATIONS, len(COMBINATIONS)))
    for before, after in steps:
        count = calls_of(chain, tmp_path / "calls", before, after, name)
        assert count > 0
        every = 1 if SOAK else max(1, round(count * len(steps) / most))
        numbers = range(1 + chain.random.randrange(every), count + 1, every)
        for number in numbers:
            for combination in COMBINATIONS if SOAK else [next(combinations)]:
                chain.reach(before)
                what = "from %s to %s, killed before %s number %d of %d" % (before, after, name, number, count)
                points += 1
                landed += chain.kill(after, traced(tmp_path / "log", name, "signal=KILL:when=%d" % number))
                chain.check_look([before, after], what)
                chain.heal(before, after, combination, what)
    print("%d landed of %d" % (landed, points))
    assert landed >= points * 0.7


@pytest.mark.soak
@pytest.mark.parametrize("chain", ["folder"], indirect=True)
@pytest.mark.parametrize("name", ["renameat", "unlinkat", "mkdirat", "syncfs", "flock"])
def test_kill_before_each_change_of_a_folder(chain, tmp_path, name):
    kill_at_each(chain, tmp_path, name, 16 if name == "renameat" else 6)


@pytest.mark.soak
@pytest.mark.parametrize("chain", ["bucket"], indirect=True)
@pytest.mark.parametrize("name", ["sendto", "recvfrom"])
def test_kill_before_each_request_and_before_each_answer(chain, tmp_path, name):
    kill_at_each(chain, tmp_path, name, 12 if name == "sendto" else 4)
