"""What a build leaves in out/: times, twins, objects, releases, and equality however it was printed."""

import fcntl
import gzip
import json
import os
import re
import shutil
import subprocess
import time

import pytest

from cmsdb import ROOT, SAMPLE
from printing import (PrintSite, differences, left_behind, manifest, manifests, named_objects, objects, page,
                      quick_folder, stats, tree)
from program import platen

LONG = "A sentence that repeats itself is worth a twin. " * 8


@pytest.fixture
def site(tmp_path):
    out = quick_folder()
    yield PrintSite(tmp_path, out=out)
    shutil.rmtree(out, ignore_errors=True)


def home(body=LONG, **more):
    return page("en/index.html", body, key="home", **more)


def public(site, path):
    return site.out / "public" / path


# -- times and twins ------------------------------------------------------------------------------


def test_whatever_stands_there_has_a_twin_of_its_bytes_and_its_time(site):
    rows = [home(), page("en/tiny.html", "x"), page("fr/a/b.html", LONG * 9, locale="fr")]
    site.build_good(site.snapshot("one", rows))
    seen = tree(site.out)
    times = stats(site.out)
    twins = [path for path in seen if path.endswith(".gz")]
    assert {"en/index.html.gz", "fr/a/b.html.gz", "notes/readme.txt.gz", "index.html.gz"} <= set(twins)
    assert seen["index.html"] == seen["en/index.html"]
    for path in twins:
        assert gzip.decompress(seen[path]) == seen[path[:-3]]
        assert len(seen[path]) < len(seen[path[:-3]])
        assert times[path][1] == times[path[:-3]][1]
        assert seen[path][4:10] == b"\0\0\0\0\x02\xff", "time and system in the header"
    for path, (_, mtime, size) in times.items():
        assert mtime % 10**9 == 0
        recorded = manifest(site.out)["files"][path.removesuffix(".gz")]
        assert recorded["mtime"] == mtime // 10**9
        assert recorded["gz" if path.endswith(".gz") else "size"] == size


def test_changed_files_get_later_times_and_others_are_not_touched(site):
    before = None
    for number in range(5):  # more than one release a second
        rows = [home("round %d" % number), page("en/same.html", LONG), page("en/new%d.html" % number, "x")]
        site.build_good(site.snapshot("s", rows))
        now = stats(site.out)
        if before:
            assert now["en/same.html"] == before["en/same.html"]
            assert now["en/same.html.gz"] == before["en/same.html.gz"]
            for path in ("en/index.html", "en/index.html.gz", "index.html", "version.json", "sitemap.xml"):
                assert now[path][1] >= before[path][1] + 10**9, path
                assert now[path][0] != before[path][0], "%s was written in place" % path
        before = now


def test_times_go_on_after_the_clock_was_set_back(site):
    site.build_good(site.snapshot("s", [home("one")]))
    ahead = int(time.time()) + 100000
    record = site.out / "releases" / "1.json"
    recorded = manifest(site.out)["files"]["en/index.html"]["mtime"]
    record.write_text(record.read_text().replace(",%d," % recorded, ",%d," % ahead))
    for path in stats(site.out):
        os.utime(public(site, path), ns=(0, ahead * 10**9))
    assert "nothing changed" in site.build_good(site.snapshot("s", [home("one")])).out
    site.build_good(site.snapshot("s", [home("two")]))
    assert stats(site.out)["en/index.html"][1] == (ahead + 1) * 10**9


def test_a_file_with_a_later_time_is_replaced_by_one_with_a_still_later_one(site):
    site.build_good(site.snapshot("s", [home("one")]))
    ahead = int(time.time()) + 5000
    os.utime(public(site, "en/index.html"), ns=(0, ahead * 10**9 + 5))
    site.build_good(site.snapshot("s", [home("two")]))
    assert stats(site.out)["en/index.html"][1] == (ahead + 1) * 10**9


def test_a_path_that_comes_back_is_later_than_before(site):
    """Same length, other bytes, within one second: an ETag of time and size must not stand for both."""
    seen = {}
    for body in ("aaaa", None, "bbbb", None, "cccc", "dddd"):
        rows = [home(str(body))] + ([page("en/p.html", body)] if body else [])
        site.build_good(site.snapshot("s", rows))
        if body:
            _, mtime, size = stats(site.out)["en/p.html"]
            assert (mtime, size) not in seen
            seen[mtime, size] = body
            assert mtime == max(mtime for mtime, _ in seen)


