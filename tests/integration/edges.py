"""Servers between an origin and its visitors: scripted ones, nginx and Varnish; and the program that purges and proves.

    with Peer([(200, {}, b"yes"), 429, "hang"]) as peer: ...; peer.requests
    with Nginx(tmp_path / "n", root) as nginx, Varnish(tmp_path / "v", nginx.port) as varnish: ...
    done = edge(base_url="https://www.example.com/", purge=[...], paths=[...])
"""

import http.server
import json
import os
import pathlib
import re
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

from program import PLATEN, ROOT

EDGE = pathlib.Path(PLATEN).parent / "helpers" / "edge"
DEADLINE = 30


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def edge(env=None, **says):
    """Runs the program; the object it writes, with `.seconds` and all."""
    done = subprocess.run([EDGE], input=json.dumps(says).encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**os.environ, **(env or {})}, timeout=60)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return json.loads(done.stdout)


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body

    def json(self):
        return json.loads(self.body)


class Peer:
    """Answers requests from a list, its last entry for ever, or by a function of the request.

    An answer is a status, (status, headers, body), "hang" or "close"; a header Content-Length that is given is sent as
    it is.
    """

    def __init__(self, answers):
        self.answers, self.requests = answers, []
        self._lock, self._over = threading.Lock(), threading.Event()
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                peer._answer(self, Request(self.command, self.path, self.headers, body))

            do_GET = do_HEAD = do_POST = do_PUT = do_PURGE = do_BAN = handle_any

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self._server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler, request):
        with self._lock:
            self.requests.append(request)
            if callable(self.answers):
                answer = self.answers(request)
            else:
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        handler.close_connection = True
        if answer == "hang":
            self._over.wait(DEADLINE)
        if answer in ("hang", "close"):
            return
        status, headers, body = (answer, {}, b"") if isinstance(answer, int) else answer
        handler.send_response_only(status)
        for name, value in {"Date": handler.date_time_string(), "Content-Length": str(len(body)), "Connection": "close",
                            **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        if request.method != "HEAD":
            handler.wfile.write(body)


class Daemon:
    """A server as a child process, until it takes connections on its port."""

    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self):
        return "http://127.0.0.1:%d/" % self.port

    def __enter__(self):
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(self.argv(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + DEADLINE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                said = (self.folder / "log").read_text(errors="replace")
                assert self.process.poll() is None and time.monotonic() < until, said
                time.sleep(0.05)

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def get(self, path, **headers):
        """(status, headers, body) of what a visitor of www.example.com gets; redirects are not followed."""
        request = urllib.request.Request(self.url.rstrip("/") + path, headers={"Host": "www.example.com", **headers})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)
        try:
            with opener.open(request, timeout=DEADLINE) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, answer.read()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Nginx(Daemon):
    """deploy/nginx.conf on a port of its own, with the headers that platen stores objects with at an origin."""

    CACHE = "public, max-age=0, s-maxage=31536000"

    def __init__(self, folder, root):
        super().__init__(folder)
        server = (ROOT / "deploy" / "nginx.conf").read_text()
        server = server.replace("listen 80;", "listen 127.0.0.1:%d;" % self.port).replace("    listen [::]:80;\n", "")
        server = server.replace("/srv/site/out/public", str(root)).replace('"no-cache"', '"%s"' % self.CACHE)
        temp = "".join("%s_temp_path %s;\n" % (what, folder / "temp") for what in
                       ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;\n" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(
            "%sdaemon off; master_process off; pid %s; error_log stderr warn;\nevents {}\nhttp {\n"
            "include /etc/nginx/mime.types; access_log off;\n%s%s\n}\n" % (user, folder / "pid", temp, server))

    def argv(self):
        return ["nginx", "-p", str(self.folder) + "/", "-c", str(self.folder / "nginx.conf"), "-e", "stderr"]


class Varnish(Daemon):
    """deploy/varnish.vcl in front of a backend."""

    def __init__(self, folder, backend_port, acl=None):
        super().__init__(folder)
        vcl = (ROOT / "deploy" / "varnish.vcl").read_text().replace('"8080"', '"%d"' % backend_port)
        if acl is not None:
            vcl = re.sub(r"acl purgers \{.*?\}", "acl purgers { %s }" % acl, vcl, flags=re.S)
        (folder / "site.vcl").write_text(vcl)

    def argv(self):
        return ["varnishd", "-F", "-n", str(self.folder / "n"), "-j", "none", "-a", "127.0.0.1:%d" % self.port, "-f",
                str(self.folder / "site.vcl"), "-s", "malloc,32m", "-T", "none", "-p", "thread_pools=1"]
