"""Going back: what an earlier release had is there again, whole or not at all, and stays."""

import json
import random
import shutil
import time

import pytest
from printing import (Eye, PrintSite, differences, left_behind, manifest, manifests, named_objects, objects, page,
                      quick_folder, stats, tree)
from program import Running, platen
from test_kill import SEED, SOAK, traced, versions

LONG = "Words that are said again and again are worth a twin. " * 5


class Site(PrintSite):
    def run(self, command, *args, **more):
        return platen(command, "--config", self.folder / "platen.yaml", "--out", self.out, *args, **more)

    def good(self, command, *args):
        done = self.run(command, *args)
        assert done.code == 0 and (command != "rollback" or done.err == ""), done
        return done

    def new_style(self, word):
        self.write("templates/assets/site.css", "body { color: %s; margin: 0 auto; padding: 1rem 2rem 3rem }\n" % word)


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def rows(word, *more):
    return [page("en/index.html", "%s home. %s" % (word, LONG), key="home", parts=[("hero", word)]),
            page("en/a.html", "%s. %s" % (word, LONG)), *more]


@pytest.fixture
def two(site):
    """Two releases with styles of their own: (site, tree of the first, tree of the second)."""
    site.new_style("red")
    site.build_good(site.snapshot("one", rows("one", page("en/only-one.html", LONG), page("en/x/y.html", LONG))))
    first = tree(site.out)
    site.new_style("blue")
    site.build_good(site.snapshot("two", rows("two", page("en/only-two.html", LONG), page("en/x", LONG))))
    return site, first, tree(site.out)


def no_assets(found):
    return {path: data for path, data in found.items() if not path.startswith("assets/")}


# -- what comes back ---------------------------------------------------------------------------------


def test_the_release_before_is_there_again(two):
    site, first, second = two
    eye = Eye()
    assert eye.look(site.out, second) == []
    times, old = stats(site.out), manifest(site.out, 1)
    done = site.good("rollback", "--json", "--reason", "wrong prices").json()
    assert done["generation"] == 3 and done["rolled_back_to"] == 1 and done["released"]
    assert eye.look(site.out, first, {**first, **second}) == []
    seen = tree(site.out)
    assert no_assets(seen) == no_assets(first)
    assert {**seen, **first} == seen, "the style sheet that its pages name is there"
    assert set(seen) - set(first) == set(second) - set(no_assets(second)) - set(first), "and those of cached pages"
    new = manifest(site.out)
    assert new["content"] == old["content"] == done["content"]
    assert new["snapshot"] is None and new["database"] is None and new["held"] == []
    for path, row in old["files"].items():
        assert {**new["files"][path], "mtime": row["mtime"]} == row
    for path, (_, mtime, _) in stats(site.out).items():
        if path in times and seen[path] != second[path]:
            assert mtime // 10**9 > times[path][1] // 10**9 and mtime % 10**9 == 0, path
        elif path in times:
            assert mtime == times[path][1], path
    pin = json.loads((site.out / "releases/pin.json").read_text())
    assert pin == done["pin"] and pin["generation"] == 1 and pin["by"] == "rollback" and pin["reason"] == "wrong prices"
    assert left_behind(site.out) == [] and objects(site.out) == named_objects(site.out)


def test_back_and_forth_no_etag_stands_for_two_contents(two):
    site, first, second = two
    eye = Eye()
    for generation in (1, 2, 1, 2, 1):
        site.good("rollback", generation)
        assert eye.look(site.out, {1: first, 2: second}[generation], tree(site.out)) == []
        assert no_assets(tree(site.out)) == no_assets({1: first, 2: second}[generation])
    site.good("unpin")
    site.build_good(site.folder / "two.export")
    assert no_assets(tree(site.out)) == no_assets(second)
    assert eye.look(site.out, second, tree(site.out)) == []


def test_neither_database_nor_templates_nor_configuration_are_needed(two):
    site, first, _ = two
    for name in ("templates", "static", "sql"):
        shutil.rmtree(site.folder / name)
    (site.folder / "platen.yaml").unlink()
    done = platen("rollback", "--out", site.out, cwd=site.folder, env={"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"})
    assert done.code == 0, done
    assert no_assets(tree(site.out)) == no_assets(first)


@pytest.mark.parametrize("pages", [30, 300])
def test_small_and_large_releases(site, pages):
    """Up to 64 files and more are made durable in different ways."""
    site.build_good(site.snapshot("one", [page("en/%d.html" % n, "one %d %s" % (n, LONG)) for n in range(pages)]))
    first = tree(site.out)
    site.build_good(site.snapshot("two", [page("en/%d.html" % n, "two %d %s" % (n, LONG)) for n in range(5, pages + 5)]))
    (site.out / "public" / "en" / "20.html.gz").unlink()
    done = site.good("rollback", "--json").json()
    assert done["added"] == 5 and done["removed"] == 5
    assert tree(site.out) == first


