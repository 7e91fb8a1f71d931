"""An incremental look prints what a full one would: nothing is lost between two snapshots.

The mutants show that the comparison sees what it should: each takes one thing away that incremental looks rest on.
"""

import os
import pathlib
import random
import re
import shlex
import subprocess

import pytest
from cmsdata import add_published
from cmsdb import ROOT
from listening import Listening
from program import PLATEN
from writers import KINDS, LOCALES, Crowd

SOAK = bool(os.environ.get("PLATEN_SOAK"))
GUARDS = "guards: {min_rows: 0, max_shrink: 1, max_deletes: 1000000, content: omit}\n"


def seed_of():
    seed = os.environ.get("PLATEN_TEST_SEED") or "%08x" % random.SystemRandom().getrandbits(32)
    print("seed: PLATEN_TEST_SEED=" + seed)
    return seed


def unguarded(folder):
    """The default site without guards: a first build, which the result is compared with, has none either."""
    text = (ROOT / "platen.yaml").read_text(encoding="utf-8")
    text = text[:text.index("\nguards:") + 1] + GUARDS
    for name in ("templates: templates", "static: static", "query: sql"):
        assert name in text
        key, value = name.split(": ")
        text = text.replace(name, "%s: %s/%s" % (key, ROOT, value))
    file = folder / "platen.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def furnish(db, seed):
    chance = random.Random(seed)
    for locale in LOCALES:
        for number in range(4):
            add_published(db, "s%d" % number, "Title", locale=locale, kind=chance.choice(KINDS))


def shares(worker):
    looks = worker.said("looked") + worker.said("printed")
    return sum(line.get("read") == "changes" for line in looks), len(looks)


