"""The command line as a user meets it: help, errors, exit codes, the manuals."""

import os
import pathlib
import pty
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PLATEN = os.path.abspath(os.environ.get("PLATEN", ROOT / "build" / "platen"))


def clean_environment(**more):
    """The environment without anything that platen heeds."""
    heeded = re.compile(r"PLATEN_|PG[A-Z]|DATABASE_URL$|NO_COLOR$")
    return {k: v for k, v in os.environ.items() if not heeded.match(k)} | more


def platen(*arguments, cwd=None, env=None, stdout=subprocess.PIPE):
    return subprocess.run([PLATEN, *arguments], cwd=cwd, env=env or clean_environment(), stdout=stdout,
                          stderr=subprocess.PIPE, text=True, timeout=30)


def commands():
    """Those that `platen help` lists."""
    listed = platen("help").stdout.split("Commands:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in listed.splitlines()]


# --- help -----------------------------------------------------------------------------------------------------------


def test_without_a_command_it_explains_itself_and_exits_2():
    done = platen()
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("Usage: platen COMMAND")


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"]])
def test_help_goes_to_stdout(words):
    done = platen(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Commands:" in done.stdout


def test_every_command_explains_itself():
    for command in commands():
        done = platen(command, "--help")
        assert (done.returncode, done.stderr) == (0, ""), command
        for part in ("Usage: platen " + command, "Common options:", "Environment:", "Exit codes:", "Examples:"):
            assert part in done.stdout
        assert done.stdout == platen("help", command).stdout
        assert max(len(line) for line in done.stdout.splitlines()) <= 90


def test_the_version():
    done = platen("--version")
    assert re.fullmatch(r"platen \d+\.\d+\.\d+\n", done.stdout)
    assert done.stdout == platen("version").stdout == platen("-V").stdout
    assert "libpq" in platen("version", "--verbose").stdout


def on_terminal(env):
    """What `platen help` prints to a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([PLATEN, "help"], stdout=theirs, env=clean_environment() | env)
    os.close(theirs)
    text = b""
    while True:
        try:
            more = os.read(ours, 4096)
        except OSError:  # how a pseudo-terminal says that the other end is closed
            break
        if not more:
            break
        text += more
    os.close(ours)
    assert process.wait(timeout=10) == 0
    return text.decode()


def test_colour_only_on_a_terminal():
    assert "\033" not in platen("help").stdout
    assert "\033" in on_terminal({"TERM": "xterm"})
    assert "\033" not in on_terminal({"TERM": "xterm", "NO_COLOR": "1"})
    assert "\033" not in on_terminal({"TERM": "dumb"})
    assert "\033" in on_terminal({"TERM": "xterm", "NO_COLOR": ""})


# --- mistakes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words, message", [
    (["srve"], "platen: error: unknown command 'srve'; did you mean 'serve'?\nsee 'platen help'\n"),
    (["xyzzy"], "platen: error: unknown command 'xyzzy'\nsee 'platen help'\n"),
    (["serve", "--prot=1"],
     "platen: error: unknown option '--prot'; did you mean '--port'?\nsee 'platen serve --help'\n"),
    (["help", "sevre"], "platen: error: there is no help on 'sevre'; did you mean 'serve'?\nsee 'platen help'\n"),
    (["--out", "x", "serve"], "platen: error: '--out' stands before the command; options come behind it: "
                              "platen build --out\nsee 'platen help'\n"),
    (["serve", "-c", "/nonexistent"], "platen: error: /nonexistent: No such file or directory\n"),
])
def test_mistakes_exit_2_and_name_the_way_out(words, message):
    done = platen(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == message


def test_hostile_words_do_not_reach_the_terminal():
    for words in (["\033[31mx"], ["serve", "--\033[31mx"], ["serve", "\033[31mx"]):
        done = platen(*words)
        assert done.returncode == 2
        assert "\033" not in done.stderr


def test_errors_of_the_file_name_line_and_column(tmp_path):
    (tmp_path / "platen.yaml").write_text("site:\n  name: x\n  base_ulr: y\n")
    done = platen("serve", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "platen: error: platen.yaml:3:3: unknown key 'base_ulr'; did you mean 'base_url'?\n"


def test_errors_of_the_environment(tmp_path):
    done = platen("serve", cwd=tmp_path, env=clean_environment(PLATEN_THREADS="all"))
    assert done.returncode == 2
    assert "environment variable PLATEN_THREADS: 'all' is not a whole number from 0 to 256" in done.stderr


def test_a_site_is_missed_where_one_is_needed(tmp_path):
    if "build" not in commands():
        pytest.skip("this platen has no command build")
    done = platen("build", cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no platen.yaml here" in done.stderr
    assert "platen help --sample > platen.yaml" in done.stderr
    (tmp_path / "platen.yaml").write_text("site: {name: x}\n")
    done = platen("build", cwd=tmp_path)
    assert done.returncode == 2
    assert "platen.yaml: page_sets is missing" in done.stderr
    done = platen("build", "--threads", "x", cwd=tmp_path)
    assert done.returncode == 2
    assert "--threads: 'x' is not a whole number from 0 to 256" in done.stderr


# --- where output goes ----------------------------------------------------------------------------------------------


def test_a_full_disk_is_an_error():
    with open("/dev/full", "w") as full:
        done = platen("help", stdout=full)
    assert done.returncode == 1
    assert done.stderr == "platen: error: standard output: No space left on device\n"


def test_closed_descriptors_are_no_trap(tmp_path):
    """A file opened as descriptor 2 would receive the error messages."""
    (tmp_path / "platen.yaml").write_text("nonsense: 1\n")
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        done = subprocess.run(["sh", "-c", f'"$0" serve {closed}', PLATEN], cwd=tmp_path, env=clean_environment(),
                              timeout=30)
        assert done.returncode == 2
    assert (tmp_path / "platen.yaml").read_text() == "nonsense: 1\n"


# --- manuals --------------------------------------------------------------------------------------------------------


def test_the_sample_is_a_configuration(tmp_path):
    (tmp_path / "platen.yaml").write_text(platen("help", "--sample").stdout)
    done = platen("serve", cwd=tmp_path)
    assert done.returncode == 1  # nothing is printed yet; the file is fine
    assert "print the site first" in done.stderr


def test_the_default_site_is_a_configuration(tmp_path):
    done = platen("serve", "--config", str(ROOT / "platen.yaml"), "--out", str(tmp_path / "none"))
    assert done.returncode == 1
    assert f"there is no folder {tmp_path}/none/public" in done.stderr


def test_committed_manuals_are_those_printed():
    done = subprocess.run([ROOT / "tests" / "lint" / "docs_match.py", PLATEN], capture_output=True, text=True)
    assert done.stdout == ""
    assert done.returncode == 0


def test_the_man_page_is_valid_roff():
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    page = platen("help", "--man").stdout
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww"], input=page, capture_output=True, text=True)
    assert done.stderr == ""
    assert "EXIT STATUS" in re.sub(".\b|\033\\[[0-9;]*m", "", done.stdout)


def complete(line):
    """What bash offers for the last word of a line."""
    script = platen("help", "--completion", "bash").stdout
    words = line.split(" ")
    quoted = " ".join(f"'{w}'" for w in words)
    ask = (f"{script}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _platen; "
           'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "--norc", "-c", ask], capture_output=True, text=True, cwd=ROOT)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_options_and_values():
    assert complete("platen ser") == ["serve"]
    assert complete("platen serve --po") == ["--port"]
    assert complete("platen serve --port ") == []
    assert complete("platen help --completion z") == ["zsh"]
    assert complete("platen serve -c platen.y") == ["platen.yaml"]
    assert complete("platen serve --out sr") == ["src"]
    assert "settings" in complete("platen help s")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_parse(shell, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "completion"
    script.write_text(platen("help", "--completion", shell).stdout)
    done = subprocess.run([shell, "-n", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


# --- the order of layers --------------------------------------------------------------------------------------------


def layers(src):
    return subprocess.run([ROOT / "tests" / "lint" / "layers.py", src], capture_output=True, text=True)


def test_layers_are_in_order():
    done = layers(ROOT / "src")
    assert done.stdout == ""
    assert done.returncode == 0


@pytest.mark.parametrize("file, include, wrong", [
    ("base/a.c", "pg/b.h", "base/ stands before pg/ and must not know it"),
    ("config/a.c", "pack/b.h", "config/ and pack/ stand side by side and do not include each other"),
    ("cmd/a.c", "base/none.h", '"base/none.h" is no file below src/'),
    ("cmd/a.c", "../base/b.h", '"../base/b.h" is no file below src/'),
    ("new/a.c", "base/b.h", "the folder new/ is not in the order of layers (tests/lint/layers.py)"),
])
def test_a_wrong_include_is_found(tmp_path, file, include, wrong):
    for name in ("base/b.h", "pg/b.h", "pack/b.h", file):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / file).write_text(f'#include <stdio.h>\n#include "{include}"\n')
    done = layers(tmp_path)
    assert done.returncode == 1
    assert done.stdout == f"{tmp_path / file}:2: {wrong}\n"
    (tmp_path / file).write_text('#include "base/b.h"\n' if file != "new/a.c" else "")
    assert layers(tmp_path).returncode == 0
