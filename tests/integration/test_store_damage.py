"""What is broken, planted or foreign in out/: healed, left alone, or told; never followed and never guessed at."""

import hashlib
import os
import re
import shutil

import pytest

from printing import (PrintSite, differences, left_behind, manifests, named_objects, objects, page, quick_folder,
                      stats, tree)

LONG = "A sentence that repeats itself is worth a twin. " * 8


@pytest.fixture
def site(tmp_path):
    out = quick_folder()
    yield PrintSite(tmp_path, out=out)
    shutil.rmtree(out, ignore_errors=True)


def home(body=LONG):
    return page("en/index.html", body, key="home")


def public(site, path):
    return site.out / "public" / path


def check_objects(out):
    for path, data in tree(out, "objects").items():
        if data is not None:
            assert hashlib.sha256(data).hexdigest() == path.replace("/", ""), path


def test_a_page_edited_in_place_is_printed_again_and_so_is_its_object(site):
    """An object may be the very file that was edited: it would have kept the edit for ever."""
    rows = site.snapshot("s", [home(), page("en/a.html", LONG)])
    site.build_good(rows)
    cold = tree(site.out)
    for path in ("en/a.html", "en/index.html", "notes/readme.txt"):
        with public(site, path).open("r+b") as file:
            file.write(b"<!-- defaced -->")
    assert "0 added, 3 changed" in site.build_good(rows).out
    assert differences(tree(site.out), cold) == []
    check_objects(site.out)


@pytest.mark.parametrize("damage", ["cut", "empty", "gone", "grown", "link", "twin cut", "twin gone", "time"])
def test_damage_on_the_disk_is_healed(site, damage):
    rows = site.snapshot("s", [home(), page("en/a.html", LONG), page("en/b.html", LONG)])
    site.build_good(rows)
    cold, before = tree(site.out), stats(site.out)
    victim = public(site, "en/a.html.gz" if damage.startswith("twin") else "en/a.html")
    if damage.endswith("cut"):
        os.truncate(victim, 10)
    elif damage == "empty":
        os.truncate(victim, 0)
    elif damage.endswith("gone"):
        victim.unlink()
    elif damage == "grown":
        with victim.open("ab") as file:
            file.write(b"x")
    elif damage == "link":
        shutil.move(victim, site.folder / "moved")
        victim.symlink_to(site.folder / "moved")
    elif damage == "time":
        os.utime(victim, ns=(0, 5))
    done = site.build_good(rows)
    assert "0 added, 1 changed, 0 removed" in done.out
    assert differences(tree(site.out), cold) == []
    after = stats(site.out)
    assert after["en/a.html"][1] == after["en/a.html.gz"][1] > before["en/a.html"][1]
    assert after["en/b.html"] == before["en/b.html"]
    assert not victim.is_symlink()
    check_objects(site.out)
    assert "nothing changed" in site.build_good(rows).out


def test_foreign_files_are_left_alone(site):
    one = site.snapshot("one", [home(), page("en/a/index.html", LONG), page("en/b/index.html", LONG)])
    site.build_good(one)
    foreign = {"google123.html": "verify", "en/a/notes.txt": "mine", "en/.htaccess": "deny", "up/load/x.pdf": "pdf"}
    for path, text in foreign.items():
        public(site, path).parent.mkdir(parents=True, exist_ok=True)
        public(site, path).write_text(text)
    two, three = site.snapshot("two", [home("two")]), site.snapshot("three", [page("de/a.html", "x", locale="de")])
    for source in (two, one, three):
        site.build_good(source, "--accept")
        for path, text in foreign.items():
            assert public(site, path).read_text() == text
    assert not public(site, "en/a/index.html").exists() and not public(site, "en/b").exists()


