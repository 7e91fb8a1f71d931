"""A private, throw-away PostgreSQL for tests.

    with Cluster() as pg:
        pg.create_database("shop")
        pg.psql("shop", file="sql/migrations/0001_roles.sql")
        conn = psycopg2.connect(pg.dsn("shop"))

It listens on a unix socket in a temporary directory and nowhere else, so it meets no other server
and needs no port. PostgreSQL refuses to run as root; then it runs as another user (`postgres`,
else `nobody`), and everything it keeps belongs to that user. Connections are made as the
superuser `postgres` by trust, since nobody else can reach the socket's directory by accident and
nothing of worth is inside.

Nothing is kept: stop() ends the server at once and removes the directory. By default fsync is
off, which makes tests several times faster and only matters when the machine loses power; pass
durable=True where durability is the subject.
"""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

SUPERUSER = "postgres"
# sockaddr_un holds 107 bytes, and PostgreSQL adds "/.s.PGSQL.5432"
SOCKET_DIR_MAX = 90
MEMORY_MIN = 2 << 30
MEMORY = "/dev/shm"
PREFIX = "platen-pg-"


class ClusterError(RuntimeError):
    """The server or a client program failed; the message carries what it said."""


def bindir():
    """The directory of initdb and postgres: $PG_BINDIR, else Debian's newest, else where PATH
    finds initdb."""
    named = os.environ.get("PG_BINDIR")
    if named:
        return named
    found = [
        d
        for d in glob.glob("/usr/lib/postgresql/*/bin")
        if os.path.exists(os.path.join(d, "initdb"))
    ]
    if found:
        return max(found, key=lambda d: int(d.split("/")[-2]))
    on_path = shutil.which("initdb")
    if on_path:
        return os.path.dirname(os.path.realpath(on_path))
    raise ClusterError(
        "PostgreSQL's server programs (initdb, postgres) were not found; set PG_BINDIR"
    )


