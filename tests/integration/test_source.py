"""Reading page sets from PostgreSQL: values, snapshots, wrong queries, and servers that fail."""

import os
import signal
import socket
import subprocess
import time

import pytest

from cmsdb import PAGES, Database
from pgcluster import Cluster
from program import Running, Site, peak_memory, platen, platen_measured

ONE = "SELECT 'a' AS key, 'en' AS locale"


@pytest.fixture(scope="module")
def own_pg():
    """A server of our own, which tests may stop, freeze and configure."""
    with Cluster(settings={"log_statement": "all"}) as cluster:
        yield cluster


def one_row(site, source, query):
    site.write("things", query)
    found = site.export(source)["things"]
    assert len(found) == 1
    return found[0]


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path, {"things": ONE})


# --- values ---------------------------------------------------------------------------------------------------------

VALUES = """
SELECT 'a' AS key, 'en' AS locale, true AS yes, false AS no, NULL::int AS nothing,
       1::int2 AS small, 12345678901234567::int8 AS big, 1.50::numeric(10,2) AS price, 0.1::float8 AS tenth,
       1e-7::float8 AS tiny, 'NaN'::numeric AS nan, '-Infinity'::float4 AS inf,
       '{"b": [1, 2.50, null, "\\u00e9"], "a": {}}'::jsonb AS doc, ' [1 , {"x":1.0,"x":2}] '::json AS raw,
       '2026-01-02 03:04:05.678+02'::timestamptz AS at, 'infinity'::timestamptz AS never,
       timestamp '2026-01-02 03:04:05' AS local, date '2026-01-02' AS day, interval '1 day 2 hours' AS span,
       '\\xdead'::bytea AS bytes, 1234.5::money AS money, inet '10.0.0.1' AS ip, 'ab'::char(4) AS padded,
       ARRAY['x', 'y z'] AS list, ROW(NULL, NULL) AS nulls, 'quote " back \\ tab \t'::text AS odd,
       '12345678-1234-1234-1234-123456789012'::uuid AS id, XML '<a/>' AS xml
"""
EXPECTED = {
    "key": "a", "locale": "en", "yes": True, "no": False, "nothing": None,
    "small": 1, "big": 12345678901234567, "price": 1.5, "tenth": 0.1, "tiny": 1e-7, "nan": "NaN", "inf": "-Infinity",
    "doc": {"a": {}, "b": [1, 2.5, None, "é"]}, "raw": [1, {"x": 2}],
    "at": "2026-01-02T01:04:05.678Z", "never": "infinity",
    "local": "2026-01-02 03:04:05", "day": "2026-01-02", "span": "P1DT2H",
    "bytes": "\\xdead", "money": "$1,234.50", "ip": "10.0.0.1", "padded": "ab  ",
    "list": '{x,"y z"}', "nulls": "(,)", "odd": 'quote " back \\ tab \t',
    "id": "12345678-1234-1234-1234-123456789012", "xml": "<a/>",
}


def test_values_by_type(site, empty_db):
    assert one_row(site, empty_db.pg.dsn(empty_db.name), VALUES) == EXPECTED


def test_numbers_keep_their_digits(site, empty_db):
    site.write("things", VALUES)
    text = site.run("export", "--source", empty_db.pg.dsn(empty_db.name)).out
    for digits in ('"price":1.50,', '"tenth":0.1,', '"tiny":1e-07,', '"big":12345678901234567,', '[1,2.50,null,"é"]'):
        assert digits in text


def test_same_bytes_whatever_the_role_sets(site, empty_db):
    """Time zone, styles, digits, search path and what else a role or database may set do not reach the output."""
    site.write("things", VALUES + ", pg_sleep(0.4) IS NULL AS slept")
    plain = site.run("export", "--source", empty_db.pg.dsn(empty_db.name)).out
    empty_db.rows("CREATE SCHEMA trap")
    empty_db.rows("CREATE FUNCTION trap.format(text, text) RETURNS text LANGUAGE sql AS $$SELECT 'trap'$$")
    empty_db.rows("CREATE FUNCTION trap.octet_length(text) RETURNS int LANGUAGE sql AS $$SELECT 999999999$$")
    for setting in ("TimeZone TO 'Asia/Kolkata'", "DateStyle TO 'German'", "IntervalStyle TO 'postgres_verbose'",
                    "extra_float_digits TO 0", "bytea_output TO 'escape'", "search_path TO trap, pg_catalog",
                    "client_encoding TO 'LATIN1'", "standard_conforming_strings TO off", "lc_monetary TO 'C.UTF-8'",
                    "default_transaction_isolation TO 'serializable'", "statement_timeout TO '200ms'",
                    "quote_all_identifiers TO on", "transform_null_equals TO on"):
        empty_db.rows('ALTER DATABASE "%s" SET %s' % (empty_db.name, setting))
    again = site.run("export", "--source", empty_db.pg.dsn(empty_db.name))
    assert again.code == 0, again
    assert again.out == plain


