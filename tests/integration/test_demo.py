"""tools/demo, as `make demo` runs it, and `make install`: what a newcomer meets first."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLATEN = os.path.abspath(os.environ.get("PLATEN", os.path.join(TOP, "build", "platen")))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Demo:
    """The demo in directories of its own, so that one that a developer has running is left alone."""

    def __init__(self, place):
        self.place = place
        self.state = os.path.join(place, "demo")
        self.env = dict(os.environ, PLATEN=PLATEN, DEMO_DIR=self.state, DEMO_PORT=str(free_port()),
                        PLATEN_OUT=os.path.join(place, "out"))

    def run(self, *argv, check=True):
        done = subprocess.run(["tools/demo", *argv], cwd=TOP, env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120)
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def shell(self, line):
        done = subprocess.run(["bash", "-ec", line], cwd=TOP, env=self.env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def kept(self, name):
        with open(os.path.join(self.state, name), encoding="utf-8") as f:
            return f.read().strip()

    def pids(self):
        """The preview's and PostgreSQL's process numbers."""
        with open(os.path.join(self.kept("home"), "data", "postmaster.pid"), encoding="utf-8") as f:
            return int(self.kept("serve.pid").split()[0]), int(f.readline())


def running(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.status == 200
        return answer.read().decode("utf-8")


def lines_to_try(said):
    """What the demo tells its reader to type: the indented lines."""
    return [line.strip() for line in said.splitlines() if line.startswith("    ")]


@pytest.fixture
def demo():
    # short, since a socket's path has to fit; open, since PostgreSQL may run as another user
    place = tempfile.mkdtemp(prefix="demo-")
    os.chmod(place, 0o755)
    it = Demo(place)
    yield it
    it.run("stop", check=False)
    shutil.rmtree(place, ignore_errors=True)


def test_demo_prints_serves_and_does_what_it_suggests(demo):
    said = demo.run("start")
    url = re.search(r"http://localhost:\d+/", said).group()
    assert "Light for long evenings" in fetch(url)
    assert "Light for long evenings" in fetch(url + "en/")
    assert 'dir="rtl"' in fetch(url + "ar/")
    preview, postgres = demo.pids()

    tries = lines_to_try(said)
    edits = [line for line in tries if line.startswith("tools/demo psql")]
    assert len(edits) == 2
    load, look, build = [line for line in tries if line not in edits]
    assert load == ". %s/env" % demo.state

    # the first suggestion: a new headline, looked at, printed
    demo.shell(edits[0])
    dry = demo.shell("%s; %s" % (load, look))
    assert "en/index.html" in dry and "fr/index.html" not in dry
    assert "Light for long evenings" in fetch(url), "nothing may change before it is printed"
    demo.shell("%s; %s" % (load, build))
    assert "Good evening" in fetch(url)

    # the second: publish the draft, by way of starting once more; nothing is set up or started again
    demo.shell(edits[1])
    again = demo.run("start")
    assert "as it was left" in again and url in again
    assert demo.pids() == (preview, postgres)
    page = fetch(url)
    assert "Evenings, lit well" in page and "Good evening" not in page

    # what died is started again, and the edit is still there
    os.kill(preview, signal.SIGKILL)
    os.kill(postgres, signal.SIGQUIT)
    deadline = time.monotonic() + 20
    while running(preview) or running(postgres):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert url in demo.run("start")
    assert "Evenings, lit well" in fetch(url)

    home = demo.kept("home")
    preview, postgres = demo.pids()
    demo.run("stop")
    assert not running(preview) and not running(postgres)
    assert not os.path.exists(home)
    assert os.listdir(demo.state) == ["lock"]
    assert os.path.exists(os.path.join(demo.place, "out", "public", "index.html"))
    demo.run("stop")


def test_demo_reads_with_the_least_rights(demo):
    demo.run("start")
    url = re.search(r"DATABASE_URL='(.*)'", demo.kept("env")).group(1)
    for wish in ("DELETE FROM products", "SELECT * FROM users", "CREATE TABLE mine (n int)"):
        done = subprocess.run(["psql", "-X", "-d", url, "-c", wish], capture_output=True, text=True)
        assert done.returncode != 0 and "permission denied" in done.stderr, wish


def test_demo_takes_the_next_port_when_one_is_taken(demo):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        demo.env["DEMO_PORT"] = str(taken.getsockname()[1])
        said = demo.run("start")
        url = re.search(r"http://localhost:(\d+)/", said)
        assert int(url.group(1)) > taken.getsockname()[1]
        # addresses that carry the host follow
        assert url.group() in fetch(url.group() + "sitemap.xml")


def test_demo_finds_another_place_when_its_own_cannot_hold_a_socket(demo):
    demo.state = demo.env["DEMO_DIR"] = os.path.join(demo.place, "x" * 100)
    said = demo.run("start")
    home = demo.kept("home")
    assert len(home) < 90 and home in said
    demo.run("stop")
    assert not os.path.exists(home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's directories are closed to PostgreSQL's user")
def test_demo_as_root_below_a_closed_directory(demo):
    os.chmod(demo.place, 0o700)
    demo.run("start")
    home = demo.kept("home")
    assert not home.startswith(demo.place)
    assert os.stat(home).st_mode & 0o777 == 0o700, "nobody else may connect as the superuser"
    demo.run("stop")
    assert not os.path.exists(home)


def test_demo_begins_anew_after_a_start_that_was_cut_off(demo):
    os.mkdir(demo.state)
    home = os.path.join(demo.state, "pg")
    os.makedirs(os.path.join(home, "data"))
    for path in (os.path.join(home, "platen-demo"), os.path.join(home, "data", "PG_VERSION")):
        with open(path, "w", encoding="utf-8"):
            pass
    with open(os.path.join(demo.state, "home"), "w", encoding="utf-8") as f:
        f.write("%s\n" % home)
    assert "a private PostgreSQL" in demo.run("start")


def test_demo_removes_nothing_that_it_did_not_make(demo, tmp_path):
    os.mkdir(demo.state)
    precious = tmp_path / "precious"
    precious.write_text("kept")
    named = os.path.join(demo.state, "home")
    with open(named, "w", encoding="utf-8") as f:
        f.write("%s\n" % tmp_path)
    for command in ("stop", "start"):
        assert "cannot have made" in demo.run(command, check=False)
        assert precious.read_text() == "kept"


def test_stop_without_a_demo_is_harmless(demo):
    assert "No demo is running" in demo.run("stop")


def test_install_puts_everything_below_destdir(tmp_path):
    env = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    # BUILD_SUFFIX and SAN would choose another program than the one that is tested; -o takes it as it is
    build = os.path.relpath(os.path.dirname(PLATEN), TOP)
    done = subprocess.run(["make", "-o", build + "/platen", "B=" + build, "install", "DESTDIR=%s" % tmp_path,
                           "prefix=/usr"], cwd=TOP, capture_output=True, text=True, timeout=60, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    for path in ("bin/platen", "share/man/man1/platen.1", "share/platen/platen.yaml",
                 "share/platen/templates/layout.html.mustache", "share/platen/sql/pages/homepage.sql",
                 "share/bash-completion/completions/platen"):
        assert (tmp_path / "usr" / path).exists(), path
    assert os.access(tmp_path / "usr/bin/platen", os.X_OK)
    assert [p.name for p in tmp_path.iterdir()] == ["usr"]
