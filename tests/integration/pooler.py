"""PgBouncer in front of a Cluster.

    with Pooler(db.pg, pool_mode="transaction", default_pool_size=1) as pooler:
        worker = Listening(db, tmp_path, dsn=pooler.dsn(db.name))
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import psycopg2

from pgcluster import SUPERUSER, ClusterError, server_user


class Pooler:
    def __init__(self, cluster, **settings):
        self.cluster = cluster
        self.settings = settings
        self.port = 6543  # names the socket file only
        self.directory = None
        self._process = None

    def dsn(self, database, user=SUPERUSER):
        return "host='%s' port=%d dbname='%s' user='%s'" % (self.directory, self.port, database, user)

    def show(self, what):
        """Rows of a SHOW command, as dicts."""
        connection = psycopg2.connect(self.dsn("pgbouncer"))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SHOW " + what)
                names = [column[0] for column in cursor.description]
                return [dict(zip(names, row)) for row in cursor.fetchall()]
        finally:
            connection.close()

    def log(self):
        with open(os.path.join(self.directory, "log"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="platen-pool-")
        user = server_user()
        if user:
            shutil.chown(self.directory, user)
        os.chmod(self.directory, 0o755)
        settings = {"listen_addr": "", "listen_port": self.port, "unix_socket_dir": self.directory, "auth_type": "any",
                    "admin_users": SUPERUSER, "stats_period": 3600, **self.settings}
        config = os.path.join(self.directory, "pgbouncer.ini")
        with open(config, "w", encoding="utf-8") as file:
            file.write("[databases]\n* = host=%s port=%d user=%s\n[pgbouncer]\n" % (self.cluster.directory, self.cluster.port,
                                                                                  SUPERUSER))
            file.writelines("%s = %s\n" % pair for pair in settings.items())
        # it refuses to run as root, and by itself would go to the background
        identity = ["setpriv", "--pdeathsig", "KILL", *(["--reuid", user, "--clear-groups"] if user else [])]
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self._process = subprocess.Popen([*identity, shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin"), config],
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory)
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _wait(self):
        deadline = time.monotonic() + 10
        while True:
            try:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(os.path.join(self.directory, ".s.PGSQL.%d" % self.port))
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise ClusterError("pgbouncer did not start:\n" + self.log()) from None
            time.sleep(0.02)

    def __exit__(self, *_):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