def server_user():
    """None when the server can run as ourselves; else the name of the user it has to run as."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
            return name
        except KeyError:
            continue
    raise ClusterError(
        "running as root, and neither user postgres nor nobody exists to run the server as"
    )


class Cluster:
    def __init__(self, durable=False, settings=None):
        self._durable = durable
        self._settings = dict(settings or {})
        self._bin = bindir()
        self._user = server_user()
        self._server = None
        self.directory = None
        self.port = 5432  # names the socket file only

    # -- life -----------------------------------------------------------------------------------

    def start(self):
        """Makes the cluster and starts the server. Returns self. On failure nothing is left
        behind."""
        self.directory = tempfile.mkdtemp(prefix="%s%d-" % (PREFIX, os.getpid()), dir=self._base())
        try:
            if self._user:
                shutil.chown(self.directory, self._user)
            os.chmod(self.directory, 0o755)  # clients of another user must reach the socket
            self._initdb()
            self._launch()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        """Ends the server at once and removes everything. Harmless when it is not running."""
        if self._server is not None:
            # SIGQUIT is "immediate": no checkpoint, since nothing of this is needed again
            if self._server.poll() is None:
                self._signal("QUIT")
            try:
                self._server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._signal("KILL")
                self._server.wait()
            self._server = None
        if self.directory is not None:
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory = None

    def crash(self):
        """Kills the server as a power cut would (the data stays); resume() starts it again."""
        self._signal("QUIT")
        self._server.wait()
        self._server = None

    def shut_down(self, mode="fast"):
        """Ends the server as pg_ctl stop does (the data stays); resume() starts it again."""
        self._signal({"smart": "TERM", "fast": "INT", "immediate": "QUIT"}[mode])
        self._server.wait()
        self._server = None

    def resume(self):
        """Starts the server again on the data it left."""
        self._launch()

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()

    # -- use ------------------------------------------------------------------------------------

    def dsn(self, database="postgres", user=SUPERUSER, **more):
        """A libpq connection string (for psycopg2, psql, DATABASE_URL)."""
        words = {
            "host": self.directory,
            "port": self.port,
            "dbname": database,
            "user": user,
            **more,
        }
        return " ".join("%s=%s" % (key, _quoted(value)) for key, value in words.items())

    def uri(self, database="postgres", user=SUPERUSER):
        """The same as a URI, for programs that want one word."""
        return "postgresql://%s@/%s?host=%s&port=%d" % (user, database, self.directory, self.port)

    def create_database(self, name, template="template0"):
        """Makes a database. A template must have no sessions at that moment."""
        self.psql("postgres", command='CREATE DATABASE "%s" TEMPLATE "%s"' % (name, template))

    def drop_database(self, name):
        """Drops a database, ending whoever is connected to it."""
        self.psql("postgres", command='DROP DATABASE IF EXISTS "%s" WITH (FORCE)' % name)

    def psql(self, database, file=None, command=None, user=SUPERUSER, options=(), check=True):
        """Runs psql -v ON_ERROR_STOP=1 on a file or a command. Returns the finished process
        (stdout, stderr, returncode); raises ClusterError with psql's words when it fails and
        check is true."""
        argv = [
            self._program("psql"),
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            self.dsn(database, user),
            *options,
        ]
        if file is not None:
            argv += ["-f", str(file)]
        if command is not None:
            argv += ["-c", command]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if check and done.returncode != 0:
            raise ClusterError("psql %s failed:\n%s" % (file or command, done.stderr))
        return done

    def run(self, program, *arguments):
        """Runs one of PostgreSQL's client programs. Returns what it printed; ClusterError when it
        fails."""
        done = subprocess.run(
            [self._program(program), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise ClusterError("%s failed:\n%s" % (program, done.stderr))
        return done.stdout

    def dump_schema(self, database):
        """pg_dump --schema-only, without the lines that differ from run to run."""
        text = self.run("pg_dump", "--schema-only", "-d", self.dsn(database))
        # newer pg_dumps wrap their output in \restrict with a random word
        return "\n".join(
            line
            for line in text.splitlines()
            if not line.startswith(("\\restrict", "\\unrestrict"))
        )

    # -- inside ---------------------------------------------------------------------------------

    def _base(self):
        """Where the directory is made: in memory if there is plenty and nothing has to survive,
        else in $TMPDIR, else, where that is too long for a socket, in /tmp."""
        if not self._durable and os.access(MEMORY, os.W_OK):
            _sweep(MEMORY)
            if shutil.disk_usage(MEMORY).free > MEMORY_MIN:
                return MEMORY
        base = tempfile.gettempdir()
        return base if len(base) <= SOCKET_DIR_MAX - len("/platen-pg-1234567-12345678") else "/tmp"

    def _program(self, name):
        return os.path.join(self._bin, name)

    def _as_server(self, argv):
        """argv, run as the server's user, and ended when we are killed. setpriv execs, so the
        process that we hold is the server itself."""
        identity = []
        if self._user:
            group = str(pwd.getpwnam(self._user).pw_gid)
            identity = ["--reuid", self._user, "--regid", group, "--clear-groups"]
        return ["setpriv", "--pdeathsig", "QUIT", *identity, *argv]

    def _initdb(self):
        done = subprocess.run(
            self._as_server(
                [
                    self._program("initdb"),
                    "-D",
                    os.path.join(self.directory, "data"),
                    "-U",
                    SUPERUSER,
                    "-A",
                    "trust",
                    "-E",
                    "UTF8",
                    "--locale=C.UTF-8",
                ]
                + ([] if self._durable else ["--no-sync"])
            ),
            cwd=self.directory,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise ClusterError("initdb failed:\n%s%s" % (done.stdout, done.stderr))

    def _launch(self):
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self.directory,
            "port": self.port,
            "max_connections": 60,
            "shared_buffers": "64MB",
            "timezone": "UTC",
            "log_min_messages": "warning",
        }
        if not self._durable:
            settings.update(fsync="off", synchronous_commit="off", full_page_writes="off")
        settings.update(self._settings)
        argv = [self._program("postgres"), "-D", os.path.join(self.directory, "data")]
        for key, value in settings.items():
            argv += ["-c", "%s=%s" % (key, value)]
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self._server = subprocess.Popen(
                self._as_server(argv),
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 30
        while True:
            ready = subprocess.run(
                [self._program("pg_isready"), "-q", "-h", self.directory, "-p", str(self.port)]
            )
            if ready.returncode == 0:
                return
            if self._server.poll() is not None or time.monotonic() > deadline:
                raise ClusterError("the server did not start:\n%s" % self.log())
            time.sleep(0.05)

    def _signal(self, name):
        # not the program kill: a small Debian does not have it
        try:
            os.kill(self._server.pid, getattr(signal, "SIG" + name))
        except ProcessLookupError:
            pass

    def log(self):
        """What the server wrote."""
        try:
            with open(
                os.path.join(self.directory, "log"), encoding="utf-8", errors="replace"
            ) as log:
                return log.read()
        except OSError:
            return ""


def _quoted(value):
    return "'%s'" % str(value).replace("\\", "\\\\").replace("'", "\\'")


def _sweep(base):
    """Removes what runs that were killed have left in memory: directories of ours whose maker, named in
    the name, is gone."""
    for left in glob.glob(os.path.join(base, PREFIX + "*-*")):
        maker = os.path.basename(left)[len(PREFIX) :].split("-")[0]
        if maker.isdigit() and not os.path.exists("/proc/%s" % maker):
            shutil.rmtree(left, ignore_errors=True)