def test_an_empty_connection_string_means_the_environment(site, empty_db):
    env = {"PGHOST": empty_db.pg.directory, "PGUSER": "postgres", "PGDATABASE": empty_db.name}
    done = site.run("export", env=env)
    assert done.code == 0, done
    assert done.out.endswith('{"end":{"things":1}}\n')


def test_hostile_keys_are_only_text(site, empty_db):
    keys = ["../../etc/passwd", "a/../../b", "%2e%2e", ".", "line\nbreak", "\x1b[31m", "x" * 5000, "'; DROP TABLE x; --",
            "<script>", "\u202e", "\U0001f600"]
    query = "SELECT key, 'en' AS locale FROM unnest(ARRAY[%s]) WITH ORDINALITY u(key, n) ORDER BY n" % ", ".join(
        "'%s'" % key.replace("'", "''") for key in keys)
    site.write("things", query)
    assert [row["key"] for row in site.export(empty_db.pg.dsn(empty_db.name))["things"]] == keys


def test_the_sample_site_is_read_by_the_reader_role(tmp_path, db):
    """platen_reader, without the right to know the server's identity, is enough."""
    db.psql(file=PAGES.parent / "sample" / "site.sql")
    for function in ("pg_control_system()", "pg_control_checkpoint()"):
        db.rows("REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC" % function)
    db.rows("DO $$ BEGIN CREATE ROLE press LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    db.rows("GRANT platen_reader TO press")
    site = Site(tmp_path, {name: (PAGES / (name + ".sql")).read_text() for name in ("homepage", "products")})
    found = site.export(db.pg.dsn(db.name, user="press"))
    assert len(found["homepage"]) >= 3
    assert len(found["products"]) >= 3
    as_owner = site.export(db.pg.dsn(db.name))
    assert found == as_owner


# --- rows that are bad ------------------------------------------------------------------------------------------------

BAD_ROWS = [
    ("SELECT NULL::text AS key, 'en' AS locale", "row 1: key is null"),
    ("SELECT '' AS key, 'en' AS locale", "row 1: key is empty"),
    ("SELECT 'k' AS key, NULL::text AS locale", "row 1 (key 'k'): locale is null"),
    ("SELECT 'k' AS key, 'en' AS locale, 'draft' AS state", "(key 'k', locale 'en'): state is 'draft'; it must be 'live'"),
    ("SELECT 'k' AS key, 'en' AS locale, NULL::text AS state", "state is null"),
    ("SELECT 'k' AS key, 'en' AS locale, '12000-01-01'::timestamptz AS updated_at", "updated_at is '12000-01-01"),
    ("SELECT 'k' AS key, 'en' AS locale, '0044-03-15 BC'::timestamptz AS next_change_at", "next_change_at is '0044-"),
    ("SELECT 'k' AS key, 'en' AS locale, (repeat('[', 2000) || repeat(']', 2000))::json AS deep", "column 'deep': "),
]


@pytest.mark.parametrize("query, words", BAD_ROWS)
def test_a_bad_row_is_left_out_and_named(site, empty_db, query, words):
    site.write("things", query)
    done = site.run("export", "--source", empty_db.pg.dsn(empty_db.name))
    assert done.code == 4, done
    assert "left out: page set 'things', " in done.err and words in done.err
    assert done.out.endswith('{"end":{"things":0}}\n')


def test_the_rows_beside_a_bad_one_are_read(site, empty_db):
    site.write("things", "SELECT NULLIF(n, 3)::text AS key, 'en' AS locale FROM generate_series(1, 5) n")
    done = site.run("export", "--source", empty_db.pg.dsn(empty_db.name))
    assert done.code == 4
    assert done.out.count('"set"') == 4
    assert "row 3: key is null" in done.err


def test_bytes_that_are_no_utf8_are_a_bad_row(site, own_pg):
    """A SQL_ASCII database lets any bytes through, whatever the client asks for."""
    own_pg.psql("postgres", command="DROP DATABASE IF EXISTS ascii")
    own_pg.psql("postgres", command="CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    site.write("things", "SELECT k AS key, 'en' AS locale, t FROM (VALUES ('good', 'x'), ('bad', E'\\xff'), (E'\\xc3', '')) v(k, t)")
    done = site.run("export", "--source", own_pg.dsn("ascii"))
    assert done.code == 4, done
    assert "row 2 (key 'bad', locale 'en'): column 't': byte 1 is not valid UTF-8" in done.err
    assert "row 3: key is not valid UTF-8" in done.err
    assert done.out.count('"set"') == 1


def test_200_megabytes_in_one_field_do_not_travel(site, empty_db):
    site.write("things", "SELECT n AS key, 'en' AS locale, repeat('x', CASE n WHEN 2 THEN 200000000 ELSE 10 END) AS content,"
                         " jsonb_build_object('a', repeat('y', CASE n WHEN 3 THEN 100000000 ELSE 1 END)) AS doc"
                         " FROM generate_series(1, 4) n ORDER BY n")
    done = platen_measured("export", "--source", empty_db.pg.dsn(empty_db.name), cwd=site.folder)
    assert done.code == 4, done
    assert "row 2 (key '2', locale 'en'): the row has 2000000" in done.err
    assert "row 3 (key '3', locale 'en'): the row has 1000000" in done.err
    assert "limits.row" in done.err
    assert done.out.count('"set"') == 2
    assert 0 < done.rss < 32 << 20


def test_memory_does_not_grow_with_the_rows(site, empty_db):
    site.write("things", "SELECT n AS key, 'en' AS locale, repeat('x', 3000) AS text FROM generate_series(1, 30000) n")
    target = site.folder / "things.export"
    done = platen_measured("export", "--quiet", "--source", empty_db.pg.dsn(empty_db.name), "--to", target, cwd=site.folder)
    assert done.code == 0, done
    assert target.stat().st_size > 90_000_000
    assert 0 < done.rss < 32 << 20


# --- queries that are wrong -------------------------------------------------------------------------------------------

# (query, exit code, what the message says)
WRONG = [
    ("", 2, "sql/things.sql is empty; it should hold one SELECT"),
    ("-- only a comment\n;", 2, "sql/things.sql is empty"),
    (b"SELECT '\xff'", 2, "sql/things.sql: byte 9 is not valid UTF-8"),
    ("SELECT 1 AS key, 2 AS locale;\nSELECT 2", 2, "sql/things.sql:2:1: a second statement"),
    ("SELECT 'x AS key", 2, "sql/things.sql:1:8: this string is not closed"),
    ("\\i other.sql", 2, "sql/things.sql:1:1: a backslash"),
    ("DELETE FROM things", 2, "sql/things.sql:1:1: a page set's query must be a SELECT"),
    ("COMMIT", 2, "must be a SELECT"),
    ("COPY (SELECT 1) TO STDOUT", 2, "must be a SELECT"),
    ("SELECT 1 AS key", 2, "there is no column 'locale'"),
    ("SELECT 1 AS locale", 2, "there is no column 'key'"),
    ("SELECT", 2, "gives no columns"),
    ("SELECT 1 AS key, 2 AS locale, 3 AS page", 2, "a column must not be named 'page'"),
    ("SELECT 1 AS key, 2 AS locale, 3 AS x, 4 AS x", 2, "two columns are named 'x'"),
    ("SELECT 1 AS key, 2 AS locale, now()::timestamp AS updated_at", 2, "column 'updated_at' must be of type timestamptz"),
    ("SELECT 1 AS key, 2 AS locale, 'soon' AS next_change_at", 2, "column 'next_change_at' must be of type timestamptz"),
    ("SELECT 1 AS key,\n  é.b AS locale", 1, "sql/things.sql:2:3: "),
    ("SELECT 1 AS key,\n\n 2 AS AS locale", 1, "sql/things.sql:3:10: syntax error at or near \"locale\" (SQLSTATE 42601)"),
    ("-- éé\n  SELECT * FROM missing", 1, "sql/things.sql:2:17: relation \"missing\" does not exist (SQLSTATE 42P01)"),
    ("SELECT * FROM missing", 1, "hint: has 'platen migrate' been run on database"),
    ("SELECT n AS key, 'en' AS locale, 1 / (n - 3) AS x FROM generate_series(1, 5) n", 1, "division by zero (SQLSTATE 22012)"),
    ("SELECT 1 AS key, $1 AS locale", 2, "sql/things.sql: the query has a parameter ($1)"),
    ("WITH x AS (DELETE FROM pg_class RETURNING 1) SELECT 1 AS key, 2 AS locale FROM x", 1, "SQLSTATE"),
    ("SELECT nextval('s') AS key, 'en' AS locale", 1, "sql/things.sql"),
]


@pytest.mark.parametrize("query, code, words", WRONG)
def test_a_wrong_query_says_where(site, empty_db, query, code, words):
    empty_db.rows("CREATE SEQUENCE s")
    site.write("things", query)
    target = site.folder / "x.export"
    done = site.run("export", "--source", empty_db.pg.dsn(empty_db.name), "--to", target)
    assert done.code == code, done
    assert "page set 'things'" in done.err and words in done.err
    assert [p.name for p in site.folder.iterdir() if "export" in p.name] == []


def test_a_query_file_that_is_not_there_or_too_large(site, empty_db):
    site.write("things", "SELECT 1 AS key, 2 AS locale --" + "x" * (1 << 20))
    done = site.run("export", "--source", empty_db.pg.dsn(empty_db.name))
    assert done.code == 2 and "cannot read the query: sql/things.sql: larger than 1048576 bytes" in done.err
    (site.folder / "sql" / "things.sql").unlink()
    done = site.run("export", "--source", empty_db.pg.dsn(empty_db.name))
    assert done.code == 2 and "cannot read the query: sql/things.sql: No such file" in done.err


def test_statement_timeout_names_its_setting(tmp_path, empty_db):
    site = Site(tmp_path, {"things": "SELECT 1 AS key, 'en' AS locale, pg_sleep(30) AS x"},
                database={"statement_timeout": "300ms"})
    since = time.monotonic()
    done = site.run("export", "--source", empty_db.pg.dsn(empty_db.name))
    assert done.code == 1
    assert time.monotonic() - since < 5
    assert "statement timeout (SQLSTATE 57014)" in done.err
    assert "hint: database.statement_timeout is 0.3 s" in done.err


# --- one snapshot, few queries ------------------------------------------------------------------------------------------


def test_all_page_sets_are_of_one_moment(tmp_path, empty_db):
    """What commits after the first page set has been read is not in the second."""
    empty_db.rows("CREATE TABLE t AS SELECT 1 AS n")
    slow = "SELECT n AS key, 'en' AS locale, pg_sleep(1.5) IS NULL AS x FROM t"
    site = Site(tmp_path, {"first": slow, "second": "SELECT n AS key, 'en' AS locale FROM t"})
    running = site.start("export", "--source", empty_db.pg.dsn(empty_db.name))
    wait_for(lambda: empty_db.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1.5) IS NULL%'"
                                    " AND wait_event = 'PgSleep' AND pid <> pg_backend_pid()") == 1)
    empty_db.rows("INSERT INTO t VALUES (2)")
    done = running.wait()
    assert done.code == 0, done
    assert done.out.endswith('{"end":{"first":1,"second":1}}\n')


