"""Proof of live: through real nginx and Varnish, and against peers that answer anything but the page."""

import gzip
import hashlib
import threading
import time
import zlib

import pytest

from edges import Nginx, Peer, Varnish, edge, free_port

PAGE = b"<!doctype html><title>page</title>" + b"<p>text of a page</p>" * 400
OLD = PAGE.replace(b"text", b"that")
GZIP = {"Content-Encoding": "gzip"}


def sha(data):
    return hashlib.sha256(data).hexdigest()


def prove(url, paths, **more):
    return edge(base_url=url, paths=paths, **{"prove": "content", "deadline_ms": 20000, "stall_ms": 10000, **more})


def refused(url, paths, answer=None, **more):
    """The same where no good end is awaited."""
    return prove(url, paths, deadline_ms=400, stall_ms=600 if answer == "hang" else 10000, **more)


def write(root, name, data):
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    (root / (name + ".gz")).write_bytes(gzip.compress(data))


# ---- peers that answer as they like -------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [
    (200, {}, PAGE),
    (200, GZIP, gzip.compress(PAGE)),
    (200, {"Content-Encoding": "x-gzip"}, gzip.compress(PAGE)),
    (200, {"content-encoding": "GZIP "}, gzip.compress(PAGE)),
    (200, {"Content-Encoding": "identity"}, PAGE),
    (200, GZIP, gzip.compress(PAGE[:1000]) + gzip.compress(PAGE[1000:])),
])
def test_a_page_is_live_whatever_way_it_is_packed(answer):
    with Peer([answer]) as peer:
        done = prove(peer.url + "/", [["x/index.html", sha(PAGE)]])
        assert (done["ok"], done["live"], done["missing"], done["error"]) == (True, 1, 0, "")
        [request] = peer.requests
    assert (request.method, request.path, request.headers["Accept-Encoding"]) == ("GET", "/x/", "gzip")


@pytest.mark.parametrize("answer, told", [
    ((200, {"Age": "31", "X-Cache": "HIT"}, OLD), "expected sha-256 %s, got %s, age 31, x-cache HIT" % (sha(PAGE)[:12], sha(OLD)[:12])),
    ((200, {}, b""), "got e3b0c44298fc"),
    ((200, {}, gzip.compress(PAGE)), "the answer is gzip and does not say so"),
    ((200, GZIP, PAGE), "the gzip in the answer is damaged"),
    ((200, GZIP, gzip.compress(PAGE)[:-9]), "the gzip in the answer is cut short"),
    ((200, GZIP, b""), "the gzip in the answer is cut short"),
    ((200, GZIP, gzip.compress(PAGE)[:-5] + b"xxxxx"), "the gzip in the answer is damaged"),
    ((200, GZIP, gzip.compress(PAGE) + b"more"), "the gzip in the answer is damaged"),
    ((200, GZIP, zlib.compress(PAGE)), "the gzip in the answer is damaged"),
    ((200, {"Content-Encoding": "br"}, b"\x0b\x02\x80"), "Content-Encoding is br, which was not asked for"),
    ((200, {"Content-Encoding": "gzip, gzip"}, gzip.compress(gzip.compress(PAGE))), "Content-Encoding is gzip, gzip"),
    ((301, {"Location": "https://elsewhere.example.com/x/"}, PAGE), "expected 200, got 301 to https://elsewhere.example.com/x/"),
    ((206, {}, PAGE), "expected 200, got 206"),
    ((404, {}, PAGE), "expected 200, got 404"),
    ((503, {}, PAGE), "expected 200, got 503"),
    ((200, {"Content-Length": str(len(PAGE) + 10)}, PAGE), "127.0.0.1"),
    ("hang", "127.0.0.1"),
    ("close", "127.0.0.1"),
])
def test_what_is_not_the_page_is_not_live(answer, told):
    with Peer([answer]) as peer:
        done = refused(peer.url + "/", [["x/index.html", sha(PAGE)]], answer)
    assert (done["ok"], done["live"], done["missing"]) == (False, 0, 1)
    assert done["error"].startswith(peer.url + "/x/ is not live after ") and told in done["error"], done["error"]


def test_a_bomb_is_not_unpacked_to_its_end():
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(192)) + packer.flush()
    with Peer([(200, GZIP, bomb)]) as peer:
        done = refused(peer.url + "/", [["a.html", sha(PAGE)]])
    assert "larger unpacked than any page" in done["error"], done


def test_what_is_removed_is_gone():
    for status in (404, 410):
        with Peer([(status, {}, b"")]) as peer:
            assert prove(peer.url + "/", [["a.html", None]])["ok"]
    for answer, told in ((200, "expected 404 or 410, got 200"), (403, "s3:ListBucket"), (302, "expected 404 or 410, got 302"),
                         (500, "expected 404 or 410, got 500")):
        with Peer([answer]) as peer:
            done = refused(peer.url + "/", [["a.html", None]])
        assert not done["ok"] and told in done["error"], done


