"""Chromium without a window, driven through a pipe (the DevTools protocol; no port, no driver, nothing to install).

    with Browser(profile_folder) as browser:
        page = browser.open(width=360)
        page.go(url)
        assert page.value("document.title") == "..."
        page.requests        # every address it asked for: (address, status, headers)
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--mute-audio",
         "--remote-debugging-pipe"]
SECONDS = 30


def program():
    """Debian's name for it, else the one of other systems; None when there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class BrowserError(RuntimeError):
    pass


class Browser:
    def __init__(self, profile):
        self._profile = str(profile)
        self._number = 0
        self._rest = b""
        self._replies, self._pages = {}, {}

    def __enter__(self):
        # it reads commands from descriptor 3 and writes replies to 4; ours are moved out of their way
        theirs_in, ours_out = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in os.pipe()]
        ours_in, theirs_out = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in os.pipe()]
        self._in, self._out = ours_in, ours_out
        self._log = open(os.path.join(self._profile, "log"), "wb")
        self._process = subprocess.Popen(
            ["bash", "-c", 'exec "$@" 3<&%d 4>&%d' % (theirs_in, theirs_out), "bash", program(), *FLAGS,
             "--user-data-dir=" + self._profile, "about:blank"],
            pass_fds=(theirs_in, theirs_out), stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
            env={**os.environ, "HOME": self._profile})
        os.close(theirs_in)
        os.close(theirs_out)
        return self

    def __exit__(self, *exc):
        try:
            self.call("Browser.close")
        except BrowserError:
            pass
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        os.close(self._out)
        self._log.close()

    def call(self, method, session=None, **params):
        """The result of one command; BrowserError when it fails or nothing answers."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        try:
            os.write(self._out, json.dumps(message).encode() + b"\0")
        except OSError as gone:
            raise BrowserError("the browser has gone: %s" % self._last_words()) from gone
        deadline = time.monotonic() + SECONDS
        while self._number not in self._replies:
            self.listen(deadline - time.monotonic())
            if time.monotonic() > deadline:
                raise BrowserError("%s: no answer within %d s: %s" % (method, SECONDS, self._last_words()))
        reply = self._replies.pop(self._number)
        if "error" in reply:
            raise BrowserError("%s: %s" % (method, reply["error"]))
        return reply["result"]

    def listen(self, seconds):
        """Takes in what it has to say, waiting for it at most so long."""
        ready, _, _ = select.select([self._in], [], [], max(0, seconds))
        if not ready:
            return
        data = os.read(self._in, 1 << 20)
        if not data:
            raise BrowserError("the browser has gone: %s" % self._last_words())
        *messages, self._rest = (self._rest + data).split(b"\0")
        for text in messages:
            message = json.loads(text)
            if "id" in message:
                self._replies[message["id"]] = message
            elif message.get("sessionId") in self._pages:
                self._pages[message["sessionId"]].happened(message["method"], message["params"])

    def _last_words(self):
        with open(os.path.join(self._profile, "log"), "rb") as log:
            return log.read()[-1000:].decode("utf-8", "replace")

    def open(self, width=1280, height=900, dark=False):
        """A new, empty page."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session, target)
        for domain in ("Page", "Network", "Runtime", "Log"):
            page.call(domain + ".enable")
        page.call("Network.setCacheDisabled", cacheDisabled=True)
        page.resize(width, height)
        page.scheme(dark)
        return page


class Page:
    def __init__(self, browser, session, target):
        self._browser, self._session, self._target = browser, session, target
        self._loaded = 0
        self._loader = None
        self._pending = {}
        self._requests = []
        self.complaints = []  # of the console

    def call(self, method, **params):
        return self._browser.call(method, self._session, **params)

    def happened(self, event, params):
        if event == "Page.loadEventFired":
            self._loaded += 1
        elif event == "Network.requestWillBeSent":
            self._pending[params["requestId"]] = params["loaderId"], params["request"]["url"]
        elif event == "Network.responseReceived":
            self._pending.pop(params["requestId"], None)
            answer = params["response"]
            headers = {k.lower(): v for k, v in answer["headers"].items()}
            self._requests.append((params["loaderId"], answer["url"], answer["status"], headers))
        elif event == "Network.loadingFailed" and params["requestId"] in self._pending:
            self._requests.append((*self._pending.pop(params["requestId"]), params["errorText"], {}))
        elif event == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"]["text"])

    def _wait_for_load(self, before):
        deadline = time.monotonic() + SECONDS
        while self._loaded == before:
            if time.monotonic() > deadline:
                raise BrowserError("the page did not load within %d s" % SECONDS)
            self._browser.listen(deadline - time.monotonic())

    def go(self, url):
        """Loads an address; what was asked for and complained about before is forgotten."""
        self._requests, self.complaints, before = [], [], self._loaded
        begun = self.call("Page.navigate", url=url)
        if begun.get("errorText"):
            raise BrowserError("%s: %s" % (url, begun["errorText"]))
        self._loader = begun["loaderId"]
        self._wait_for_load(before)
        self.value("document.fonts.ready.then(() => 0)")

    @property
    def requests(self):
        """Of the page loaded last: what the one before still fetched when it was left is not counted."""
        return [request[1:] for request in self._requests if request[0] == self._loader]

    def value(self, expression):
        """What a JavaScript expression gives."""
        done = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in done:
            raise BrowserError(done["exceptionDetails"])
        return done["result"].get("value")

    def follow(self, expression):
        """Clicks the element of the expression, with the mouse, and waits for the page it leads to."""
        before = self._loaded
        self.click(expression)
        self._wait_for_load(before)

    def click(self, expression):
        x, y = self.value("(e => { e.scrollIntoView({block: 'center', behavior: 'instant'}); const r = e.getBoundingClientRect();"
                          " return [r.x + r.width / 2, r.y + r.height / 2] })(%s)" % expression)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def resize(self, width, height=900):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def scheme(self, dark):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def picture(self, file, whole=True):
        """A PNG of the page (whole: down to its end)."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        with open(file, "wb") as out:
            out.write(base64.b64decode(data))