def statements_of(cluster, run):
    """How many statements the server logged while run() ran."""
    before = len(cluster.log())
    run()
    log = cluster.log()[before:]
    return sum(line.count("LOG:  statement: ") + line.count("LOG:  execute ") for line in log.splitlines())


def test_the_number_of_queries_does_not_depend_on_the_rows(site, own_pg):
    counts = []
    for n in (0, 1, 1000):
        site.write("things", "SELECT n AS key, 'en' AS locale FROM generate_series(1, %d) n" % n)
        counts.append(statements_of(own_pg, lambda: site.export(own_pg.dsn())))
    assert counts[0] == counts[1] == counts[2]
    assert 0 < counts[0] <= 6


# --- servers that fail ----------------------------------------------------------------------------------------------------


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


SLOW = ("SELECT n AS key, 'en' AS locale, repeat('x', 100000) AS x, pg_sleep(CASE WHEN n > 20 THEN 0.2 ELSE 0 END) IS NULL AS y"
        " FROM generate_series(1, 200) n")


def begin_slow(site, cluster, *args):
    site.write("things", SLOW)
    running = site.start("export", "--source", cluster.dsn(), "--to", site.folder / "x.export", *args)
    watcher = Database(cluster, "postgres")
    pids = []

    def reading():
        pids[:] = watcher.rows("SELECT pid FROM pg_stat_activity WHERE application_name = 'platen' AND wait_event = 'PgSleep'")
        return len(pids) == 1
    wait_for(reading)
    watcher.close()
    return running, pids[0][0]


