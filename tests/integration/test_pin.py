"""What is pinned stays as it is, but tombstones act; and when they are gone, what was pinned comes back."""

import fcntl
import json
import os
import shutil
import time

import pytest
from cmsdb import ROOT, SAMPLE
from listening import Listening
from printing import COLUMNS, CONFIG, PrintSite, differences, left_behind, manifest, manifests, page, stats, tree
from program import platen

LONG = "Words that are said again and again are worth a twin. " * 5
MAINTENANCE = '<title>Back soon</title><link href="{{asset.site.css}}">{{page.locale}} ' + LONG


class Site(PrintSite):
    """With tombstones: rows may have a state."""

    def __init__(self, folder):
        sets = {"pages": {**CONFIG["page_sets"]["pages"], "maintenance": "maintenance"}}
        super().__init__(folder, page_sets=sets)
        self.write("templates/maintenance.html.mustache", MAINTENANCE)

    def snapshot(self, name, rows):
        columns = (*COLUMNS, "state")
        rows = sorted(({**row, "state": row.get("state", "live")} for row in rows), key=lambda row: (row["key"], row["locale"]))
        head = {"platen_export": 1, "sets": [{"name": "pages", "columns": columns}]}
        lines = [head, *({"set": "pages", "row": row} for row in rows), {"end": {"pages": len(rows)}}]
        self.write(name + ".export", "".join(json.dumps(line) + "\n" for line in lines))
        return self.folder / (name + ".export")

    def run(self, command, *args, **more):
        return platen(command, "--config", self.folder / "platen.yaml", "--out", self.out, *args, **more)

    def good(self, command, *args):
        done = self.run(command, *args)
        assert done.code == 0, done
        return done

    def build_held(self, source, *args):
        done = self.build(source, *args)
        assert done.code == 3, done
        assert "platen unpin" in done.err and "since 20" in done.err, done
        return done


def rows(word, **states):
    """Four pages; states: of keys that are no longer live."""
    found = [page("en/index.html", "%s home. %s" % (word, LONG), key="home", parts=[("hero", word)]),
             page("fr/index.html", "%s accueil. %s" % (word, LONG), key="home", locale="fr"),
             page("en/a.html", "%s a. %s" % (word, LONG), key="a"),
             page("en/b.html", "%s b. %s" % (word, LONG), key="b")]
    return [{**row, "state": states.get(row["key"] + "_" + row["locale"], "live")} for row in found]


def less_twins(found):
    return {path: data for path, data in found.items() if not path.endswith(".gz")}


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


@pytest.fixture
def pinned(site):
    """One release, pinned by hand; (site, its tree)."""
    site.build_good(site.snapshot("one", rows("one")))
    site.good("pin", "--reason", "sale until Monday")
    return site, tree(site.out)


# -- nothing but tombstones --------------------------------------------------------------------------


def test_nothing_changes_whatever_changes(pinned):
    site, before = pinned
    times = stats(site.out)
    site.write("templates/page.html.mustache", "<title>New theme</title>{{body}}")
    site.write("templates/assets/site.css", "body { color: red; background: white; margin: 1rem 2rem 3rem 4rem }\n")
    site.write("static/robots.txt", "User-agent: *\nDisallow: /\n")
    site.write("static/more.txt", LONG)
    two = site.snapshot("two", [*rows("two")[:2], page("en/new.html", LONG)])
    for args in ([], ["--accept"], ["--locale", "en"]):
        done = site.build_held(two, *args)
        assert "nothing changed: release 1" in done.out and "sale until Monday" in done.err and "by pin" in done.err
    assert tree(site.out) == before and stats(site.out) == times and manifests(site.out) == [1]
    told = site.build_held(two, "--json").json()
    assert told["exit"] == 3 and told["changes"] == [] and told["problems"] == []
    assert told["pin"]["generation"] == 1 and told["pin"]["reason"] == "sale until Monday" and told["pin"]["by"] == "pin"
    site.good("unpin")
    assert site.build_good(two, "--accept", "--json").json()["pin"] is None
    fresh = {path: data for path, data in tree(site.out).items() if "/site." not in path}
    assert fresh == {path: data for path, data in site.cold(two).items() if "/site." not in path}


def test_problems_of_rows_that_are_not_printed_are_not_told(pinned):
    site, before = pinned
    bad = rows("bad")
    bad[2]["place"] = "../../etc/passwd"
    bad += [bad[3]]
    assert site.build_held(site.snapshot("bad", bad), "--json").json()["problems"] == []
    assert tree(site.out) == before