def test_by_header_the_bytes_do_not_matter():
    with Peer([(200, {"X-Amz-Meta-Platen-Sha256": sha(PAGE).upper()}, b"rewritten by the CDN")]) as peer:
        assert prove(peer.url + "/", [["a.html", sha(PAGE)]], prove="header")["ok"]
        assert peer.requests[0].method == "HEAD"
    with Peer([(200, {"X-Amz-Meta-Platen-Sha256": sha(OLD)}, b"")]) as peer:
        done = refused(peer.url + "/", [["a.html", sha(PAGE)]], prove="header")
        assert "expected x-amz-meta-platen-sha256 %s, got %s" % (sha(PAGE)[:12], sha(OLD)[:12]) in done["error"]
    with Peer([(200, {}, PAGE)]) as peer:
        done = refused(peer.url + "/", [["a.html", sha(PAGE)]], prove="header")
        assert "the answer has no x-amz-meta-platen-sha256" in done["error"]


def test_it_is_asked_again_ever_more_slowly_until_live():
    begun, times = time.monotonic(), []

    def answer(_):
        times.append(time.monotonic() - begun)
        return (200, {}, PAGE if times[-1] > 3 else OLD)
    with Peer(answer) as peer:
        done = prove(peer.url + "/", [["a.html", sha(PAGE)]])
    assert done["ok"] and 2.5 < done["seconds"] < 20, done
    pauses = [after - before for before, after in zip(times, times[1:])]
    assert 4 <= len(times) <= 12 and max(pauses) > min(pauses) * 1.5, pauses


def test_of_a_long_list_some_are_asked_and_one_that_is_removed():
    paths = [["%03d.html" % i, sha(PAGE)] for i in range(500)] + [["gone.html", None], ["z.html", sha(PAGE)]]
    paths[400:400] = [paths.pop(500)]
    with Peer(lambda r: 404 if "gone" in r.path else (200, {}, PAGE)) as peer:
        done = prove(peer.url + "/", paths, most=10)
        assert (done["ok"], done["live"]) == (True, 10), done
        asked = sorted(request.path for request in peer.requests)
    assert len(set(asked)) == 10 and asked[0] == "/000.html" and "/gone.html" in asked


def test_the_public_address_may_be_another_and_how_many_is_told():
    with Peer(lambda r: (200, {}, PAGE if r.path == "/s/b%20%C3%A9.html" else OLD)) as peer:
        done = refused("http://127.0.0.1:%d/" % free_port(),
                       [["a.html", sha(PAGE)], ["b \u00e9.html", sha(PAGE)], ["index.html", sha(PAGE)]], prove_url=peer.url + "/s/")
    assert (done["live"], done["missing"]) == (1, 2)
    assert done["error"].startswith("2 of 3 paths are not live: %s/s/a.html is not live" % peer.url)


# ---- nginx and Varnish ----------------------------------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "public"
    write(root, "index.html", OLD)
    write(root, "en/index.html", OLD)
    write(root, "old.html", OLD)
    (root / "plain.json").write_text("{}")
    return root


def test_nginx_sends_the_twin_and_it_is_the_page(root, tmp_path):
    with Nginx(tmp_path / "nginx", root) as nginx:
        assert nginx.get("/en/", **{"Accept-Encoding": "gzip"})[1]["Content-Encoding"] == "gzip"
        done = prove(nginx.url, [["index.html", sha(OLD)], ["en/index.html", sha(OLD)], ["plain.json", sha(b"{}")],
                                 ["missing.html", None]])
        assert (done["ok"], done["live"]) == (True, 4), done
        (root / "en" / "index.html.gz").write_bytes(gzip.compress(PAGE))
        done = refused(nginx.url, [["en/index.html", sha(OLD)]])
        assert not done["ok"] and "got " + sha(PAGE)[:12] in done["error"], "a twin that is not the page's"


def test_a_stale_page_becomes_live_by_the_purge(root, tmp_path):
    want = [["en/index.html", sha(PAGE)], ["old.html", None]]
    with Nginx(tmp_path / "nginx", root) as nginx, Varnish(tmp_path / "varnish", nginx.port) as varnish:
        assert prove(varnish.url, [["en/index.html", sha(OLD)], ["old.html", sha(OLD)]])["ok"]
        write(root, "en/index.html", PAGE)
        (root / "old.html").unlink()
        (root / "old.html.gz").unlink()
        done = refused(varnish.url, want)
        assert (done["ok"], done["missing"]) == (False, 2) and "x-cache HIT" in done["error"], done
        purge = {"base_url": varnish.url, "release": "2", "paths": ["en/index.html", "old.html"],
                 "purge": [{"type": "varnish", "url": varnish.url}]}
        later = threading.Timer(1, lambda: edge(**purge))
        later.start()
        done = prove(varnish.url, want)
        later.join()
        assert done["ok"] and done["seconds"] > 0.9, done


def test_nginx_denies_the_record(root, tmp_path):
    write(root, ".platen/claim.json", b"secret")
    write(root, ".well-known/x.txt", b"public")
    with Nginx(tmp_path / "nginx", root) as nginx:
        for path in ("/.platen/claim.json", "/%2eplaten/claim.json", "/x/../.platen/claim.json"):
            assert nginx.get(path)[0] == 404, path
        assert nginx.get("/.well-known/x.txt")[0] == 200
