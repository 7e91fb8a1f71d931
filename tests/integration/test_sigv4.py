"""Signatures: ours, botocore's and libcurl's are one and the same.

botocore is asked for all that it can be asked; libcurl 7.88 signs path, query and headers as it gets them, so it is
given what is canonical already (percent-encoded, sorted, each header once and no name the beginning of another).
"""

import hashlib
import json
import os
import random
import socket
import subprocess
import threading
import urllib.parse

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from helper import helper

EMPTY = hashlib.sha256(b"").hexdigest()
ODD = list(" +=%&@:;,()!'*$~#?[]{}|\\^\"<>`-_.") + ["é", "ß", "Ω", "日本", "🙂", "e\u0301", "\u05d0", "\x7f", "\u0001", "%2F", "%20", "+ +"]
PLAIN = "abcdefghijklmnopqrstuvwxyzABCXYZ0189"


def sign(jobs):
    """What our signer says to each."""
    lines = "".join(json.dumps(job) + "\n" for job in jobs)
    done = subprocess.run([helper("sign")], input=lines.encode(), capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(jobs)
    return answers


class Dice(random.Random):
    def word(self, most=8, odd=0.3):
        return "".join(self.choice(ODD) if self.random() < odd else self.choice(PLAIN) for _ in range(self.randint(1, most)))

    def path(self):
        parts = [self.word() if self.random() < 0.9 else self.choice(["", ".", "..", "a" * 200]) for _ in range(self.randint(0, 30))]
        return "/" + "/".join(parts)

    def query(self):
        names = [self.choice(["list-type", "prefix", "a", "a-b", "A", "continuation-token", "delete", self.word()]) for _ in range(self.randint(0, 5))]
        return [[name, self.choice(["", self.word(20)])] for name in names]

    def value(self):
        blanks = lambda: self.choice(["", "", " ", "  ", "\t", " \t "])
        return blanks() + "".join(self.word(6) + blanks() for _ in range(self.randint(0, 4))).replace("\x01", "")

    def headers(self):
        names = ["x-amz-meta-a", "X-Amz-Meta-A-B", "x-amz-meta-a", "Content-Type", "Cache-Control", "If-Match", "x-amz-acl", "X-AMZ-acl-x",
                 "x-amz-meta-platen-sha256", "x-amz-meta_b", "x-amz-meta.c", "Content-MD5"]
        return [[self.choice(names), self.value()] for _ in range(self.randint(0, 8))]

    def job(self):
        time = "20%02d%02d%02dT%02d%02d%02dZ" % (self.randint(20, 40), self.randint(1, 12), self.randint(1, 28), self.randint(0, 23), self.randint(0, 59), self.randint(0, 59))
        service = self.choice(["s3", "s3", "s3", "cloudfront", "execute-api"])
        sha256 = hashlib.sha256(self.randbytes(8)).hexdigest()
        headers = [["X-Amz-Date", time], *self.headers()]
        if service == "s3" or self.random() < 0.5:
            sha256 = self.choice([sha256, EMPTY, "UNSIGNED-PAYLOAD"])
            headers.append(["x-amz-content-sha256", sha256])
        else:
            sha256 = EMPTY
        if self.random() < 0.5:
            headers.append(["x-amz-security-token", "".join(self.choice(PLAIN + "/+=") for _ in range(self.randint(1, 1500)))])
        self.shuffle(headers)
        return {"method": self.choice(["GET", "PUT", "POST", "DELETE", "HEAD"]),
                "host": self.choice(["b.s3.amazonaws.com", "127.0.0.1:9000", "cloudfront.amazonaws.com", "[::1]:8080", "localhost"]),
                "path": self.path(), "query": self.query(), "sha256": sha256, "headers": headers, "access_key": self.choice(["AKIDEXAMPLE", "test:tester"]),
                "secret_key": self.choice(["s", "testSecret/+abc=", "x" * 300, "ü"]), "region": self.choice(["us-east-1", "eu-central-1"]),
                "service": service, "time": time}


def encode(text, safe):
    return urllib.parse.quote(text, safe=safe + "-._~")


def as_botocore(job):
    """(path, query, canonical request, authorization), without any help of ours."""
    path = encode(job["path"], "/")
    query = "&".join(encode(name, "") + "=" + encode(value, "") for name, value in job["query"])
    request = AWSRequest(job["method"], "http://" + job["host"] + path + ("?" + query if query else ""))
    for name, value in job["headers"]:
        request.headers.add_header(name, value)
    request.context["timestamp"] = job["time"]
    kind = S3SigV4Auth if job["service"] == "s3" else SigV4Auth
    signer = kind(Credentials(job["access_key"], job["secret_key"]), job["service"], job["region"])
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    signer._inject_signature_to_request(request, signature)
    return path, query, canonical, request.headers["Authorization"]


def test_signs_as_botocore_does():
    seed = os.environ.get("PLATEN_TEST_SEED") or "%08x" % random.SystemRandom().getrandbits(32)
    print("seed: PLATEN_TEST_SEED=" + seed)
    dice = Dice(seed)
    jobs = [dice.job() for _ in range(2500)]
    for job, ours in zip(jobs, sign(jobs)):
        path, query, canonical, authorization = as_botocore(job)
        assert (ours["path"], ours["query"]) == (path, query), job
        assert ours["canonical"] == canonical, job
        assert ours["authorization"] == authorization, job


def test_the_comparison_sees_a_difference():
    job = Dice("one").job()
    for change in ({"secret_key": "other"}, {"region": "x"}, {"path": job["path"] + "x"}, {"headers": [*job["headers"], ["x-amz-x", ""]]}):
        assert sign([{**job, **change}])[0]["authorization"] != as_botocore(job)[3], change


class Listener:
    """Takes requests of curl, one a connection, and keeps their heads."""

    def __enter__(self):
        self.heads = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            with peer:
                peer.settimeout(20)
                data = b""
                while b"\r\n\r\n" not in data and (more := peer.recv(1 << 16)):
                    data += more
                self.heads.append(data.split(b"\r\n\r\n")[0].decode())
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def as_job(head, keys):
    """A request as it came over the wire, to be signed again."""
    first, *lines = head.split("\r\n")
    method, target, _ = first.split(" ")
    path, _, query = target.partition("?")
    headers = [line.split(":", 1) for line in lines]
    of = {name.lower(): value.strip() for name, value in headers}
    signed = of["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    return of["authorization"], {
        "method": method, "host": of["host"], "encoded_path": path, "encoded_query": query, "sha256": of["x-amz-content-sha256"],
        "headers": [[name, value] for name, value in headers if name.lower() in signed and name.lower() != "host"], "time": of["x-amz-date"], **keys}


CURL = [
    # key, query, headers
    ("index.html", "", []),
    ("a b+c=d%e/ü/日本/🙂.html", "", ["x-amz-meta-platen-sha256: " + EMPTY]),
    ("(x)!'*$&@:;,~[]{}|\\^\"<>`", "", ["Content-Type:   text/html;  charset=utf-8  "]),
    ("/".join("d%d" % i for i in range(200)), "", ["Cache-Control: max-age=60,public"]),
    ("", "list-type=2&prefix=a%2Fb%20c", []),
    ("", "delete=", ["X-Amz-Security-Token: abc/+=", "Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg=="]),
]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_signs_as_libcurl_does_where_it_is_right(method):
    keys = {"access_key": "TESTKEY123", "secret_key": "testSecret/+abc=", "region": "us-east-1", "service": "s3"}
    with Listener() as listener:
        for key, query, headers in CURL:
            url = "http://127.0.0.1:%d/bucket/%s" % (listener.port, encode(key, "/")) + ("?" + query if query else "")
            done = subprocess.run(["curl", "-sS", "--noproxy", "*", "--globoff", "--path-as-is", "--max-time", "20", "-X", method, "--aws-sigv4", "aws:amz:us-east-1:s3",
                                   "--user", "TESTKEY123:testSecret/+abc=", "-H", "x-amz-content-sha256: " + EMPTY, *(word for h in headers for word in ("-H", h)), url],
                                  capture_output=True, timeout=30)
            assert done.returncode == 0, done.stderr
        theirs, jobs = zip(*(as_job(head, keys) for head in listener.heads))
        assert len(jobs) == len(CURL)
    for job, authorization, ours in zip(jobs, theirs, sign(jobs)):
        assert ours["authorization"] == authorization, job
