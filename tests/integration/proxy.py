"""A proxy between platen and PostgreSQL that fails as networks do.

    with Proxy(db.pg) as proxy:
        worker = Listening(db, tmp_path, dsn=proxy.dsn(db.name))
        proxy.hole()            # nothing passes any more, and nobody is told
        proxy.heal()            # what is new passes; what was there stays dead, as after a router forgot it

It takes connections on a TCP port of 127.0.0.1 and hands them on to a server's unix socket.
"""

import os
import socket
import struct
import threading
import time

UP, DOWN = "up", "down"  # to the server, to the client
STEP = 0.01


class Link:
    """One connection and its two directions."""

    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        self.over = False  # no byte passes ever again
        self.listens = False  # and is about to fall silent
        self.left = proxy.cut_after  # bytes from the server until it is cut; None: it is not
        for way, source, to in ((UP, client, server), (DOWN, server, client)):
            threading.Thread(target=self._pump, args=(way, source, to), daemon=True).start()

    def _pump(self, way, source, to):
        try:
            while data := source.recv(1 << 16):
                if self.proxy.delay:
                    time.sleep(self.proxy.delay)
                while way in self.proxy.holes and not self.over:
                    time.sleep(STEP)
                if self.over:
                    return
                if way == DOWN and self.left is not None:
                    data = data[:self.left]
                    self.left -= len(data)
                to.sendall(data)
                self.proxy.passed[way] += len(data)
                if self.left == 0:
                    self.cut()
                if way == DOWN and self.listens:
                    self.over = True
                elif way == DOWN and self.proxy.deafen > 0 and b"LISTEN\0" in data:
                    self.proxy.deafen -= 1
                    self.listens = True
            to.shutdown(socket.SHUT_WR)
        except OSError:
            self.cut()

    def cut(self):
        """Ended as by a reset: both sides are told, and what was on its way is lost."""
        self.over = True
        for end in (self.client, self.server):
            try:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.cut()
        self.client.close()
        self.server.close()


class Proxy:
    def __init__(self, cluster):
        self.cluster = cluster
        self.holes = ()  # directions in which nothing passes
        self.delay = 0  # seconds, for each piece that passes
        self.cut_after = None  # bytes from the server after which a connection begun from now on is cut
        self.deafen = 0  # how many connections are to fall silent with the answer that follows that to LISTEN
        self.passed = {UP: 0, DOWN: 0}
        self.links = []
        self.port = 0
        self._lock = threading.Lock()
        self._front = None

    def dsn(self, database, user="postgres", **more):
        words = {"host": "127.0.0.1", "port": self.port, "dbname": database, "user": user, **more}
        return " ".join("%s='%s'" % pair for pair in words.items())

    # -- faults ----------------------------------------------------------------------------------

    def hole(self, *ways):
        """From now on nothing passes in these directions (in both): neither what is there nor what is new."""
        self.holes = ways or (UP, DOWN)

    def heal(self, forget=True):
        """The network is back. forget: connections that were there stay silent for ever."""
        if forget:
            for link in self._current():
                link.over = True
        self.holes = ()

    def cut(self):
        """Every connection is reset."""
        for link in self._current():
            link.cut()

    def refuse(self):
        """New connections are refused; those that are there stay."""
        front, self._front = self._front, None
        if front is not None:
            front.shutdown(socket.SHUT_RDWR)  # wakes whoever waits in accept()
            front.close()

    def admit(self):
        """New connections are taken again, on the same port."""
        self._front = socket.create_server(("127.0.0.1", self.port))
        self.port = self._front.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._front,), daemon=True).start()

    # -- life ------------------------------------------------------------------------------------

    def __enter__(self):
        self.admit()
        return self

    def __exit__(self, *_):
        self.refuse()
        for link in self._current():
            link.close()

    def _current(self):
        with self._lock:
            return list(self.links)

    def _accept(self, front):
        while True:
            try:
                client = front.accept()[0]
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(os.path.join(self.cluster.directory, ".s.PGSQL.%d" % self.cluster.port))
            except OSError:
                client.close()
                server.close()
                continue
            with self._lock:
                self.links.append(Link(self, client, server))
