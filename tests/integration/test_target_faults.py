"""upload/target.h while the server and the network fail: everything arrives once they are well again, and nothing is
said to be stored that is not."""

import hashlib
import os
import socket
import threading
import time

import pytest

from faultproxy import FaultProxy
from peer import Peer, answer
from s3server import S3Server, free_ports
from test_target import Target, etag_of, s3_target

SOAK = bool(os.environ.get("PLATEN_SOAK"))


@pytest.fixture(scope="module")
def proxy(s3):
    with FaultProxy(s3.port) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def healed(proxy):
    yield
    proxy.heal()


@pytest.fixture
def target(s3, bucket, proxy, tmp_path):
    return s3_target(s3, bucket, tmp_path, "--give-up", "30000", endpoint=proxy.endpoint)


def some(n):
    return {"k%04d" % i: b"%d" % (i % 50) for i in range(n)}


def etags(objects):
    return {key: etag_of(body) for key, body in objects.items()}


def arrives(s3, bucket, target, objects, *args, condition="new"):
    done = target.put(objects, *args, condition=condition)
    assert done.code == 0 and set(done.outcomes().values()) == {"DONE"}, done
    assert len(done.outcomes()) == len(objects)
    assert s3.etags(bucket) == etags(objects)
    return done


@pytest.mark.parametrize("status", [500, 503])
def test_every_third_request_fails(s3, bucket, proxy, target, status):
    proxy.set(third=status)
    done = arrives(s3, bucket, target, some(200))
    assert 260 <= done.requests <= 340
    proxy.heal()
    assert target.run("delete", text="\n".join(some(200))).code == 0


def test_every_third_request_fails_for_all_operations(s3, bucket, proxy, target):
    target.put(some(30))
    proxy.set(third=503)
    for _ in range(3):
        assert target.run("get", "k0001").out == "1"
        assert len(target.run("list", "").lines) == 30
    assert target.run("delete", text="\n".join(some(30))).code == 0
    assert s3.keys(bucket) == []


def test_the_first_put_of_each_key_fails(s3, bucket, proxy, target):
    """A key that waits holds up no other: the server's Retry-After of a second passes for all of them together."""
    proxy.set(first=1)
    begun = time.monotonic()
    done = arrives(s3, bucket, target, some(1000))
    assert done.requests == 2000
    assert time.monotonic() - begun < 40  # one by one over 16 connections: 63 s of waiting alone


@pytest.mark.parametrize("fault", ["prst", "plost"])
def test_answers_that_are_lost(s3, bucket, proxy, target, fault):
    """`plost`: stored, but the answer is a 500. The condition of the next attempt fails by our own object."""
    proxy.set(**{fault: 200})
    done = arrives(s3, bucket, target, some(200))
    assert done.requests > 220


def test_what_somebody_else_stored_is_no_answer_that_was_lost(s3, bucket, proxy, target):
    client = s3.client()
    for key in some(50):
        client.put_object(Bucket=bucket, Key=key, Body=b"theirs")
    proxy.set(p500=500)
    done = target.put(some(50), condition="new")
    assert done.code == 0 and set(done.outcomes().values()) == {"CONFLICT"}
    assert set(s3.etags(bucket).values()) == {etag_of(b"theirs")}


def test_overwriting_with_lost_answers(s3, bucket, proxy, target):
    before = target.put(some(100)).lines
    proxy.set(plost=300)
    text = "".join(target.lines({line[1]: b"after"}, line[2]) for line in before if len(line) == 3)
    done = target.run("put-many", text=text)
    assert done.code == 0 and set(done.outcomes().values()) == {"DONE"} and len(done.outcomes()) == 100, done
    assert set(s3.etags(bucket).values()) == {etag_of(b"after")}
    assert {line[2] for line in done.lines if len(line) == 3} == {etag_of(b"after")}


def test_silence(s3, bucket, proxy, target):
    proxy.set(pdrop=50)
    arrives(s3, bucket, target, some(150), "--stall", "400")


