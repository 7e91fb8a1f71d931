"""Uploads: platen and its peers to the same S3 server, Ceph's gateway, plain and with 30 ms before each request.

Each round has a server of its own, which keeps objects in memory, warmed up and used by everybody in turn; every first
upload goes to a bucket that is new. After each the keys are counted, outside the clock.
"""

import contextlib
import json
import os
import random
import shutil
import threading
import time
import types
import urllib.parse

from faultproxy import FaultProxy
from printing import PrintSite, page
from report import megabytes, ratio, seconds
from s3server import S3Server
from stage import BenchError, median, typical

PAGES = 2000
BYTES = (3_000, 31_000)  # of a page's text: 47 MB with twins
CHANGED = 10
SMALL = (1_000, 10_000)  # pages, each with its twin
SMALL_BYTES = (1_100, 1_300)
FAULTY = 500
DELAY_MS = 30
PARALLEL = 32
OUTAGE_BEGINS_S = 0.5
WORDS = ("the of and a to in with for is on from by it that are light made wool linen oak glass lamp woven hand under table "
         "room evening soft one or as at not its this two shade cotton warm thread colour each small wide both every after "
         "before kitchen window stripe rug cushion pendant throw blanket corner morning winter loom harvest river stone paper "
         "copper brass iron clay paint cord switch plug base bulb fringe selvedge weft warp carded spun twisted dyed washed "
         "pressed folded stitched hemmed lined filled brushed polished turned carved steamed bent joined within without "
         "beside above across along around between against toward upon until because although whenever wherever").split()


