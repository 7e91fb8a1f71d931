"""platen render: one template and one JSON file to standard output."""

import os
import subprocess

import pytest

from program import PLATEN


def render(*arguments, stdin=b"", stdout=subprocess.PIPE, cwd=None):
    return subprocess.run([os.path.abspath(PLATEN), "render", *map(str, arguments)], input=stdin, stdout=stdout,
                          stderr=subprocess.PIPE, cwd=cwd, timeout=60)


@pytest.fixture
def theme(tmp_path):
    (tmp_path / "sections").mkdir()
    (tmp_path / "page.html.mustache").write_text("<h1>{{title}}</h1>\n{{#list}}\n  {{>*type}}\n{{/list}}\n")
    (tmp_path / "sections/hero.html.mustache").write_text("<b>{{price}}</b>\n")
    (tmp_path / "plain.mustache").write_text("{{.}}\n")
    (tmp_path / "data.json").write_text('{"title": "R&D", "list": [{"type": "hero", "price": 1.50}, {"type": "no"}]}')
    return tmp_path


def test_prints_the_template_with_the_data(theme):
    done = render("--parts", "sections", theme, "page", theme / "data.json")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"<h1>R&amp;D</h1>\n  <b>1.50</b>\n", b"")


def test_a_slash_behind_the_folder_of_parts_changes_nothing(theme):
    done = render("--parts=sections/", theme, "page", theme / "data.json")
    assert done.stdout == b"<h1>R&amp;D</h1>\n  <b>1.50</b>\n"


def test_strict_wants_every_part_and_names_the_place(theme):
    done = render("--strict", "--parts", "sections", theme, "page", theme / "data.json")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"page.html.mustache:3:3: *type asks for the template 'sections/no', which does not exist" in done.stderr


@pytest.mark.parametrize("data, printed", [
    (b'"text"', b"text\n"), (b"85", b"85\n"), (b"1.10", b"1.10\n"), (b"true", b"true\n"), (b"null", b"\n"),
    (b"[1, 2]", b"[1,2]\n"), (b' {"a": "<"} ', b"{&quot;a&quot;:&quot;&lt;&quot;}\n"),
])
def test_the_data_may_be_any_json_value(theme, data, printed):
    done = render(theme, "plain", "-", stdin=data)
    assert (done.returncode, done.stdout) == (0, printed)


@pytest.mark.parametrize("name", ["../page", "sections/../page", "/etc/passwd", ".."])
def test_a_name_stays_inside_of_the_folder(theme, name):
    done = render(theme, name, theme / "data.json")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"must stay inside" in done.stderr


def test_data_never_names_a_file(theme):
    (theme / "outside.mustache").write_text("SECRET")
    for value in (b"../outside", b"../outside.mustache", b"/etc/passwd", b"sections/../../outside", b"."):
        done = render("--parts", "sections", theme, "page", "-", stdin=b'{"list":[{"type":"%s"}]}' % value)
        assert (done.returncode, done.stdout) == (0, b"<h1></h1>\n")


@pytest.mark.parametrize("text, message", [
    (b'{"a": 01}', b"standard input: line 1, column 7: a number must not begin with 0"),
    (b'{"a":\n "\xff"}', b"standard input: line 2, column 3: invalid UTF-8"),
    (b"[" * 600, b"nested too deeply"),
    (b"", b"the text ends where a value should be"),
    (b"{} {}", b"more text behind the value"),
])
def test_json_is_read_strictly(theme, text, message):
    done = render(theme, "plain", "-", stdin=text)
    assert (done.returncode, done.stdout) == (1, b"")
    assert message in done.stderr


def test_wrong_templates_are_all_named_before_anything_is_printed(theme):
    (theme / "bad1.html.mustache").write_text("\n{{#open}}")
    (theme / "bad2.html.mustache").write_text("{{if x}}")
    done = render(theme, "page", theme / "data.json")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"bad1.html.mustache:2:1: 'open' is opened and never closed" in done.stderr
    assert b"bad2.html.mustache:1:1: 'if x'" in done.stderr


def test_a_template_that_includes_itself_ends_with_an_error(theme):
    (theme / "self.mustache").write_text("x{{>self}}")
    done = render(theme, "self", theme / "data.json")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"self.mustache:1:1: " in done.stderr and b"does one include itself?" in done.stderr


def test_what_is_missing_is_named(theme):
    done = render(theme, "nobody", theme / "data.json")
    assert done.returncode == 2 and b"nobody.html.mustache" in done.stderr
    done = render(theme, "page", theme / "nobody.json")
    assert done.returncode == 1 and b"nobody.json" in done.stderr
    done = render(theme / "nobody", "page", theme / "data.json")
    assert done.returncode == 1 and b"nobody" in done.stderr
    assert render(theme, "page").returncode == 2


def test_a_full_disk_is_an_error(theme):
    with open("/dev/full", "wb") as full:
        done = render(theme, "page", theme / "data.json", stdout=full)
    assert done.returncode == 1 and b"No space left" in done.stderr
