"""Where credentials come from: the environment, a container's endpoint, EC2's metadata service.

A scripted server on loopback stands for the services. The clock of the program is moved while it runs, by a file that
libfaketime reads. No test asks anything that it has not started itself.
"""

import datetime
import glob
import http.server
import json
import os
import subprocess
import threading

import pytest

from helper import helper

ROLES = "/latest/meta-data/iam/security-credentials/"
SECRETS = ("S3CRET", "T0KEN", "/path-of-the-task", "AUTH-0f-the-task")


def moment(seconds):
    """So many seconds from now, as RFC 3339."""
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def answer(number=1, expires=3600, **more):
    found = {"AccessKeyId": "AKID%d" % number, "SecretAccessKey": "S3CRET/%d" % number, "Token": "T0KEN+%d" % number, "Expiration": moment(expires), **more}
    return json.dumps({name: value for name, value in found.items() if value is not ...})


class Server:
    """Answers with what `script` says: (method, path) -> text, or (status, text), or a function of the headers that returns one."""

    def __init__(self, script=None):
        self.script = dict(script or {})
        self.asked = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self):
                server.asked.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}))
                said = server.script.get((self.command, self.path), (404, "S3CRET: not here"))
                said = said(server.asked[-1][2]) if callable(said) else said
                if said is None:
                    self.close_connection = True
                    return
                status, text = said if isinstance(said, tuple) else (200, said)
                data = text.encode()
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = _answer

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.http.server_address[1]
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()

    def count(self, method="GET", path="/path-of-the-task"):
        return sum(1 for asked in self.asked if asked[:2] == (method, path))


class Program:
    """tests/helpers/credentials.c at work, with nothing in its environment but what is given."""

    def __init__(self, env, folder=None):
        self.clock = folder and folder / "clock"
        env = {"AWS_EC2_METADATA_DISABLED": "true", **env}
        if folder:
            library = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
            assert library, "this test needs libfaketime: make test installs it"
            options = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
            env.update(LD_PRELOAD=library[0], FAKETIME_TIMESTAMP_FILE=str(self.clock), FAKETIME_NO_CACHE="1", DONT_FAKE_MONOTONIC="1", ASAN_OPTIONS=options)
            self.later(0)
        self.process = subprocess.Popen([helper("credentials")], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.stdin.close()
        try:
            code = self.process.wait(30)
        finally:
            self.process.kill()
        err = self.process.stderr.read().decode()
        self.process.stdout.close()
        self.process.stderr.close()
        assert kind or (code == 0 and err == ""), (code, err)

    def later(self, seconds):
        """The program's clock, from now on: so many seconds ahead."""
        with open(str(self.clock) + ".new", "w", encoding="ascii") as file:
            file.write("%+d\n" % seconds)
        os.rename(file.name, self.clock)

    def say(self, command):
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def get(self):
        return self.say("get")

    def key(self):
        said = self.get()
        assert "error" not in said, said
        return said["access_key"]

    def error(self):
        said = self.get()
        assert "error" in said, said
        assert not any(secret in said["error"] for secret in SECRETS), said
        return said["error"]


def container(server, **more):
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + "/path-of-the-task", **more}


def instance(server):
    return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url + "/", "AWS_EC2_METADATA_DISABLED": ""}


TASK = ("GET", "/path-of-the-task")


# ---- the environment -------------------------------------------------------------------------------------------------

STATIC = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "S3CRET/+="}


def test_environment():
    with Server() as server:
        with Program({**STATIC, **container(server)}) as program:
            assert program.get() == {"access_key": "AKID", "secret_key": "S3CRET/+=", "token": None, "from": "AWS_ACCESS_KEY_ID"}
            assert program.say("refused") == {"refused": "give up"}
            assert program.key() == "AKID"
        assert server.asked == []
    with Program({**STATIC, "AWS_SESSION_TOKEN": "T0KEN"}) as program:
        assert program.get()["token"] == "T0KEN"


