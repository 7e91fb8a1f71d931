"""What goes wrong between platen and its origin: servers, networks, clocks, credentials, other uploaders.

Each test ends healed: the bucket is what was printed last, what is not of platen is still there, and another upload
has nothing to do.
"""

import datetime
import glob
import json
import os
import pathlib
import ssl
import threading
import time

import pytest
from printing import page
from s3server import make_certificate
from scriptproxy import LOST, ScriptProxy, error
from test_credentials import Server as CredentialsServer
from test_credentials import answer as credentials_answer
from uploading import LONG, SLOW_DOWN, STRANGER, at, bucket, haproxy, haproxy_running, machine, script, through  # noqa: F401

# ---- how many requests -----------------------------------------------------------------------------------------------

def test_requests_are_as_few_as_can_be(machine, haproxy):
    here, there = machine("here"), machine("there")
    here.print("one", "two", "three")
    here.upload(env=through(haproxy))

    def count(site):
        before = haproxy.requests()
        done = site.upload(env=through(haproxy))
        assert haproxy.requests() - before == done["requests"]
        return done["requests"], done["put"]

    assert count(here) == (1, 0)  # the record
    there.print("one", "two", "three")
    assert count(there) == (2, 0)  # and the claim: whoever uploaded last may have died half-way
    assert count(there) == (1, 0)
    here.print("ONE", "two", "three")
    assert count(here) == (3 + 3, 3)  # record, claim; a page, its twin, version.json; record
    here.print("1", "2", "3", "4")
    assert count(here) == (11 + 3, 11)  # four pages and twins, the sitemap and its twin, version.json
    assert count(here) == (1, 0)
    here.check_healed()


# ---- servers and networks --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("fault", [{"third": 503}, {"third": 500}, {"first": 1}, {"prst": 200}, {"plost": 300},
                                   {"pdrop": 60}, {"p503": 200, "p500": 100, "prst": 100, "plost": 100}],
                         ids=["every third 503", "every third 500", "each first PUT 503", "resets", "stored but 500",
                              "stalls", "all at once"])
def test_what_passes_is_outlived(machine, haproxy, fault):
    site = machine(stall="500ms", give_up="30s")
    haproxy.set(**fault)
    env = through(haproxy)
    site.print(*"abcdef")
    site.upload(env=env)
    site.check()
    site.print(*"aBcd", more=[page("fr/new.html", LONG, locale="fr")])
    done = site.upload(env=env)
    site.check()
    assert done["deleted"] == 4
    haproxy.heal()
    site.check_healed(env)


def test_the_server_dies_half_way_and_comes_back(machine, script, s3):
    site = machine(give_up="30s")
    site.print(*"abcdef")
    restart = threading.Timer(1, s3.start_gateway)

    def die():
        s3.kill_gateway()
        restart.start()

    at(script, 8, die)
    try:
        site.upload(env=through(script))
    finally:
        restart.join()
    site.check()
    site.check_healed()


def test_the_server_dies_half_way_and_stays_away(machine, script, s3):
    site = machine()
    site.print(*"abcdef")
    site.upload()
    kept = site.pages()
    site.print(*"ABC")
    at(script, 4, s3.kill_gateway)
    try:
        said = site.fails(env=through(script))
    finally:
        s3.start_gateway()
    assert site.origin.bucket in said or "127.0.0.1" in said
    site.check_alive(*kept)
    site.print(*"abcdef")  # put back
    site.check_healed()


def test_a_server_that_hangs_for_a_while(machine, script, s3):
    site = machine(stall="500ms", give_up="30s")
    site.print(*"abcdef")
    thaw = threading.Timer(2, s3.thaw)

    def freeze():
        s3.freeze()
        thaw.start()

    at(script, 8, freeze)
    try:
        site.upload(env=through(script))
    finally:
        thaw.join()
        s3.thaw()
    site.check()
    site.check_healed()


