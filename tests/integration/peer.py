"""An HTTP server that answers what a test tells it, byte for byte: for answers that no real server gives.

    with Peer(lambda request: answer(200, b"...")) as peer:
        ...  peer.endpoint, peer.requests

What the script returns is sent as it is; after that the connection is closed unless it is None, which is silence.
`certificate`: the folder of cert.pem and key.pem, for TLS.
"""

import os
import socket
import ssl
import threading


class Request:
    def __init__(self, line, headers, body):
        self.method, self.target, _ = line.split(" ", 2)
        self.headers, self.body = headers, body


def answer(status, body=b"", **headers):
    """keyword headers: underscores are dashes."""
    lines = ["HTTP/1.1 %d Told" % status, "Content-Length: %d" % len(body), "Connection: close"]
    lines += ["%s: %s" % (name.replace("_", "-"), value) for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class Peer:
    def __init__(self, script, certificate=None):
        self.requests = []
        self._script = script
        self._closed = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._socket.getsockname()[1]
        self.endpoint = "http%s://127.0.0.1:%d" % ("s" if certificate else "", self.port)
        self._tls = None
        if certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(os.path.join(certificate, "cert.pem"), os.path.join(certificate, "key.pem"))
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._closed.set()
        self._socket.close()

    def _accept(self):
        while not self._closed.is_set():
            try:
                connection = self._socket.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            try:
                if self._tls:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                request = self._read(connection)
                self.requests.append(request)
                said = self._script(request)
                if said is None:
                    self._closed.wait(60)
                else:
                    connection.sendall(said)
            except (OSError, ValueError):  # the client has gone, or does not trust us
                pass

    @staticmethod
    def _read(connection):
        data = b""
        while b"\r\n\r\n" not in data:
            part = connection.recv(65536)
            if not part:
                raise ValueError("no request")
            data += part
        head, body = data.split(b"\r\n\r\n", 1)
        line, *rest = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, value in (header.split(":", 1) for header in rest)}
        while len(body) < int(headers.get("content-length", 0)):
            body += connection.recv(65536)
        return Request(line, headers, body)