def test_without_gzip_no_twin_stays_and_with_it_all_come_back(site, tmp_path):
    rows = site.snapshot("s", [home(), page("en/a.html", LONG)])
    site.build_good(rows)
    whole = tree(site.out)
    plain = PrintSite(tmp_path / "plain", out=site.out, output={"gzip": False})
    plain.build_good(rows)
    assert not [path for path in tree(site.out) if path.endswith(".gz")]
    assert manifest(site.out)["packing"] == ""
    site.build_good(rows)
    assert differences(tree(site.out), whole) == []


# -- equality -------------------------------------------------------------------------------------


def rows_of(*numbers, front=LONG):
    return [page("en/p%d/index.html" % n, LONG * (n % 7), parts=[("e%d" % n, str(n))]) for n in numbers] + [home(front)]


def test_any_order_of_releases_ends_where_a_first_build_would(site):
    versions = [site.snapshot("v%d" % n, rows) for n, rows in enumerate([
        rows_of(*range(30)),
        rows_of(*range(15, 25)) + [page("en/guide", "a file")],
        [home("other")] + [page("en/guide/index.html", "a folder"), page("en/p1", "a file, was a folder")],
        rows_of(*range(120)) + [page("en/guide", "a file")],
        [home()],
    ])]
    cold = [site.cold(version) for version in versions]
    for step in (0, 1, 2, 1, 3, 2, 0, 4, 3, 4, 2, 2, 0):
        done = site.build_good(versions[step])
        assert differences(tree(site.out), cold[step]) == [], (step, done)
        assert left_behind(site.out) == []


def test_the_number_of_threads_changes_nothing(site):
    rows = site.snapshot("s", rows_of(*range(200)))
    one, eight = site.cold(rows, "--threads", "1"), site.cold(rows, "--threads", "8")
    assert differences(one, eight) == []
    assert len(one) > 800


def test_the_sample_site_from_its_database_and_from_a_file(db, tmp_path):
    db.psql(file=SAMPLE)
    url = db.pg.uri(db.name)
    common = ("--config", ROOT / "platen.yaml")
    file = tmp_path / "site.export"
    assert platen("export", *common, "--source", url, file).code == 0
    trees = {}
    for name, words in {
        "database, 1 thread": ("--source", url, "--threads", "1"),
        "database, 8 threads": ("--source", url, "--threads", "8"),
        "file, 1 thread": ("--source", file, "--threads", "1"),
        "file, 8 threads": ("--source", file, "--threads", "8"),
    }.items():
        out = quick_folder()
        try:
            done = platen("build", *common, *words, "--out", out)
            assert done.code == 0, (name, done)
            trees[name] = tree(out)
            again = platen("build", *common, *words, "--out", out)
            assert again.code == 0 and "nothing changed" in again.out, again
        finally:
            shutil.rmtree(out)
    first = trees.pop("database, 1 thread")
    assert len(first) > 100
    for name, seen in trees.items():
        assert differences(first, seen) == [], name


# -- nothing changed, nothing written --------------------------------------------------------------

WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND|O_TMPFILE")
CHANGING = ("rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "link", "linkat", "symlink", "symlinkat",
            "mkdir", "mkdirat", "truncate", "ftruncate", "utimensat", "chmod", "fchmodat", "fsync", "fdatasync",
            "syncfs", "sync", "creat", "mknod", "mknodat", "fallocate", "setxattr")


def traced(site, *args, **more):
    """The build under strace: (what it said, every call that writes or changes something)."""
    log = site.folder / "strace.log"
    calls = "open,openat,openat2,%s" % ",".join(CHANGING)
    done = site.build(*args, wrap=("strace", "-f", "-o", log, "-e", "trace=" + calls), **more)
    lines = log.read_text(errors="replace").splitlines()
    bad = []
    for line in lines:
        call = re.match(r"\d+\s+(\w+)\(", line)
        if call and (call[1] in CHANGING or WRITING.search(line)):
            bad.append(line)
    assert any("version.json" in line or "public" in line for line in lines), "strace saw nothing of the build"
    return done, bad


@pytest.mark.parametrize("threads", ["1", "4"])
def test_nothing_changed_nothing_opened_for_writing(site, threads):
    rows = site.snapshot("s", rows_of(*range(20)))
    site.build_good(rows)
    before = stats(site.out), stats(site.out, "."), manifests(site.out)
    done, bad = traced(site, rows, "--threads", threads)
    assert done.code == 0 and done.out.startswith("nothing changed: release 1, 21 pages, "), done
    assert bad == []
    assert (stats(site.out), stats(site.out, "."), manifests(site.out)) == before
    done, bad = traced(site, site.snapshot("t", rows_of(*range(21))), "--threads", threads)
    assert done.code == 0 and len(bad) > 20, "the trace shows writing where there is some"


