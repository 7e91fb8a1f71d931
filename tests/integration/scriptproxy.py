"""A proxy in front of an HTTP server that does what a test says, request by request.

    def script(request):                      # called in the order of arrival, one at a time
        if request.method == "PUT" and request.number == 5:
            return 503, SLOW_DOWN             # an answer instead of the server's
        if request.method == "POST":
            return LOST                       # the server does it, and its answer is a 500
        return None                           # passes

    with ScriptProxy(s3.port, script) as proxy:
        platen(..., env={"AWS_ENDPOINT_URL_S3": proxy.endpoint})

Where the server does not answer, the connection is closed without an answer. Host and path pass as they are, so that
signatures stay good. For faults by chance and for many requests faultproxy.py is quicker.
"""

import http.client
import http.server
import threading

LOST, CLOSE = "lost", "close"
XML = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message>%s</Error>'
HOP = ("connection", "keep-alive", "transfer-encoding")


def error(code, message="So it is.", more=""):
    return XML % (code, message, more)


class Request:
    def __init__(self, number, method, path, headers):
        self.number, self.method, self.path, self.headers = number, method, path, headers

    def is_page(self):
        """A PUT of an object that is part of the release."""
        return self.method == "PUT" and "/.platen/" not in self.path

    def is_delete(self):
        return self.method == "POST" and "delete=" in self.path


class ScriptProxy:
    def __init__(self, server_port, script=None):
        self.script, self.requests = script or (lambda request: None), []
        lock = threading.Lock()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def _answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with lock:
                    request = Request(len(proxy.requests) + 1, self.command, self.path, self.headers)
                    proxy.requests.append(request)
                    said = proxy.script(request)
                if said == CLOSE:
                    self.close_connection = True
                elif isinstance(said, tuple):
                    self._say(said[0], {"Content-Type": "application/xml", **(said[2] if len(said) > 2 else {})}, said[1].encode())
                else:
                    self._forward(body, said == LOST)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer

            def _forward(self, body, lost):
                server = http.client.HTTPConnection("127.0.0.1", server_port, timeout=30)
                try:
                    server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                    for name, value in self.headers.items():
                        server.putheader(name, value)
                    server.endheaders(body)
                    answer = server.getresponse()
                    data = answer.read()
                except (OSError, http.client.HTTPException):
                    self.close_connection = True
                    return
                finally:
                    server.close()
                if lost:
                    self._say(500, {}, b"lost")
                else:
                    self._say(answer.status, {name: value for name, value in answer.getheaders() if name.lower() not in HOP}, data)

            def _say(self, status, headers, data):
                headers = {"Content-Length": str(len(data)), **headers}
                self.send_response_only(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            def handle(self):
                try:
                    super().handle()
                except OSError:  # a client that was killed
                    pass

            def log_message(self, *_):
                pass

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.endpoint = "http://127.0.0.1:%d" % self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def wrap(self, context):
        """Speaks TLS from now on. A client that goes away during the handshake is none of our business."""
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self.endpoint = self.endpoint.replace("http:", "https:")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()
