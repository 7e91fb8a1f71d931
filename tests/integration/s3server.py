"""A real S3 server for tests: Ceph's RADOS gateway over one monitor and one OSD that keeps all in memory.

    with S3Server() as s3:
        bucket = s3.make_bucket()
        s3.client().put_object(Bucket=bucket, Key="a", Body=b"x")     # boto3, the second opinion
        s3.kill_gateway(); s3.start_gateway()                         # what was stored is still there

It checks signatures, clocks and payload hashes, and knows conditional PUTs; it takes any region. Two differences from
AWS: If-Match wants the ETag without quotes, and refuses with 412 where there is no object (AWS: 404).
It listens on free ports of 127.0.0.1, by http and by https with a certificate of its own (`ca_file`), as
http://127.0.0.1:PORT/BUCKET/KEY and http://BUCKET.localhost:PORT/KEY. Everything is gone when it is stopped.
"""

import glob
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid

START_SECONDS = 90
ACCESS_KEY = "TESTKEY123"
SECRET_KEY = "testSecret/+abc="

CONF = """
[global]
fsid = {fsid}
mon host = v1:127.0.0.1:{mon_port}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 16
osd pool default pgp num = 16
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
run dir = {dir}/run
admin socket = {dir}/run/$name.asok
log file = {dir}/log/$name.log
pid file = {dir}/run/$name.pid
keyring = {dir}/keyring
debug default = 0/0
debug mon = 0/0
debug paxos = 0/0
debug osd = 0/0
debug objecter = 0/0
debug rocksdb = 0/0
debug rgw = 0/0
# At their defaults the start alone takes ten seconds.
paxos propose interval = 0.02
paxos min wait = 0.01
mon tick interval = 1
osd min pg log entries = 100
osd max pg log entries = 200
osd pg log dups tracked = 50
# A gateway that was killed is told of changes until this has passed, and who made them waits for its answer.
osd client watch timeout = 2
client notify timeout = 2
[mon]
mon data = {dir}/mon
mon initial members = a
mon cluster log file = {dir}/log/cluster.log
mon data avail crit = 0
auth allow insecure global id reclaim = false
[osd]
osd data = {dir}/osd
osd objectstore = memstore
memstore device bytes = 8589934592
[client.rgw.a]
# Without tcp_nodelay each answer with a body takes 40 ms more: it waits for the acknowledgement of its headers.
rgw frontends = beast tcp_nodelay=1 endpoint=127.0.0.1:{port} ssl_endpoint=127.0.0.1:{tls_port} \
ssl_certificate={dir}/cert.pem ssl_private_key={dir}/key.pem
rgw data = {dir}/rgw
rgw thread pool size = 32
rgw dns name = localhost
{extra}
"""


