"""process_scheduled_publishes when a schedule's time is over (B-13 c, d, e; H-07). Each scenario
that the printed function gets wrong is run with it too, to see it fail."""

import pytest

from cmsdata import (
    add_due,
    add_published,
    add_schedule,
    add_version,
    let_expire,
    live,
    print_scheduler,
    process,
    process_printed,
    publish,
    schedule_row,
)


@pytest.fixture
def printed(db):
    """A database in which the printed function is in the place of ours."""
    print_scheduler(db)
    return db


def campaign(db, call):
    """Something is live; a schedule publishes over it. Returns (section, what was live,
    schedule)."""
    section, before = add_published(db, title="before")
    schedule = add_schedule(db, section, add_version(db, section, "campaign"), expire_in="1 hour")
    assert [row[2] for row in call(db)] == ["published"]
    assert live(db) == {"hero": "campaign"}
    return section, before, schedule


def test_expiry_brings_back_what_was_live_before(db):
    section, before, schedule = campaign(db, process)
    let_expire(db, schedule)
    assert [row[2] for row in process(db)] == ["expired"]
    assert live(db) == {"hero": "before"}
    assert db.rows("SELECT status, is_active, published_version_id FROM homepage_sections") == [
        ("published", True, before)
    ]
    assert db.rows("SELECT id FROM section_versions WHERE is_published") == [(before,)]
    assert schedule_row(db, schedule) == ("expired", 0, None)


def test_expiry_brings_nothing_back_as_printed(printed):
    """B-13 e, H-07: and switches the section off, which a later publish does not undo."""
    section, _, schedule = campaign(printed, process_printed)
    let_expire(printed, schedule)
    assert [row[2] for row in process_printed(printed)] == ["expired"]
    assert live(printed) == {}
    assert printed.rows("SELECT status, is_active FROM homepage_sections") == [("archived", False)]
    add_schedule(printed, section, add_version(printed, section, "next"))
    assert [row[2] for row in process_printed(printed)] == ["published"]
    assert live(printed) == {}


def test_the_next_schedule_after_an_expiry_is_seen(db):
    section, _, schedule = campaign(db, process)
    let_expire(db, schedule)
    process(db)
    add_schedule(db, section, add_version(db, section, "next"))
    process(db)
    assert live(db) == {"hero": "next"}


def test_expiry_of_the_first_publication_archives(db):
    ((section, version, schedule),) = add_due(db, 1, expire_in="1 hour")
    process(db)
    let_expire(db, schedule)
    process(db)
    assert live(db) == {}
    assert db.rows("SELECT status, is_active FROM homepage_sections") == [("archived", True)]
    assert db.value("SELECT count(*) FROM section_versions WHERE is_published") == 0
    # and a later schedule finds nothing live before it, though the pointer is still there
    add_schedule(db, section, version)
    process(db)
    assert (
        db.value("SELECT previous_version_id FROM section_schedules WHERE status = 'active'")
        is None
    )


def test_expiry_never_touches_is_active(db):
    _, _, schedule = campaign(db, process)
    db.rows("UPDATE homepage_sections SET is_active = false")
    let_expire(db, schedule)
    process(db)
    assert db.rows("SELECT status, is_active FROM homepage_sections") == [("published", False)]


def publish_by_hand(db, call):
    section, _, schedule = campaign(db, call)
    publish(db, section, add_version(db, section, "by hand"))
    let_expire(db, schedule)
    call(db)
    return live(db)


def test_expiry_leaves_a_manual_publish_alone(db):
    """B-13 c."""
    assert publish_by_hand(db, process) == {"hero": "by hand"}
    assert db.value("SELECT status FROM section_schedules") == "expired"


def test_expiry_archives_a_manual_publish_as_printed(printed):
    assert publish_by_hand(printed, process_printed) == {}


def too_late(db, call):
    """Both ends of the window have passed before anybody looked."""
    section, _ = add_published(db, title="before")
    add_schedule(
        db, section, add_version(db, section, "late"), publish_in="-2 hours", expire_in="-1 hour"
    )
    return [row[2] for row in call(db)], live(db)


