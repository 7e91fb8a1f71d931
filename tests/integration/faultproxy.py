"""A proxy in front of an HTTP server that fails as servers and networks do: haproxy, with faults switched while it runs.

    with FaultProxy(s3.port) as proxy:
        proxy.set(p503=333)          # a third of all requests, by chance
        proxy.set(third=503)         # every third request, exactly
        proxy.set(first=1)           # the first PUT of each key
        proxy.heal()

Rates are per mille. The Host header passes as it is, so that signatures stay good.

    p503, p500   an error instead of an answer; nothing has reached the server
    third        500 or 503 for every third request
    first        503 for each path's first PUT, with Retry-After: 1
    prst         the connection is closed without an answer
    pdrop        no answer, and the connection stays
    plost        the server has done it, but the answer is a 500
    delay        milliseconds before each request goes on
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time

from s3server import free_ports

SLOW_DOWN = ("<?xml version=\\\"1.0\\\" encoding=\\\"UTF-8\\\"?><Error><Code>SlowDown</Code>"
             "<Message>Please reduce your request rate.</Message></Error>")
INTERNAL = ("<?xml version=\\\"1.0\\\" encoding=\\\"UTF-8\\\"?><Error><Code>InternalError</Code>"
            "<Message>We encountered an internal error. Please try again.</Message></Error>")
FAULTS = ("delay", "p503", "p500", "prst", "plost", "pdrop", "first", "third")

CONF = """
global
  maxconn 2048
  nbthread 1
  stats socket unix@hap.sock mode 600 level admin
  lua-load delay.lua
{variables}
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend f
  bind 127.0.0.1:{port}
  http-request track-sc0 path table firsts if {{ method PUT }}
  http-request return status 503 content-type application/xml hdr Retry-After 1 string "{slow_down}" \
if {{ method PUT }} {{ var(proc.first) -m int 1 }} {{ sc0_inc_gpc0(firsts) eq 1 }}
  http-request track-sc1 int(1) table all
  http-request set-var(txn.n) sc1_http_req_cnt(all),mod(3)
  http-request return status 503 content-type application/xml string "{slow_down}" \
if {{ var(proc.third) -m int 503 }} {{ var(txn.n) -m int 0 }}
  http-request return status 500 content-type application/xml string "{internal}" \
if {{ var(proc.third) -m int 500 }} {{ var(txn.n) -m int 0 }}
  http-request return status 503 content-type application/xml string "{slow_down}" \
if {{ rand(1000),sub(proc.p503) lt 0 }}
  http-request return status 500 content-type application/xml string "{internal}" \
if {{ rand(1000),sub(proc.p500) lt 0 }}
  http-request reject if {{ rand(1000),sub(proc.prst) lt 0 }}
  http-request silent-drop if {{ rand(1000),sub(proc.pdrop) lt 0 }}
  http-response return status 500 content-type text/plain string "lost" if {{ rand(1000),sub(proc.plost) lt 0 }}
  http-request lua.delay if {{ var(proc.delay) -m int gt 0 }}
  default_backend server
backend firsts
  stick-table type string len 400 size 200k expire 1h store gpc0
backend all
  stick-table type integer size 10 expire 1h store http_req_cnt
backend server
  server s 127.0.0.1:{server_port}
"""

DELAY = """
core.register_action("delay", { "http-req" }, function(txn)
  local ms = txn:get_var("proc.delay") or 0
  if ms > 0 then core.msleep(ms) end
end)
"""


class FaultProxy:
    def __init__(self, server_port):
        self.port, = free_ports(1)
        self.endpoint = "http://127.0.0.1:%d" % self.port
        self.dir = tempfile.mkdtemp(prefix="platen-hap-")
        conf = CONF.format(port=self.port, server_port=server_port, slow_down=SLOW_DOWN, internal=INTERNAL,
                           variables="\n".join("  set-var proc.%s int(0)" % name for name in FAULTS))
        for name, text in (("hap.cfg", conf), ("delay.lua", DELAY)):
            with open(os.path.join(self.dir, name), "w") as f:
                f.write(text)
        self._log = open(os.path.join(self.dir, "log"), "w+b")
        self._process = subprocess.Popen([shutil.which("haproxy") or "/usr/sbin/haproxy", "-db", "-f", "hap.cfg"],
                                         cwd=self.dir, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self._log.seek(0)
                    text = self._log.read().decode(errors="replace")
                    self.stop()
                    raise RuntimeError("haproxy did not start: " + text[-2000:])
                time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()

    def set(self, **faults):
        for name, value in faults.items():
            assert name in FAULTS, name
            said = self._say("experimental-mode on;set var proc.%s int(%d)" % (name, value))
            assert not said.strip(), said

    def heal(self):
        self.set(**dict.fromkeys(FAULTS, 0))

    def requests(self):
        """How many have come so far."""
        lines = self._say("show stat").splitlines()
        names = lines[0].lstrip("# ").split(",")
        for line in lines[1:]:
            row = dict(zip(names, line.split(",")))
            if row["pxname"] == "f" and row["svname"] == "FRONTEND":
                return int(row["req_tot"])
        raise RuntimeError("haproxy does not count")

    def _say(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            here = os.open(self.dir, os.O_RDONLY)  # the path may be too long for a socket's address
            try:
                s.connect("/proc/self/fd/%d/hap.sock" % here)
            finally:
                os.close(here)
            s.sendall(command.encode() + b"\n")
            said = b""
            while part := s.recv(65536):
                said += part
        return said.decode()

    def stop(self):
        self._process.kill()
        self._process.wait()
        self._log.close()
        shutil.rmtree(self.dir, ignore_errors=True)
