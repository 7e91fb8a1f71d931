"""Where the SQL of the repository is, and the shortest ways to talk to a database of the tests."""

import pathlib

import psycopg2
import psycopg2.extras

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MIGRATIONS = ROOT / "sql" / "migrations"
PAGES = ROOT / "sql" / "pages"
SAMPLE = ROOT / "sql" / "sample" / "site.sql"
SEED_SQL = HERE / "seed_sql"

TEMPLATE = "platen_template"

psycopg2.extras.register_uuid()


def up_files():
    """The migrations in their order."""
    return sorted(f for f in MIGRATIONS.glob("*.sql") if not f.name.endswith(".down.sql"))


def down_files():
    """Their ways back, in the order in which they undo."""
    return sorted(MIGRATIONS.glob("*.down.sql"), reverse=True)


class Database:
    """One database of the cluster, and the shortest ways to talk to it."""

    def __init__(self, pg, name):
        self.pg = pg
        self.name = name
        self._connections = []

    def connect(self, user="postgres", role=None, autocommit=True):
        """A new session; with role, after SET ROLE. Closed when the test ends."""
        connection = psycopg2.connect(self.pg.dsn(self.name, user))
        self._connections.append(connection)
        connection.autocommit = autocommit
        if role:
            with connection.cursor() as cursor:
                cursor.execute('SET ROLE "%s"' % role)
            if not autocommit:
                connection.commit()
        return connection

    def rows(self, sql, args=None, role=None):
        """All rows of a statement (none when it returns none), as tuples, in a session of its
        own."""
        connection = self.connect(role=role)
        try:
            return run(connection, sql, args)
        finally:
            connection.close()

    def value(self, sql, args=None, role=None):
        """The one value of a statement."""
        rows = self.rows(sql, args, role)
        assert len(rows) == 1 and len(rows[0]) == 1, "%s gave %r" % (sql, rows)
        return rows[0][0]

    def psql(self, file=None, command=None, **more):
        return self.pg.psql(self.name, file=file, command=command, **more)

    def migrate(self):
        for file in up_files():
            self.psql(file=file)

    def close(self):
        for connection in self._connections:
            connection.close()


def run(connection, sql, args=None):
    """All rows of a statement in a given session."""
    with connection.cursor() as cursor:
        cursor.execute(sql, args)
        return cursor.fetchall() if cursor.description else []


def seed_sql(name):
    """A statement as the seed documents print it."""
    return (SEED_SQL / name).read_text(encoding="utf-8")