def test_silence_without_end(proxy, target):
    proxy.set(pdrop=1000)
    done = target.put(some(1), "--stall", "300", "--give-up", "1000")
    assert done.code == 1 and "no answer for" in done.err and "127.0.0.1" in done.err


def test_an_answer_drop_by_drop(target):
    """A byte now and then is no life: an attempt ends when it has lasted twenty stalls."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve():
            try:
                connection = server.accept()[0]
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                for _ in range(1000):
                    connection.sendall(b"x")
                    time.sleep(0.02)
            except OSError:
                pass

        threading.Thread(target=serve, daemon=True).start()
        begun = time.monotonic()
        done = target.run("--endpoint", "http://127.0.0.1:%d" % server.getsockname()[1], "--stall", "100",
                          "--give-up", "0", "get", "k")
        assert done.code == 1 and time.monotonic() - begun < 15, done


def test_an_outage_passes(s3, bucket, proxy, target):
    """Hardly anything is asked of a server that is down, and all goes on when it is back."""
    proxy.set(p503=1000)
    seconds = 30 if SOAK else 3
    process = target.start("--give-up", "120000", "put-many", text=target.lines(some(400), "new"))
    time.sleep(2)  # in the first of them it is not known to be an outage
    before = proxy.requests()
    time.sleep(seconds)
    asked = proxy.requests() - before
    proxy.heal()
    begun = time.monotonic()
    done = target.wait(process)
    assert done.code == 0 and s3.etags(bucket) == etags(some(400)), done
    assert 0 < asked <= seconds * 8 + 10
    assert time.monotonic() - begun < 20


def test_an_outage_that_does_not_pass(proxy, target):
    proxy.set(p503=1000)
    done = target.put(some(300), "--give-up", "1500")
    assert done.code == 1 and "503 SlowDown" in done.err, done
    assert set(done.outcomes().values()) == {"FAILED"}


def test_the_server_is_killed_and_comes_back(s3, bucket, tmp_path):
    target = s3_target(s3, bucket, tmp_path, "--give-up", "60000")
    process = target.start("put-many", text=target.lines(some(1500), "new"))
    client, deadline = s3.client(), time.monotonic() + 60
    while not client.list_objects_v2(Bucket=bucket, MaxKeys=50).get("IsTruncated"):
        assert time.monotonic() < deadline
    s3.kill_gateway()
    try:
        assert process.poll() is None
        time.sleep(0.5)
    finally:
        s3.start_gateway()
    done = target.wait(process)
    assert done.code == 0 and len(done.outcomes()) == 1500 and set(done.outcomes().values()) == {"DONE"}, done
    assert s3.etags(bucket) == etags(some(1500))


def test_real_overload(tmp_path):
    with S3Server("rgw max concurrent requests = 4") as s3:
        bucket = s3.make_bucket()
        target = s3_target(s3, bucket, tmp_path, "--concurrency", "64", "--give-up", "60000")
        done = arrives(s3, bucket, target, some(500))
        assert done.requests > 500


def test_a_server_that_freezes(s3, bucket, tmp_path):
    target = s3_target(s3, bucket, tmp_path, "--stall", "500", "--give-up", "60000")
    target.put({"first": b""})
    s3.freeze()
    try:
        process = target.start("put-many", text=target.lines(some(40), "new"))
        time.sleep(1.5)
    finally:
        s3.thaw()
    done = target.wait(process)
    assert done.code == 0 and set(done.outcomes().values()) == {"DONE"}, done


def test_nobody_there(target, tmp_path):
    port, = free_ports(1)
    done = target.put(some(3), "--endpoint", "http://127.0.0.1:%d" % port, "--give-up", "500")
    assert done.code == 1 and "connect" in done.err.lower() and done.requests == 0
    done = target.put(some(3), "--endpoint", "http://nowhere.invalid", "--give-up", "500")
    assert done.code == 1 and "nowhere.invalid" in done.err and done.requests == 0


def test_a_conflict_that_passes(target):
    """Two conditional writes at once: AWS asks to repeat."""
    said = [answer(409, b"<Error><Code>ConditionalRequestConflict</Code></Error>") for _ in range(3)]
    with Peer(lambda r: said.pop() if said else answer(200, ETag='"e"')) as peer:
        t = Target(target.tmp_path, ["--bucket", "bbb", "--endpoint", peer.endpoint], target.env)
        done = t.put({"k": b""}, condition="new")
        assert done.lines[0] == ["DONE", "k", "e"] and len(peer.requests) == 4


def test_each_attempt_is_signed_anew(target):
    said = [answer(503)]

    def slowly(_):
        time.sleep(1.1)  # signatures tell seconds
        return said.pop() if said else answer(200, ETag='"e"')

    with Peer(slowly) as peer:
        t = Target(target.tmp_path, ["--bucket", "bbb", "--endpoint", peer.endpoint], target.env)
        assert t.put({"k": b""}).lines[0][0] == "DONE"
        first, second = (r.headers["x-amz-date"] for r in peer.requests)
        assert first != second


@pytest.mark.parametrize("identity, size, outcome", [(None, 4, "DONE"), ("0" * 64, 4, "CONFLICT"), (None, 5, "CONFLICT")])
def test_doubt_is_settled_by_what_is_stored(target, identity, size, outcome):
    ours = hashlib.sha256(b"body").hexdigest()

    def script(request):
        if request.method == "HEAD":
            return ("HTTP/1.1 200 OK\r\nETag: \"e2\"\r\nContent-Length: %d\r\nx-amz-meta-platen-sha256: %s\r\n\r\n"
                    % (size, identity or ours)).encode()
        return answer(500) if len(peer.requests) == 1 else answer(412)

    with Peer(script) as peer:
        t = Target(target.tmp_path, ["--bucket", "bbb", "--endpoint", peer.endpoint], target.env)
        done = t.put({"k": b"body"}, condition="new")
        assert done.lines[0] == [outcome, "k", "e2" if outcome == "DONE" else ""]
        assert [r.method for r in peer.requests] == ["PUT", "PUT", "HEAD"]


def test_without_doubt_nobody_is_asked(target):
    with Peer(lambda r: answer(412)) as peer:
        t = Target(target.tmp_path, ["--bucket", "bbb", "--endpoint", peer.endpoint], target.env)
        assert t.put({"k": b"body"}, condition="new").lines[0][0] == "CONFLICT"
        assert len(peer.requests) == 1


def test_nothing_to_match_is_a_conflict(target):
    """AWS answers 404 where this server answers 412."""
    with Peer(lambda r: answer(404, b"<Error><Code>NoSuchKey</Code></Error>")) as peer:
        t = Target(target.tmp_path, ["--bucket", "bbb", "--endpoint", peer.endpoint], target.env)
        assert t.put({"k": b"body"}, condition="abc").lines[0][0] == "CONFLICT"


def test_credentials_that_expire_are_fetched_again(target, tmp_path):
    """The container's endpoint hands out a key that the server soon calls expired."""
    given = []

    def script(request):
        if request.target == "/credentials":
            given.append(1)
            return answer(200, b'{"AccessKeyId":"AKIA%d","SecretAccessKey":"s","Token":"t",'
                          b'"Expiration":"2099-01-01T00:00:00Z"}' % len(given))
        if "AKIA1/" in request.headers["authorization"]:
            return answer(400, b"<Error><Code>ExpiredToken</Code></Error>")
        return answer(200, ETag='"e"')

    with Peer(script) as peer:
        t = Target(tmp_path, ["--bucket", "bbb", "--endpoint", peer.endpoint],
                   {"AWS_CONTAINER_CREDENTIALS_FULL_URI": peer.endpoint + "/credentials"})
        done = t.put(some(40))
        assert done.code == 0 and set(done.outcomes().values()) == {"DONE"}, done
        assert len(given) == 2
