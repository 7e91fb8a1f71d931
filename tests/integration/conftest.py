"""Fixtures of the integration tests.

    pg           one private PostgreSQL for the whole run (pgcluster.Cluster)
    db           a fresh database with all migrations applied, for one test (cmsdb.Database)
    empty_db     a fresh database with nothing in it
    s3           one private S3 server for the whole run (s3server.S3Server)
    bucket       the name of a fresh bucket there
    make_db      makes more of them: make_db() migrated, make_db(migrated=False) empty

A migrated database is a copy of a template that is migrated once: a few hundredths of a second
each.
"""

import itertools

import pytest
from cmsdb import TEMPLATE, Database
from pgcluster import Cluster
from s3server import S3Server


@pytest.fixture(scope="session")
def pg():
    with Cluster() as cluster:
        cluster.create_database(TEMPLATE)
        Database(cluster, TEMPLATE).migrate()
        yield cluster


@pytest.fixture(scope="session")
def _numbers():
    return itertools.count(1)


@pytest.fixture
def make_db(pg, _numbers):
    made = []

    def make(migrated=True):
        database = Database(pg, "test_%d" % next(_numbers))
        pg.create_database(database.name, TEMPLATE if migrated else "template0")
        made.append(database)
        return database

    yield make
    for database in made:
        database.close()
        pg.drop_database(database.name)


@pytest.fixture
def db(make_db):
    return make_db()


@pytest.fixture
def empty_db(make_db):
    return make_db(migrated=False)


@pytest.fixture(scope="session")
def s3():
    with S3Server() as server:
        yield server


@pytest.fixture
def bucket(s3):
    return s3.make_bucket()
