"""A small site with an origin, for tests of uploads.

    site = Site(tmp_path, origin)          # an origin of origins.py
    site.print("one", "two")               # pages en/p0.html, en/p1.html into site.out
    done = site.upload()                   # what --json says of the upload
    site.check()                           # the origin is what was printed

A Machine is a Site that shares its bucket with others, and with objects that are not of platen. With the fixtures of
this module (machine, bucket, haproxy, script) it stands before a real S3 server that fails as told.
"""

import json

import pytest
from faultproxy import FaultProxy
from origins import BucketOrigin, expected
from printing import PrintSite, differences, page
from program import Running
from scriptproxy import ScriptProxy, error

LONG = "A text that is long enough to be worth a twin beside it. " * 12


def rows(*bodies, more=()):
    """Pages en/p0.html, en/p1.html ... with these bodies, and a home page."""
    found = [page("en/index.html", LONG, key="home", parts=[("one", "part")])]
    found += [page("en/p%d.html" % number, body + " " + LONG) for number, body in enumerate(bodies)]
    return found + list(more)


class Site(PrintSite):
    """A PrintSite with an origin."""

    def __init__(self, folder, origin, **settings):
        super().__init__(folder, **settings)
        self.origin = origin

    def configure(self, **settings):
        config = json.loads((self.folder / "platen.yaml").read_text())
        self.write("platen.yaml", json.dumps({**config, "origin": settings}))

    def print(self, *bodies, more=()):
        self.build_good(self.snapshot("rows", rows(*bodies, more=more)), "--no-upload")

    def upload(self, *args, code=0, env=()):
        done = self.start_upload("--json", *args, env=env).wait()
        assert done.code == code, done
        return json.loads(done.out)["upload"]

    def start_upload(self, *args, env=(), wrap=()):
        """An upload at work. wrap: words to put in front of the command line."""
        return Running("upload", "--config", self.folder / "platen.yaml", "--out", self.out, *args, wrap=wrap,
                       env={**self.origin.env, **dict(env)})

    def check(self, mode="sidecar", directory_keys=False):
        wanted = expected(self.out, mode, directory_keys)
        assert differences(self.origin.bodies(), wanted) == []


STRANGER = "google1234.html"
QUICK = {"stall": "1s", "give_up": "2s", "connect_timeout": "2s"}
SLOW_DOWN = error("SlowDown")


class Machine(Site):
    """One of several machines that upload to the same bucket."""

    def check(self, **more):
        seen = self.origin.bodies()
        assert seen.pop(STRANGER, None) == b"not of platen"
        assert differences(seen, expected(self.out)) == []

    def check_alive(self, *kept):
        """No deletion has been at work."""
        seen = self.origin.bodies()
        assert [key for key in (STRANGER, *kept) if key not in seen] == []

    def check_healed(self, env=()):
        self.upload(env=env)
        self.check()
        again = self.upload(env=env)
        assert not again["changed"] and again["put"] == again["deleted"] == 0, again

    def fails(self, *args, env=(), code=1):
        done = self.start_upload(*args, env=env).wait()
        assert done.code == code and done.err.startswith("platen: error: "), done
        return done.err

    def pages(self):
        return {key for key in expected(self.out) if key.startswith("en/")}


@pytest.fixture
def bucket(s3):
    origin = BucketOrigin(s3, s3.make_bucket(), "site/")
    origin.put(STRANGER, b"not of platen")
    return origin


@pytest.fixture
def machine(tmp_path, bucket):
    """machine("name"): a site of its own, with an out/ of its own."""

    def make(name="here", **settings):
        folder = tmp_path / name
        folder.mkdir()
        made = Machine(folder, bucket)
        made.configure(**{**QUICK, **settings})
        return made

    return make


@pytest.fixture(scope="module")
def haproxy_running(s3):
    with FaultProxy(s3.port) as running:
        yield running


@pytest.fixture
def haproxy(haproxy_running):
    yield haproxy_running
    haproxy_running.heal()


@pytest.fixture
def script(s3):
    with ScriptProxy(s3.port) as running:
        yield running


def through(proxy):
    return {"AWS_ENDPOINT_URL_S3": proxy.endpoint}


def at(script, number, do):
    """Calls do() once, when the number-th page arrives."""
    counted = []

    def look(request):
        if request.is_page():
            counted.append(request)
            if len(counted) == number:
                do()

    script.script = look
    return counted
