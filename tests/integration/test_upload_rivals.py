"""Several uploaders of one bucket: started at once, or one asleep while another completes.

Whatever they do, the bucket ends as one of them wants it, the others say so, and what is live is never deleted.
"""

import json
import shutil
import signal
import threading

import pytest
from origins import expected
from printing import differences, page
from uploading import LONG, SLOW_DOWN, STRANGER, at, bucket, haproxy, haproxy_running, machine, script, through  # noqa: F401


def lapsed(bucket, paths):
    """Somebody died half-way, long ago."""
    claim = {"platen_claim": 1, "owner": "elsewhere-1-aaaa", "generation": 2, "until": "2020-01-01T00:00:00Z", "paths": paths}
    bucket.put(".platen/claim.json", json.dumps(claim).encode())


@pytest.mark.parametrize("how, unknown", [("between two pages", True), ("before another attempt", False), ("before another attempt", True)])
def test_stopped_half_way_and_awake_after_somebody_else(machine, bucket, script, how, unknown):
    """A sleeps longer than its claim holds; B completes; whatever A does when it wakes up, the bucket equals B."""
    a, b = machine("a", lease="5s", concurrency=4, give_up="60s"), machine("b", lease="5s")
    a.print("one", "two", "three")
    a.upload()
    if unknown:  # its PUTs are bound to nothing then
        lapsed(bucket, ["en/p0.html", "en/p1.html", "en/p2.html"])
        shutil.rmtree(a.out)
    a.print("a1", "a2", "a3", more=[page("en/only-a.html", LONG)])
    stopped = threading.Event()
    half = 5

    def stop():
        running.process.send_signal(signal.SIGSTOP)
        stopped.set()

    if how == "between two pages":
        at(script, half, stop)
    else:
        counted = []

        def refuse(request):
            if request.is_page() and not stopped.is_set():
                counted.append(request)
                if len(counted) < half:
                    return None
                if len(counted) == half + 6:
                    stop()
                return 503, SLOW_DOWN
            return None

        script.script = refuse
    running = a.start_upload(env=through(script))
    try:
        assert stopped.wait(30)
        b.print("one", "b2", "three", "b4")
        done = b.upload("--lock-wait", "30s")
        assert done["changed"]
        b.check()
        before = bucket.all()
        running.process.send_signal(signal.SIGCONT)
        finished = running.wait()
    finally:
        running.process.kill()
    assert finished.code == 1 and "somebody else has claimed" in finished.err, finished
    b.check()
    assert bucket.all() == before
    assert not b.upload()["changed"]
    a.check_healed()


def test_stopped_before_another_attempt_to_delete(machine, bucket, script):
    """What A wanted to delete, B has put back."""
    a, b = machine("a", lease="5s", give_up="60s"), machine("b", lease="5s")
    a.print("one", "two", "three")
    a.upload()
    a.print("one")
    stopped = threading.Event()

    def stop(request):
        if not request.is_delete() or stopped.is_set():
            return None
        running.process.send_signal(signal.SIGSTOP)
        stopped.set()
        return 503, SLOW_DOWN

    script.script = stop
    running = a.start_upload(env=through(script))
    try:
        assert stopped.wait(30)
        b.print("one", "two", "three")
        b.upload("--lock-wait", "30s")
        b.check()
        running.process.send_signal(signal.SIGCONT)
        finished = running.wait()
    finally:
        running.process.kill()
    assert finished.code == 1 and "somebody else has claimed" in finished.err, finished
    b.check()
    assert not b.upload()["changed"]
    a.check_healed()


def test_two_runs_at_once(machine, haproxy):
    sites = [machine("ci%d" % number) for number in range(2)]
    sites[0].print("one", "two", "three")
    sites[0].upload()
    sites[0].print("a1", "a2", "three", more=[page("en/only-a.html", LONG)])
    sites[1].print("b1", "two", "b3", more=[page("en/only-b.html", LONG)])
    haproxy.set(delay=15)
    running = [site.start_upload("--lock-wait", "20s", env=through(haproxy)) for site in sites]
    done = [run.wait() for run in running]
    haproxy.heal()
    assert 0 in [d.code for d in done], done
    assert all(d.code == 0 or (d.code == 1 and "uploading" in d.err) for d in done), done
    seen = sites[0].origin.bodies()
    assert seen.pop(STRANGER) == b"not of platen"
    assert [] in [differences(seen, expected(site.out)) for site in sites]
    for site in sites:
        site.check_healed()


def test_two_runs_at_once_where_nobody_waits(machine, haproxy):
    sites = [machine("ci%d" % number) for number in range(3)]
    for number, site in enumerate(sites):
        site.print("one", "x%d" % number, more=[page("en/only-%d.html" % number, LONG)])
    haproxy.set(delay=15)
    running = [site.start_upload("--lock-wait", "0s", env=through(haproxy)) for site in sites]
    done = [run.wait() for run in running]
    haproxy.heal()
    assert 0 in [d.code for d in done], done
    assert all(d.code == 0 or (d.code == 1 and "uploading" in d.err) for d in done), done
    seen = sites[0].origin.bodies()
    assert seen.pop(STRANGER) == b"not of platen"
    assert [] in [differences(seen, expected(site.out)) for site in sites]
    sites[0].check_healed()
