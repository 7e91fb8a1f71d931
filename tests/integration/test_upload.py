"""platen upload: what stands at the origin afterwards, whatever happened before.

Each test of the rules runs against a folder and against a real S3 server; the server's own troubles are in
test_upload_faults.py.
"""

import json
import random
import shutil

import pytest
from origins import BucketOrigin, FolderOrigin, expected
from printing import differences, page
from program import platen
from uploading import LONG, Site, rows


@pytest.fixture(params=["folder", "bucket"])
def origin(request, tmp_path):
    if request.param == "folder":
        return FolderOrigin(tmp_path / "origin")
    s3 = request.getfixturevalue("s3")
    return BucketOrigin(s3, s3.make_bucket(), "site/")


@pytest.fixture
def site(tmp_path, origin):
    return Site(tmp_path, origin)


def test_only_what_differs_is_sent(site):
    site.print("one", "two", "three")
    first = site.upload()
    site.check()
    assert first["changed"] and first["put"] == len(expected(site.out)) and first["deleted"] == 0
    again = site.upload()
    assert (again["changed"], again["put"], again["requests"]) == (False, 0, again["requests"])
    site.print("one", "TWO", "three")
    second = site.upload()
    site.check()
    sent = {change["key"] for change in second["changes"]}
    assert sent == {"en/p1.html", "en/p1.html.gz", "version.json"} and second["put"] == 3
    assert all(change["action"] == "changed" for change in second["changes"])


def test_a_fresh_machine_sends_nothing_that_is_there(site, tmp_path, origin):
    """Another out/, with other times: identity is what the bytes are."""
    site.print("one", "two")
    site.upload()
    (tmp_path / "other").mkdir()
    other = Site(tmp_path / "other", origin)
    other.print("one", "two")
    again = other.upload()
    assert not again["changed"] and again["put"] == 0 and again["same"] == len(expected(site.out))
    other.print("one", "new")
    assert {change["key"] for change in other.upload()["changes"]} == {"en/p1.html", "en/p1.html.gz", "version.json"}
    other.check()


def test_what_is_gone_is_deleted(site):
    site.print("one", "two", "three")
    site.upload()
    site.print("one")
    done = site.upload()
    site.check()
    gone = {change["key"] for change in done["changes"] if change["action"] == "deleted"}
    assert gone == {"en/p1.html", "en/p1.html.gz", "en/p2.html", "en/p2.html.gz"} and done["deleted"] == 4
    assert "en/p1.html" not in site.origin.record()
    assert not site.upload()["changed"]


def test_too_many_deletes_are_held(site):
    site.print(*"abcdefgh")
    site.upload()
    site.configure(max_deletes=3)
    site.print("a", "B")
    held = site.upload(code=3)
    assert held["held"] and held["held_deletes"] == 6 and held["deleted"] == 0
    assert differences({k: v for k, v in site.origin.bodies().items() if k in expected(site.out)}, expected(site.out)) == []
    assert "en/p7.html" in site.origin.bodies()
    assert site.upload(code=3)["held_deletes"] == 6, "they are not forgotten"
    assert site.upload("--accept")["deleted"] == 12
    site.check()


def test_a_page_becomes_a_folder_and_back(site):
    """A bucket holds both names; in a folder the one must go before the other comes, though not a stranger's."""
    as_file, as_folder = page("en/guide", LONG, key="guide"), page("en/guide/deep/index.html", LONG, key="guide")
    for more in (as_file, as_folder, as_file):
        site.print("one", more=[more])
        site.upload()
        site.check()
    assert not site.upload()["changed"]
    site.print("one")
    site.upload()
    site.origin.put("en/guide/stranger.html", b"not of platen")
    site.print("one", more=[as_file])
    if isinstance(site.origin, FolderOrigin):
        done = site.start_upload().wait()
        assert done.code == 1 and "en/guide" in done.err, done
    else:
        site.upload()
    assert site.origin.bodies()["en/guide/stranger.html"] == b"not of platen"


def test_strangers_are_left_alone(site):
    site.origin.put("google1234.html", b"verification")
    site.print("one")
    site.upload()
    site.print("two")
    site.upload("--verify")
    assert site.origin.bodies()["google1234.html"] == b"verification"