@pytest.mark.parametrize("what", ["never done", "done, and the answer is lost", "forbidden"])
@pytest.mark.parametrize("then", ["put back", "left", "edited"])
def test_deletes_that_fail(machine, script, what, then):
    """The pages are public by then; what was to go stays or has gone, and the next upload knows neither."""
    site = machine()
    site.print(*"abcdef")
    site.upload()
    kept = site.pages()
    site.print(*"aBc")
    says = {"never done": (503, SLOW_DOWN), "done, and the answer is lost": LOST,
            "forbidden": (403, error("AccessDenied", "Access Denied"))}[what]
    script.script = lambda request: says if request.is_delete() else None
    said = site.fails(env=through(script))
    if what == "forbidden":
        assert "AccessDenied" in said and site.origin.env["AWS_ACCESS_KEY_ID"] in said
    if says != LOST:
        site.check_alive(*kept)
    site.print(*{"put back": "abcdef", "left": "aBc", "edited": "abcx"}[then])
    site.check_healed()


def test_a_full_quota(machine, s3):
    """Nothing is deleted to make room: the old pages are what visitors have."""
    site = machine()
    site.print(*"abcdef")
    site.upload()
    kept = site.pages()
    site.print(*"ABC", more=[page("en/new%d.html" % n, LONG) for n in range(4)])
    s3.quota(3)
    try:
        said = site.fails()
        assert "the quota is full" in said and "QuotaExceeded" in said
        site.check_alive(*kept)
    finally:
        s3.quota(0)
    site.check_healed()


def test_a_bucket_elsewhere(machine, script):
    """The region is named; a redirect is never followed."""
    site = machine()
    site.print("one")
    site.upload()
    site.print("two")
    with ScriptProxy(1) as elsewhere:
        told = error("PermanentRedirect", more="<Region>eu-west-1</Region><Endpoint>elsewhere</Endpoint>")
        script.script = lambda request: (301, told, {"Location": elsewhere.endpoint + request.path, "x-amz-bucket-region": "eu-west-1"})
        said = site.fails(env=through(script))
        assert "eu-west-1" in said and "AWS_REGION" in said
        assert len(script.requests) == 1 and elsewhere.requests == []
    site.check_healed()


def test_a_bucket_that_does_not_exist(machine):
    site = machine()
    site.print("one")
    said = site.fails(env={"PLATEN_ORIGIN": "s3://no-such-bucket-here/site"})
    assert "no-such-bucket-here" in said and "there is no such bucket" in said
    site.check_healed()


def test_a_bucket_emptied_half_way(machine, script, bucket):
    site = machine()
    site.print(*"abcdef")
    site.upload()
    site.print(*"ABCDEF")

    def empty():
        for key in set(bucket.keys()) - {STRANGER}:
            bucket.delete(key)

    at(script, 6, empty)
    site.start_upload(env=through(script)).wait()  # well or not: it can be noticed at the end only
    site.check_healed()


def test_no_such_host(machine):
    site = machine()
    site.print("one")
    said = site.fails(env={"AWS_ENDPOINT_URL_S3": "http://no-such-host.invalid:7480"})
    assert "no-such-host.invalid" in said and "resolve" in said
    site.check_healed()


def test_nobody_listens(machine, s3):
    site = machine()
    site.print("one")
    site.upload()
    site.print("two")
    s3.kill_gateway()
    try:
        said = site.fails()
    finally:
        s3.start_gateway()
    assert "127.0.0.1" in said and "onnect" in said
    site.check_healed()


def test_a_certificate_that_proves_nothing(machine, s3, tmp_path):
    """Nothing is sent before the server has shown who it is: not to a stranger, and not to somebody else's name."""
    site = machine()
    site.print("one")
    since = time.monotonic()
    said = site.fails(env={"AWS_ENDPOINT_URL_S3": s3.tls_endpoint})
    assert "certificate" in said and time.monotonic() - since < 20
    other = make_certificate(tmp_path, "DNS:other.example")
    said = site.fails(env={"AWS_ENDPOINT_URL_S3": s3.tls_endpoint, "AWS_CA_BUNDLE": other})
    assert "certificate" in said
    with ScriptProxy(s3.port) as named_otherwise:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(other, tmp_path / "key.pem")
        named_otherwise.wrap(context)
        said = site.fails(env={"AWS_ENDPOINT_URL_S3": named_otherwise.endpoint, "AWS_CA_BUNDLE": other})
        assert "certificate" in said.lower() and "127.0.0.1" in said and named_otherwise.requests == []
    assert site.origin.keys() == [STRANGER]
    site.check_healed(env={"AWS_ENDPOINT_URL_S3": s3.tls_endpoint, "AWS_CA_BUNDLE": s3.ca_file})


