"""Purging: the exact requests of each provider, their limits, failures as they are told, and a real Varnish."""

import json
import re
import urllib.parse
import xml.etree.ElementTree as ElementTree

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from edges import Nginx, Peer, Varnish, edge, free_port
from program import ROOT

SITE = "https://www.example.com/"
TOKEN = "a-token-nobody-may-see"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalr/XUtn+FEMI=", "AWS_SESSION_TOKEN": "",
        "AWS_EC2_METADATA_DISABLED": "true"}
YES = (200, {"Content-Type": "application/json"}, b'{"success":true,"errors":[],"messages":[],"result":{"id":"1"}}')
NS = "{http://cloudfront.amazonaws.com/doc/2020-05-31/}"
CREATED = (201, {"Content-Type": "text/xml"},
           b'<?xml version="1.0"?>\n<Invalidation xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Id>I1</Id>'
           b"<Status>InProgress</Status></Invalidation>")


def error_xml(status, code, message="it will not"):
    return (status, {"Content-Type": "text/xml"},
            ('<?xml version="1.0"?><ErrorResponse xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Error><Type>Sender'
             "</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>r</RequestId></ErrorResponse>"
             % (code, message)).encode())


def run(entries, paths, env=None, base_url=SITE, **more):
    return edge(env={**KEYS, "CLOUDFLARE_API_TOKEN": TOKEN, **(env or {})}, base_url=base_url, purge=entries, paths=paths,
                **{"release": "12", "give_up_ms": 20000, "stall_ms": 10000, **more})


def refused(entries, paths, answer=None, **more):
    """The same where no good end is awaited."""
    return run(entries, paths, give_up_ms=300, stall_ms=600 if answer == "hang" else 10000, **more)


# ---- CloudFront -------------------------------------------------------------------------------------------------------


def cloudfront(peer, **more):
    return {"type": "cloudfront", "id": "E2EXAMPLE", "url": peer.url, **more}


def batch(request):
    """(CallerReference, paths) of an invalidation, whose form is checked."""
    root = ElementTree.fromstring(request.body)
    assert root.tag == NS + "InvalidationBatch"
    paths = [item.text for item in root.findall("%sPaths/%sItems/%sPath" % (NS, NS, NS))]
    assert root.findtext("%sPaths/%sQuantity" % (NS, NS)) == str(len(paths))
    return root.findtext(NS + "CallerReference"), paths