def test_a_dry_run_writes_nothing_and_says_what_a_build_would_do(site):
    one = site.snapshot("one", rows_of(*range(8)) + [page("en/old.html", "x")])
    two = site.snapshot("two", rows_of(*range(1, 10), front="new") + [page("en/p3/more.html", LONG)])
    for source in (one, two):
        before = stats(site.out, "."), tree(site.out, ".")
        done, bad = traced(site, source, "--dry-run", "--json")
        assert done.code == 0 and bad == [], (done, bad)
        assert (stats(site.out, "."), tree(site.out, ".")) == before
        dry = done.json()
        said = site.build(source, "--dry-run")
        real = site.build(source, "--json").json()
        assert dry["dry_run"] is True and dry["released"] is False
        assert real["dry_run"] is False and real["released"] is True
        for key in ("changes", "added", "changed", "removed", "problems", "exit"):
            assert dry[key] == real[key], key
        assert (real["added"], real["changed"], real["removed"]) == tuple(
            len([c for c in real["changes"] if c["action"] == action]) for action in ("added", "changed", "removed"))
        seen = tree(site.out)
        for change in real["changes"]:
            was, now = before[1].get("public/" + change["path"]), seen.get(change["path"])
            assert (change["old_size"], change["size"]) == (len(was or b""), len(now or b"")), change
            assert change["action"] == ("removed" if now is None else "added" if was is None else "changed")
            mark = {"added": "+", "changed": "~", "removed": "-"}[change["action"]]
            sizes = {"+": "%(size)d", "~": "%(old_size)d -> %(size)d", "-": "%(old_size)d"}[mark] % change
            assert "%s %s  %s bytes\n" % (mark, change["path"], sizes) in said.out
        assert real["content"] == json.loads(seen["version.json"])["content"]
        assert real["generation"] == manifests(site.out)[-1]
        assert real["files"] == len(manifest(site.out)["files"])
        assert real["bytes_written"] == sum(
            len(data) for path, data in seen.items() if data is not None
            and path.removesuffix(".gz") in {c["path"] for c in real["changes"]})
    assert {c["action"] for c in real["changes"]} == {"added", "changed", "removed"}


def test_a_dry_run_before_the_first_build_does_not_even_make_out(site):
    site.out.rmdir()
    done = site.build(site.snapshot("s", [home()]), "--dry-run")
    assert done.code == 0 and "would add" in done.out, done
    assert not site.out.exists()


# -- objects and releases ---------------------------------------------------------------------------


def test_every_page_of_a_kept_release_has_its_object(site):
    for number in range(4):
        site.build_good(site.snapshot("s", rows_of(number, front="round %d" % number)))
    assert objects(site.out) == named_objects(site.out)
    links = {}
    for path, (inode, _, _) in stats(site.out).items():
        links.setdefault(inode, []).append(path)
    assert all(len(paths) == 1 for paths in links.values()), "two public paths share an inode"
    linked = 0
    for path, (inode, _, _) in stats(site.out, "objects").items():
        linked += inode in links
        assert (site.out / "objects" / path).stat().st_nlink == 1 + (inode in links)
    assert linked > 5


def test_dropped_releases_take_their_objects_with_them(site):
    for number in range(14):
        done = site.build_good(site.snapshot("s", [home("round %d" % number), page("en/same.html", LONG)]))
        assert len(manifests(site.out)) == min(number + 1, 10), done
        assert objects(site.out) == named_objects(site.out)
    assert manifests(site.out) == list(range(5, 15))


def test_older_releases_stay_for_hours_and_days(site):
    now = int(time.time())
    for number in range(12):
        site.build_good(site.snapshot("s", [home("round %d" % number)]))
    day, hour = now - now % 86400 - 3 * 86400, now - now % 3600 - 5 * 3600
    times = {3: now - 30 * 86400, 4: day + 100, 5: day + 200, 6: hour + 100, 7: hour + 200}
    for generation, at in times.items():
        os.utime(site.out / "releases" / ("%d.json" % generation), (at, at))
    for number in range(12, 18):
        site.build_good(site.snapshot("s", [home("round %d" % number)]))
    kept = manifests(site.out)
    assert kept[-10:] == list(range(9, 19))
    assert [generation for generation in times if generation in kept] == [5, 7]
    assert objects(site.out) == named_objects(site.out)


# -- paths out of data and out of static/ -----------------------------------------------------------


HOSTILE = {
    "climbs": "../../etc/passwd",
    "climbs later": "a/../../b",
    "encoded": "%2e%2e/x",
    "here": ".",
    "newline": "a\nb",
    "NUL": "a\0b",
    "long": "x" * 5000,
    "deep": "/".join("d" * 70),
    "hidden": "en/.hidden/a",
    "backslash": "a\\b",
    "empty folder": "en//a",
    "absolute": "/en/a",
    "space": "en/ a",
    "twin": "en/a.html.gz",
    "folder in place of a twin": "en/p.gz/b",
}