def test_a_window_that_has_passed_publishes_nothing(db):
    """B-13 d."""
    assert too_late(db, process) == (["expired"], {"hero": "before"})
    assert db.rows("SELECT status, executed_at FROM section_schedules") == [("expired", None)]
    assert db.value("SELECT count(*) FROM section_versions WHERE published_at IS NOT NULL") == 1


def test_a_window_that_has_passed_empties_the_section_as_printed(printed):
    assert too_late(printed, process_printed) == (["published", "expired"], {})


def test_an_upside_down_window_publishes_nothing(db):
    section, _ = add_published(db, title="before")
    add_schedule(
        db, section, add_version(db, section, "x"), publish_in="-1 minute", expire_in="-1 hour"
    )
    assert [row[2] for row in process(db)] == ["expired"]
    assert live(db) == {"hero": "before"}


def test_expired_content_does_not_come_back(db):
    """B is published over A. A ends first; when B ends, what stood before A returns, not A."""
    section, _ = add_published(db, title="before")
    a = add_schedule(
        db, section, add_version(db, section, "A"), publish_in="-20 minutes", expire_in="1 hour"
    )
    process(db)
    b = add_schedule(db, section, add_version(db, section, "B"), expire_in="1 hour")
    process(db)
    let_expire(db, a)
    process(db)
    assert live(db) == {"hero": "B"}
    let_expire(db, b)
    process(db)
    assert live(db) == {"hero": "before"}


def test_one_ends_as_the_next_begins(db):
    """Both are due in one call."""
    section, _ = add_published(db, title="before")
    a = add_schedule(
        db, section, add_version(db, section, "A"), publish_in="-20 minutes", expire_in="1 hour"
    )
    process(db)
    let_expire(db, a)
    b = add_schedule(
        db, section, add_version(db, section, "B"), publish_in="-1 second", expire_in="1 hour"
    )
    assert [row[2] for row in process(db)] == ["published", "expired"]
    assert live(db) == {"hero": "B"}
    let_expire(db, b)
    process(db)
    assert live(db) == {"hero": "before"}


def test_overlapping_windows_unwind(db):
    """B inside A: when B ends, A returns; when A ends, what stood before."""
    section, _ = add_published(db, title="before")
    a = add_schedule(
        db, section, add_version(db, section, "A"), publish_in="-20 minutes", expire_in="1 hour"
    )
    process(db)
    b = add_schedule(db, section, add_version(db, section, "B"), expire_in="1 hour")
    process(db)
    let_expire(db, b)
    process(db)
    assert live(db) == {"hero": "A"}
    let_expire(db, a)
    process(db)
    assert live(db) == {"hero": "before"}


def test_an_extended_campaign_stays(db):
    """Two schedules show the same version; the first one's end is not the end."""
    section, before = add_published(db, title="before")
    version = add_version(db, section, "campaign")
    a = add_schedule(db, section, version, publish_in="-20 minutes", expire_in="1 hour")
    process(db)
    b = add_schedule(db, section, version, expire_in="1 day")
    process(db)
    let_expire(db, a)
    process(db)
    assert live(db) == {"hero": "campaign"}
    let_expire(db, b)
    process(db)
    assert live(db) == {"hero": "before"}


def test_ending_what_was_live_by_hand(db):
    """A schedule of the version that is already live ends it; nothing scheduled it, so nothing
    returns."""
    section, version = add_published(db)
    schedule = add_schedule(db, section, version, expire_in="1 hour")
    process(db)
    let_expire(db, schedule)
    process(db)
    assert live(db) == {} and db.value("SELECT status FROM homepage_sections") == "archived"


def test_when_the_previous_version_was_deleted(db):
    section, before, schedule = campaign(db, process)
    db.rows("DELETE FROM section_versions WHERE id = %s", (before,))
    let_expire(db, schedule)
    process(db)
    assert live(db) == {} and db.value("SELECT status FROM homepage_sections") == "archived"