def test_the_kill_switch_acts_and_what_was_pinned_comes_back(pinned):
    site, before = pinned
    killed = site.snapshot("killed", rows("two", home_en="maintenance"))
    done = site.build_held(killed, "--json").json()
    assert {(c["action"], c["path"]) for c in done["changes"]} == {
        ("changed", "en/index.html"), ("changed", "index.html"), ("changed", "sitemap.xml"),
        ("changed", "version.json"), ("removed", "en/parts/hero.json")}
    seen = tree(site.out)
    assert b"Back soon" in seen["en/index.html"] and seen["index.html"] == seen["en/index.html"]
    assert b"localhost/en/<" not in seen["sitemap.xml"] and b"localhost/fr/<" in seen["sitemap.xml"]
    same = {path for path, data in less_twins(before).items() if data} - {c["path"] for c in done["changes"]}
    assert all(seen[path] == before[path] for path in same) and b"one a." in seen["en/a.html"]
    recorded = manifest(site.out)
    assert recorded["snapshot"] is None and recorded["held"] == []
    assert site.build_held(killed, "--json").json()["changes"] == [], "once is enough"
    site.build_held(site.snapshot("two", rows("two")))
    assert tree(site.out) == before, "also version.json: the content is the same"
    assert left_behind(site.out) == []


def test_a_maintenance_page_has_the_style_sheet_of_today(pinned):
    site, before = pinned
    site.write("templates/assets/site.css", "body { color: red; background: white; margin: 1rem 2rem 3rem 4rem }\n")
    site.build_held(site.snapshot("killed", rows("two", a_en="maintenance")))
    seen = tree(site.out)
    sheets = [path for path in seen if path.startswith("assets/site.") and path.endswith(".css")]
    assert len(sheets) == 2
    named = [path for path in sheets if ("/" + path).encode() in seen["en/a.html"]]
    assert len(named) == 1 and named[0] not in before
    assert seen["index.html"] == before["index.html"] and seen["404.html"] == before["404.html"]
    site.build_held(site.snapshot("two", rows("two")))
    after = tree(site.out)
    assert named[0] in after, "cached pages name it for a while"
    kept = {path: data for path, data in after.items() if not path.startswith(named[0])}
    assert kept == before


def test_a_page_that_is_gone_goes_and_may_return(pinned):
    site, before = pinned
    site.build_held(site.snapshot("gone", rows("two", b_en="gone", home_fr="gone")))
    seen = tree(site.out)
    assert "en/b.html" not in seen and "en/b.html.gz" not in seen and "fr/index.html" not in seen
    assert b"en/b.html" not in seen["sitemap.xml"]
    assert seen["index.html"] == before["index.html"]
    site.build_held(site.snapshot("emptied", []))
    assert tree(site.out) == before, "an emptied table is no decision"


def test_tombstones_come_and_go_more_often_than_releases_are_kept(pinned):
    site, before = pinned
    killed = site.snapshot("killed", rows("two", home_en="maintenance"))
    live = site.snapshot("two", rows("two"))
    for _ in range(8):
        site.build_held(killed)
        site.build_held(live)
    assert 1 in manifests(site.out)
    assert tree(site.out) == before
    # the release is old now, by the time of its file: still it stays as long as it is pinned, and no longer
    for generation in manifests(site.out):
        os.utime(site.out / "releases" / ("%d.json" % generation), (1000000, 1000000))
    site.build_held(killed)
    site.build_held(live)
    assert manifests(site.out)[0] == 1 and len(manifests(site.out)) == 11
    assert tree(site.out) == before
    site.good("unpin")
    site.build_good(killed)
    assert 1 not in manifests(site.out)


def test_a_tombstone_that_cannot_be_printed_is_told(pinned):
    site, before = pinned
    site.write("templates/maintenance.html.mustache", "{{>nothing/here}}")
    killed = rows("two", a_en="maintenance")
    killed[2]["place"] = "../a.html"
    done = site.build(site.snapshot("killed", killed))
    assert done.code in (2, 3) and done.err.count("\n") >= 1
    site.write("templates/maintenance.html.mustache", MAINTENANCE)
    done = site.build_held(site.snapshot("killed", killed), "--json").json()
    assert [(p["key"], p["locale"]) for p in done["problems"]] == [("a", "en")]
    assert "en/a.html" not in tree(site.out), "taken down, though not printed"
    killed = rows("two", a_en="maintenance")
    killed[2]["place"] = "en/b.html"  # where another page stays
    done = site.build_held(site.snapshot("killed", killed), "--json").json()
    assert "two files want the path" in done["problems"][0]["text"]
    assert tree(site.out)["en/b.html"] == before["en/b.html"]
    killed[2]["place"] = "notes/readme.txt"  # where a static file stays
    done = site.build_held(site.snapshot("killed", killed), "--json").json()
    assert "two files want the path" in done["problems"][0]["text"]
    assert tree(site.out)["notes/readme.txt"] == before["notes/readme.txt"]


