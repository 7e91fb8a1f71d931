"""upload/target.h against a real S3 server and a folder: what is stored, conditions, listings, and what refusals say."""

import glob
import hashlib
import subprocess

import pytest

from helper import helper
from peer import Peer, answer
from s3server import make_certificate

KEYS = ["a b.html", "a+b", "a=b&c", "100%", "100%25", "%41", "käse/Öl.html", "日本/語.html", "emoji/🚀", "a/" * 60 + "deep",
        "x" * 1024, "tilde~dot.dash-under_", "!*'();:@,$[]?#\"<>|\\^`{}", "dir", "dir/index.html", "a//b", "c++/c%2B%2B"]
HOSTILE = ["", "/etc/passwd", "a\x01b", "\udcff"]
LIST = """<?xml version="1.0"?><ListBucketResult><IsTruncated>%s</IsTruncated>%s%s</ListBucketResult>"""
CONTENT = """<Contents><Key>%s</Key><ETag>"e"</ETag><Size>1</Size></Contents>"""


class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.out, self.err = done.stdout.decode(), done.stderr.decode()
        self.lines = [line.split("\t") for line in self.out.splitlines()]

    def outcomes(self):
        return {line[1]: line[0] for line in self.lines if len(line) == 3}

    @property
    def requests(self):
        return int(self.err.split("requests ")[1].split("\n")[0])

    def __repr__(self):
        return "Result(%d, %r, %r)" % (self.code, self.out[-1500:], self.err[-1500:])