class S3Error(RuntimeError):
    """The server did not start; the message carries what it said."""


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def make_certificate(folder, names="DNS:localhost,DNS:*.localhost,IP:127.0.0.1"):
    """cert.pem and key.pem in the folder."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=test",
                    "-addext", "subjectAltName=" + names, "-keyout", "key.pem", "-out", "cert.pem"],
                   cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return os.path.join(folder, "cert.pem")


class S3Server:
    access_key, secret_key = ACCESS_KEY, SECRET_KEY

    def __init__(self, extra=""):
        """extra: more lines for the gateway's part of the configuration."""
        self.dir = tempfile.mkdtemp(prefix="platen-s3-")
        self._extra = extra
        self._daemons = {}
        self._numbers = itertools.count(1)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()

    # --- starting ---

    def _start(self):
        self.port, self.tls_port, mon_port = free_ports(3)
        self.endpoint = "http://127.0.0.1:%d" % self.port
        self.tls_endpoint = "https://127.0.0.1:%d" % self.tls_port
        fsid, osd = str(uuid.uuid4()), str(uuid.uuid4())
        for name in ("mon", "osd", "run", "log", "rgw"):
            os.mkdir(os.path.join(self.dir, name))
        self.ca_file = make_certificate(self.dir)
        self._write("keyring", "")
        self._write("ceph.conf", CONF.format(fsid=fsid, mon_port=mon_port, port=self.port, tls_port=self.tls_port,
                                             dir=self.dir, extra=self._extra))
        self._env = dict(os.environ, CEPH_CONF=os.path.join(self.dir, "ceph.conf"))
        self._deadline = time.monotonic() + START_SECONDS
        monmap = os.path.join(self.dir, "monmap")
        self._run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", "[v1:127.0.0.1:%d/0]" % mon_port, monmap)
        self._run("ceph-mon", "-i", "a", "--mkfs", "--monmap", monmap, "--keyring", os.path.join(self.dir, "keyring"))
        self._daemon("ceph-mon", "-i", "a")
        self._again("ceph", "osd", "new", osd, "0")
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._daemon("ceph-osd", "-i", "0")
        while " 1 up" not in self._run("ceph", "osd", "stat", check=False):
            self._keep("ceph-osd")
            self._wait("the OSD to come up")
        self.start_gateway()
        self._again("radosgw-admin", "user", "create", "--uid=test", "--display-name=test",
                    "--access-key=" + ACCESS_KEY, "--secret-key=" + SECRET_KEY)

    def _write(self, name, text):
        with open(os.path.join(self.dir, name), "w") as f:
            f.write(text)

    def _run(self, *argv, check=True):
        try:
            done = subprocess.run(argv, env=self._env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=30)
            text, code = done.stdout.decode(errors="replace"), done.returncode
        except subprocess.TimeoutExpired:
            text, code = "no answer in time", -1
        if check and code != 0:
            raise S3Error("%s: exit %d: %s" % (" ".join(argv), code, text[-2000:]))
        return text

    def _again(self, *argv):
        """Without authentication a client may send its command before it has the map, and is refused then."""
        for _ in range(20):
            try:
                return self._run(*argv)
            except S3Error:
                if time.monotonic() > self._deadline:
                    raise
                time.sleep(0.1)
        return self._run(*argv)

    def _daemon(self, *argv):
        """In the foreground: a child that is known by its pid."""
        with open(os.path.join(self.dir, "log", argv[0] + ".err"), "ab") as log:
            self._daemons[argv[0]] = subprocess.Popen(argv + ("-f",), env=self._env, stdin=subprocess.DEVNULL,
                                                      stdout=subprocess.DEVNULL, stderr=log)

    def _keep(self, name):
        """A daemon may be refused like any client when it starts, and ends then."""
        if self._daemons[name].poll() is not None:
            self._daemon(*self._daemons[name].args[:-1])

    def _wait(self, what):
        if time.monotonic() > self._deadline:
            raise S3Error("waited too long for %s: %s" % (what, self._said()))
        time.sleep(0.03)

    def start_gateway(self):
        self._deadline = time.monotonic() + START_SECONDS
        self._daemon("radosgw", "-n", "client.rgw.a")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while True:
            try:
                opener.open(self.endpoint + "/", timeout=5).close()
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                self._keep("radosgw")
                self._wait("the gateway to answer")

    def _said(self):
        text = ""
        for path in sorted(glob.glob(os.path.join(self.dir, "log", "*.err"))):
            with open(path, errors="replace") as f:
                text += f.read()[-1000:]
        return text

    # --- faults ---

    def kill_gateway(self):
        gateway = self._daemons.pop("radosgw")
        gateway.kill()
        gateway.wait()

    def freeze(self):
        """Requests hang until thaw()."""
        self._daemons["ceph-osd"].send_signal(signal.SIGSTOP)

    def thaw(self):
        self._daemons["ceph-osd"].send_signal(signal.SIGCONT)

    def quota(self, most_objects):
        """For all buckets of the user; 0: none any more."""
        if most_objects:
            self._again("radosgw-admin", "quota", "set", "--quota-scope=user", "--uid=test",
                        "--max-objects=%d" % most_objects)
        self._again("radosgw-admin", "quota", "enable" if most_objects else "disable", "--quota-scope=user",
                    "--uid=test")

    def stop(self):
        for daemon in self._daemons.values():
            daemon.kill()
        for daemon in self._daemons.values():
            daemon.wait()
        self._daemons = {}
        shutil.rmtree(self.dir, ignore_errors=True)

    # --- use ---

    def pids(self):
        return [daemon.pid for daemon in self._daemons.values()]

    def env(self):
        return {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": "us-east-1"}

    def client(self):
        import boto3
        from botocore.config import Config

        return boto3.client("s3", endpoint_url=self.endpoint, aws_access_key_id=ACCESS_KEY,
                            aws_secret_access_key=SECRET_KEY, region_name="us-east-1",
                            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1},
                                          proxies={}))

    def make_bucket(self):
        name = "test-%d-%d" % (os.getpid(), next(self._numbers))
        self.client().create_bucket(Bucket=name)
        return name

    def etags(self, bucket):
        """{key: ETag} of all there is: by this server the MD5 of what was put."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {entry["Key"]: entry["ETag"].strip('"') for page in pages for entry in page.get("Contents", ())}

    def keys(self, bucket):
        return list(self.etags(bucket))

    def objects(self, bucket):
        """{key: bytes} of all there is; 50 ms each."""
        client = self.client()
        return {key: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in self.etags(bucket)}