def test_what_the_configuration_no_longer_has_stays(pinned):
    site, before = pinned
    config = json.loads((site.folder / "platen.yaml").read_text())
    config["page_sets"] = {"others": {**config["page_sets"]["pages"]}}
    config["locales"] = [{"code": "de"}]
    config["default_locale"] = "de"
    site.write("platen.yaml", json.dumps(config))
    row = {**page("de/x.html", LONG, locale="de"), "state": "maintenance"}
    source = site.snapshot("others", [row])
    source.write_text(source.read_text().replace('"pages"', '"others"'))
    site.build_held(source)
    seen = tree(site.out)
    assert b"Back soon" in seen["de/x.html"]
    assert all(seen[path] == data for path, data in before.items() if path not in ("version.json", "sitemap.xml"))
    recorded = manifest(site.out)
    assert recorded["sets"] == ["others", "pages"]
    source.write_text(source.read_text().replace("maintenance", "live"))
    site.build_held(source)
    assert tree(site.out) == before


def test_bytes_that_are_lost_leave_what_stands_there(pinned):
    site, before = pinned
    site.build_held(site.snapshot("killed", rows("two", a_en="maintenance")))
    digest = manifest(site.out, 1)["files"]["en/a.html"]["sha256"]
    (site.out / "objects" / digest[:2] / digest[2:]).unlink()
    done = site.build_held(site.snapshot("two", rows("two")), "--json").json()
    assert "en/a.html" in done["problems"][0]["text"] and done["problems"][0]["key"] == "a"
    seen = tree(site.out)
    assert b"Back soon" in seen["en/a.html"] and seen["en/b.html"] == before["en/b.html"]


def test_what_somebody_spoiled_is_put_right(pinned):
    site, before = pinned
    (site.out / "public" / "en" / "a.html").unlink()
    (site.out / "public" / "fr" / "index.html").write_text("spoiled")  # and its object with it
    shutil.rmtree(site.out / "public" / "notes")
    done = site.build_held(site.snapshot("two", rows("two")), "--json").json()
    assert [p["key"] for p in done["problems"]] == ["home"]
    seen = tree(site.out)
    assert differences(less_twins(seen), less_twins(before)) == ["fr/", "fr/index.html", "version.json"]


# -- the pin itself ----------------------------------------------------------------------------------


def test_pin_again_and_unpin_again(site):
    assert site.run("pin").code == 1 and not site.out.exists()
    assert site.run("unpin").code == 1 and not site.out.exists()
    site.build_good(site.snapshot("one", rows("one")))
    done = site.run("pin", "--reason", "two\nlines")
    assert done.code == 2 and "one line" in done.err and not (site.out / "releases/pin.json").exists()
    first = site.good("pin", "--json").json()
    assert first["changed"] and first["pin"]["generation"] == 1 and first["pin"]["reason"] == ""
    assert json.loads((site.out / "releases/pin.json").read_text()) == first["pin"]
    again = site.good("pin", "--json").json()
    assert not again["changed"] and again["pin"] == first["pin"]
    again = site.good("pin", "--json", "--reason", 'because of "this"').json()
    assert again["changed"] and again["pin"] == {**first["pin"], "reason": 'because of "this"'}
    assert site.good("unpin", "--json").json() == {"exit": 0, "changed": True, "pin": None, "upload": None}
    assert site.good("unpin", "--json").json() == {"exit": 0, "changed": False, "pin": None, "upload": None}
    assert left_behind(site.out) == []


def test_a_damaged_release_is_not_pinned(site):
    for word in ("one", "two"):
        site.build_good(site.snapshot(word, rows(word)))
    (site.out / "releases/2.json").write_text("damaged")
    assert site.good("pin", "--json").json()["pin"]["generation"] == 1