def test_a_file_that_was_spoiled_meanwhile_is_printed_again(two):
    site, first, _ = two
    (site.out / "public/robots.txt").unlink()
    (site.out / "public/robots.txt").write_text("spoiled")
    site.good("rollback")
    assert no_assets(tree(site.out)) == no_assets(first)


# -- which release -----------------------------------------------------------------------------------


def test_which_release_is_meant(site):
    assert site.run("rollback").code == 1
    sources = [site.snapshot(str(n), rows("word %d" % n)) for n in range(1, 5)]
    trees = [None]
    for source in sources:
        site.build_good(source)
        trees.append(tree(site.out))
        if len(trees) == 2:
            done = site.run("rollback")
            assert done.code == 1 and "nothing to go back to" in done.err, done
    for word in ("0", "-1", "x", "1x", "", "1e3", "99999999999999999999"):
        done = site.run("rollback", "--", word)
        assert done.code == 2 and "no release" in done.err, done
    done = site.run("rollback", 17)
    assert done.code == 2 and "--list" in done.err
    assert site.run("rollback", 1, 2).code == 2
    assert manifests(site.out) == [1, 2, 3, 4] and not (site.out / "releases/pin.json").exists()
    pins = []
    for _ in range(2):  # who goes back twice in a hurry is not where it began
        pins.append(site.good("rollback", "--json", *([] if pins else ["--reason", "why"])).json()["pin"])
        assert tree(site.out) == trees[3]
    assert pins[0] == pins[1]
    site.good("rollback", 2)
    assert tree(site.out) == trees[2]
    site.good("rollback", 4, "--quiet")
    assert tree(site.out) == trees[4]


def test_dry_run_lists_and_writes_nothing(two):
    site, first, second = two
    times = stats(site.out, "")
    done = site.good("rollback", "--dry-run")
    lines = done.out.splitlines()
    assert any(line.startswith("+ en/only-one.html ") for line in lines)
    assert any(line.startswith("~ en/a.html ") and " -> " in line for line in lines)
    assert any(line.startswith("- en/only-two.html ") for line in lines)
    assert "nothing was written" in lines[-1]
    told = site.good("rollback", "--dry-run", "--json").json()
    assert not told["released"] and told["pin"] is None
    assert stats(site.out, "") == times and tree(site.out) == second
    done = site.good("rollback", "--json").json()
    assert done["changes"] == told["changes"] and first is not None


def test_the_list(two):
    site, _, _ = two
    site.good("rollback")
    listed = site.run("rollback", "--list", "--json").json()
    assert [r["generation"] for r in listed["releases"]] == [3, 2, 1]
    assert [r["current"] for r in listed["releases"]] == [True, False, False]
    assert [r["pinned"] for r in listed["releases"]] == [False, False, True]
    assert listed["releases"][0]["content"] == listed["releases"][2]["content"] != listed["releases"][1]["content"]
    for release in listed["releases"]:
        recorded = manifest(site.out, release["generation"])
        assert release["files"] == len(recorded["files"]) and release["created"] == recorded["created"]
        assert release["bytes"] == sum(row["size"] + row["gz"] for row in recorded["files"].values())
    done = site.run("rollback", "--list")
    lines = done.out.splitlines()
    assert done.code == 0 and "platen unpin" in done.err
    assert len(lines) == 4 and lines[1].split()[0] == "3" and lines[1].endswith("current") and lines[3].endswith("pinned")
    (site.out / "releases/2.json").write_text("damaged")
    done = site.run("rollback", "--list")
    assert done.code == 0 and "2.json" in done.err and len(done.out.splitlines()) == 3
    done = site.run("rollback", 2)
    assert done.code == 1 and "2.json" in done.err


def test_the_list_of_a_folder_that_is_not_there(site):
    done = site.run("rollback", "--list")
    assert done.code == 0 and "no release" in done.err and not site.out.exists()
    assert site.run("rollback", "--list", "--json").json() == {"exit": 0, "releases": [], "pin": None}


# -- all or nothing ----------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["missing", "other bytes", "cut off", "a folder"])
@pytest.mark.parametrize("path", ["en/a.html", "version.json", "robots.txt"])
def test_an_object_that_is_missing_or_damaged(two, damage, path):
    """Also that of a file which would not change."""
    site, _, second = two
    digest = manifest(site.out, 1)["files"][path]["sha256"]
    at = site.out / "objects" / digest[:2] / digest[2:]
    data = at.read_bytes()
    at.unlink()  # it may be a public file, too
    if damage == "a folder":
        at.mkdir()
    elif damage != "missing":
        at.write_bytes(data[:-1] + (b"" if damage == "cut off" else b"!"))
    times = stats(site.out)
    for args in ([], ["--dry-run"], ["1"]):
        done = site.run("rollback", *args)
        assert done.code == 1 and path in done.err and digest in done.err and "nothing was changed" in done.err, done
    assert tree(site.out) == second and stats(site.out) == times
    assert manifests(site.out) == [1, 2] and not (site.out / "releases/pin.json").exists()
    assert left_behind(site.out) == []
    if path != "robots.txt":  # the second release has that one, too
        site.good("rollback", 2)