class Target:
    """Runs tests/helpers/target.c."""

    def __init__(self, tmp_path, options, env=None):
        self.tmp_path, self.options = tmp_path, options
        self.env = {"AWS_EC2_METADATA_DISABLED": "true", **(env or {})}

    def start(self, *args, text="", **env):
        process = subprocess.Popen([helper("target"), *self.options, *args], env={**self.env, **env},
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdin.write(text.encode("utf-8", "surrogateescape"))
        process.stdin.close()
        process.stdin = None
        return process

    @staticmethod
    def wait(process):
        out, err = process.communicate(timeout=120)
        return Result(subprocess.CompletedProcess(process.args, process.returncode, out, err))

    def run(self, *args, **kwargs):
        return self.wait(self.start(*args, **kwargs))

    def lines(self, objects, condition="-"):
        """objects: {key: bytes}."""
        text = ""
        for key, body in objects.items():
            path = self.tmp_path / ("body-%s" % hashlib.sha256(body).hexdigest()[:16])
            path.write_bytes(body)
            text += "%s\t%s\t%s\n" % (key, path, condition)
        return text

    def put(self, objects, *args, condition="-", **env):
        return self.run(*args, "put-many", text=self.lines(objects, condition), **env)


def s3_target(s3, bucket, tmp_path, *more, endpoint=None):
    return Target(tmp_path, ["--bucket", bucket, "--endpoint", endpoint or s3.endpoint, "--concurrency", "16", *more],
                  s3.env())


@pytest.fixture
def target(s3, bucket, tmp_path):
    return s3_target(s3, bucket, tmp_path)


@pytest.fixture
def folder(tmp_path):
    return Target(tmp_path, ["--folder", str(tmp_path / "folder")])


def etag_of(body):
    return hashlib.md5(body).hexdigest()


# --- what is stored ---


def test_any_key_goes_there_and_back(s3, bucket, target):
    objects = {key: key.encode() for key in KEYS}
    done = target.put(objects)
    assert done.code == 0 and set(done.outcomes().values()) == {"DONE"}, done
    assert s3.objects(bucket) == objects
    assert target.run("list", "").lines == [[key, etag_of(key.encode()), str(len(key.encode()))]
                                            for key in sorted(KEYS, key=str.encode)]
    assert [line[0] for line in target.run("list", "a").lines] == sorted(key for key in KEYS if key[0] == "a")
    for key in KEYS:
        assert target.run("get", key).out == key
    assert target.run("delete", text="\n".join(KEYS)).code == 0
    assert s3.keys(bucket) == []


def test_keys_below_a_prefix(s3, bucket, tmp_path):
    target = s3_target(s3, bucket, tmp_path, "--prefix", "a b/ü+/")
    objects = {key: key.encode() for key in KEYS if len(key.encode()) < 1000}
    assert target.put(objects).code == 0
    assert s3.objects(bucket) == {"a b/ü+/" + key: body for key, body in objects.items()}
    assert sorted(line[0] for line in target.run("list", "").lines) == sorted(objects)
    assert target.put({"x" * 1024: b""}).outcomes() == {"x" * 1024: "FAILED"}
    assert target.run("delete", text="\n".join(objects)).code == 0
    assert s3.keys(bucket) == []


def test_the_bucket_in_the_host_name(s3, bucket, tmp_path):
    target = s3_target(s3, bucket, tmp_path, "--style", "host", endpoint="http://localhost:%d/" % s3.port)
    assert target.put({"a b": b"x", "ü/+": b"y"}).code == 0
    assert s3.objects(bucket) == {"a b": b"x", "ü/+": b"y"}
    assert [line[0] for line in target.run("list", "").lines] == ["a b", "ü/+"]
    assert target.run("delete", text="a b\nü/+").code == 0
    assert s3.keys(bucket) == []


def test_hostile_keys_are_refused(target, folder):
    for t in (target, folder):
        for key in HOSTILE:
            done = t.run("delete", text=key + "\n")
            assert done.code == 1 and "key" in done.err, (key, done)


def test_headers_are_stored_as_sent(s3, bucket, target):
    identity = hashlib.sha256(b"page").hexdigest()
    done = target.put({"p": b"zipped"}, "--type", "text/html; charset=utf-8", "--encoding", "gzip", "--cache",
                      "public, max-age=0,  s-maxage=60", "--meta", "Owner-Id", "x  y", "--meta", "owner", "z",
                      "--identity", identity)
    assert done.code == 0, done
    stored = s3.client().head_object(Bucket=bucket, Key="p")
    assert stored["ContentType"] == "text/html; charset=utf-8"
    assert stored["ContentEncoding"] == "gzip"
    assert stored["CacheControl"].split() == ["public,", "max-age=0,", "s-maxage=60"]
    metadata = {name: " ".join(value.split()) for name, value in stored["Metadata"].items()}
    assert metadata == {"owner-id": "x y", "owner": "z", "platen-sha256": identity}
    assert target.run("head", "p").lines == [["DONE", "p", etag_of(b"zipped"), identity, "6"]]


def test_bodies_of_any_size(s3, bucket, target):
    objects = {"%d" % n: bytes(n % 251 for n in range(n)) for n in (0, 1, 16383, 65535, 65536, 200000, 3000000)}
    assert target.put(objects).code == 0
    assert s3.objects(bucket) == objects


def test_what_is_not_there(target):
    assert target.run("get", "nothing").err.startswith("MISSING")
    assert target.run("head", "nothing").lines[0][0] == "MISSING"
    assert target.run("delete", text="nothing\n").code == 0
    assert target.run("list", "").lines == []


def test_an_object_that_is_known_is_not_sent_again(target):
    target.put({"a": b"x"})
    done = target.run("get", "a", etag_of(b"x"))
    assert done.out == "" and done.err.startswith("UNCHANGED")
    assert target.run("get", "a", etag_of(b"y")).out == "x"


def test_more_than_a_page(s3, bucket, target):
    objects = {"k%04d &<ü" % n: b"" for n in range(2100)}
    assert target.put(objects).requests == 2100
    listed = target.run("list", "")
    assert [line[0] for line in listed.lines] == sorted(objects) and listed.requests == 3
    deleted = target.run("delete", text="\n".join(list(objects)[:-1]))
    assert deleted.code == 0 and deleted.requests == 3
    assert s3.keys(bucket) == ["k2099 &<ü"]


# --- conditions ---


@pytest.mark.parametrize("kind", ["s3", "folder"])
def test_conditions(kind, target, folder):
    t = target if kind == "s3" else folder

    def put(body, condition):
        return t.put({"k": body}, condition=condition).lines[0]

    first = put(b"1", "new")
    assert first[0] == "DONE"
    assert put(b"2", "new")[0] == "CONFLICT"
    assert put(b"2", "0" * 32)[0] == "CONFLICT"
    second = put(b"2", first[2])
    assert second[0] == "DONE" and second[2] != first[2]
    assert put(b"3", first[2])[0] == "CONFLICT"
    assert t.run("get", "k").out == "2"
    assert t.put({"gone": b""}, condition=first[2]).lines[0][0] == "CONFLICT"


def test_conditions_that_a_store_does_not_know_are_not_sent(target):
    target.put({"k": b"1"})
    done = target.put({"k": b"2"}, "--none-match", "no", condition="new")
    assert done.lines[0][0] == "DONE"
    assert target.put({"k": b"3"}, "--match", "none", condition="0" * 32).lines[0][0] == "DONE"


def test_the_two_forms_of_an_etag(target):
    with Peer(lambda r: answer(200, ETag='"e"')) as peer:
        t = Target(target.tmp_path, ["--bucket", "bbb", "--endpoint", peer.endpoint], target.env)
        t.put({"k": b""}, "--match", "quoted", condition="abc")
        t.put({"k": b""}, "--match", "bare", condition="abc")
        assert [r.headers["if-match"] for r in peer.requests] == ['"abc"', "abc"]


@pytest.mark.parametrize("kind", ["s3", "folder"])
def test_one_of_many_that_race_wins(kind, target, folder):
    t = target if kind == "s3" else folder
    text = "".join(t.lines({"race": b"%d" % n}, "new") for n in range(16))
    runs = [t.start("--concurrency", "16", "put-many", text=text) for _ in range(4)]
    outcomes = [line[0] for run in runs for line in t.wait(run).lines if len(line) == 3]
    assert sorted(outcomes) == ["CONFLICT"] * 63 + ["DONE"]


# --- refusals ---


def test_a_wrong_secret_names_the_key(target, s3):
    for command in (["list", ""], ["get", "a"]):
        done = target.run(*command, AWS_SECRET_ACCESS_KEY="hush-hush")
        assert done.code == 1 and s3.access_key in done.err and "SignatureDoesNotMatch" in done.err
        assert "hush" not in done.err
    done = target.put({"a": b"", "b": b""}, AWS_SECRET_ACCESS_KEY="hush-hush")
    assert done.code == 1 and "SignatureDoesNotMatch" in done.err


def test_an_unknown_key_is_named(target):
    done = target.run("list", "", AWS_ACCESS_KEY_ID="AKIANOBODY")
    assert done.code == 1 and "AKIANOBODY" in done.err and "InvalidAccessKeyId" in done.err


@pytest.mark.parametrize("minutes", [-20, 20])
def test_a_clock_that_is_off_is_corrected(target, s3, bucket, minutes):
    library = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    assert library, "this test needs libfaketime: make test installs it"
    clock = {"LD_PRELOAD": library[0], "FAKETIME": "%+dm" % minutes, "DONT_FAKE_MONOTONIC": "1",
             "ASAN_OPTIONS": "verify_asan_link_order=0"}
    done = target.put({"k%d" % n: b"x" for n in range(100)}, **clock)
    assert done.code == 0 and len(s3.keys(bucket)) == 100, done
    assert done.requests <= 100 + 16 + 1  # those that were under way before the first answer
    wrong = target.run("list", "", AWS_SECRET_ACCESS_KEY="hush-hush", **clock)
    assert wrong.code == 1 and "the server's clock is" in wrong.err, wrong


def test_no_such_bucket(s3, tmp_path):
    target = s3_target(s3, "not-there", tmp_path)
    for done in (target.run("get", "a"), target.run("list", ""), target.put({"a": b""}),
                 target.run("delete", text="a\n")):
        assert done.code == 1 and "no such bucket" in done.err, done


def test_a_full_quota(s3, bucket, target):
    s3.quota(5)
    try:
        done = target.put({"k%d" % n: b"x" for n in range(50)})
    finally:
        s3.quota(0)
    assert done.code == 1 and "the quota is full" in done.err, done
    assert done.requests < 50


def wrong_region(status):
    xml = (b"<Error><Code>%s</Code><Message>wrong</Message><Region>eu-west-9</Region></Error>"
           % (b"AuthorizationHeaderMalformed" if status == 400 else b"PermanentRedirect"))
    return answer(status, xml, Location="http://127.0.0.1:1/elsewhere")


@pytest.mark.parametrize("status", [301, 307, 400])
def test_a_wrong_region_is_named_and_not_followed(target, status):
    with Peer(lambda r: wrong_region(status)) as peer:
        t = Target(target.tmp_path, ["--bucket", "bbb", "--endpoint", peer.endpoint, "--region", "us-east-1"], target.env)
        done = t.put({"k": b""})
        assert done.code == 1 and "eu-west-9, not us-east-1" in done.err, done
        assert len(peer.requests) == 1


def test_a_redirect_without_a_word(target):
    with Peer(lambda r: answer(302, Location="http://127.0.0.1:1/", x_amz_bucket_region="eu-west-8")) as peer:
        t = Target(target.tmp_path, ["--bucket", "bbb", "--endpoint", peer.endpoint], target.env)
        done = t.run("get", "k")
        assert done.code == 1 and "redirects are not followed" in done.err and "eu-west-8" in done.err
        assert len(peer.requests) == 1


# --- TLS ---


def test_tls(s3, bucket, tmp_path):
    trusting = s3_target(s3, bucket, tmp_path, "--ca", s3.ca_file, endpoint=s3.tls_endpoint)
    assert trusting.put({"k": b"x"}).code == 0 and s3.objects(bucket) == {"k": b"x"}
    for name in ("127.0.0.1", "localhost"):  # signed by nobody
        done = s3_target(s3, bucket, tmp_path, endpoint="https://%s:%d" % (name, s3.tls_port)).put({"k": b"y"})
        assert done.code == 1 and "certificate" in done.err and done.requests == 0, done
    assert s3.objects(bucket) == {"k": b"x"}


def test_a_certificate_of_another_host(s3, tmp_path):
    ca = make_certificate(tmp_path, "DNS:other.example")
    with Peer(lambda r: answer(200, ETag='"e"'), certificate=tmp_path) as peer:
        done = s3_target(s3, "bbb", tmp_path, "--ca", ca, endpoint=peer.endpoint).put({"k": b"y"})
        assert done.code == 1 and done.requests == 0 and peer.requests == []


# --- hostile answers ---


def told(target, script, *args, text=""):
    with Peer(script) as peer:
        t = Target(target.tmp_path, ["--bucket", "bbb", "--endpoint", peer.endpoint, "--give-up", "20000"], target.env)
        return t.run(*args, text=text)


BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><x>&b;</x>'


@pytest.mark.parametrize("xml, said", [
    (b"", "no XML"), (b"<html><p>hello", "no XML"), (b"<html/>", "no listing"), (BOMB, "document type"),
    (b"<a>" * 5000, "nested too deeply"), (b"<ListBucketResult>" + b"x" * 20000, "too long"),
    ((LIST % ("true", CONTENT % "a", "")).encode(), "not where"),
    ((LIST % ("true", CONTENT % "a", "<NextContinuationToken>t</NextContinuationToken>")).encode(), "order of the keys"),
    ((LIST % ("false", CONTENT % "b", CONTENT % "a")).encode(), "order of the keys"),
    ((LIST % ("false", "<Contents><Key>a</Key></Contents>", "")).encode(), "lacks"),
    ((LIST % ("false", "<EncodingType>url</EncodingType>", CONTENT % "a%0")).encode(), "encoded"),
    ((LIST % ("false", "<EncodingType>url</EncodingType>", CONTENT % "a%00")).encode(), "encoded"),
])
def test_listings_that_are_none(target, xml, said):
    done = told(target, lambda r: answer(200, xml), "list", "")
    assert done.code == 1 and said in done.err, done


def test_an_answer_that_is_too_long(target):
    done = told(target, lambda r: answer(200, b"x" * (2 << 20), ETag='"e"'), "get", "k")
    assert done.code == 1 and "longer than it may be" in done.err and done.requests == 1
    done = told(target, lambda r: answer(200, b"", ETag='"e"', X="y" * 17000), "get", "k")
    assert done.code == 1 and done.requests == 1


def test_an_answer_that_is_cut_short_is_asked_for_again(target):
    cut = [b"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 10\r\n\r\nhalf", b"", b"HTTP/1.1 200 O"]
    done = told(target, lambda r: cut.pop() if cut else answer(200, b"all of it!", ETag='"e"'), "get", "k")
    assert done.code == 0 and done.out == "all of it!" and done.requests == 4, done


def test_an_error_in_a_200_is_an_error(target):
    errors = [b"<Error><Code>InternalError</Code></Error>", b"<Error><Code>SlowDown</Code></Error>"]
    put = target.lines({"k": b""})
    done = told(target, lambda r: answer(200, errors.pop() if errors else b"", ETag='"e"'), "put-many", text=put)
    assert done.lines[0][:2] == ["DONE", "k"] and done.requests == 3
    done = told(target, lambda r: answer(200, b"<Error><Code>Odd</Code><Message>m\x1b[m</Message></Error>"),
                "put-many", text=put)
    assert done.lines[0][0] == "FAILED"
    done = told(target, lambda r: answer(200), "put-many", text=put)
    assert done.lines[0][0] == "FAILED" and "ETag" in done.lines[0][2]


def test_what_could_not_be_deleted_is_named(target):
    def script(request):
        assert b"<Key>a &lt;&amp;b</Key>" in request.body and request.headers["content-md5"]
        return answer(200, b"<DeleteResult><Error><Key>a &lt;&amp;b</Key><Code>AccessDenied</Code>"
                      b"<Message>no</Message></Error></DeleteResult>")

    done = told(target, script, "delete", text="a <&b\nc\n")
    assert done.code == 1 and "a <&b cannot be deleted: no (AccessDenied)" in done.err
    again = [b"<DeleteResult><Error><Key>c</Key><Code>InternalError</Code></Error></DeleteResult>"]
    done = told(target, lambda r: answer(200, again.pop() if again else b"<DeleteResult/>"), "delete", text="c\n")
    assert done.code == 0 and done.requests == 2


def test_a_token_that_has_expired(target):
    expired = answer(400, b"<Error><Code>ExpiredToken</Code><Message>old</Message></Error>")
    with Peer(lambda r: expired) as peer:
        t = Target(target.tmp_path, ["--bucket", "bbb", "--endpoint", peer.endpoint], target.env)
        done = t.put({"k": b""}, AWS_SESSION_TOKEN="hush-hush")
        assert done.code == 1 and "have expired" in done.err and "hush" not in done.err
        assert peer.requests[0].headers["x-amz-security-token"] == "hush-hush"


def test_nothing_but_what_is_needed_is_sent(target):
    with Peer(lambda r: answer(200, ETag='"e"')) as peer:
        t = Target(target.tmp_path, ["--bucket", "bbb", "--endpoint", peer.endpoint], target.env)
        t.put({"a/./b/../c d": b"body"})
        request, = peer.requests
        assert request.target == "/bbb/a/./b/../c%20d" and request.body == b"body"
        assert set(request.headers) == {"host", "user-agent", "content-length", "authorization", "x-amz-date",
                                        "x-amz-content-sha256", "x-amz-meta-platen-sha256"}


# --- folders ---


def test_a_folder(folder, tmp_path):
    root = tmp_path / "folder"
    objects = {"index.html": b"1", "ü/a b.html": b"2", "x/y/z.html": b"3", "x/y.html": b"4"}
    done = folder.put(objects)
    assert done.code == 0 and set(done.outcomes().values()) == {"DONE"}
    assert {key: (root / key).read_bytes() for key in objects} == objects
    assert [line[0] for line in folder.run("list", "").lines] == sorted(objects, key=str.encode)
    assert [line[0] for line in folder.run("list", "x/").lines] == ["x/y.html", "x/y/z.html"]
    sha256 = hashlib.sha256(b"3").hexdigest()
    assert folder.run("head", "x/y/z.html").lines == [["DONE", "x/y/z.html", sha256, sha256, "1"]]
    assert folder.run("get", "x/y/z.html").out == "3"
    assert folder.run("get", "x/y/z.html", sha256).err.startswith("UNCHANGED")
    assert folder.run("get", "nothing/here").err.startswith("MISSING")
    assert folder.run("head", "x").lines[0][0] == "MISSING"
    assert folder.run("delete", text="x/y/z.html\nü/a b.html\nnothing\n").code == 0
    assert sorted(path.name for path in root.iterdir()) == [".platen.lock", "index.html", "x"]
    assert not (root / "x" / "y").exists()


def test_a_file_with_the_same_bytes_keeps_its_time(folder, tmp_path):
    folder.put({"a": b"1", "b": b"1"})
    path = tmp_path / "folder" / "a"
    before = path.stat()
    folder.put({"a": b"1", "b": b"2"})
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert (tmp_path / "folder" / "b").read_bytes() == b"2"


@pytest.mark.parametrize("key", ["../out", "a/../../out", "a//b", "a/", ".", "a/.", "link/out", ".platen.new",
                                 ".platen.lock"])
def test_nothing_leaves_the_folder(folder, tmp_path, key):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "out").write_bytes(b"kept")
    folder.put({"a/x": b""})
    (tmp_path / "folder" / "link").symlink_to(outside)
    done = folder.put({key: b"new"})
    assert done.outcomes() == {key: "FAILED"}, done
    folder.run("delete", text=key + "\n")
    assert (outside / "out").read_bytes() == b"kept" and [p.name for p in outside.iterdir()] == ["out"]
