"""platen listen: what it does about notifications, signals, changed files and lost connections."""

import pytest
from cmsdata import add_version, publish
from cmsdb import SAMPLE
from listening import Listening


@pytest.fixture
def sample(db):
    db.psql(file=SAMPLE)
    return db


def publish_title(db, title, key="hero-main", locale="en", notify=True):
    """A new version of a section, published and announced."""
    section = db.value("SELECT id FROM homepage_sections WHERE section_key = %s AND locale = %s", (key, locale))
    publish(db, section, add_version(db, section, title))
    if notify:
        db.rows("NOTIFY platen")


def test_a_publish_is_printed_within_a_second(sample, tmp_path):
    with Listening(sample, tmp_path) as worker:
        worker.wait("printed", reason="start")
        worker.assert_equals_cold_build()
        publish_title(sample, "Printed at once")
        assert worker.wait_for("en/index.html", "Printed at once") < 1
        worker.wait("printed", reason="notified")
        worker.assert_equals_cold_build()
    assert worker.said("stopped")
