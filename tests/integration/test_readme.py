"""README.md says how to add a page set. Done here, word by word, so that it stays true."""

import os
import re
import shutil
import socket
import subprocess
import tempfile

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLATEN = os.path.abspath(os.environ.get("PLATEN", os.path.join(TOP, "build", "platen")))


def blocks(title):
    """The code blocks of a section of the README, as (language, text)."""
    with open(os.path.join(TOP, "README.md"), encoding="utf-8") as f:
        section = re.search(r"^## %s$(.*?)^## " % re.escape(title), f.read(), re.M | re.S).group(1)
    return re.findall(r"^```(\w+)\n(.*?)^```$", section, re.M | re.S)


@pytest.fixture
def site():
    """A copy of what a page set needs, with the demo in it."""
    place = tempfile.mkdtemp(prefix="readme-")
    os.chmod(place, 0o755)
    for name in ("platen.yaml", "sql", "templates", "static", "tools"):
        path = os.path.join(TOP, name)
        (shutil.copytree if os.path.isdir(path) else shutil.copy)(path, os.path.join(place, name))
    os.mkdir(os.path.join(place, "build"))
    os.symlink(PLATEN, os.path.join(place, "build", "platen"))
    yield place
    run(place, "tools/demo stop")
    shutil.rmtree(place, ignore_errors=True)


def run(place, command, text=None):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    env = {key: value for key, value in os.environ.items() if key != "PLATEN"}
    done = subprocess.run(["bash", "-ec", command], cwd=place, env=dict(env, DEMO_PORT=str(port)), text=True,
                          input=text or "", capture_output=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write(place, name, text):
    with open(os.path.join(place, name), "w", encoding="utf-8") as f:
        f.write(text)


def test_the_page_set_of_the_readme(site):
    told = blocks("Your own page set")
    assert [language for language, _ in told] == ["sql", "sql", "mustache", "yaml", "sh"]
    table, query, template, entry, commands = (text for _, text in told)

    run(site, "tools/demo start")
    run(site, "tools/demo psql", table)
    write(site, "sql/pages/journal.sql", query)
    write(site, "templates/journal.html.mustache", template)
    with open(os.path.join(site, "platen.yaml"), encoding="utf-8") as f:
        config = f.read()
    assert config.count("\npage_sets:\n") == 1
    write(site, "platen.yaml", config.replace("\npage_sets:\n", "\npage_sets:\n" + entry))

    said = run(site, commands)
    assert "+ en/journal/on-wool/index.html" in said
    with open(os.path.join(site, "out/public/en/journal/on-wool/index.html"), encoding="utf-8") as f:
        page = f.read()
    assert "<h1>On wool</h1>\n<p>It keeps you warm &amp; dry.</p>" in page
    with open(os.path.join(site, "out/public/sitemap.xml"), encoding="utf-8") as f:
        assert "/en/journal/on-wool/</loc>" in f.read()
