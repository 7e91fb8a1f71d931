"""PgBouncer in front of a test's cluster.

    with Pooler(pg, "transaction") as pooler:
        connection = psycopg2.connect(pooler.dsn("shop"))

One server session for each database and user, on a unix socket of its own.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg2


class Pooler:
    def __init__(self, pg, mode, size=1):
        self.pg, self.mode, self.size = pg, mode, size
        self.directory = self.process = None

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="platen-pool-", dir="/tmp")
        user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        with open(os.path.join(self.directory, "users.txt"), "w", encoding="utf-8") as users:
            users.write('"postgres" ""\n')
        with open(os.path.join(self.directory, "pool.ini"), "w", encoding="utf-8") as ini:
            ini.write("[databases]\n* = host=%s port=%d user=postgres\n[pgbouncer]\nlisten_addr =\nunix_socket_dir = %s\nlisten_port = 6543\n"
                      "auth_type = any\nauth_file = %s/users.txt\npool_mode = %s\ndefault_pool_size = %d\n"
                      "ignore_startup_parameters = extra_float_digits\nlogfile = %s/log\npidfile =\n"
                      % (self.pg.directory, self.pg.port, self.directory, self.directory, self.mode, self.size, self.directory))
        if os.geteuid() == 0:
            for path in ("", "users.txt", "pool.ini"):
                shutil.chown(os.path.join(self.directory, path), user)
        os.chmod(self.directory, 0o755)
        identity = ["-u", user] if os.geteuid() == 0 else []
        self.process = subprocess.Popen([shutil.which("pgbouncer") or "/usr/sbin/pgbouncer", "-q", *identity, os.path.join(self.directory, "pool.ini")],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while True:
            try:
                psycopg2.connect(self.dsn("postgres")).close()
                return self
            except psycopg2.OperationalError as why:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    said = self.log()
                    self.__exit__(None)
                    raise AssertionError("pgbouncer did not start: %s\n%s" % (why, said)) from None
                time.sleep(0.05)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def dsn(self, database):
        return "host=%s port=6543 dbname=%s user=postgres" % (self.directory, database)

    def log(self):
        try:
            with open(os.path.join(self.directory, "log"), encoding="utf-8", errors="replace") as log:
                return log.read()
        except OSError:
            return ""
