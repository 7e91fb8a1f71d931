"""A network between a program and a test's cluster, that can be cut without either end being told.

    with Wire(pg) as wire:
        connection = psycopg2.connect(wire.dsn("shop"))
        wire.cut()    # bytes vanish; new connections are accepted and hear nothing
        wire.mend()   # what was swallowed stays lost, new connections work
"""

import contextlib
import os
import selectors
import shutil
import socket
import tempfile
import threading

PORT = 5432


class Wire:
    def __init__(self, pg):
        self.pg = pg
        self._cut = threading.Event()
        self._stop = threading.Event()

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="platen-wire-", dir="/tmp")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(os.path.join(self.directory, ".s.PGSQL.%d" % PORT))
        self._listener.listen(64)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._open = set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(5)
        for one in [*self._open, self._listener]:
            one.close()
        self._selector.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def dsn(self, database):
        return "host=%s port=%d dbname=%s user=postgres" % (self.directory, PORT, database)

    def cut(self):
        self._cut.set()

    def mend(self):
        self._cut.clear()

    def _run(self):
        while not self._stop.is_set():
            for key, _ in self._selector.select(0.05):
                if key.data is None:
                    self._accept()
                elif key.fileobj in self._open:  # not ended by its other half just now
                    self._pass_on(key.fileobj, key.data)

    def _accept(self):
        near, _ = self._listener.accept()
        far = socket.socket(socket.AF_UNIX)
        far.connect(os.path.join(self.pg.directory, ".s.PGSQL.%d" % self.pg.port))
        self._open.update((near, far))
        self._selector.register(near, selectors.EVENT_READ, {"to": far, "dead": False})
        self._selector.register(far, selectors.EVENT_READ, {"to": near, "dead": False})

    def _pass_on(self, one, data):
        """A connection that met the cut is dead for good, as one whose bytes were lost would be."""
        other = data["to"]
        try:
            read = one.recv(65536)
        except OSError:
            read = b""
        if self._cut.is_set() and read:
            for end in (one, other):
                with contextlib.suppress(KeyError):
                    self._selector.get_key(end).data["dead"] = True
        if not read:
            self._end(one)
            if not self._cut.is_set() and not data["dead"]:
                self._end(other)
        elif not data["dead"]:
            with contextlib.suppress(OSError):
                other.sendall(read)

    def _end(self, one):
        with contextlib.suppress(KeyError):
            self._selector.unregister(one)
        one.close()
        self._open.discard(one)