def test_planted_links_are_never_followed(site, tmp_path):
    """Neither written through nor removed through; the build says where the link is."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "a").mkdir(parents=True)
    (elsewhere / "a" / "index.html").write_text("not ours")
    site.build_good(site.snapshot("one", [home(), page("en/a/index.html", LONG)]))
    shutil.rmtree(public(site, "en/a"))
    public(site, "en/a").symlink_to(elsewhere / "a")
    public(site, "fr").symlink_to(elsewhere)
    site.build_good(site.snapshot("two", [home()]))  # removes en/a/index.html from its record
    assert (elsewhere / "a" / "index.html").read_text() == "not ours"
    done = site.build(site.snapshot("three", [home(), page("fr/b.html", "x", locale="fr")]))
    assert done.code == 1 and "public: opening folder fr (a file or link in its place?)" in done.err, done
    assert sorted(p.name for p in elsewhere.rglob("*")) == ["a", "index.html"]
    public(site, "fr").unlink()
    site.build_good(site.snapshot("three", [home(), page("fr/b.html", "x", locale="fr")]))
    assert public(site, "en/a").is_symlink()
    assert left_behind(site.out) == []


@pytest.mark.parametrize("damage", ["empty", "zeros", "cut", "another"])
def test_a_damaged_manifest_is_healed_with_a_warning(site, damage):
    pages = [page("en/a.html", LONG), page("en/gone.html", LONG)]
    site.build_good(site.snapshot("one", [home("one")] + pages))
    site.build_good(site.snapshot("two", [home("two")] + pages + [page("en/only-two.html", "x")]))
    record = site.out / "releases" / "2.json"
    whole = record.read_text()
    record.write_text({"empty": "", "zeros": "\0" * 500, "cut": whole[:-40], "another": "{}\n"}[damage])
    three = site.snapshot("three", [home("three")] + pages[:1])
    assert "stay where they are" in site.build(three, "--dry-run").err
    done = site.build_good(three)
    assert re.search(r"warning: .*releases: 2\.json: .*; everything is printed again", done.err), done
    cold = site.cold(three)
    # no manifest proves any more that the page of the second release is ours
    assert differences(tree(site.out), cold) == ["en/only-two.html", "en/only-two.html.gz"]
    assert site.build_good(three).out.startswith("nothing changed: release 3")
    check_objects(site.out)


def test_builds_go_on_with_a_damaged_manifest_among_those_kept(site):
    for number in range(3):
        site.build_good(site.snapshot("s", [home("round %d" % number)]))
    (site.out / "releases" / "2.json").write_text("{")
    for number in range(3, 14):
        done = site.build_good(site.snapshot("s", [home("round %d" % number)]))
        assert done.err == ""
    assert 2 not in manifests(site.out)


def test_a_newer_platens_out_is_refused_and_left_as_it_is(site):
    rows = site.snapshot("s", [home("one")])
    site.build_good(rows)
    site.build_good(site.snapshot("t", [home("two")]))
    record = site.out / "releases" / "2.json"
    record.write_text(record.read_text().replace('"platen":1', '"platen":2', 1))
    before = tree(site.out, "."), stats(site.out, ".")
    for words in ((), ("--dry-run",), ("--accept",)):
        done = site.build(rows, *words)
        assert done.code == 2, done
        assert "releases: 2.json: written by a newer platen, in format 2" in done.err
    assert (tree(site.out, "."), stats(site.out, ".")) == before


@pytest.mark.parametrize("text", ["", "platen-intent 1 9\nen/a.ht", "platen-intent 1 9\n", "\0\0\0\0"])
def test_after_a_torn_intent_everything_is_written_again(site, text):
    rows = site.snapshot("s", [home(), page("en/a.html", LONG)])
    site.build_good(rows)
    cold, before = tree(site.out), stats(site.out)
    (site.out / "releases" / "9.pending").write_text(text)
    done = site.build_good(rows)
    assert differences(tree(site.out), cold) == []
    after = stats(site.out)
    assert all(after[path][1] > before[path][1] for path in before), done
    assert left_behind(site.out) == [] and manifests(site.out) == [1, 10]


def test_what_an_intent_names_is_written_again_and_what_it_alone_knows_goes(site):
    rows = site.snapshot("s", [home(), page("en/a.html", LONG), page("en/b.html", LONG)])
    site.build_good(rows)
    cold, before = tree(site.out), stats(site.out)
    public(site, "en/new").mkdir()
    public(site, "en/new/page.html").write_text("of the release that was cut short")
    # another content of the same size and time: only the intent tells
    public(site, "en/a.html").write_bytes(b"#" * before["en/a.html"][2])
    os.utime(public(site, "en/a.html"), ns=(0, before["en/a.html"][1]))
    (site.out / "releases" / "2.pending").write_text("platen-intent 1 2\nen/a.html\nen/new/page.html\n../../x\nend\n")
    done = site.build_good(rows)
    assert "0 added, 1 changed, 1 removed" in done.out, done
    assert differences(tree(site.out), cold) == []
    assert stats(site.out)["en/b.html"] == before["en/b.html"]
    check_objects(site.out)


def test_an_intent_that_cannot_be_read_ends_the_build(site):
    rows = site.snapshot("s", [home()])
    site.build_good(rows)
    (site.out / "releases" / "2.pending").write_text("platen-intent 1 2\nen/a.html\nend\n")
    (site.out / "releases" / "3.pending").mkdir()
    done = site.build(rows)
    assert done.code == 1 and "releases: 3.pending: not a regular file" in done.err, done


def test_objects_of_a_release_that_was_cut_short_are_swept(site):
    rows = site.snapshot("s", [home()])
    site.build_good(rows)
    stray = site.out / "objects" / "ab" / ("cd" * 31)
    stray.parent.mkdir(exist_ok=True)
    stray.write_text("x")
    site.build_good(site.snapshot("t", [home("two")]))
    assert stray.exists(), "nothing was cut short"
    (site.out / "releases" / "3.pending").write_text("platen-intent 1 3\nend\n")
    site.build_good(rows)
    assert not stray.exists()
    assert objects(site.out) == named_objects(site.out)


def test_the_root_page_is_never_copied_from_damaged_bytes(site):
    """The size and the time of the front page are as they were: only its digest tells."""
    site.build_good(site.snapshot("s", [home()]))
    front = public(site, "en/index.html")
    seen = front.stat()
    good = front.read_bytes()
    front.unlink()  # so that its object stays as it is
    front.write_bytes(b"#" * len(good))
    os.utime(front, ns=(0, seen.st_mtime_ns))
    public(site, "index.html").unlink()
    site.build_good(site.snapshot("s", [home()]))
    assert public(site, "index.html").read_bytes() == good
