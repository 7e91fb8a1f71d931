"""Several workers on one CMS: what their tests share. The fixtures are imported where they are used."""

import time

import pytest
from cmsdata import add_product, add_published

PROCESS = "GRANT EXECUTE ON FUNCTION public.process_scheduled_publishes()"


@pytest.fixture
def cms(db):
    """A homepage, and a count of how often each schedule came to a status, be it the one it had."""
    add_published(db, "anchor", "here to stay")
    add_product(db, slug="lamp")
    db.psql(
        command="""
        CREATE TABLE public.done (schedule uuid NOT NULL, status text NOT NULL);
        CREATE FUNCTION public.note_done() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
            INSERT INTO public.done VALUES (NEW.id, NEW.status);
            RETURN NULL;
        END $$;
        CREATE TRIGGER note_done AFTER UPDATE OF status ON public.section_schedules FOR EACH ROW
            WHEN (OLD.status <> NEW.status OR OLD.executed_at IS DISTINCT FROM NEW.executed_at)
            EXECUTE FUNCTION public.note_done()"""
    )
    return db


@pytest.fixture
def login(db):
    """Makes a login that is a member of some roles, and gives its connection string."""
    made = []

    def make(name, *roles, grants=()):
        name = "%s_%s" % (db.name, name)
        db.psql(command="CREATE ROLE %s LOGIN IN ROLE %s" % (name, ", ".join(roles)))
        made.append(name)
        for grant in grants:
            db.psql(command="%s TO %s" % (grant, name))
        return db.pg.dsn(db.name, name)

    yield make
    for name in made:
        db.psql(command="DROP OWNED BY %s; DROP ROLE %s" % (name, name))


def done(db, status="active"):
    """{schedule: how often it came to that status}"""
    return dict(db.rows("SELECT schedule, count(*) FROM done WHERE status = %s GROUP BY 1", (status,)))


def until(check, timeout=10):
    """Seconds until check() is true."""
    begun = time.monotonic()
    while not check():
        assert time.monotonic() - begun < timeout, "not within %s s" % timeout
        time.sleep(0.01)
    return time.monotonic() - begun


def place(folder, name):
    """A new folder for a worker."""
    made = folder / name
    made.mkdir()
    return made