def test_the_lock_is_waited_for_and_its_holder_named(pinned):
    site, _ = pinned
    with open(site.out / ".lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in ("pin", "unpin", "rollback"):
            done = site.run(command, "--lock-wait", "50ms")
            assert done.code == 1 and "process %d" % os.getpid() in done.err, done
        assert site.run("rollback", "--list").code == 0
    assert (site.out / "releases/pin.json").exists()


@pytest.mark.parametrize("text", [
    "", "{", "[]", '{"platen":1}', "\x00" * 100, '{"platen":1,"generation":1,"since":"now","reason":"","by":"pin"}',
    '{"platen":1,"generation":1e9,"since":"2026-01-02T03:04:05Z","reason":"","by":"pin"}', "[" * 5000, "x" * 100000])
def test_a_pin_that_makes_no_sense_stops_everything_until_it_is_taken_away(site, text):
    one = site.snapshot("one", rows("one"))
    site.build_good(one)
    before = tree(site.out)
    (site.out / "releases" / "pin.json").write_text(text)
    for done in (site.build(site.snapshot("two", rows("two"))), site.run("pin"), site.run("rollback")):
        assert done.code == 1 and "releases" in done.err and "pin.json" in done.err, done
    assert tree(site.out) == before
    assert site.run("rollback", "--list").code == 0
    site.good("unpin")
    site.build_good(one)


def test_a_pin_of_a_newer_platen_is_left_alone(site):
    site.build_good(site.snapshot("one", rows("one")))
    (site.out / "releases" / "pin.json").write_text('{"platen":2,"what":"ever"}')
    done = site.build(site.snapshot("two", rows("two")))
    assert done.code == 2 and "newer platen" in done.err


def test_a_pinned_release_that_is_lost_leaves_what_stands_there(pinned):
    site, before = pinned
    site.good("unpin")
    two = site.snapshot("two", rows("two"))
    site.build_good(two)
    site.good("rollback")
    (site.out / "releases" / "1.json").unlink()
    done = site.build_held(two)
    assert "release 3 stays in its place" in done.err and tree(site.out) == before
    for generation in manifests(site.out):
        (site.out / "releases" / ("%d.json" % generation)).unlink()
    done = site.build(two)
    assert done.code == 1 and "platen unpin" in done.err, done


# -- the sample site and its kill switch -------------------------------------------------------------


def test_the_runbooks_kill_switch_on_the_sample_site(db, tmp_path):
    db.psql(file=SAMPLE)
    out, source = tmp_path / "out", db.pg.dsn(db.name)

    def run(command, *args):
        return platen(command, "--out", out, *args, cwd=ROOT)

    assert run("build", "--source", source).code == 0
    first = tree(out)
    db.rows("UPDATE products SET name = name || ' (new)'")
    assert run("build", "--source", source).code == 0
    assert run("rollback", "--reason", "names").code == 0
    assert tree(out) == first
    db.rows("UPDATE homepage_sections SET is_active = false WHERE locale = 'en'")
    done = run("build", "--source", source, "--json")
    assert done.code == 3 and done.json()["pin"]["reason"] == "names"
    seen = tree(out)
    assert seen["en/index.html"] != first["en/index.html"] and seen["index.html"] == seen["en/index.html"]
    assert not any(path.startswith("en/sections/") and data for path, data in seen.items())
    assert seen["fr/index.html"] == first["fr/index.html"]
    db.rows("UPDATE homepage_sections SET is_active = true WHERE locale = 'en'")
    assert run("build", "--source", source).code == 3
    assert tree(out) == first
    assert run("unpin").code == 0
    assert run("build", "--source", source).code == 0
    assert b"(new)" in tree(out)["en/products/halo-desk-lamp/index.html"]


# -- while platen listen runs ------------------------------------------------------------------------


def wait_until(worker, holds, timeout=10):
    """Seconds until it is so."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < timeout, worker.tail()
        time.sleep(0.01)
    return time.monotonic() - begun


def test_a_listener_acts_on_rollback_and_unpin_within_a_second(db, tmp_path):
    """No notification tells it, and the poll is a minute away."""
    db.psql(file=SAMPLE)
    lamp = "en/products/halo-desk-lamp/index.html"
    with Listening(db, tmp_path) as worker:

        def run(command, *args):
            done = platen(command, "--out", worker.out, *args, cwd=ROOT)
            assert done.code == 0, done

        def says(path, word):
            return word in worker.public(path).read_text(encoding="utf-8")

        worker.wait("printed", reason="start")
        first = tree(worker.out)
        db.rows("UPDATE homepage_sections SET is_active = false WHERE locale = 'en'")
        db.rows("UPDATE products SET name = name || ' (wrong)', translations = '{}'; NOTIFY platen")
        worker.wait_for(lamp, "(wrong)")
        down = worker.public("en/index.html").read_bytes()
        assert down != first["en/index.html"]
        run("rollback", "1")
        assert not says(lamp, "(wrong)")
        seconds = wait_until(worker, lambda: worker.public("en/index.html").read_bytes() == down)
        assert seconds < 1, "what was taken down is down again: after %.3f s" % seconds
        # what changes while a release is pinned must not be lost when it no longer is
        db.rows("UPDATE products SET name = name || ' (right)'; NOTIFY platen")
        db.rows("UPDATE homepage_sections SET is_active = true WHERE locale = 'en'; NOTIFY platen")
        wait_until(worker, lambda: worker.public("en/index.html").read_bytes() == first["en/index.html"])
        assert not says(lamp, "(right)")
        run("unpin")
        assert worker.wait_for(lamp, "(right)") < 1
        worker.assert_equals_cold_build()
        run("pin", "--reason", "stop")
        assert "pinned_since" in worker.wait("looked", reason="command")
        db.rows("UPDATE products SET name = 'Nobody sees this'; NOTIFY platen")
        time.sleep(0.5)
        assert not says(lamp, "Nobody")
        run("unpin")
        worker.wait_for(lamp, "Nobody")
        worker.assert_equals_cold_build()