def rows(number, sizes, changed=(), mark=""):
    """The same pages in every run; those in `changed` begin with `mark`."""
    chance = random.Random(number)
    for n in range(number):
        text = " ".join(chance.choices(WORDS, k=chance.randint(*sizes) * 2 // 11))
        yield page("en/p%03d/%05d.html" % (n % 100, n), (mark if n in changed else "") + text)


class Uploads:
    def __init__(self, stage, repeats, full, say):
        self.stage, self.repeats, self.full, self.say = stage, repeats, full, say
        self.costs, self.requests, self.objects = {}, {}, {}
        self.out = {}
        self.after = {}  # an outage's length: seconds from its end to that of the upload

    # -- before the clocks --------------------------------------------------------------------------

    def prepare(self):
        self.say("uploads: printing")
        self.site = PrintSite(self.stage.fresh("upload-site"))
        for name, number, sizes in (("pages", PAGES, BYTES), ("faulty", FAULTY, SMALL_BYTES),
                                    *(("small %d" % n, n, SMALL_BYTES) for n in SMALL)):
            self.out[name] = self.stage.fresh("upload-out")
            self._print(self.out[name], self.site.snapshot(name.replace(" ", "-"), rows(number, sizes)))
        self.source = self.site.folder / "pages.export"
        self.out["anew"] = self.stage.fresh("upload-out")
        time.sleep(1.1)  # times are in seconds
        self._print(self.out["anew"], self.source)
        self.out["copy"] = self.stage.fresh("upload-out")
        shutil.copytree(self.out["pages"], self.out["copy"], symlinks=True)

    def _print(self, out, source):
        self.stage.run([self.stage.platen_path, "build", "--quiet", "--config", str(self.site.folder / "platen.yaml"), "--source",
                        str(source), "--out", out, "--no-upload"], {"PLATEN_GZIP": "true"})

    # -- what is measured ---------------------------------------------------------------------------

    @contextlib.contextmanager
    def server(self):
        with S3Server() as s3, FaultProxy(s3.port) as proxy:
            self.stage.servers = s3.pids()
            try:
                here = types.SimpleNamespace(s3=s3, proxy=proxy)
                for _ in range(2):
                    self.platen(here, "faulty", s3.make_bucket(), s3)
                yield here
            finally:
                self.stage.servers = None

    def note(self, name, cost):
        self.costs.setdefault(name, []).append(cost)

    def typical(self, name):
        return typical(self.costs[name])

    def platen(self, here, name, bucket, by, say="--json"):
        """One `platen upload` by the server or the proxy: (Cost, its report)."""
        cost, text = self.stage.run(
            [self.stage.platen_path, "upload", say, "--config", str(self.site.folder / "platen.yaml"), "--out", self.out[name]],
            {**here.s3.env(), "PLATEN_ORIGIN": "s3://" + bucket, "AWS_ENDPOINT_URL_S3": by.endpoint, "no_proxy": "*",
             "AWS_EC2_METADATA_DISABLED": "true"})
        return cost, json.loads(text.splitlines()[-1])["upload"] if say == "--json" else None

    def rclone(self, here, name, bucket, by):
        """Compares checksums, with one listing: of its ways the fastest where nothing changed, and as fast as any at first."""
        config = {"TYPE": "s3", "PROVIDER": "Ceph", "ENDPOINT": by.endpoint, "ACCESS_KEY_ID": here.s3.access_key,
                  "SECRET_ACCESS_KEY": here.s3.secret_key, "REGION": "us-east-1"}
        return self.stage.run(
            ["rclone", "sync", "--quiet", "--config", "", "--checksum", "--fast-list", "--transfers", str(PARALLEL), "--checkers",
             str(PARALLEL), os.path.join(self.out[name], "public"), "here:" + bucket],
            {"no_proxy": "*", **{"RCLONE_CONFIG_HERE_" + key: value for key, value in config.items()}})[0]

    def curl(self, here, name, bucket, by):
        """Every file by one curl, which sends everything always: what a delta has to be found for."""
        public = os.path.join(self.out[name], "public")
        lines = []
        for path in files(public):
            lines += ['url = "%s/%s/%s"' % (by.endpoint, bucket, urllib.parse.quote(path)), "request = PUT",
                      'data-binary = "@%s"' % os.path.join(public, path), 'aws-sigv4 = "aws:amz:us-east-1:s3"',
                      'user = "%s:%s"' % (here.s3.access_key, here.s3.secret_key), "fail", "silent", "show-error",
                      'header = "x-amz-content-sha256: UNSIGNED-PAYLOAD"', 'header = "Content-Type: text/html"', "next"]
        config = self.stage.fresh("curl")
        with open(config, "w", encoding="utf-8") as file:
            file.write("\n".join(lines[:-1]) + "\n")
        return self.stage.run(["curl", "--parallel", "--parallel-max", str(PARALLEL), "-K", config], {"no_proxy": "*"})[0]

    def first(self, here, who, name, by):
        """A first upload to a new bucket, after which it is all there: (the bucket, the Cost)."""
        bucket = here.s3.make_bucket()
        cost = {"platen": lambda *how: self.platen(*how, "--quiet")[0], "rclone": self.rclone, "curl": self.curl}[who](here, name, bucket, by)
        there = [key for key in here.s3.keys(bucket) if not key.startswith(".platen/")]
        wanted = files(os.path.join(self.out[name], "public"))
        if sorted(there) != wanted:
            raise BenchError("%s: %d of %d files have arrived" % (who, len(there), len(wanted)))
        return bucket, cost

    # -- rounds -------------------------------------------------------------------------------------

    def measure(self):
        for number in range(self.repeats):
            with self.server() as here:
                self.say("uploads: round %d of %d" % (number + 1, self.repeats))
                self.round(here, number)
                self.round_of_faults(here)
        with self.server() as here:
            self.say("uploads: many small objects")
            for number in SMALL:
                self.note("small %d" % number, self.first(here, "platen", "small %d" % number, here.s3)[1])
            for length in (8, 30) if self.full else (8,):
                self.say("uploads: an outage of %d s" % length)
                self.outage(here, length)

    def round(self, here, number):
        buckets = {}
        for who in ("curl", "platen", "rclone"):
            buckets[who], cost = self.first(here, who, "pages", here.s3)
            self.note("first " + who, cost)
        self.unchanged(here, buckets, here.s3, "")
        here.proxy.set(delay=DELAY_MS)
        for who in ("curl", "platen", "rclone"):
            self.note("slow first " + who, self.first(here, who, "pages", here.proxy)[1])
        self.unchanged(here, buckets, here.proxy, "slow ")
        here.proxy.heal()
        self.changed(here, buckets["platen"], number)

    def unchanged(self, here, buckets, by, kind):
        for name in ("pages", "copy", "anew"):
            for _ in range(3):
                marker = os.path.join(self.out[name], ".upload.json")
                if name != "pages" and os.path.exists(marker):
                    os.unlink(marker)  # as if it were the first time there
                before = here.proxy.requests()
                cost, said = self.platen(here, name, buckets["platen"], by)
                if said["changed"]:
                    raise BenchError("%s: an upload of what is there has changed something" % name)
                self.note(kind + name, cost)
                self.requests[name] = here.proxy.requests() - before if by is here.proxy else said["requests"]
        for name in ("pages", "anew"):
            self.note(kind + "rclone " + name, self.rclone(here, name, buckets["rclone"], by))

    def changed(self, here, bucket, number):
        """Some pages, printed in the same out/ that uploaded before; then all as it was."""
        mark = "Round %d. " % number
        changed = range(0, PAGES, PAGES // CHANGED)
        self._print(self.out["pages"], self.site.snapshot("changed", rows(PAGES, BYTES, changed, mark)))
        before = here.proxy.requests()
        cost, said = self.platen(here, "pages", bucket, here.proxy)
        self.note("changed", cost)
        self.requests["changed"], self.objects["changed"] = here.proxy.requests() - before, said["put"]
        self._print(self.out["pages"], self.source)

    def round_of_faults(self, here):
        self.note("faulty none", self.first(here, "platen", "faulty", here.proxy)[1])
        here.proxy.set(first=1)
        self.note("faulty first", self.first(here, "platen", "faulty", here.proxy)[1])
        here.proxy.heal()

    def outage(self, here, length):
        """Every answer a 503 from soon after the beginning, with 30 ms before each so that something is left to do."""
        over = []

        def fail():
            time.sleep(OUTAGE_BEGINS_S)
            here.proxy.set(p503=1000)
            time.sleep(length)
            here.proxy.set(p503=0)
            over.append(time.monotonic())

        here.proxy.set(delay=DELAY_MS)
        bucket = here.s3.make_bucket()
        thread = threading.Thread(target=fail)
        self.stage.settle()
        thread.start()
        cost, _ = self.platen(here, "faulty", bucket, here.proxy)
        ended = time.monotonic()
        thread.join()
        here.proxy.heal()
        if cost.wall < length:
            raise BenchError("the upload ended before the outage began")
        keys = sum(not key.startswith(".platen/") for key in here.s3.keys(bucket))
        if keys != len(files(os.path.join(self.out["faulty"], "public"))):
            raise BenchError("after an outage %d objects are there" % keys)
        self.note("outage %d" % length, cost)
        self.after[length] = ended - over[0]

    # -- the table ----------------------------------------------------------------------------------

    def report(self, table):
        public = os.path.join(self.out["pages"], "public")
        names = files(public)
        size = sum(os.path.getsize(os.path.join(public, name)) for name in names)
        for kind, heading in (("", "Uploads, first: %s files, %s" % (format(len(names), ","), megabytes(size))),
                              ("slow ", "The same with %d ms before each request" % DELAY_MS)):
            curl, rclone, platen = (self.typical(kind + "first " + who) for who in ("curl", "rclone", "platen"))
            table.heading(heading)
            table.cost("curl --parallel-max %d" % PARALLEL, curl)
            table.cost("rclone, %d transfers" % PARALLEL, rclone)
            if kind:
                table.cost("platen", platen, "1/2 of rclone", rclone.wall / 2)
            else:
                table.cost("platen", platen, "curl x 1.1", curl.wall * 1.1)
                table.figure("  CPU", platen.cpu, seconds, "0.9 s", 0.9)
                table.figure("  peak RSS", platen.peak, megabytes, "24 MB", 24e6)
        for kind, heading in (("", "Uploads, nothing changed"), ("slow ", "The same with %d ms before each request" % DELAY_MS)):
            table.heading(heading)
            for name, words in (("pages", ""), ("anew", ", printed anew")):
                table.cost("rclone --checksum --fast-list" + words, self.typical(kind + "rclone " + name))
            for name, words, peer in (("pages", "same machine", "pages"), ("copy", "another machine", "pages"),
                                      ("anew", "another machine, printed anew", "anew")):
                table.cost("platen, " + words, self.typical(kind + name), "1/5 of rclone",
                           self.typical(kind + "rclone " + peer).wall / 5)
                if not kind:
                    table.figure("  requests", self.requests[name], count, "1", 1)
        self.report_rest(table)

    def report_rest(self, table):
        table.heading("Uploads, %d pages changed: %d objects" % (CHANGED, self.objects["changed"]))
        table.cost("platen", self.typical("changed"))
        table.figure("  requests", self.requests["changed"], count, "objects + 3", self.objects["changed"] + 3)
        few, many = (self.typical("small %d" % number) for number in SMALL)
        table.heading("Uploads of many small objects")
        for number, cost in zip(SMALL, (few, many)):
            table.cost("platen, %s objects" % format(2 * number, ","), cost)
        table.figure("  peak RSS, of that of the fewer", many.peak / few.peak, ratio, "1.3x", 1.3)
        good, bad = self.typical("faulty none"), self.typical("faulty first")
        table.heading("Uploads of %s objects with faults" % format(2 * FAULTY, ","))
        table.cost("platen, without a fault", good)
        table.cost("each key's first PUT answered 503", bad, "3 x that without", 3 * good.wall)
        for length, after in self.after.items():
            table.cost("everything answered 503 for %d s" % length, self.typical("outage %d" % length))
            table.figure("  ended after the outage", after, seconds, "5 s", 5)


def count(value):
    return "%d" % value


def files(folder):
    """Paths below it, sorted."""
    return sorted(os.path.relpath(os.path.join(path, name), folder) for path, _, names in os.walk(folder) for name in names)
