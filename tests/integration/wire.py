"""A wire between clients and a PostgreSQL of the tests that can be cut.

    with Wire(db.pg) as wire:
        worker = Listening(db, tmp_path, dsn=wire.dsn(db.name))
        wire.cut("platen listen")      # sessions of that application_name hear nothing more, and nobody tells them
        wire.cut()                     # all of them, and those that come
        wire.mend()                    # what was cut stays so; new ones pass
"""

import contextlib
import os
import selectors
import shutil
import socket
import struct
import tempfile
import threading

CHUNK = 65536


class _Session:
    """One client and its connection to the server."""

    def __init__(self, client, server):
        self.ends = {client: server, server: client}
        self.client = client
        self.name = None  # application_name, once the first packet has passed
        self.cut = False

    def note_name(self, packet):
        """The first packet: length, protocol, then names and values, each ended by a zero byte."""
        if self.name is None and len(packet) > 8 and struct.unpack("!i", packet[4:8])[0] == 196608:
            words = packet[8:].split(b"\0")
            self.name = dict(zip(words[::2], words[1::2])).get(b"application_name", b"").decode()

    def close(self):
        for end in self.ends:
            end.close()


class Wire:
    def __init__(self, pg):
        self._pg = pg
        self._server = os.path.join(pg.directory, ".s.PGSQL.%d" % pg.port)
        self._lock = threading.Lock()
        self._sessions = []
        self._cut_all = False
        self._ended = False

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="platen-wire-", dir="/tmp")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(os.path.join(self.directory, ".s.PGSQL.5432"))
        self._listener.listen(64)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended = True
        self._thread.join(10)
        for session in self._sessions:
            session.close()
        self._listener.close()
        self._selector.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def dsn(self, database, user="postgres"):
        return "host=%s port=5432 dbname=%s user=%s" % (self.directory, database, user)

    def cut(self, name=None):
        with self._lock:
            self._cut_all = self._cut_all or name is None
            for session in self._sessions:
                session.cut = session.cut or name in (None, session.name)

    def mend(self):
        with self._lock:
            self._cut_all = False

    # -- the thread ------------------------------------------------------------------------------

    def _carry(self):
        while not self._ended:
            for key, _ in self._selector.select(0.05):
                with self._lock:
                    if key.fileobj is self._listener:
                        self._accept()
                    else:
                        self._pass_on(key.fileobj, key.data)

    def _accept(self):
        client, _ = self._listener.accept()
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(self._server)
        except OSError:
            client.close()
            server.close()
            return
        session = _Session(client, server)
        session.cut = self._cut_all
        self._sessions.append(session)
        for end in session.ends:
            self._selector.register(end, selectors.EVENT_READ, session)

    def _pass_on(self, end, session):
        if session not in self._sessions:
            return  # its other end has just gone
        if session.cut:  # neither bytes nor an end go through
            self._selector.unregister(end)
            return
        data = b""
        with contextlib.suppress(OSError):
            data = end.recv(CHUNK)
        with contextlib.suppress(OSError):
            if data:
                if end is session.client:
                    session.note_name(data)
                session.ends[end].sendall(data)
                return
        for side in session.ends:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(side)
        session.close()
        self._sessions.remove(session)
