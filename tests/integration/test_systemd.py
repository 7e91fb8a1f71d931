"""deploy/systemd/platen.service, as far as it can be checked without a systemd that runs."""

import os
import re
import subprocess

import pytest
from cmsdb import SAMPLE
from listening import Listening
from program import PLATEN, ROOT
from test_listen import publish_title

UNIT = ROOT / "deploy/systemd/platen.service"


def analyze(*args):
    done = subprocess.run(["systemd-analyze", *map(str, args)], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "SYSTEMD_PAGER": "cat", "NO_COLOR": "1"})
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def unit(tmp_path):
    """The unit with the program under test; change(from, to) changes it further."""
    file = tmp_path / "platen.service"
    file.write_text(UNIT.read_text(encoding="utf-8").replace("/usr/local/bin/platen", PLATEN), encoding="utf-8")

    def change(old, new):
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    file_and_change = type("Unit", (), {"file": file, "change": staticmethod(change)})
    return file_and_change


def of_ours(output):
    """What it says of our unit; those of the machine are not our matter."""
    return [line for line in output.splitlines() if "platen" in line]


def test_systemd_understands_every_line(unit):
    code, output = analyze("verify", "--man=no", unit.file)
    assert of_ours(output) == []
    assert code == 0, output


@pytest.mark.parametrize(("old", "new"), [("WatchdogSec=", "WatchdogSecs="), ("Type=notify", "Type=nofity"),
                                          (PLATEN, "/nowhere/platen"), ("=@system-service", "=@sistem-service")])
def test_a_mistake_would_be_seen(unit, old, new):
    unit.change(old, new)
    assert of_ours(analyze("verify", "--man=no", unit.file)[1]) != []


def test_little_is_left_to_be_exposed(unit):
    code, output = analyze("security", "--offline=true", "--threshold=25", unit.file)  # of 100; without any: 96
    assert code == 0, output


def settings():
    """{name: [value, ...]} of the unit."""
    found = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", UNIT.read_text(encoding="utf-8"), re.M):
        found.setdefault(name, []).append(value)
    return found


def test_what_is_printed_can_be_written_and_nothing_else():
    unit = settings()
    site = unit["WorkingDirectory"][0]
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["ReadWritePaths"] == [site + "/out"]  # where platen.yaml and the default print to
    assert unit["ExecStartPre"][0].endswith(" " + site + "/out")


def calls_of(group):
    """The names of a group of system calls."""
    names = set()
    for word in analyze("syscall-filter", group)[1].splitlines()[1:]:
        word = word.strip()
        if word.startswith("@"):
            names |= calls_of(word)
        elif word and not word.startswith("#"):
            names.add(word)
    return names


def allowed():
    """What SystemCallFilter= lets through, besides what systemd always does."""
    names = calls_of("@default")
    for value in settings()["SystemCallFilter"]:
        groups = value.lstrip("~").split()
        for group in groups:
            names = names - calls_of(group) if value.startswith("~") else names | calls_of(group)
    return names


class Traced(Listening):
    def start(self):
        self.trace = self.folder / "trace"
        with open(self.logfile, "ab") as log:
            self.process = subprocess.Popen(
                ["strace", "-D", "-f", "-o", str(self.trace), PLATEN, "listen", "--json", "--verbose", "--config",
                 str(self.config), "--out", str(self.out), "--source", self.dsn], cwd=self.cwd,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.env, "ASAN_OPTIONS": "detect_leaks=0"})
        return self


def test_no_call_that_a_worker_makes_is_forbidden(db, tmp_path):
    db.psql(file=SAMPLE)
    with Traced(db, tmp_path) as worker:
        worker.wait("printed", reason="start", timeout=60)
        publish_title(db, "Within bounds")
        worker.wait_for("en/index.html", "Within bounds", timeout=30)
    made = set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed)", worker.trace.read_text(errors="replace"), re.M))
    assert {"renameat", "openat", "sendto"} & made, "strace saw nothing"
    assert made - allowed() == set()