def test_a_dry_run_changes_nothing(site):
    site.print("one")
    planned = site.upload("--dry-run")
    assert {change["key"] for change in planned["changes"]} == set(expected(site.out))
    assert site.origin.all() == {}
    site.upload()
    before = site.origin.all()
    site.print("two")
    assert {c["key"] for c in site.upload("--dry-run")["changes"]} == {"en/p0.html", "en/p0.html.gz", "version.json"}
    assert site.origin.all() == before


@pytest.mark.parametrize("mode", ["sidecar", "replace", "both"])
@pytest.mark.parametrize("directory_keys", [False, True])
def test_modes(tmp_path, origin, mode, directory_keys):
    if isinstance(origin, FolderOrigin) and directory_keys:
        return  # there is no such thing: see test_a_folder_has_no_directory_keys
    site = Site(tmp_path, origin)
    site.configure(mode=mode, directory_keys=directory_keys)
    site.print("one", "two")
    site.upload()
    site.check(mode, directory_keys)
    site.print("one")
    site.upload()
    site.check(mode, directory_keys)
    assert not site.upload()["changed"]


def test_a_mode_that_changes(site, origin):
    site.print("one", "two")
    bucket = isinstance(origin, BucketOrigin)
    for mode, keys in (("sidecar", False), ("replace", True), ("both", True), ("replace", False), ("sidecar", False)):
        site.configure(mode=mode, directory_keys=keys and bucket)
        assert site.upload("--accept")["changed"]
        site.check(mode, keys and bucket)


def test_a_folder_has_no_directory_keys(tmp_path):
    origin = FolderOrigin(tmp_path / "origin")
    site = Site(tmp_path, origin)
    site.print("one")
    site.configure(directory_keys=True)
    done = platen("upload", "--config", site.folder / "platen.yaml", "--out", site.out, env=origin.env)
    assert done.code == 2 and "directory_keys" in done.err, done


def test_a_changed_rule_sends_what_it_concerns(site):
    site.print("one", "two")
    site.upload()
    site.configure(headers=[{"match": "en/p0.html", "cache_control": "public, max-age=60"}])
    assert {change["key"] for change in site.upload()["changes"]} == {"en/p0.html", "en/p0.html.gz"}
    assert not site.upload()["changed"]


def test_verify_puts_right_what_somebody_did(site):
    site.print("one", "two")
    site.upload()
    site.origin.put("en/p0.html", b"defaced")
    site.origin.delete("en/p1.html")
    assert not site.upload()["changed"], "without --verify nobody looks"
    done = site.upload("--verify")
    assert done["amiss"] == 2
    site.check()
    assert site.upload("--verify")["amiss"] == 0


def test_what_somebody_did_to_a_page_that_changes_is_written_over(site):
    """The record's ETag no longer holds; the claim is ours, so nobody else of platen did it."""
    site.print("one", "two")
    site.upload()
    site.origin.put("en/p0.html", b"defaced")
    site.origin.delete("en/p1.html")
    site.print("ONE", "TWO")
    site.upload()
    site.check()


@pytest.mark.parametrize("text", [b"", b"garbage", b"\x1f\x8b\x08\x00broken"])
def test_a_damaged_record(site, text):
    """Nothing can be known: everything is sent again."""
    site.print("one", "two")
    site.upload()
    site.origin.put(".platen/manifest.json.gz", text)
    site.print("one")
    done = site.upload()
    assert done["warning"] and done["put"] == len(expected(site.out))
    site.print("one", "three")
    site.upload()
    assert differences({k: v for k, v in site.origin.bodies().items() if k in expected(site.out)}, expected(site.out)) == []


def test_a_record_of_a_newer_platen(site):
    import gzip  # noqa: PLC0415
    site.print("one")
    site.upload()
    text = site.origin.record().replace('"platen_origin":1', '"platen_origin":99', 1)
    site.origin.put(".platen/manifest.json.gz", gzip.compress(text.encode()))
    before = site.origin.all()
    done = platen("upload", "--config", site.folder / "platen.yaml", "--out", site.out, env=site.origin.env, timeout=60)
    assert done.code == 2 and "newer platen" in done.err, done
    assert site.origin.all() == before