@pytest.mark.parametrize("place", HOSTILE.values(), ids=HOSTILE)
def test_hostile_paths_are_problems_of_their_rows(site, place):
    done = site.build(site.snapshot("s", [home(), page(place, "x", key="evil")]), "--json")
    assert done.code == 3, done
    problem = done.json()["problems"][0]
    assert (problem["page_set"], problem["locale"], problem["key"]) == ("pages", "en", "evil")
    others = [home(), page("fr/a.html", "x", locale="fr")]
    site.build(site.snapshot("s", others + [page(place, "x", key="evil")]), "--accept")
    seen = tree(site.out)
    assert "en/index.html" in seen and "fr/a.html" in seen
    assert sorted(p.name for p in site.out.iterdir()) == [".lock", ".stage", "objects", "public", "releases"]
    assert len([p for p in seen if p.endswith("html")]) == 4, "404, index and the two pages"


def test_a_folder_and_the_twin_of_the_page_beside_it_do_not_meet(site):
    """A row with the path a.gz/b once broke the build of the whole site."""
    done = site.build(site.snapshot("s", [page("en/a", LONG), page("en/a.gz/b", "x", key="evil")]), "--json")
    assert done.code == 3, done
    assert "names of compressed twins" in done.json()["problems"][0]["text"]


def test_a_folder_of_static_with_the_longest_path(site):
    """1,025 bytes once ran over a buffer by one."""
    names, left = [], 1025
    while left > 0:
        names.append("d" * min(199, left - 2 if 199 < left < 202 else left))
        left -= len(names[-1]) + 1
    assert len("/".join(names)) == 1025
    os.makedirs(site.folder / "static" / "/".join(names))
    done = site.build(site.snapshot("s", [home()]))
    assert done.code == 2 and "path too long" in done.err, done


# -- two at once ------------------------------------------------------------------------------------


def holding(site):
    """A process that holds the lock of out/ until its input ends."""
    code = """if 1:
        import fcntl, sys
        lock = open(sys.argv[1], "a")
        fcntl.flock(lock, fcntl.LOCK_EX)
        print(flush=True)
        sys.stdin.read()"""
    holder = subprocess.Popen(["/usr/bin/python3", "-c", code, str(site.out / ".lock")], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE)
    holder.stdout.readline()
    return holder


def test_a_second_platen_waits_and_then_names_the_holder(site):
    rows = site.snapshot("s", [home()])
    site.build_good(rows)
    holder = holding(site)
    try:
        since = time.monotonic()
        done = site.build(rows, "--lock-wait", "300ms")
        assert done.code == 1 and time.monotonic() - since >= 0.3, done
        assert "%s is locked by process %d (python3)" % (site.out, holder.pid) in done.err
        assert site.build(rows, "--dry-run").code == 0, "reading needs no lock"
        waiting = site.start(rows, "--lock-wait", "20s")
        time.sleep(0.2)
        assert waiting.process.poll() is None
        holder.stdin.close()
        assert waiting.wait().code == 0
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    site.build_good(rows, "--lock-wait", "0s")


def test_many_platens_on_one_out_print_one_after_the_other(site):
    versions = [site.snapshot("v%d" % n, rows_of(*range(n, n + 20))) for n in range(4)]
    running = [site.start(version, "--lock-wait", "60s") for version in versions for _ in range(3)]
    done = [process.wait() for process in running]
    assert [d.code for d in done] == [0] * len(done), done
    seen = tree(site.out)
    assert any(not differences(seen, site.cold(version)) for version in versions)
    assert left_behind(site.out) == []


def is_locked(site):
    try:
        with open(site.out / ".lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def test_the_lock_is_held_while_the_database_is_read(db, site):
    db.rows("CREATE TABLE pages AS SELECT 'home'::text AS key, 'en'::text AS locale, 'en/index.html'::text AS place, "
            "'t'::text AS title, 'b'::text AS body, '[]'::jsonb AS parts")
    site.write("sql/pages.sql", "SELECT p.*, pg_sleep(1)::text AS slept FROM public.pages p ORDER BY key, locale")
    url = db.pg.uri(db.name)
    first = site.start(url)
    deadline = time.monotonic() + 10
    while not is_locked(site) and time.monotonic() < deadline:
        time.sleep(0.01)
    refused = site.build(url, "--lock-wait", "10ms")
    patient = site.build(url, "--lock-wait", "30s")
    assert refused.code == 1 and "is locked by process %d (platen)" % first.process.pid in refused.err, refused
    assert first.wait().code == 0 and patient.code == 0
    assert patient.out.startswith("nothing changed: release 1")
