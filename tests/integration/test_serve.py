"""platen serve over real sockets: negotiation, conditions, hostile requests, a build passing by."""

import concurrent.futures
import email.utils
import gzip
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PLATEN = os.path.abspath(os.environ.get("PLATEN", ROOT / "build" / "platen"))

GENERATION = 1700000000
PAGE = b"<!doctype html><title>Home</title>" + b"<p>words</p>" * 50
PAGE_FR = "<!doctype html><title>Été</title>".encode()
NOT_HERE = b"<title>Not here</title>" * 9


def put(root, path, data, mtime=GENERATION, twin=False):
    """A file as the store leaves it: with its twin, both of one whole second."""
    for name, content in [(path, data)] + ([(path + ".gz", gzip.compress(data, mtime=0))] if twin else []):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        os.utime(file, (mtime, mtime))


def environment():
    heeded = re.compile(r"PLATEN_|PG[A-Z]|DATABASE_URL$")
    return {k: v for k, v in os.environ.items() if not heeded.match(k)}


def parse(reply):
    """status, headers (small names), body."""
    head, _, body = reply.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    return int(status.split()[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}, body


class Server:
    """A running `platen serve` and the shortest ways to ask it."""

    def __init__(self, folder, *options, quiet=True):
        words = [PLATEN, "serve", "--port", "0", *(["--quiet"] if quiet else []), *options]
        self.process = subprocess.Popen(words, cwd=folder, env=environment(), stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        assert self.url, self.process.communicate(timeout=10)[1]
        self.port = int(re.match(r"http://[^/]*:(\d+)/", self.url).group(1))

    def stop(self, number=signal.SIGTERM):
        """The exit code and what it said."""
        self.process.send_signal(number)
        _, stderr = self.process.communicate(timeout=20)
        return self.process.returncode, stderr

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def raw(self, data):
        """Sends bytes as they are; the whole reply until the server closes."""
        with self.connect() as s:
            s.sendall(data)
            reply = b""
            while more := s.recv(65536):
                reply += more
        return reply

    def ask(self, path, method="GET", **headers):
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return parse(self.raw("\r\n".join(lines + ["", ""]).encode("latin-1")))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    public = folder / "out" / "public"
    put(public, "index.html", PAGE, twin=True)
    put(public, "fr/index.html", PAGE_FR)
    put(public, "en/homepage.json", b"[]")
    put(public, "assets/site.css", b"body{}")
    put(public, "404.html", NOT_HERE, twin=True)
    put(public, ".hidden", b"hidden")
    put(folder, "secret.txt", b"secret")
    (public / "leak.txt").symlink_to("../../secret.txt")
    return folder


@pytest.fixture(scope="module")
def server(site):
    running = Server(site)
    yield running
    assert running.stop() == (0, "")


# --- pages ----------------------------------------------------------------------------------------------------------


def test_a_page_has_type_length_and_validators(server):
    status, headers, body = server.ask("/")
    assert (status, body) == (200, PAGE)
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["content-length"] == str(len(PAGE))
    assert headers["last-modified"] == email.utils.formatdate(GENERATION, usegmt=True)
    assert re.fullmatch(r'"[0-9a-f]+-[0-9a-f]+"', headers["etag"])
    assert headers["vary"] == "Accept-Encoding"
    assert headers["cache-control"] == "no-cache"
    assert "content-encoding" not in headers
    assert "date" in headers


@pytest.mark.parametrize("path, kind, body", [
    ("/fr/", "text/html; charset=utf-8", PAGE_FR),
    ("/fr/index.html", "text/html; charset=utf-8", PAGE_FR),
    ("/en/homepage.json", "application/json", b"[]"),
    ("/assets/site.css?v=1", "text/css; charset=utf-8", b"body{}"),
])
def test_types_come_from_suffixes(server, path, kind, body):
    status, headers, got = server.ask(path)
    assert (status, headers["content-type"], got) == (200, kind, body)


def test_head_is_get_without_the_body(server):
    for path in ("/", "/nowhere", "/fr"):
        for headers in ({}, {"Accept_Encoding": "gzip"}):
            get, head = server.ask(path, **headers), server.ask(path, "HEAD", **headers)
            get[1].pop("date"), head[1].pop("date")
            assert head[0] == get[0]
            assert head[1] == get[1]
            assert head[2] == b""


def test_folders_get_their_slash(server):
    status, headers, _ = server.ask("/fr")
    assert (status, headers["location"]) == (301, "/fr/")
    assert server.ask("/fr?a=b")[1]["location"] == "/fr/?a=b"


def test_a_missing_page_is_the_404_page(server):
    status, headers, body = server.ask("/nowhere")
    assert (status, body) == (404, NOT_HERE)
    assert headers["content-type"] == "text/html; charset=utf-8"
    status, headers, body = server.ask("/nowhere", Accept_Encoding="gzip")
    assert (status, headers["content-encoding"]) == (404, "gzip")
    assert gzip.decompress(body) == NOT_HERE


# --- variants and conditions ----------------------------------------------------------------------------------------


def test_the_twin_is_sent_to_who_takes_it(server):
    plain = server.ask("/")
    status, headers, body = server.ask("/", Accept_Encoding="gzip, deflate")
    assert (status, headers["content-encoding"], headers["vary"]) == (200, "gzip", "Accept-Encoding")
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert gzip.decompress(body) == PAGE
    assert headers["etag"] != plain[1]["etag"]
    assert "content-encoding" not in server.ask("/", Accept_Encoding="gzip;q=0")[1]
    assert "content-encoding" not in server.ask("/fr/", Accept_Encoding="gzip")[1]
    assert server.ask("/fr/", Accept_Encoding="identity;q=0")[0] == 406


@pytest.mark.parametrize("accept", ["identity", "gzip"])
def test_what_the_client_has_is_not_sent_again(server, accept):
    sent = server.ask("/", Accept_Encoding=accept)[1]
    tag = sent["etag"]
    status, headers, body = server.ask("/", Accept_Encoding=accept, If_None_Match=tag)
    assert (status, body) == (304, b"")
    assert headers["etag"] == tag
    assert headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in headers
    assert headers.get("content-length", sent["content-length"]) == sent["content-length"]
    other = "gzip" if accept == "identity" else "identity"
    assert server.ask("/", Accept_Encoding=other, If_None_Match=tag)[0] == 200
    assert server.ask("/", If_Modified_Since=email.utils.formatdate(GENERATION, usegmt=True))[0] == 304
    assert server.ask("/", If_Modified_Since=email.utils.formatdate(GENERATION - 1, usegmt=True))[0] == 200


def test_connections_are_kept(server):
    with server.connect() as s:
        for _ in range(3):
            s.sendall(b"GET /fr/ HTTP/1.1\r\nHost: x\r\n\r\n")
            reply = b""
            while not reply.endswith(PAGE_FR):
                more = s.recv(65536)
                assert more, reply
                reply += more
            assert reply.startswith(b"HTTP/1.1 200 ")


def test_curl_reads_it(server):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    done = subprocess.run(["curl", "-sS", "--fail", "--compressed", server.url], capture_output=True)
    assert (done.returncode, done.stdout) == (0, PAGE)
    done = subprocess.run(["curl", "-sS", "-L", "-o", "/dev/null", "-w", "%{http_code} %{url_effective}",
                           server.url + "fr"], capture_output=True, text=True)
    assert done.stdout == f"200 {server.url}fr/"


# --- what it refuses ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"])
def test_other_methods_are_refused(server, method):
    status, headers, _ = server.ask("/", method)
    assert (status, headers["allow"]) == (405, "GET, HEAD")


def test_a_body_does_not_disturb(server):
    body = b"x" * 100000
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert parse(server.raw(head + body))[0] == 405


@pytest.mark.parametrize("path", [
    "/../secret.txt", "/../../secret.txt", "/%2e%2e/%2e%2e/secret.txt", "/..%2f..%2fsecret.txt",
    "/fr/../../../secret.txt", "/fr/%2e%2e/%2e%2e/%2e%2e/secret.txt", "/..\\..\\secret.txt",
    "/..%5c..%5csecret.txt", "/%00", "/index.html%00.txt", "/leak.txt", "/.hidden", "/%2ehidden",
    "/%c0%ae%c0%ae/secret.txt", "//etc/passwd", "/%2fetc/passwd", "/%252e%252e/secret.txt",
    "/%", "/%1", "/%gg", "/%0d%0aX:1", "/" + "a/" * 1500, "/" + "a" * 300,
])
def test_nothing_outside_is_served(server, path):
    status, headers, body = server.ask(path)
    assert status in (400, 404)
    assert b"secret" not in body and b"hidden" not in body and b"root:" not in body
    assert "x" not in headers


def send_anyway(server, data):
    """For what the server may refuse before everything is sent."""
    try:
        with server.connect() as s:
            s.settimeout(1)  # it may as well wait for the rest
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
    except OSError:  # reset, broken pipe or not connected any more, whichever the moment brings
        pass


def test_long_and_broken_requests(server):
    assert server.ask("/" + "a" * 5000)[0] == 414
    for data in (b"", b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x00\xff" * 100,
                 b"GET /" + b"a" * 100000, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000):
        send_anyway(server, data)
    assert server.ask("/")[0] == 200


def test_absolute_targets_are_understood(server):
    assert server.ask("http://localhost/fr/")[2] == PAGE_FR
    assert server.ask("http://localhost/../secret.txt")[0] in (400, 404)


def test_hostile_paths_do_not_reach_the_log(site):
    running = Server(site, "--verbose", quiet=False)
    send_anyway(running, b"GET /\x1b[31m\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    running.ask("/fr/")
    _, stderr = running.stop()
    assert "\x1b" not in stderr
    assert "platen: GET /fr/ 200 -\n" in stderr
    assert "platen: serving out/public; Ctrl-C ends it\n" in stderr


# --- beginning and end ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_it_with_0(site, number):
    running = Server(site)
    with running.connect() as idle:
        idle.sendall(b"GET / HT")
        assert running.stop(number) == (0, "")


def test_a_port_in_use_is_explained(server, site):
    done = subprocess.run([PLATEN, "serve", "--port", str(server.port)], cwd=site, env=environment(),
                          capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (f"platen: error: port {server.port} of 127.0.0.1 is in use; choose another with --port N, "
                           "or --port 0 for any that is free\n")


@pytest.mark.parametrize("address, message", [
    ("203.0.113.7", "--bind: 203.0.113.7 is no address of this machine"),
    ("not an address", "--bind: 'not an address' is no address"),
])
def test_a_wrong_address_is_explained(site, address, message):
    done = subprocess.run([PLATEN, "serve", "--bind", address, "--port", "0"], cwd=site, env=environment(),
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert message in done.stderr


def test_nothing_printed_yet(tmp_path):
    done = subprocess.run([PLATEN, "serve"], cwd=tmp_path, env=environment(), capture_output=True, text=True,
                          timeout=20)
    assert done.returncode == 1
    assert "there is no folder out/public; print the site first (platen build)" in done.stderr


def test_a_base_path_is_kept(site):
    (site / "sub.yaml").write_text("site: {base_url: 'https://www.example.com/shop/'}\n")
    running = Server(site, "--config", "sub.yaml")
    try:
        assert running.url.endswith("/shop/")
        assert running.ask("/")[1]["location"] == "/shop/"
        assert running.ask("/shop/fr/")[2] == PAGE_FR
        assert running.ask("/shop/fr")[1]["location"] == "/shop/fr/"
        assert running.ask("/fr/")[0] == 404
    finally:
        running.stop()


# --- while a build passes -------------------------------------------------------------------------------------------


def page(number):
    return b"%d " % number + b"generation %d " % number * 3000


def replace(public, path, data, mtime):
    """As the store does it: unlink the twin, rename the page, rename the new twin."""
    stage = public.parent / "stage"
    put(stage, path, data, mtime, twin=True)
    (public / (path + ".gz")).unlink(missing_ok=True)
    (stage / path).rename(public / path)
    (stage / (path + ".gz")).rename(public / (path + ".gz"))


def test_a_build_passing_by_never_mixes_generations(tmp_path):
    """Pages are renamed over while many clients read: each reply is whole and of one generation."""
    public = tmp_path / "out" / "public"
    put(public, "index.html", page(0), twin=True)
    running = Server(tmp_path)
    over = threading.Event()

    def print_again():
        generation = 0
        while not over.is_set():
            generation += 1
            replace(public, "index.html", page(generation), GENERATION + generation)
        return generation

    def read(encoding):
        seen = []
        while not over.is_set():
            status, headers, body = running.ask("/", Accept_Encoding=encoding)
            assert status == 200
            if headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            number = int(body.split(b" ", 1)[0])
            assert body == page(number)
            modified = email.utils.parsedate_to_datetime(headers["last-modified"]).timestamp()
            assert modified == GENERATION + number
            seen.append(number)
        return seen

    with concurrent.futures.ThreadPoolExecutor() as pool:
        writer = pool.submit(print_again)
        readers = [pool.submit(read, e) for e in ("gzip", "identity", "gzip")]
        time.sleep(2)
        over.set()
        assert writer.result() > 20
        for reader in readers:
            seen = reader.result()
            assert seen == sorted(seen)
            assert len(set(seen)) > 5
    assert running.stop() == (0, "")


def test_out_may_be_replaced(tmp_path):
    public = tmp_path / "out" / "public"
    put(public, "index.html", b"old")
    running = Server(tmp_path)
    assert running.ask("/")[2] == b"old"
    shutil.rmtree(public)
    assert running.ask("/")[0] == 404
    put(public, "index.html", b"new")
    assert running.ask("/")[2] == b"new"
    assert running.stop() == (0, "")