# ---- credentials and clocks ------------------------------------------------------------------------------------------

def everything_said(site, running):
    """What a program shows of itself: all it writes, its command line, and what it leaves in its folders."""
    seen = pathlib.Path("/proc/%d/cmdline" % running.process.pid).read_text()
    done = running.wait()
    seen += done.out + done.err
    for file in [*site.out.rglob("*"), *(pathlib.Path(site.origin.folder).rglob("*") if hasattr(site.origin, "folder") else ())]:
        if file.is_file() and file.parent.name != "public":
            seen += file.read_bytes().decode("latin-1")
    return done, seen


def test_a_wrong_secret(machine, s3):
    site = machine()
    site.print("one")
    secret = "wrong/SECRET+of=nobody"
    running = site.start_upload(env={"AWS_SECRET_ACCESS_KEY": secret})
    done, seen = everything_said(site, running)
    assert done.code == 1 and "SignatureDoesNotMatch" in done.err and s3.access_key in done.err and "403" in done.err, done
    assert secret not in seen and s3.secret_key not in seen
    done, seen = everything_said(site, site.start_upload())
    assert done.code == 0 and s3.secret_key not in seen
    assert not any(s3.secret_key.encode() in body for body in site.origin.all().values())
    said = site.fails(env={"AWS_ACCESS_KEY_ID": "AKIDOFNOBODY"})
    assert "AKIDOFNOBODY" in said and "does not know this access key" in said and s3.secret_key not in said
    site.check_healed()


def test_credentials_that_expire_half_way(machine, script, s3):
    site = machine()
    site.print(*"abcdef")
    task = ("GET", "/path-of-the-task")
    said = credentials_answer(AccessKeyId=s3.access_key, SecretAccessKey=s3.secret_key, Token=...)
    with CredentialsServer({task: said}) as service:
        env = {**through(script), "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "",
               "AWS_CONTAINER_CREDENTIALS_FULL_URI": service.url + task[1]}
        refused = []

        def expire(request):
            if request.number > 6 and service.count() < 2:
                refused.append(request)
                return 400, error("ExpiredToken", "The provided token has expired.")
            return None

        script.script = expire
        site.upload(env=env)
        assert refused and service.count() == 2
        site.check()
        # new ones cannot be had any more, and the old are refused
        site.print(*"ABC")
        service.script[task] = lambda headers: (500, "out of order") if service.count() > 3 else said
        script.script = lambda request: (400, error("ExpiredToken")) if request.is_page() and len(script.requests) > 6 else None
        told = site.fails(env=env)
        assert "credentials are refused" in told and s3.secret_key not in told, told
    site.check_alive("en/p5.html")
    site.check_healed()


@pytest.mark.parametrize("offset", ["+20m", "-20m"])
def test_a_clock_that_is_twenty_minutes_off(machine, bucket, offset):
    """The server's clock is what counts, for signatures and for how long a claim holds."""
    here, there = machine("here"), machine("there")
    library = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    assert library, "this test needs libfaketime: make test installs it"
    options = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
    off = {"LD_PRELOAD": library[0], "FAKETIME": offset, "DONT_FAKE_MONOTONIC": "1", "ASAN_OPTIONS": options}
    here.print("one", "two", "three")
    here.upload(env=off)
    here.check()
    claim = json.loads(bucket.get(".platen/claim.json")["Body"].read())
    until = datetime.datetime.fromisoformat(claim["until"].replace("Z", "+00:00"))
    ahead = (until - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    assert -30 < ahead <= 62, claim
    there.print("one", "TWO")
    there.upload()
    there.check()
    here.print("one")
    here.upload(env=off)
    here.check()
    here.check_healed()


def test_an_outage_that_is_longer_than_the_lease(machine, script):
    """Nobody else has come meanwhile: the claim is renewed late, and all goes on where it stood."""
    site = machine(lease="5s", give_up="60s")
    site.print(*"abcdef")
    over = []
    at(script, 8, lambda: over.append(time.monotonic() + 6))
    look = script.script

    def outage(request):
        look(request)
        return (503, SLOW_DOWN) if over and time.monotonic() < over[0] else None

    script.script = outage
    site.upload(env=through(script))
    site.check()
    assert time.monotonic() < over[0] + 20
    site.check_healed()