@pytest.mark.parametrize("change, told", [
    ({"AWS_SECRET_ACCESS_KEY": ""}, "AWS_SECRET_ACCESS_KEY is not set"),
    ({"AWS_ACCESS_KEY_ID": ""}, "AWS_ACCESS_KEY_ID is not set"),
    ({"AWS_SECRET_ACCESS_KEY": "S3CRET\n"}, "AWS_SECRET_ACCESS_KEY holds a blank, a line's end"),
    ({"AWS_ACCESS_KEY_ID": "AKID\r\nX: y"}, "AWS_ACCESS_KEY_ID holds a blank, a line's end"),
    ({"AWS_SESSION_TOKEN": "T0KENé"}, "AWS_SESSION_TOKEN holds a character that is not ASCII"),
    ({"AWS_SESSION_TOKEN": "T0KEN" * 4000}, "AWS_SESSION_TOKEN is too long"),
], ids=range(6))
def test_environment_that_cannot_be_meant(change, told):
    with Program({**STATIC, **change}) as program:
        said = program.get()
        assert told in said["error"] and said["kind"] == "usage"
        assert told in program.error()


def test_nothing_anywhere():
    with Program({}) as program:
        said = program.error()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_EC2_METADATA_DISABLED"):
            assert name in said
    with Server() as server:
        with Program({**instance(server), "AWS_EC2_METADATA_DISABLED": "True"}) as program:
            assert "AWS_EC2_METADATA_DISABLED" in program.error()
        assert server.asked == []


# ---- a container's endpoint ------------------------------------------------------------------------------------------

def test_container():
    with Server({TASK: answer()}) as server:
        with Program(container(server, AWS_CONTAINER_AUTHORIZATION_TOKEN="Basic AUTH-0f-the-task", http_proxy="http://127.0.0.1:1")) as program:
            wanted = {"access_key": "AKID1", "secret_key": "S3CRET/1", "token": "T0KEN+1", "from": "the container's endpoint"}
            assert [program.get() for _ in range(3)] == [wanted] * 3
        assert len(server.asked) == 1
        assert server.asked[0][2]["authorization"] == "Basic AUTH-0f-the-task"
        with Program(container(server)) as program:
            assert program.key() == "AKID1"
        assert "authorization" not in server.asked[1][2]