def test_the_server_killed_in_the_middle(site, own_pg):
    running, _ = begin_slow(site, own_pg)
    own_pg.crash()
    try:
        done = running.wait(20)
    finally:
        own_pg.resume()
    assert done.code == 1
    assert "page set 'things'" in done.err
    assert "terminat" in done.err or "closed the connection" in done.err
    assert sorted(p.name for p in site.folder.iterdir()) == ["platen.yaml", "sql"]


def test_one_backend_ended_by_an_administrator(site, own_pg):
    running, pid = begin_slow(site, own_pg)
    Database(own_pg, "postgres").rows("SELECT pg_terminate_backend(%d)" % pid)
    done = running.wait(20)
    assert done.code == 1
    assert "terminating connection due to administrator command (SQLSTATE 57P01)" in done.err


def test_a_server_that_no_longer_answers(tmp_path, own_pg):
    """Frozen, not dead: only a deadline of our own ends this."""
    site = Site(tmp_path, {"things": SLOW}, database={"statement_timeout": "2s"})
    running, pid = begin_slow(site, own_pg)
    os.kill(pid, signal.SIGSTOP)
    since = time.monotonic()
    try:
        done = running.wait(20)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert done.code == 1
    assert "PostgreSQL has not answered for 7.0 s" in done.err
    assert time.monotonic() - since < 15


