"""Disks that are full, read-only, or cannot link: exit 1 with the path, nothing lost, and healed when mended. And
what has to be on the disk before what.

Most tests mount a small file system (tmpfs) of their own, in a mount namespace that ends with the test. That takes
root, or a kernel that lets users make user namespaces; where neither is there, these tests fail and say so.
"""

import os
import re
import subprocess

import pytest

from printing import Eye, PrintSite, differences, left_behind, manifest, manifests, objects, page, stats, tree

LONG = "A sentence that repeats itself is worth a twin. " * 8
NEEDED = """these tests mount a small tmpfs: run them as root (with CAP_SYS_ADMIN), or where users may make user
namespaces (sysctl user.max_user_namespaces above 0; on Debian also kernel.unprivileged_userns_clone=1; in a
container: --cap-add SYS_ADMIN --security-opt apparmor=unconfined)"""


class Disk:
    """A tmpfs mounted on `folder`, seen by a shell in a namespace of its own and, through /proc, by us."""

    def __init__(self, folder, options="size=2m"):
        folder.mkdir()
        words = ["unshare", "--mount", "--propagation", "private"]
        if os.geteuid() != 0:
            words += ["--user", "--map-root-user"]
        self._shell = subprocess.Popen([*words, "sh"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, text=True)
        self.folder = folder
        self.mount(folder, options)
        self.path = self.seen(folder)

    def seen(self, path):
        """The path from outside of the namespace."""
        return type(path)("/proc/%d/root%s" % (self._shell.pid, path))

    def mount(self, folder, options="size=2m"):
        self.run("mount -t tmpfs -o %s,mode=0777 platen-test '%s'" % (options, folder))

    def run(self, command):
        """Runs a command where the disk is mounted."""
        said, status = [], None
        try:
            self._shell.stdin.write("%s </dev/null; echo \"status $?\"\n" % command)
            self._shell.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, and said why
        for line in self._shell.stdout:
            if line.startswith("status "):
                status = line.strip()
                break
            said.append(line)
        if status != "status 0":
            pytest.fail("%s: %s\n%s" % (command, "".join(said).strip(), NEEDED))

    def close(self):
        self._shell.stdin.close()
        self._shell.wait()
        self._shell.stdout.close()


@pytest.fixture
def disk(tmp_path):
    made = []

    def make(options="size=2m"):
        made.append(Disk(tmp_path / ("disk%d" % len(made)), options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def site_on(disk, tmp_path, **settings):
    return PrintSite(tmp_path / "site", out=disk.path / "out", **settings)


def rows(word, count=40):
    return [page("en/p%d.html" % n, word + LONG * (1 + n % 9), parts=[("e%d" % n, word)]) for n in range(count)] + [
        page("en/index.html", word + LONG, key="home")]


def leave_free(folder, size):
    """Fills the disk but for `size` bytes. Returns the file that does so."""
    ballast = folder / "ballast"
    at = os.statvfs(folder)
    fill = at.f_bavail * at.f_frsize - size
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(4096, fill))
    return ballast


def check_failure(site, done, *words):
    assert done.code == 1, done
    assert done.err.startswith("platen: error: ") and str(site.out) in done.err, done
    assert any(word in done.err for word in words), done


@pytest.mark.parametrize("count", [12, 60])
def test_a_full_disk_loses_nothing(disk, tmp_path, count):
    """With little room the pages do not fit, with a little more their twins, the intent, the folders, the manifest."""
    small = disk("size=4m")
    site = site_on(small, tmp_path)
    one, two = site.snapshot("one", rows("one", count)), site.snapshot("two", rows("two", count)[1:] + [
        page("de/new/p%d.html" % n, LONG, locale="de") for n in range(5)])
    cold = {one: site.cold(one), two: site.cold(two)}
    eye = Eye()
    site.build_good(one)
    current, failed, sizes = one, 0, []
    need = sum(-(-len(data) // 4096) * 4096 for data in cold[two].values() if data is not None)
    step = max(4096, need // 24 // 4096 * 4096)
    for free in range(0, need + 20 * 4096, step):
        other = two if current == one else one
        ballast = leave_free(small.path, free)
        done = site.build(other)
        wrong = eye.look(site.out, cold[current], cold[other])
        assert wrong == [], (free, wrong, done)
        if done.code != 0:
            failed += 1
            check_failure(site, done, "No space left on device")
            assert not [left for left in left_behind(site.out) if left.startswith(".stage")], "the disk stays full"
            sizes.append(free)
        else:
            assert differences(tree(site.out), cold[other]) == []
            current = other
        ballast.unlink()
        target = current if (free // step) % 2 else other
        site.build_good(target)
        assert differences(tree(site.out), cold[target]) == [] and left_behind(site.out) == []
        current = target
    assert failed > 10 and done.code == 0, (failed, sizes)


def test_a_disk_without_inodes_loses_nothing(disk, tmp_path):
    small = disk("size=16m,nr_inodes=460")
    site = site_on(small, tmp_path)
    one, two = site.snapshot("one", rows("one", 30)), site.snapshot("two", rows("two", 36))
    cold = {one: site.cold(one), two: site.cold(two)}
    eye = Eye()
    site.build_good(one)
    failed = 0
    for spare in range(0, 260, 12):
        at = os.statvfs(small.path)
        for number in range(at.f_ffree - spare):
            (small.path / ("ballast%d" % number)).touch()
        done = site.build(two)
        assert eye.look(site.out, cold[one], cold[two]) == []
        if done.code != 0:
            failed += 1
            check_failure(site, done, "No space left on device")
        for ballast in small.path.glob("ballast*"):
            ballast.unlink()
        site.build_good(one)
        assert differences(tree(site.out), cold[one]) == [] and left_behind(site.out) == []
        for generation in manifests(site.out)[:-1]:  # whose objects would fill the disk
            (site.out / "releases" / ("%d.json" % generation)).unlink()
        for digest in objects(site.out):
            (site.out / "objects" / digest[:2] / digest[2:]).unlink()
    assert failed > 5


def test_a_read_only_out_is_looked_at_and_left(disk, tmp_path):
    small = disk()
    site = site_on(small, tmp_path)
    one, two = site.snapshot("one", rows("one")), site.snapshot("two", rows("two", 30))
    few = site.snapshot("few", rows("one")[:-1] + [page("en/index.html", "few", key="home")])
    site.build_good(one)
    before = tree(site.out, "."), stats(site.out, ".")
    small.run("mount -o remount,bind,ro '%s'" % small.folder)
    for source in (two, few):
        check_failure(site, site.build(source), "Read-only file system")
        dry = site.build_good(source, "--dry-run", "--json").json()
        assert dry["changed"] > 0
    assert site.build_good(one).out.startswith("nothing changed: release 1")
    assert (tree(site.out, "."), stats(site.out, ".")) == before
    small.run("mount -o remount,bind,rw '%s'" % small.folder)
    site.build_good(two)
    assert differences(tree(site.out), site.cold(two)) == []


def test_a_first_build_on_a_read_only_disk_is_told(disk, tmp_path):
    small = disk()
    site = site_on(small, tmp_path)
    small.run("mount -o remount,bind,ro '%s'" % small.folder)
    done = site.build(site.snapshot("one", rows("one")))
    assert done.code == 1 and "creating folder %s: Read-only file system" % site.out in done.err, done


def check_copies(site, cold):
    assert differences(tree(site.out), cold) == [] and left_behind(site.out) == []
    links = {os.lstat(site.out / "objects" / path).st_nlink for path in stats(site.out, "objects")}
    assert links == {1}
    public, kept = stats(site.out), {path.replace("/", "") for path in stats(site.out, "objects")}
    assert len(kept) > 30 and len(public) > 30


def test_objects_on_another_file_system_are_copies(disk, tmp_path):
    """link() gives EXDEV there. The copies are as good, also when they do not fit."""
    main = disk("size=4m")
    site = site_on(main, tmp_path)
    (site.out / "objects").mkdir(parents=True)
    main.mount(main.folder / "out" / "objects", "size=1m")
    one, two = site.snapshot("one", rows("one")), site.snapshot("two", rows("two", 30))
    cold = {one: site.cold(one), two: site.cold(two)}
    for source in (one, two, one, one):
        site.build_good(source)
        check_copies(site, cold[source])
    eye = Eye()
    ballast = leave_free(site.out / "objects", 8192)
    done = site.build(site.snapshot("three", rows("three")))
    check_failure(site, done, "No space left on device")
    assert "objects: keeping " in done.err
    assert eye.look(site.out, cold[one], site.cold(site.folder / "three.export")) == []
    ballast.unlink()
    site.build_good(two)
    check_copies(site, cold[two])


@pytest.mark.parametrize("reason", ["EPERM", "EMLINK", "EOPNOTSUPP"])
def test_where_links_cannot_be_made_objects_are_copies(tmp_path, reason):
    site = PrintSite(tmp_path / "site")
    wrap = ("strace", "-f", "-o", tmp_path / "log", "-e", "trace=linkat", "-e", "inject=linkat:error=" + reason)
    one, two = site.snapshot("one", rows("one")), site.snapshot("two", rows("two"))
    for source in (one, two, one):
        site.build_good(source, wrap=wrap)
        check_copies(site, site.cold(source))


def test_where_a_folder_cannot_be_renamed_its_files_are(tmp_path):
    """Not every file system knows a rename that replaces nothing."""
    site = PrintSite(tmp_path / "site")
    source = site.snapshot("one", [page("en/index.html", LONG, parts=[("p%d" % n, LONG) for n in range(80)])])
    log = tmp_path / "log"
    site.build_good(source, wrap=("strace", "-f", "-o", log, "-e", "trace=renameat2",
                                  "-e", "inject=renameat2:error=EINVAL"))
    assert "INJECTED" in log.read_text(errors="replace")
    assert differences(tree(site.out), site.cold(source)) == [] and left_behind(site.out) == []


def test_public_on_another_file_system_is_told(disk, tmp_path):
    main = disk()
    site = site_on(main, tmp_path)
    (site.out / "public").mkdir(parents=True)
    main.mount(main.folder / "out" / "public", "size=1m")
    done = site.build(site.snapshot("one", rows("one")))
    assert done.code == 1 and "is on another file system than %s" % site.out in done.err, done
    main.run("umount '%s'" % (main.folder / "out" / "public"))
    site.build_good(site.folder / "one.export")
    assert differences(tree(site.out), site.cold(site.folder / "one.export")) == []


# -- before the power goes -----------------------------------------------------------------------------


def events(site, source):
    """What a build does to the disk, in order: (call, path) of flushes, (call, from, to) of renames and links."""
    log = site.folder / "strace.log"
    calls = "fsync,fdatasync,syncfs,renameat,renameat2,linkat,unlinkat"
    site.build_good(source, "--threads", "1", wrap=("strace", "-f", "-y", "-o", log, "-e", "trace=" + calls))
    found, begun = [], {}
    for line in log.read_text(errors="replace").splitlines():
        # A call that other threads' calls came between is written in two parts; it counts where it ended.
        thread, _, text = line.partition(" ")
        if text.endswith(" <unfinished ...>"):
            begun[thread] = text[:-len(" <unfinished ...>")]
            continue
        if re.match(r" *<\.\.\. \w+ resumed>", text):
            text = begun.pop(thread) + text.split(" resumed>", 1)[1]
        call = re.match(r" *(\w+)\((.*)\) += 0$", text)
        if not call:
            continue
        words = re.findall(r'\d+<([^>]*)>(?:, "([^"]*)")?', call[2])
        found.append((call[1], *(os.path.relpath(os.path.join(*filter(None, word)), site.out) for word in words)))
    return found


def first(found, *event):
    return found.index(event)


def versions_of(site, count):
    """Two versions that differ in so many pages, one of them new in a new folder, one gone."""
    steady = [page("en/index.html", LONG, key="home"), page("en/gone/page.html", LONG)]
    one = steady + [page("en/p%d.html" % n, LONG) for n in range(count)]
    two = steady[:1] + [page("en/p%d.html" % n, "two" + LONG) for n in range(count)]
    two.append(page("fr/x/new.html", LONG, locale="fr", parts=[("a", LONG), ("b", LONG)]))
    return site.snapshot("one", one), site.snapshot("two", two)


def test_few_files_are_flushed_one_by_one_in_order(tmp_path):
    """Bytes and intent before the first name, names before the manifest, the manifest before the intent goes."""
    site = PrintSite(tmp_path)
    one, two = versions_of(site, 5)
    site.build_good(one)
    found = events(site, two)
    public = [event for event in found if event[0] == "renameat" and event[2].startswith("public/")]
    assert len(public) > 10 and not [event for event in found if event[0] == "syncfs"]
    begin = found.index(public[0])
    end = max(found.index(public[-1]), first(found, "unlinkat", "public/en/gone/page.html"))
    record = first(found, "renameat", "releases/.manifest.new", "releases/2.json")
    settled = first(found, "unlinkat", "releases/2.pending")
    assert begin < end < record < settled
    assert first(found, "fsync", "releases/2.pending") < found.index(("fsync", "releases")) < begin
    for _, staged, path in public:
        assert first(found, "fsync", staged) < begin, path
    folders = {"public", *(os.path.dirname(event[2]) for event in public), "public/fr", "objects"}
    folders |= {os.path.dirname(event[2]) for event in found if event[0] == "linkat"}
    assert {"public/fr/x", "public/en"} <= folders
    for folder in folders:
        assert [at for at, event in enumerate(found) if event == ("fsync", folder) and end < at < record], folder
    assert first(found, "fsync", "releases/.manifest.new") < record
    assert [at for at, event in enumerate(found) if event == ("fsync", "releases") and record < at < settled]


def test_many_files_are_flushed_together_in_order(tmp_path):
    site = PrintSite(tmp_path)
    one, two = versions_of(site, 80)
    site.build_good(one)
    found = events(site, two)
    public = [at for at, event in enumerate(found) if event[0] == "renameat" and event[2].startswith("public/")]
    removed = first(found, "unlinkat", "public/en/gone/page.html")
    flushes = [at for at, event in enumerate(found) if event[0] == "syncfs"]
    record = first(found, "renameat", "releases/.manifest.new", "releases/2.json")
    settled = first(found, "unlinkat", "releases/2.pending")
    assert len(public) > 80 and len(flushes) == 2
    assert flushes[0] < public[0] < public[-1] < removed < record < flushes[1] < settled
    folder = [at for at, event in enumerate(found) if event[0] == "renameat2" and event[2] == "public/fr/parts"]
    page_of_it = next(at for at in public if found[at][2] == "public/fr/x/new.html")
    assert len(folder) == 1 and flushes[0] < folder[0] < page_of_it
    assert not [event for event in found if event[0] == "fsync"], "one by one would take minutes"


def test_names_appear_in_the_order_of_their_dependents(tmp_path):
    """Assets and fragments before the pages that ask for them, the sitemap after them, the version last; beside each
    page first no twin, then the page, then its own."""
    site = PrintSite(tmp_path)
    one, two = versions_of(site, 20)
    site.build_good(one)
    site.write("templates/assets/site.css", "body { color: red }")
    found = [event for event in events(site, two) if event[-1].startswith("public/")]
    placed = [event[2][len("public/"):] for event in found if event[0] == "renameat" and not event[2].endswith(".gz")]
    kinds = [manifest(site.out)["files"][path]["kind"] for path in placed]
    order = ["asset", "static", "output", "page", "site", "sitemap", "version"]
    assert kinds == sorted(kinds, key=order.index) and {"asset", "page", "site", "sitemap", "version"} <= set(kinds)
    for path in ("public/en/p3.html", "public/index.html"):
        mine = [(event[0], event[-1]) for event in found if event[-1].startswith(path)]
        assert mine == [("unlinkat", path + ".gz"), ("renameat", path), ("renameat", path + ".gz")]
    assert placed.index("version.json") == len(placed) - 1
    gone = found.index(("unlinkat", "public/en/gone/page.html"))
    assert gone > max(at for at, event in enumerate(found) if event[0] == "renameat")
