"""What the change log costs those who write: statements in a database that is watched and in one that is not, and in
one that also tells caches of API clients.

They are alike but for the triggers. A session in each takes turns, a statement at a time, so that whatever else the
machine does meets all.
"""

import re
import subprocess

from stage import BenchError, clean_environment, median

SECTIONS = 20
PRODUCTS = 10_000
NAMES = ("bare", "logged", "told")
FEWER = 1_000

# Publishing goes to and fro between two versions of a section, another section each time.
PICK = """
SELECT format('SELECT public.publish_section_version(%L, %L)', sv.section_id, sv.id)
FROM (SELECT v.*, row_number() OVER (PARTITION BY v.section_id ORDER BY v.version_number) AS place
      FROM public.section_versions v) sv
JOIN public.homepage_sections hs ON hs.id = sv.section_id
WHERE sv.place <= 2
ORDER BY sv.place, hs.display_order"""
PRICES = "UPDATE public.products SET price = price + 1"
SOME = PRICES + " WHERE id IN (SELECT id FROM public.products ORDER BY id LIMIT %d)" % FEWER


class Session:
    """psql, one statement after the other, with the milliseconds that it says each took."""

    def __init__(self, stage, database):
        self._psql = subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d",
                                       stage.cluster.dsn(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True, env=clean_environment())

    def ask(self, statement):
        """(milliseconds, lines)"""
        self._psql.stdin.write("\\timing on\n%s;\n\\timing off\n\\echo done\n" % statement)
        self._psql.stdin.flush()
        lines = []
        while (line := self._psql.stdout.readline()) != "done\n":
            if not line:
                raise BenchError("%s\n%s" % (statement, "".join(lines)))
            lines.append(line)
        time = re.match(r"Time: ([\d.]+) ms", lines.pop())
        return float(time.group(1)), [line.rstrip("\n") for line in lines]

    def close(self):
        self._psql.stdin.close()
        self._psql.wait()
        self._psql.stdout.close()


def prepare(stage):
    for name in NAMES:
        stage.make_database(name, locales=1, sections=SECTIONS, versions=SECTIONS, products=PRODUCTS)
        stage.cluster.psql(name, command="INSERT INTO public.section_versions (id, section_id, content) "
                           "SELECT md5('second ' || id)::uuid, section_id, content FROM public.section_versions")
    for name in ("bare", "logged"):
        stage.cluster.psql(name, command="SELECT public.cms_announce(false)")
    stage.cluster.psql("bare", command="SELECT platen.unwatch(w.relation::regclass) FROM platen.watched w")


def measure(stage, repeats):
    """{name: (milliseconds without, with, with that and the channels of caches)} of one publish, of many and of some products in one statement."""
    sessions = [Session(stage, name) for name in NAMES]
    try:
        for session in sessions:
            session.ask("CHECKPOINT")
        publishes = sessions[0].ask(PICK)[1]
        return {
            "one": _compare(sessions, publishes * repeats, ""),
            "some": _compare(sessions, [SOME] * (2 * repeats + 1), "VACUUM public.products"),
            "all": _compare(sessions, [PRICES] * (repeats + 1), "VACUUM public.products"),
        }
    finally:
        for session in sessions:
            session.close()


def _compare(sessions, statements, between):
    times = [[] for _ in sessions]
    for number, statement in enumerate(statements):
        for place, session in enumerate(sessions):
            if between:
                session.ask(between)
            took = session.ask(statement)[0]
            if number >= len(statements) // 10 + (len(statements) < 10):  # the first ones warm up
                times[place].append(took)
    return tuple(median(each) for each in times)