def test_a_slow_reader_does_not_fill_the_memory(site, empty_db):
    """platen's output is not taken: it stops reading, and the server stops sending."""
    site.write("things", "SELECT n AS key, 'en' AS locale, repeat('x', 100000) AS x FROM generate_series(1, 1000) n")
    out, inn = os.pipe()
    running = Running("export", "--source", empty_db.pg.dsn(empty_db.name), cwd=site.folder, stdout=inn)
    os.close(inn)
    time.sleep(1)
    rss = peak_memory(running.process.pid)
    total = 0
    while True:
        piece = os.read(out, 1 << 20)
        if not piece:
            break
        total += len(piece)
    os.close(out)
    assert running.wait().code == 0
    assert total > 100_000_000
    assert 0 < rss < 32 << 20


def test_nobody_listens(site):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = site.run("export", "--source", "postgresql://u:s3cret-word@127.0.0.1:%d/d" % port)
    assert done.code == 1
    assert "cannot connect to PostgreSQL" in done.err and "Connection refused" in done.err
    assert "s3cret-word" not in done.err


class Mute:
    """Accepts connections and never says a word."""

    def __enter__(self):
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(8)
        self.port = self._socket.getsockname()[1]
        return self

    def __exit__(self, *exc):
        self._socket.close()


def test_connecting_has_a_deadline(tmp_path):
    site = Site(tmp_path, {"things": ONE}, database={"connect_timeout": "500ms"})
    with Mute() as mute:
        since = time.monotonic()
        done = site.run("export", "--source", "host=127.0.0.1 port=%d password=s3cret-word" % mute.port)
    assert done.code == 1
    assert "no answer in time from \"127.0.0.1\", port %d" % mute.port in done.err
    assert "s3cret-word" not in done.err
    assert time.monotonic() - since < 3


SLOW_RESOLVER = """
#include <netdb.h>
#include <unistd.h>
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
    (void)node, (void)service, (void)hints, (void)res;
    sleep(20);
    return EAI_AGAIN;
}
"""


def test_the_deadline_holds_while_a_name_is_looked_up(tmp_path):
    """The resolver's call blocks; libpq has no way around it, so platen leaves the attempt behind."""
    (tmp_path / "slow.c").write_text(SLOW_RESOLVER)
    library = tmp_path / "slow.so"
    subprocess.run(["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", library, tmp_path / "slow.c"], check=True)
    site = Site(tmp_path, {"things": ONE}, database={"connect_timeout": "500ms"})
    since = time.monotonic()
    done = site.run("export", "--source", "postgresql://u:s3cret-word@db.example/d",
                    env={"LD_PRELOAD": str(library), "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"})
    assert done.code == 1, done
    assert "no answer in time (the name of the host could not be resolved)" in done.err
    assert "s3cret-word" not in done.err
    assert time.monotonic() - since < 5