def compare(worker, crowd, rounds, commits, timeout=10):
    """Lets the crowd write and compares, again and again; while one transaction lasts all the time."""
    for number in range(rounds):
        long = crowd.db.connect(autocommit=False)
        with long.cursor() as cursor:
            cursor.execute("UPDATE public.categories SET description = 'round %d' WHERE name LIKE 'Category %%'" % number)
        crowd.run(commits // 2)
        worker.assert_equals_cold_build(timeout)
        long.commit()
        long.close()
        crowd.run(commits - commits // 2)
        worker.assert_equals_cold_build(timeout)


SETTINGS = {"quiet": "1ms", "poll": "1h", "full_every": "1h"}


@pytest.mark.soak
def test_incremental_equals_full(db, tmp_path):
    """Two thousand transactions of four editors, compared with a cold build forty times; the long form twenty times
    as many."""
    seed, rounds = seed_of(), 400 if SOAK else 20
    furnish(db, seed)
    with Crowd(db, seed) as crowd, Listening(db, tmp_path, config=unguarded(tmp_path), **SETTINGS) as worker:
        worker.wait("printed", reason="start")
        compare(worker, crowd, rounds, 100)
        changes, looks = shares(worker)
        assert changes >= rounds, "of %d looks only %d read what had changed" % (looks, changes)
        assert crowd.rejected < 50 * rounds


# -- mutants -----------------------------------------------------------------------------------------


def mutant(folder, source, old, new):
    """A platen in which a piece of one source file reads otherwise."""
    text = (ROOT / "src" / source).read_text(encoding="utf-8")
    assert text.count(old) == 1
    changed = folder / "mutant.c"
    changed.write_text(text.replace(old, new), encoding="utf-8")
    build = pathlib.Path(PLATEN).parent
    command = shlex.split((build / "flags").read_text(encoding="utf-8"))
    objects = [str(f) for f in [build / "main.o", *sorted((build / "cmd").glob("*.o"))]]
    program = folder / "mutant"
    libraries = re.search(r"^LIBS *:= (.*)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M).group(1).split()
    libraries = subprocess.run(["pkg-config", "--libs", *libraries], check=True, capture_output=True, text=True).stdout.split()
    subprocess.run([*command, "-w", "-o", str(program), str(changed), *objects, str(build / "libplaten.a"), *libraries],
                   cwd=ROOT, check=True, timeout=120)
    return program


def must_differ(db, tmp_path, program=PLATEN):
    seed = seed_of()
    with Crowd(db, seed) as crowd, Listening(db, tmp_path, config=unguarded(tmp_path), program=program, **SETTINGS) as worker:
        worker.wait("printed", reason="start")
        with pytest.raises(AssertionError, match="not as a cold build"):
            compare(worker, crowd, 40, 100, timeout=1)


def test_mutant_that_ignores_what_was_in_progress(db, tmp_path):
    furnish(db, "x")
    must_differ(db, tmp_path, mutant(tmp_path, "source/changes.c", '" AND NOT pg_visible_in_snapshot(c.xid, $1::pg_snapshot)"',
                                     '" AND c.xid >= pg_snapshot_xmax($1::pg_snapshot)"'))


def test_mutant_that_drops_what_was_before(db, tmp_path):
    """A section that moves is logged with its new locale alone."""
    furnish(db, "x")
    db.psql(command="""
        CREATE FUNCTION public.forget() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RETURN CASE WHEN NEW.operation = 'update' AND NEW.locale IS NOT NULL AND NOT EXISTS (
                SELECT FROM public.homepage_sections hs WHERE hs.locale = NEW.locale AND hs.id = ANY (NEW.keys::uuid[]))
                THEN NULL ELSE NEW END; END $$;
        CREATE TRIGGER forget BEFORE INSERT ON platen.change FOR EACH ROW EXECUTE FUNCTION public.forget();
        ALTER TABLE platen.change ENABLE ALWAYS TRIGGER forget""")
    must_differ(db, tmp_path)


def test_mutant_that_does_not_watch_a_table(db, tmp_path):
    furnish(db, "x")
    db.psql(command="SELECT platen.unwatch('public.section_products')")
    must_differ(db, tmp_path)


# -- another site --------------------------------------------------------------------------------------

LIBRARY = """
    CREATE TABLE public.author (id int PRIMARY KEY, name text NOT NULL);
    CREATE TABLE public.book (isbn text PRIMARY KEY, author int NOT NULL REFERENCES public.author, title text NOT NULL, doc json);
    GRANT SELECT ON public.author, public.book TO PUBLIC;
    INSERT INTO public.author SELECT n, 'Author ' || n FROM generate_series(1, 5) n;
    INSERT INTO public.book SELECT 'b' || n, 1 + n % 5, 'Book ' || n, '{"a": 1}' FROM generate_series(1, 40) n;
    SELECT platen.watch('public.book', key => 'isbn', also => '{author}');
    SELECT platen.watch('public.author', key => 'id');
"""

LIBRARY_WORK = (
    (20, "UPDATE public.book SET title = {title} WHERE isbn = 'b' || (1 + random() * 39)::int"),
    (10, "UPDATE public.book SET author = 1 + (random() * 4)::int WHERE isbn = 'b' || (1 + random() * 39)::int"),
    (10, "UPDATE public.author SET name = {title} WHERE id = 1 + (random() * 4)::int"),
    (5, "DELETE FROM public.book WHERE isbn = 'b' || (1 + random() * 39)::int"),
    (8, "INSERT INTO public.book VALUES ('b' || (1 + random() * 39)::int, 1, {title}, NULL) ON CONFLICT DO NOTHING"),
    (5, "UPDATE public.book SET isbn = 'b' || (1 + random() * 39)::int WHERE isbn = 'b' || (1 + random() * 39)::int"),
    (3, "UPDATE public.book SET doc = doc"),
)

LIBRARY_SITE = """
site: {name: Library, base_url: "http://localhost/"}
static: ""
page_sets:
  books: {query: books.sql, template: book, path: "books/{{key}}.html", outputs: [{path: "books/{{key}}.json", data: doc}]}
  authors: {query: authors.sql, template: author, path: "authors/{{key}}.html"}
"""


def library(folder):
    (folder / "templates").mkdir()
    (folder / "platen.yaml").write_text(LIBRARY_SITE + GUARDS, encoding="utf-8")
    (folder / "templates/book.html.mustache").write_text("{{title}} by {{name}}\n", encoding="utf-8")
    (folder / "templates/author.html.mustache").write_text("{{name}}:{{#books}} {{.}}{{/books}}\n", encoding="utf-8")
    (folder / "books.sql").write_text(
        "SELECT b.isbn AS key, 'en' AS locale, b.title, a.name, COALESCE(b.doc, '{}') AS doc FROM public.book b "
        "JOIN public.author a ON a.id = b.author ORDER BY 1", encoding="utf-8")
    (folder / "books.affected.sql").write_text(
        "SELECT unnest(c.keys) AS key, NULL AS locale FROM changed c WHERE c.relation = 'public.book' UNION ALL "
        "SELECT b.isbn, NULL FROM changed c JOIN public.book b ON b.author::text = ANY (c.keys) WHERE c.relation = 'public.author' "
        "UNION ALL SELECT NULL, NULL FROM changed c WHERE c.keys IS NULL", encoding="utf-8")
    (folder / "authors.sql").write_text(
        "SELECT a.id AS key, 'en' AS locale, a.name, (SELECT json_agg(b.title ORDER BY b.isbn) FROM public.book b "
        "WHERE b.author = a.id) AS books FROM public.author a ORDER BY 1", encoding="utf-8")
    (folder / "authors.affected.sql").write_text(
        "SELECT unnest(c.keys) AS key, NULL AS locale FROM changed c WHERE c.relation = 'public.author' UNION ALL "
        "SELECT jsonb_array_elements_text(c.also -> 'author'), NULL FROM changed c WHERE c.relation = 'public.book' "
        "UNION ALL SELECT NULL, NULL FROM changed c WHERE c.keys IS NULL", encoding="utf-8")
    return folder / "platen.yaml"


def test_incremental_equals_full_of_another_site(db, tmp_path):
    """Two tables and page sets that are not the CMS; the key of one is a number."""
    seed = seed_of()
    with Crowd(db, seed, work=LIBRARY_WORK, setup=LIBRARY) as crowd, \
            Listening(db, tmp_path, config=library(tmp_path), **SETTINGS) as worker:
        worker.wait("printed", reason="start")
        for _ in range(10):
            crowd.run(50)
            worker.assert_equals_cold_build()
        changes, looks = shares(worker)
        assert changes > looks / 2, (changes, looks)