def test_a_call_that_fails_half_way_is_ended_later(two, tmp_path):
    site, first, second = two
    sheets = {path: data for path, data in {**first, **second}.items() if path.startswith("assets/")}
    both = [{**version, **sheets} for version in (first, second)]
    eye = Eye()
    failed = 0
    for number in range(1, 200):
        generation = newest_like(site, first)
        wrap = traced(tmp_path / "log", "renameat", "error=ENOSPC:when=%d" % number)
        done = start(site, generation, wrap=wrap).wait()
        if done.code == 0:
            break
        failed += 1
        assert done.code == 1 and str(site.out) in done.err, done
        assert eye.look(site.out, *both) == []
        heal(site, generation, number)
        assert no_assets(tree(site.out)) == no_assets(first)
        give_up(site)
        assert no_assets(tree(site.out)) == no_assets(second)
    assert failed > 10


# -- kill -9 -----------------------------------------------------------------------------------------


def start(site, generation, **more):
    return Running("rollback", generation, "--config", site.folder / "platen.yaml", "--out", site.out, "--threads", 1, **more)


def heal(site, generation, number):
    """Two ways to end a rollback that was cut short; where it had not begun, the first."""
    if number % 2 or not (site.out / "releases/pin.json").exists():
        site.good("rollback", generation)
    else:
        done = site.build(site.folder / "two.export")
        assert done.code == 3 and "platen unpin" in done.err, done
    assert left_behind(site.out) == []


def give_up(site):
    """The third way: print what the database says."""
    site.good("unpin")
    site.build_good(site.folder / "two.export")
    assert left_behind(site.out) == [] and objects(site.out) == named_objects(site.out)


def newest_like(site, version):
    """The newest release with this content."""
    content = json.loads(version["version.json"])["content"]
    return max(g for g in manifests(site.out) if manifest(site.out, g)["content"] == content)


@pytest.fixture
def moving(tmp_path, request):
    """Two releases between which files change, come, go, become folders: (site, first tree, second tree)."""
    site = Site(tmp_path, out=quick_folder())
    site.build_good(versions(site, request.param)[0])
    first = tree(site.out)
    site.build_good(site.folder / "two.export")
    yield site, first, tree(site.out)
    shutil.rmtree(site.out)


@pytest.mark.soak
@pytest.mark.parametrize("name", ["renameat", "unlinkat", "linkat", "fsync", "syncfs"])
@pytest.mark.parametrize("moving", [6, 60], indirect=True)
def test_kill_before_each_change(moving, tmp_path, name):
    """Deterministic: before the first rename, before the second, and so on; without PLATEN_SOAK only some of them."""
    site, first, second = moving
    eye = Eye()
    landed, number = 0, 1
    while True:
        generation = newest_like(site, first)
        done = start(site, generation, wrap=traced(tmp_path / "log", name, "signal=KILL:when=%d" % number)).wait()
        if done.code == 0:
            break
        assert done.code == -9, done
        landed += 1
        what = "killed before %s number %d" % (name, number)
        assert eye.look(site.out, first, second) == [], what
        if landed % 3:
            heal(site, generation, landed)
            assert differences(tree(site.out), first) == [], what
        give_up(site)
        assert differences(tree(site.out), second) == [] and eye.look(site.out, second) == [], what
        number += 1 if SOAK else max(1, len(first) // 15)
    print("%d landed" % landed)
    large = len(first) > 150
    assert landed > 0 or name == ("fsync" if large else "syncfs")


@pytest.mark.soak
@pytest.mark.parametrize("moving", [100], indirect=True)
def test_kill_at_random_instants(moving):
    site, first, second = moving
    chance = random.Random(SEED)
    eye = Eye()
    landed, times, whole = 0, 300 if SOAK else 25, 60
    for number in range(times + 3):
        generation = newest_like(site, first)
        since = time.monotonic()
        running = start(site, generation)
        if number < 3:
            assert running.wait().code == 0
            whole = min(whole, time.monotonic() - since)  # the first ones make folders
        else:
            time.sleep(chance.uniform(0, whole))
            running.process.kill()
            landed += running.wait().code == -9
        what = "KILL_SEED=%d: kill %d" % (SEED, number - 3)
        assert eye.look(site.out, first, second) == [], what
        if chance.random() < 0.7:
            heal(site, generation, number)
            assert differences(tree(site.out), first) == [], what
        give_up(site)
        assert differences(tree(site.out), second) == [], what
    print("%d of %d kills landed, over %.0f ms" % (landed, times, whole * 1000))
    assert landed >= times / 3, "the kills came too late"