def test_an_emptied_origin(site):
    site.print("one", "two")
    site.upload()
    for key in list(site.origin.all()):
        site.origin.delete(key)
    assert site.upload()["put"] == len(expected(site.out))
    site.check()


def test_a_live_claim_of_somebody_else_is_respected(site, tmp_path, origin):
    site.print("one")
    site.upload()
    claim = {"platen_claim": 1, "owner": "elsewhere-1-aaaa", "generation": 2, "until": "2999-01-01T00:00:00Z", "paths": ["en/p0.html"]}
    origin.put(".platen/claim.json", json.dumps(claim).encode())
    site.print("two")
    before = origin.all()
    done = platen("upload", "--config", site.folder / "platen.yaml", "--out", site.out, "--lock-wait", "1s", env=origin.env, timeout=60)
    assert done.code == 1 and "elsewhere-1-aaaa is uploading" in done.err, done
    assert origin.all() == before
    claim["until"] = "2020-01-01T00:00:00Z"  # lapsed: taken over, and its paths are written again
    origin.put(".platen/claim.json", json.dumps(claim).encode())
    origin.put("en/p0.html", b"half of an upload")
    site.upload()
    site.check()


def test_paths_of_a_lapsed_claim_are_written_again_although_nothing_changed(site, origin):
    """Somebody else began an upload and died; the content was put back: the record alone would say that all is well.
    What his upload added, and no release names, goes."""
    site.print("one", "two")
    site.upload()
    shutil.rmtree(site.out)  # a fresh machine
    site.print("one", "two")
    origin.put("en/p1.html", b"half of an upload")
    origin.put("en/new.html", b"of a release that never was")
    claim = {"platen_claim": 1, "owner": "elsewhere-1-aaaa", "generation": 2, "until": "2020-01-01T00:00:00Z",
             "paths": ["en/p1.html", "en/new.html"]}
    origin.put(".platen/claim.json", json.dumps(claim).encode())
    site.upload()
    site.check()
    assert not site.upload()["changed"]


def test_rollback_pins_the_origin_too(site, tmp_path, origin):
    site.print("one")
    site.upload()
    site.print("two")
    site.upload()
    done = platen("rollback", "--config", site.folder / "platen.yaml", "--out", site.out, "--reason", "wrong price", env=origin.env)
    assert done.code == 0 and "objects put" in done.out, done
    site.check()
    assert "wrong price" in origin.record().split("\n", 1)[0]
    (tmp_path / "other").mkdir()
    other = Site(tmp_path / "other", origin)
    other.print("three")
    before = origin.bodies()
    held = other.upload(code=3)
    assert held["pin"]["reason"] == "wrong price" and not held["changed"] and origin.bodies() == before
    done = platen("unpin", "--config", site.folder / "platen.yaml", "--out", site.out, env=origin.env)
    assert done.code == 0, done
    other.upload()
    other.check()


def test_build_uploads_what_it_has_printed(site, origin):
    done = site.build(site.snapshot("a", rows("one")), env=origin.env)
    assert done.code == 0 and "objects put" in done.out, done
    site.check()
    done = site.build(site.snapshot("b", rows("two")), "--json", env=origin.env)
    said = json.loads(done.out)
    assert said["upload"]["put"] == 3 and said["released"], done
    site.check()
    done = site.build(site.snapshot("c", rows("three")), "--json", "--no-upload", env=origin.env)
    assert json.loads(done.out)["upload"] is None


def test_many_versions_end_as_the_last(site):
    """Random edits, uploads now and then: at the end the origin is what out/ is."""
    chance = random.Random(7)
    bodies = ["x%d" % number for number in range(8)]
    for _ in range(12):
        for _ in range(chance.randrange(1, 4)):
            what = chance.randrange(3)
            if what == 0 and len(bodies) > 2:
                bodies.pop(chance.randrange(len(bodies)))
            elif what == 1:
                bodies.insert(chance.randrange(len(bodies) + 1), "new%d" % chance.randrange(1000))
            else:
                bodies[chance.randrange(len(bodies))] = "edit%d" % chance.randrange(1000)
        site.print(*bodies)
        if chance.random() < 0.6:
            site.upload()
            site.check()
    site.upload()
    site.check()