def check_signature(request, peer, token=None):
    """As AWS would: the signature computed again by another program from what came."""
    found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/(\d{8})/us-east-1/cloudfront/aws4_request, ?"
                         r"SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})", request.headers["Authorization"])
    assert found, request.headers["Authorization"]
    names = found[2].split(";")
    assert {"host", "x-amz-date"} <= set(names) and (token is None or "x-amz-security-token" in names)
    again = AWSRequest(method=request.method, url=peer.url + request.path, data=request.body,
                       headers={name: request.headers[name] for name in names})
    again.context["timestamp"] = request.headers["X-Amz-Date"]
    signer = SigV4Auth(Credentials(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"]), "cloudfront", "us-east-1")
    assert signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again) == found[3]


@pytest.mark.parametrize("token", [None, "a+session/token=="])
def test_cloudfront_is_asked_for_one_signed_invalidation(token):
    paths = ["a&b/Caf\u00e9 <1>.html", "en/index.html", "index.html", "stars/a*"]
    with Peer([CREATED]) as peer:
        done = run([cloudfront(peer)], paths, env={"AWS_SESSION_TOKEN": token or ""})
        assert (done["ok"], done["requests"], done["failed"]) == (True, 1, 0), done
        [request] = peer.requests
    assert (request.method, request.path) == ("POST", "/2020-05-31/distribution/E2EXAMPLE/invalidation")
    assert request.headers["Content-Type"] == "text/xml"
    assert request.headers["X-Amz-Security-Token"] == token
    check_signature(request, peer, token)
    reference, asked = batch(request)
    assert asked == ["/a&b/Caf%C3%A9%20%3C1%3E.html", "/en/", "/en/index.html", "/", "/index.html", "/stars/a%2A"]
    assert reference.startswith("12-")


def test_cloudfront_takes_a_retry_for_the_same_invalidation_and_nothing_else():
    with Peer([503, CREATED]) as peer:
        assert run([cloudfront(peer)], ["a.html"])["ok"]
        assert run([cloudfront(peer)], ["a.html"])["ok"]
        assert run([cloudfront(peer)], ["b.html"])["ok"]
        assert run([cloudfront(peer)], ["a.html"], release="13")["ok"]
        assert run([cloudfront(peer, threshold=1)], ["a.html", "b.html"])["ok"]
        assert run([cloudfront(peer, threshold=1)], ["a.html", "c.html"])["ok"]
        references = [batch(request)[0] for request in peer.requests]
    assert references[0] == references[1] == references[2]
    assert len(set(references[2:])) == 5, "two wildcards of one release for different paths are two invalidations"


@pytest.mark.parametrize("paths, threshold, base_url, expected", [
    (["%04d.html" % i for i in range(3000)], 5000, SITE, 3000),
    (["%04d.html" % i for i in range(3001)], 5000, SITE, ["/*"]),
    (["%04d.html" % i for i in range(11)], 10, SITE, ["/*"]),
    (["%04d.html" % i for i in range(11)], 10, SITE + "shop/", ["/shop/*"]),
    (["a~1.html", "a~2.html", "b.html"], 10, SITE, ["/a*", "/b.html"]),
    (["%02d~.html" % i for i in range(15)], 100, SITE, 15),
    (["%02d~.html" % i for i in range(16)], 100, SITE, ["/*"]),
])
def test_cloudfront_keeps_within_what_may_be_in_progress(paths, threshold, base_url, expected):
    with Peer([CREATED]) as peer:
        assert run([cloudfront(peer, threshold=threshold)], paths, base_url=base_url)["ok"]
        [request] = peer.requests
    asked = batch(request)[1]
    assert (len(asked) if isinstance(expected, int) else asked) == expected


def test_cloudfront_crowded_by_others_paths_is_asked_for_a_wildcard():
    with Peer([error_xml(400, "TooManyInvalidationsInProgress"), CREATED]) as peer:
        done = run([cloudfront(peer)], ["a.html"])
        assert (done["ok"], done["requests"]) == (True, 2), done
        assert [batch(request)[1] for request in peer.requests] == [["/a.html"], ["/*"]]
    with Peer([error_xml(400, "TooManyInvalidationsInProgress", "too many")]) as peer:
        done = run([cloudfront(peer)], ["a.html"])
    assert not done["ok"] and done["requests"] == 2
    assert done["error"] == "purge: CloudFront E2EXAMPLE: answered 400 TooManyInvalidationsInProgress: too many"


@pytest.mark.parametrize("answer, told", [
    (error_xml(403, "AccessDenied", "not authorized"), "key AKIDEXAMPLE (AWS_ACCESS_KEY_ID): answered 403 AccessDenied: not"),
    (error_xml(404, "NoSuchDistribution"), "answered 404 NoSuchDistribution"),
    ((200, {}, b"<html><body>Please log in</body></html>"), "answered 200: <html>"),
    ((201, {}, b""), "answered 201"),
    ((201, {}, b"<Invalidation><Id></Id></Invalidation>"), "answered 201: <Inv"),
    ((201, {}, CREATED[2][:-5]), "answered 201: <?xml"),
    ((201, {}, b'<!DOCTYPE a [<!ENTITY b "c">]><Invalidation><Id>&b;</Id></Invalidation>'), "answered 201: <!DOC"),
    ((201, {}, b"x" * (1 << 20)), "purge: CloudFront E2EXAMPLE: "),
    (500, "answered 500"),
    (429, "answered 429"),
    ("hang", "127.0.0.1"),
    ("close", "127.0.0.1"),
])
def test_cloudfront_says_no_or_what_nobody_understands(answer, told):
    with Peer([answer]) as peer:
        done = refused([cloudfront(peer)], ["a.html"], answer)
    assert not done["ok"] and done["failed"] == 1
    assert done["error"].startswith("purge: CloudFront E2EXAMPLE: ") and told in done["error"], done["error"]
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in done["error"]


def test_cloudfront_without_credentials_is_not_asked():
    with Peer([CREATED]) as peer:
        done = run([cloudfront(peer)], ["a.html"], env={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
        assert not done["ok"] and "AWS_ACCESS_KEY_ID" in done["error"] and peer.requests == [], done


def test_cloudfront_is_signed_again_by_the_servers_clock():
    late = "Sun, 05 Jan 2031 10:00:00 GMT"

    def answer(request):
        if request.headers["X-Amz-Date"].startswith("20310105T10"):
            return CREATED
        status, headers, body = error_xml(403, "SignatureDoesNotMatch", "Signature not yet current")
        return status, {**headers, "Date": late}, body
    with Peer(answer) as peer:
        done = run([cloudfront(peer)], ["a.html"])
        assert done["ok"], done
        assert len(peer.requests) == 2
        check_signature(peer.requests[1], peer)


def test_cloudfront_is_signed_again_with_new_credentials_where_these_have_expired():
    keys = iter(["ASIAOLD", "AKIDEXAMPLE"])

    def give(_):
        body = {"AccessKeyId": next(keys), "SecretAccessKey": KEYS["AWS_SECRET_ACCESS_KEY"], "Token": "session",
                "Expiration": "2099-01-01T00:00:00Z"}
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()

    def answer(request):
        return error_xml(403, "ExpiredToken") if "ASIAOLD" in request.headers["Authorization"] else CREATED
    with Peer(give) as container, Peer(answer) as peer:
        env = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "",
               "AWS_CONTAINER_CREDENTIALS_FULL_URI": container.url + "/keys"}
        done = run([cloudfront(peer)], ["a.html"], env=env)
        assert done["ok"], done
        check_signature(peer.requests[1], peer, "session")
    with Peer([error_xml(403, "ExpiredToken")]) as peer:
        done = run([cloudfront(peer)], ["a.html"])
        assert "answered 403 ExpiredToken" in done["error"] and len(peer.requests) == 1


# ---- Cloudflare -------------------------------------------------------------------------------------------------------


def cloudflare(peer, **more):
    return {"type": "cloudflare", "id": "0123abcd", "url": peer.url, **more}


def test_cloudflare_is_asked_by_address_thirty_a_request():
    paths = ["%02d.html" % i for i in range(58)] + ["en/index.html", "style.css.gz", "\u00e9 x.html"]
    with Peer([YES]) as peer:
        done = run([cloudflare(peer)], paths)
        assert (done["ok"], done["requests"], done["failed"]) == (True, 3, 0), done
        requests = list(peer.requests)
    asked = []
    for request in requests:
        assert (request.method, request.path) == ("POST", "/client/v4/zones/0123abcd/purge_cache")
        assert request.headers["Authorization"] == "Bearer " + TOKEN
        assert request.headers["Content-Type"] == "application/json"
        body = request.json()
        assert list(body) == ["files"] and 1 <= len(body["files"]) <= 30
        asked += body["files"]
    assert sorted(asked) == sorted([SITE + "%02d.html" % i for i in range(58)] + [SITE + "en/", SITE + "en/index.html",
                                                                                  SITE + "%C3%A9%20x.html"])


def test_cloudflare_by_tag_and_everything():
    with Peer([YES]) as peer:
        assert run([cloudflare(peer, by_tag=True)], ["a,b.html", "index.html"])["ok"]
        assert run([cloudflare(peer, by_tag=True)], ["\u00e9" * 200 + ".html"])["ok"]
        assert run([cloudflare(peer, threshold=1)], ["a.html", "b.html"])["ok"]
        assert run([cloudflare(peer)], [], all=True)["ok"]
        assert run([cloudflare(peer)], [])["requests"] == 0, "nothing changed: nobody is asked"
        bodies = [request.json() for request in peer.requests]
    everything = {"purge_everything": True}
    assert bodies == [{"tags": ["/a%2Cb.html", "/", "/index.html"]}, everything, everything, everything]


@pytest.mark.parametrize("answer, told", [
    ((200, {}, b'{"success":false,"errors":[{"code":1012,"message":"Request must contain purge_everything"}]}'),
     "answered 200: Request must contain purge_everything (code 1012)"),
    ((403, {}, b'{"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"result":null}'),
     "answered 403: Authentication error (code 10000)"),
    ((400, {}, ('{"success":false,"errors":[{"code":6003,"message":"Invalid header: Bearer %s"}]}' % TOKEN).encode()),
     "answered 400: Invalid header: Bearer **********************"),
    ((400, {}, b"x" * 190 + TOKEN.encode()), "answered 400: xxx"),
    ((200, {}, b"<html>log in</html>"), "answered 200: <html>"),
    ((200, {}, b'{"success":"true"}'), "answered 200: {"),
    ((200, {}, b'[' * 5000), "answered 200: [["),
    ((200, {}, b'{"success":true'), "answered 200: {"),
    ((200, {}, b"\xff\x00\x1b[2J"), "answered 200: "),
    ((204, {}, b""), "answered 204"),
    (429, "answered 429"),
    (500, "answered 500"),
    ((302, {"Location": "http://127.0.0.1:1/"}, b""), "answered 302"),
    ("hang", "127.0.0.1"),
])
def test_cloudflare_says_no_or_what_nobody_understands(answer, told):
    with Peer([answer]) as peer:
        done = refused([cloudflare(peer)], ["a.html"], answer)
    assert not done["ok"] and done["failed"] == 1
    assert done["error"].startswith("purge: Cloudflare 0123abcd: ") and told in done["error"], done["error"]
    assert TOKEN[:8] not in done["error"]


def test_cloudflare_at_its_rate_is_asked_again():
    with Peer([429, 500, YES]) as peer:
        done = run([cloudflare(peer)], ["a.html"])
        assert done["ok"] and len(peer.requests) == 3, done


@pytest.mark.parametrize("env, told", [
    ({"CLOUDFLARE_API_TOKEN": ""}, "the environment variable CLOUDFLARE_API_TOKEN holds no token"),
    ({"CLOUDFLARE_API_TOKEN": "a\r\nHost: b"}, "what the environment variable CLOUDFLARE_API_TOKEN holds is no token"),
])
def test_without_a_token_nothing_is_sent(env, told):
    with Peer([YES]) as peer:
        done = run([cloudflare(peer)], ["a.html"], env=env)
        assert not done["ok"] and told in done["error"] and peer.requests == []


def test_the_token_comes_from_the_variable_that_is_named():
    with Peer([YES]) as peer:
        assert run([cloudflare(peer, token_env="OTHER")], ["a.html"], env={"OTHER": "of-the-other"})["ok"]
        assert peer.requests[0].headers["Authorization"] == "Bearer of-the-other"


# ---- webhook ----------------------------------------------------------------------------------------------------------


def test_a_webhook_is_told_what_changed():
    with Peer([204]) as peer:
        hook = {"type": "webhook", "url": peer.url + "/purge?site=1"}
        assert run([hook], ["en/index.html", "\u00e9 \"x\".html"])["ok"]
        assert run([{**hook, "method": "PUT", "token_env": "HOOK"}], ["a.html"], env={"HOOK": "secret"})["ok"]
        assert run([{**hook, "threshold": 1}], ["a.html", "b.html"])["ok"]
        assert run([{**hook, "threshold": 5000}], ["%04d/index.html" % i for i in range(1001)])["requests"] == 2
        first, second, third, *parts = peer.requests
    assert (first.method, first.path, first.headers["Content-Type"]) == ("POST", "/purge?site=1", "application/json")
    assert "Authorization" not in first.headers
    assert first.json() == {"release": "12", "all": False, "paths": ["en/index.html", "\u00e9 \"x\".html"],
                            "urls": [SITE + "en/", SITE + "en/index.html", SITE + "%C3%A9%20%22x%22.html"]}
    assert (second.method, second.headers["Authorization"]) == ("PUT", "Bearer secret")
    assert third.json() == {"release": "12", "all": True, "paths": [], "urls": []}
    assert sorted((len(part.json()["paths"]), len(part.json()["urls"])) for part in parts) == [(1, 2), (1000, 2000)]
    assert [urls for part in parts for urls in part.json()["urls"] if "1000" in urls] == [
        SITE + "1000/", SITE + "1000/index.html"]


def test_a_webhooks_address_is_not_told():
    with Peer([(400, {}, b"no")]) as peer:
        hook = {"type": "webhook", "url": peer.url + "/T00/hidden-in-the-path?and=query"}
        done = run([hook], ["a.html"])
    assert done["error"] == "purge: webhook %s: answered 400: no" % peer.url[len("http://"):]
    done = refused([{"type": "webhook", "url": "http://user:password@127.0.0.1:%d/" % free_port()}], ["a.html"])
    assert not done["ok"] and "password" not in done["error"]


# ---- all of them ------------------------------------------------------------------------------------------------------


def test_every_provider_is_asked_and_the_first_failure_is_told():
    with Peer([YES]) as good, Peer([(403, {}, b"no")]) as bad, Peer([204]) as hook:
        done = refused([{"type": "varnish", "url": "http://127.0.0.1:%d" % free_port()}, cloudflare(bad), cloudflare(good),
                        {"type": "webhook", "url": hook.url}], ["a.html"])
        assert (done["ok"], done["failed"], done["requests"]) == (False, 2, 4)
        assert done["error"].startswith("purge: Varnish 127.0.0.1:")
        assert len(good.requests) == len(hook.requests) == 1


def test_a_provider_that_always_refuses_is_not_asked_a_thousand_times():
    with Peer([(405, {}, b"no")]) as peer:
        done = run([{"type": "varnish", "url": peer.url}], ["%03d.html" % i for i in range(900)])
        assert len(peer.requests) < 100
    assert re.match(r"purge: Varnish 127.0.0.1:\d+: \d+ of 900 requests failed: answered 405: no", done["error"])


# ---- Varnish ----------------------------------------------------------------------------------------------------------

ODD = ["a.b+c(d)[e]$^|x{1}.html", "axb+c(d)[e]$^|x{1}.html", "caf\u00e9 au lait.html", "it's & so.html"]


@pytest.fixture
def varnish(tmp_path):
    root = tmp_path / "public"
    (root / "en").mkdir(parents=True)
    for name in ["index.html", "en/index.html", "a.html", "b.html", *ODD]:
        (root / name).write_text("old")
    with Nginx(tmp_path / "nginx", root) as nginx, Varnish(tmp_path / "varnish", nginx.port) as cache:
        cache.root = root
        yield cache


def change(varnish):
    for file in varnish.root.rglob("*.html"):
        file.write_text("new")


def shown(varnish, path):
    status, _, body = varnish.get(path)
    assert status == 200
    return body.decode()


def address(name):
    return "/" + urllib.parse.quote(name, safe="/!$&'()*+,;=:@")


ADDRESSES = ["/", "/index.html", "/en/", "/en/index.html", "/a.html", "/b.html", *map(address, ODD)]


@pytest.mark.parametrize("method", ["PURGE", "BAN"])
def test_varnish_shows_what_was_purged_and_keeps_the_rest(varnish, method):
    assert {shown(varnish, path) for path in ADDRESSES} == {"old"}
    change(varnish)
    assert {shown(varnish, path) for path in ADDRESSES} == {"old"}, "it is cached"
    entry = {"type": "varnish", "url": varnish.url, "method": method}
    purged = ["a.html", "en/index.html", "index.html", ODD[0], ODD[2], ODD[3]]
    done = run([entry], purged)
    assert done["ok"], done
    assert done["requests"] == (1 if method == "BAN" else 8)
    seen = {path: shown(varnish, path) for path in ADDRESSES}
    assert [path for path in ADDRESSES if seen[path] == "old"] == ["/b.html", address(ODD[1])]


def test_varnish_drops_everything_below_the_sites_path(varnish):
    assert {shown(varnish, path) for path in ADDRESSES} == {"old"}
    change(varnish)
    assert run([{"type": "varnish", "url": varnish.url}], [], all=True, base_url=SITE + "en/")["ok"]
    assert (shown(varnish, "/en/"), shown(varnish, "/a.html")) == ("new", "old")
    assert run([{"type": "varnish", "url": varnish.url, "threshold": 1}], ["x.html", "y.html"],
               base_url="https://other.example.com/")["ok"]
    assert shown(varnish, "/a.html") == "old", "that was another host"
    assert run([{"type": "varnish", "url": varnish.url, "threshold": 1}], ["x.html", "y.html"])["ok"]
    assert {shown(varnish, path) for path in ADDRESSES} == {"new"}


def test_many_bans_at_once(varnish):
    assert shown(varnish, "/a.html") == shown(varnish, "/b.html") == "old"
    change(varnish)
    paths = ["%s-%04d.html" % ("x" * 60, i) for i in range(200)] + ["a.html"]
    done = run([{"type": "varnish", "url": varnish.url, "method": "BAN"}], paths)
    assert done["ok"] and 3 <= done["requests"] <= 6, done
    assert (shown(varnish, "/a.html"), shown(varnish, "/b.html")) == ("new", "old")


def test_varnish_purges_for_those_it_knows_alone(tmp_path):
    root = tmp_path / "public"
    root.mkdir()
    with Nginx(tmp_path / "nginx", root) as nginx, Varnish(tmp_path / "v", nginx.port, acl='"192.0.2.1";') as cache:
        for method in ("PURGE", "BAN"):
            done = run([{"type": "varnish", "url": cache.url, "method": method}], ["a.html"])
            assert not done["ok"] and "answered 405" in done["error"], done


def test_the_record_is_denied_to_the_public(varnish):
    for folder in (varnish.root / ".platen", varnish.root / "x" / ".platen", varnish.root / ".well-known"):
        folder.mkdir(parents=True)
        (folder / "claim.json").write_text("secret")
    for path in ("/.platen/claim.json", "/%2eplaten/claim.json", "/.%70laten/claim.json", "/.platen%2Fclaim.json", "/.platen",
                 "/x/../.platen/claim.json", "/x/.platen/claim.json", "/./.platen/claim.json"):
        status, _, body = varnish.get(path)
        assert status in (400, 404) and b"secret" not in body, path
    assert varnish.get("/.well-known/claim.json")[0] == 200


def test_varnish_minds_neither_queries_nor_the_case_of_its_host(varnish):
    assert shown(varnish, "/a.html?x=1") == "old"
    change(varnish)
    assert run([{"type": "varnish", "url": varnish.url}], ["a.html"], base_url="https://WWW.Example.com/")["ok"]
    assert shown(varnish, "/a.html?x=1") == shown(varnish, "/a.html") == "new"


# ---- deploy/ ----------------------------------------------------------------------------------------------------------


def test_the_bucket_policy_denies_the_record():
    policy = json.loads((ROOT / "deploy" / "s3-bucket-policy.json").read_text())
    denied = [s for s in policy["Statement"] if s["Effect"] == "Deny"]
    assert [s["Resource"] for s in denied] == ["arn:aws:s3:::EXAMPLE-BUCKET/.platen/*"]
    assert all("*" not in str(s["Principal"]) for s in policy["Statement"] if s["Effect"] == "Allow")