def test_token_file_is_read_each_time(tmp_path):
    tokens = tmp_path / "token"
    with Server({TASK: lambda headers: answer(headers.get("authorization") == "AUTH-0f-the-task-2" and 2 or 1)}) as server:
        env = container(server, AWS_CONTAINER_AUTHORIZATION_TOKEN="other", AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(tokens))
        with Program(env) as program:
            assert str(tokens) in program.error()
            tokens.write_text("AUTH-0f-the-task-1\n")
            assert program.key() == "AKID1"
            assert server.asked[-1][2]["authorization"] == "AUTH-0f-the-task-1"
            tokens.write_text("AUTH-0f-the-task-2")
            assert program.say("refused") == {"refused": "ask again"}
            assert program.key() == "AKID2"
            for bad, told in (("AUTH-0f-the-task\nX: y", "a line's end"), ("\n", "is empty"), ("T0KEN" * 4000, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")):
                tokens.write_text(bad)
                asked = len(server.asked)
                with Program(env) as other:
                    assert told in other.error()
                assert len(server.asked) == asked


@pytest.mark.parametrize("uri", [
    "http://10.0.0.1/x", "http://127.0.0.1@10.0.0.1/x", "http://127.0.0.1.example.com/x", "http://localhost.example.com/", "http://169.254.170.2.example.com/",
    "http://169.254.169.254/x", "http://[::2]/x", "http://[fd00:ec2::23:1]/", "http://128.0.0.1/x", "http://2130706434.example/x", "http://0x80.0.0.1/x",
    "http://user:S3CRET@127.0.0.1/x", "ftp://127.0.0.1/x", "file:///etc/passwd", "127.0.0.1/x", "//127.0.0.1/x", "http://", "http://127.0.0.1\\@10.0.0.1/",
    "http://127.0.0.1 /x", "http://127.0.0.1/" + "x" * 9000], ids=lambda uri: uri[:40])
def test_wrong_host_is_not_asked(uri):
    with Program({"AWS_CONTAINER_CREDENTIALS_FULL_URI": uri, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "AUTH-0f-the-task"}) as program:
        said = program.get()
        assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" in said["error"] and said["kind"] == "usage", said
        assert not any(secret in said["error"] for secret in SECRETS), said


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0x7f000001"])
def test_loopback_is_asked(host):
    with Server({TASK: answer()}) as server:
        uri = server.url.replace("127.0.0.1", host) + "/path-of-the-task"
        with Program({"AWS_CONTAINER_CREDENTIALS_FULL_URI": uri}) as program:
            assert program.key() == "AKID1"


@pytest.mark.parametrize("uri", ["path-of-the-task", "@10.0.0.1/path-of-the-task", ".example.com/", ":80@10.0.0.1/"])
def test_relative_uri_stays_on_its_host(uri):
    with Program({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": uri}) as program:
        assert "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with '/'" in program.error()


HOSTILE = [
    ("", "no JSON"), ("<html>S3CRET</html>", "no JSON"), ("[]", "no JSON object"), ("{}", "AccessKeyId"), ("[" * 30000, "no JSON"),
    (answer(AccessKeyId="a\r\nX-Evil: 1"), "AccessKeyId of its answer holds"), (answer(Token="T0KEN\nX-Evil: 1"), "Token of its answer holds"),
    (answer(SecretAccessKey=...), "SecretAccessKey"), (answer(SecretAccessKey=["S3CRET"]), "SecretAccessKey"), (answer(Expiration="tomorrow"), "RFC 3339"),
    (answer(Code="AssumeRoleUnauthorizedAccess", Message="S3CRET"), "AssumeRoleUnauthorizedAccess"), (answer(Code="<b>S3CRET"), "no word"),
    (answer(Other="x" * (1 << 20)), "container's endpoint"), ((403, answer()), "status 403"), ((302, answer()), "status 302"), ((204, ""), "status 204"),
    (answer()[:-20], "no JSON"),
]


@pytest.mark.parametrize("said, told", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_answers(said, told):
    with Server({TASK: said, ("GET", "/elsewhere"): answer()}) as server:
        with Program(container(server)) as program:
            assert told in program.error()
            server.script[TASK] = answer(2)
            assert program.key() == "AKID2"
        assert server.count(path="/elsewhere") == 0


def test_one_failure_is_tried_again():
    once = iter([(500, "S3CRET"), None])
    with Server({TASK: lambda _: next(once, answer())}) as server:
        with Program(container(server)) as program:
            assert program.key() == "AKID1"
        assert len(server.asked) == 3


def test_no_other_place_is_asked_when_one_fails():
    with Server({("PUT", "/latest/api/token"): "T0KEN", ("GET", ROLES): "role", ("GET", ROLES + "role"): answer()}) as server:
        with Program({**container(server), **instance(server)}) as program:
            assert "status 404" in program.error()
        assert {asked[1] for asked in server.asked} == {"/path-of-the-task"}


# ---- expiry ----------------------------------------------------------------------------------------------------------

def test_refreshed_before_they_expire(tmp_path):
    with Server({TASK: answer(1, 3600)}) as server:
        with Program(container(server), tmp_path) as program:
            assert program.key() == "AKID1"
            server.script[TASK] = answer(2, 7200)
            program.later(2900)
            assert program.key() == "AKID1" and len(server.asked) == 1
            program.later(3100)
            assert program.key() == "AKID2" and len(server.asked) == 2
            program.later(6500)
            assert program.key() == "AKID2" and len(server.asked) == 2


def test_kept_while_new_ones_cannot_be_had(tmp_path):
    with Server({TASK: answer(1, 3600)}) as server:
        with Program(container(server), tmp_path) as program:
            assert program.key() == "AKID1"
            server.script[TASK] = (404, "")
            program.later(3100)
            assert program.key() == "AKID1" and len(server.asked) == 2
            assert program.key() == "AKID1" and len(server.asked) == 2, "asks again each time"
            program.later(3200)
            assert program.key() == "AKID1" and len(server.asked) == 3
            program.later(3700)
            assert "have expired" in program.error()
            assert "404" in program.error()
            server.script[TASK] = answer(2, 7200)
            assert program.key() == "AKID2"


def test_those_that_expired_before_they_came_are_for_the_server_to_judge(tmp_path):
    with Server({TASK: answer(1, 60)}) as server:
        with Program(container(server), tmp_path) as program:
            program.later(1200)
            assert [program.key() for _ in range(20)] == ["AKID1"] * 20
            assert len(server.asked) == 1
            program.later(1300)
            server.script[TASK] = answer(2, 3600)
            assert program.key() == "AKID2"


def test_no_expiration(tmp_path):
    with Server({TASK: answer(1, Expiration=..., Token=...)}) as server:
        with Program(container(server), tmp_path) as program:
            assert program.get()["token"] is None
            program.later(10_000_000)
            assert program.key() == "AKID1" and len(server.asked) == 1


def test_refused(tmp_path):
    with Server({TASK: answer(1)}) as server:
        with Program(container(server), tmp_path) as program:
            assert program.key() == "AKID1"
            server.script[TASK] = answer(2)
            for _ in range(5):  # requests that were in flight together
                assert program.say("refused") == {"refused": "ask again"}
                assert program.key() == "AKID2"
            assert len(server.asked) == 2
            program.later(60)
            server.script[TASK] = (403, "")
            assert program.say("refused") == {"refused": "ask again"}
            assert "are refused" in program.error()
            assert "status 403" in program.error()
            server.script[TASK] = answer(3)
            assert program.key() == "AKID3"


# ---- EC2's metadata service ------------------------------------------------------------------------------------------

def guarded(said):
    """As version 2 does it: no token, no answer."""
    return lambda headers: said if headers.get("x-aws-ec2-metadata-token") == "T0KEN==" else (401, "")


def metadata(**more):
    return {("PUT", "/latest/api/token"): lambda headers: "T0KEN==" if headers.get("x-aws-ec2-metadata-token-ttl-seconds") == "300" else (400, ""),
            ("GET", ROLES): guarded("my-role+x@y=z"), ("GET", ROLES + "my-role%2Bx%40y%3Dz"): guarded(answer(Code="Success", Type="AWS-HMAC")), **more}


def test_instance(tmp_path):
    with Server(metadata()) as server:
        with Program(instance(server), tmp_path) as program:
            wanted = {"access_key": "AKID1", "secret_key": "S3CRET/1", "token": "T0KEN+1", "from": "the instance metadata service"}
            assert [program.get() for _ in range(3)] == [wanted] * 3
            assert len(server.asked) == 3
            server.script["GET", ROLES + "my-role%2Bx%40y%3Dz"] = guarded(answer(2, 20000))
            program.later(3100)
            assert program.key() == "AKID2" and len(server.asked) == 6


INSTANCE_FAULTS = [
    ("PUT", "/latest/api/token", (403, ""), "status 403"), ("PUT", "/latest/api/token", "", "is empty"),
    ("PUT", "/latest/api/token", "T0KEN\r\nX-Evil: 1", "holds a blank, a line's end"), ("PUT", "/latest/api/token", "T0KEN" * 2000, "metadata service"),
    ("GET", ROLES, (404, ""), "no role is attached"), ("GET", ROLES, "\n", "no role is attached"), ("GET", ROLES, "../../user-data", "no name of a role"),
    ("GET", ROLES, "..", "no name of a role"), ("GET", ROLES, "<html>", "no name of a role"), ("GET", ROLES, "r" * 200, "no name of a role"),
    ("GET", ROLES, "role?x", "no name of a role"), ("GET", ROLES, "gone\nmy-role", "status 404"),
    ("GET", ROLES + "my-role%2Bx%40y%3Dz", '{"Code":"Failed","Message":"S3CRET"}', "the code Failed"), ("GET", ROLES + "my-role%2Bx%40y%3Dz", "{", "no JSON"),
]


@pytest.mark.parametrize("method, path, said, told", INSTANCE_FAULTS, ids=range(len(INSTANCE_FAULTS)))
def test_instance_faults(method, path, said, told):
    with Server(metadata()) as server:
        server.script[method, path] = said
        with Program(instance(server)) as program:
            error = program.error()
            assert told in error and "metadata service" in error and "AWS_ACCESS_KEY_ID" in error


@pytest.mark.parametrize("endpoint", ["ftp://127.0.0.1/", "127.0.0.1", "http://127.0.0.1/?x", "http://u:S3CRET@127.0.0.1/"])
def test_instance_endpoint_that_is_none(endpoint):
    with Program({"AWS_EC2_METADATA_SERVICE_ENDPOINT": endpoint, "AWS_EC2_METADATA_DISABLED": "false"}) as program:
        assert "AWS_EC2_METADATA_SERVICE_ENDPOINT is no http or https address" in program.error()