def test_the_second_host_gets_its_share_of_the_deadline(tmp_path, empty_db):
    site = Site(tmp_path, {"things": ONE}, database={"connect_timeout": "2s"})
    with Mute() as mute:
        found = site.export("host=127.0.0.1,%s port=%d,%d dbname=%s user=postgres" % (
            empty_db.pg.directory, mute.port, empty_db.pg.port, empty_db.name))
    assert len(found["things"]) == 1


def test_a_wrong_password_is_not_repeated(site, own_pg):
    hba = os.path.join(own_pg.directory, "data", "pg_hba.conf")
    with open(hba, encoding="utf-8") as file:
        old = file.read()
    with open(hba, "w", encoding="utf-8") as file:
        file.write("local all guarded scram-sha-256\n" + old)
    try:
        own_pg.psql("postgres", command="CREATE ROLE guarded LOGIN PASSWORD 'right'; SELECT pg_reload_conf()")
        source = "postgresql://guarded:s3cret-word@/postgres?host=%s" % own_pg.directory
        wait_for(lambda: platen("export", "--source", source, cwd=site.folder).code != 0)
        done = site.run("export", "--source", source)
        assert done.code == 1
        assert 'password authentication failed for user "guarded"' in done.err
        assert "s3cret-word" not in done.err and "s3cret-word" not in done.out
        assert site.run("export", "--source", source.replace("s3cret-word", "right")).code == 0
    finally:
        with open(hba, "w", encoding="utf-8") as file:
            file.write(old)
        own_pg.psql("postgres", command="SELECT pg_reload_conf(); DROP ROLE IF EXISTS guarded")


@pytest.mark.parametrize("source", [
    "postgresql://user:s3cret@word@localhost/db",
    "postgresql://user:s3cret/word@localhost/db",
    "postgresql://user:s3cret%zzword@localhost/db",
    "postgresql://user:12/word@localhost/db",
    "password=s3cret'word host=x port=s3cret",
    "host=localhost password='s3cret word",
    "host=localhost port=s3cretword",
    "host=localhost s3cretoption=word",
])
def test_an_unreadable_connection_string_is_not_repeated(site, source):
    done = site.run("export", "--source", source)
    assert done.code in (1, 2), done
    assert "s3cret" not in done.err and "word@" not in done.err
    assert "connection string" in done.err


def test_a_database_that_is_not_there(site, pg):
    done = site.run("export", "--source", pg.dsn("nowhere"))
    assert done.code == 1
    assert 'database "nowhere" does not exist' in done.err


def test_a_standby_can_be_read(site, tmp_path_factory):
    """A server in recovery: its functions about writing positions would fail; they are not needed."""
    with Cluster(settings={"wal_level": "replica", "max_wal_senders": 4, "hot_standby": "on"}) as primary:
        primary.psql("postgres", command="CREATE TABLE t AS SELECT 7 AS n")
        standby = Cluster(settings={"hot_standby": "on", "primary_conninfo": "host=%s port=%d user=postgres" % (
            primary.directory, primary.port)})
        copy_as_standby(primary, standby)
        try:
            standby.resume()
            site.write("things", "SELECT n AS key, 'en' AS locale, pg_is_in_recovery() AS standby FROM t")
            assert site.export(standby.dsn())["things"] == [{"key": 7, "locale": "en", "standby": True}]
        finally:
            standby.stop()


def copy_as_standby(primary, standby):
    import shutil
    import tempfile
    standby.directory = tempfile.mkdtemp(prefix="platen-pg-", dir="/tmp")
    if standby._user:
        shutil.chown(standby.directory, standby._user)
    os.chmod(standby.directory, 0o755)
    data = os.path.join(standby.directory, "data")
    subprocess.run(standby._as_server([standby._program("pg_basebackup"), "-D", data, "-h", primary.directory, "-p",
                                       str(primary.port), "-U", "postgres", "-c", "fast", "--no-sync"]),
                   check=True, capture_output=True, cwd=standby.directory)
    subprocess.run(standby._as_server(["touch", os.path.join(data, "standby.signal")]), check=True)
