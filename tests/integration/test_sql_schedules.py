"""process_scheduled_publishes: what is due, errors, several workers, order. Each scenario that
the printed function gets wrong (B-13) is run with it too, to see it fail. Expiry:
test_sql_expiry.py."""

import threading

import psycopg2
import pytest

from cmsdata import (
    PRINTED_SCHEDULER,
    add_due,
    add_published,
    add_schedule,
    add_section,
    add_version,
    let_expire,
    live,
    poison,
    print_scheduler,
    process,
    process_printed,
    publish,
    schedule_row,
)
from cmsdb import run


@pytest.fixture
def printed(db):
    """A database in which the printed function is in the place of ours."""
    print_scheduler(db)
    return db


def test_publishes_what_is_due(db):
    ((section, version, schedule),) = add_due(db, 1)
    later_section = add_section(db, "later")
    later = add_schedule(db, later_section, add_version(db, later_section), publish_in="1 hour")
    rows = db.rows("SELECT * FROM process_scheduled_publishes()", role="platen_editor")
    assert [row[:3] for row in rows] == [(section, version, "published")] and rows[0][3] is not None
    assert live(db) == {"s00": "scheduled 0"}
    assert db.rows(
        (
            "SELECT status, executed_at IS NOT NULL, previous_version_id FROM section_schedules"
            " WHERE id = %s"
        ),
        (schedule,),
    ) == [("active", True, None)]
    assert schedule_row(db, later) == ("pending", 0, None)
    assert process(db) == []


def test_both_names_do_the_same(db):
    """B-13 i: what cron calls is what the clients call."""
    ((section, version, _),) = add_due(db, 1)
    assert db.rows("SELECT section_id, version_id, action FROM %s()" % PRINTED_SCHEDULER) == [
        (section, version, "published")
    ]


def test_cron_calls_something_else_as_printed(printed):
    with pytest.raises(psycopg2.errors.UndefinedFunction):
        process(printed)


# -- two workers: B-13 a -----------------------------------------------------------------------


def test_second_worker_passes_over_what_the_first_has(db):
    due = add_due(db, 6)
    first, second = db.connect(autocommit=False), db.connect()
    run(second, "SET statement_timeout = '5s'")
    assert len(process(first)) == 6
    assert process(second) == []
    first.rollback()  # a worker that dies loses nothing
    assert len(process(second)) == len(due)


def test_two_workers_at_once_do_each_once(db):
    due = add_due(db, 40)
    done, start = [], threading.Barrier(2)

    def work(connection):
        start.wait()
        for _ in range(20):
            done.extend(process(connection))

    threads = [threading.Thread(target=work, args=(db.connect(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(done) == sorted((s, v, "published") for s, v, _ in due)


def test_two_workers_publish_twice_as_printed(printed):
    """It takes no locks: the second worker waits for the first one's rows and then does them
    again."""
    add_due(printed, 2)
    first, second = printed.connect(autocommit=False), printed.connect()
    found = []
    # the first worker is in the middle of it
    assert len(process_printed(first)) == 2
    thread = threading.Thread(target=lambda: found.extend(process_printed(second)))
    thread.start()
    thread.join(0.5)
    first.commit()
    thread.join(10)
    assert len(found) == 2


def test_sections_are_not_split_between_workers(db):
    """Whoever begins a section keeps it: else a second worker could publish its later schedule
    first, or both could wait for each other."""
    section = add_section(db)
    first = add_version(db, section, "first")
    second = add_version(db, section, "second")
    add_schedule(db, section, first, publish_in="-2 minutes")
    editor = db.connect(autocommit=False)
    publish(editor, section, first)  # an editor holds the section
    add_schedule(db, section, second, publish_in="-1 minute")
    worker = db.connect()
    run(worker, "SET statement_timeout = '5s'")
    assert process(worker) == []  # not waited for, not half done
    editor.rollback()
    assert [row[1] for row in process(worker)] == [first, second]
    assert live(db) == {"hero": "second"}


def test_a_schedule_being_edited_is_passed_over(db):
    (_, _, held), (section, version, _) = add_due(db, 2)
    editor = db.connect(autocommit=False)
    run(editor, "SELECT FROM section_schedules WHERE id = %s FOR UPDATE", (held,))
    worker = db.connect()
    run(worker, "SET statement_timeout = '5s'")
    assert process(worker) == [(section, version, "published")]
    run(editor, "UPDATE section_schedules SET status = 'cancelled' WHERE id = %s", (held,))
    editor.commit()
    assert process(worker) == []


def test_drafting_does_not_hold_up_the_schedule(db):
    """A version being written locks its section's key only."""
    ((section, version, _),) = add_due(db, 1)
    editor = db.connect(autocommit=False)
    run(
        editor,
        "INSERT INTO section_versions (section_id, version_number, content) VALUES (%s, 9, '{}')",
        (section,),
    )
    assert process(db.connect()) == [(section, version, "published")]
    editor.commit()


# -- errors: B-13 b, H-06 ----------------------------------------------------------------------


def test_one_bad_row_stops_no_other(db):
    due = add_due(db, 20)
    poison(db, due)
    assert len(process(db)) == 19
    status, attempts, error = schedule_row(db, due[0][2])
    assert (status, attempts) == ("pending", 1) and "does not belong to section" in error
    assert len(live(db)) == 19


def test_one_bad_row_stops_all_as_printed(printed):
    due = add_due(printed, 3)
    poison(printed, due)
    with pytest.raises(psycopg2.Error, match="does not belong to section"):
        process_printed(printed)
    assert printed.value("SELECT count(*) FROM section_schedules WHERE status = 'pending'") == 3


def test_a_mended_row_is_published(db):
    due = add_due(db, 2)
    poison(db, due)
    process(db)
    db.rows("UPDATE section_schedules SET version_id = %s WHERE id = %s", (due[0][1], due[0][2]))
    assert process(db) == [(due[0][0], due[0][1], "published")]
    assert schedule_row(db, due[0][2]) == ("active", 0, None)


def test_giving_up_takes_five_attempts_and_an_hour(db):
    due = add_due(db, 2)
    poison(db, due)
    for _ in range(6):
        process(db)
    assert schedule_row(db, due[0][2])[:2] == ("pending", 6)  # only minutes late
    db.rows(
        (
            "UPDATE section_schedules SET publish_at = now() - interval '2 hours', attempts = 3"
            " WHERE id = %s"
        ),
        (due[0][2],),
    )
    process(db)
    assert schedule_row(db, due[0][2])[:2] == ("pending", 4)
    process(db)
    assert schedule_row(db, due[0][2])[:2] == ("failed", 5)
    process(db)
    assert schedule_row(db, due[0][2])[:2] == ("failed", 5)


def test_errors_that_would_come_at_commit_are_caught_too(db):
    """A deferred constraint fails after the last handler is left, unless it is made immediate."""
    db.psql(
        command="""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.section_key = 's01' THEN RAISE EXCEPTION 'refused at commit'; END IF;
            RETURN NULL;
        END $$;
        CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON homepage_sections
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()"""
    )
    due = add_due(db, 3)
    assert len(process(db)) == 2
    assert schedule_row(db, due[1][2]) == ("pending", 1, "refused at commit")
    assert set(live(db)) == {"s00", "s02"}


def test_a_held_lock_costs_an_attempt_not_the_batch(db):
    due = add_due(db, 2)
    editor = db.connect(autocommit=False)
    run(
        editor,
        'UPDATE section_versions SET content = \'{"title": "still typing"}\' WHERE id = %s',
        (due[0][1],),
    )
    assert process(db) == [(due[1][0], due[1][1], "published")]
    assert schedule_row(db, due[0][2])[:2] == ("pending", 1)
    editor.commit()
    assert len(process(db)) == 1
    assert live(db)["s00"] == "still typing"


def test_expiry_is_tried_for_ever(db):
    (section, _, schedule), (other, _, fine) = add_due(
        db, 2, publish_in="-3 hours", expire_in="1 hour"
    )
    process(db)
    db.psql(
        command="""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'not archived'; END $$;
        CREATE TRIGGER refuse BEFORE UPDATE ON homepage_sections FOR EACH ROW
            WHEN (NEW.status = 'archived' AND NEW.section_key = 's00') EXECUTE FUNCTION refuse()"""
    )
    let_expire(db, schedule)
    let_expire(db, fine)
    assert [row[0] for row in process(db)] == [other]
    for _ in range(6):
        process(db)
    assert schedule_row(db, schedule) == ("active", 7, "not archived")
    db.psql(command="DROP TRIGGER refuse ON homepage_sections")
    assert [row[0] for row in process(db)] == [section]
    assert schedule_row(db, schedule) == ("expired", 0, None) and live(db) == {}


# -- how much, in which order: B-13 f, g, h ----------------------------------------------------


def test_everything_due_is_done(db):
    """B-13 f."""
    add_due(db, 60)
    assert len(process(db)) == 60
    db.rows("UPDATE section_schedules SET expire_at = now()")
    assert len(process(db)) == 60


def test_fifty_are_done_as_printed(printed):
    add_due(printed, 60)
    assert len(process_printed(printed)) == 50


def three_at_one_instant(db, call):
    """Three versions of each of 20 sections due at one instant, created one after the other,
    stored in disorder."""
    schedules = []
    for number in range(20):
        section = add_section(db, "s%02d" % number)
        schedules += [(section, add_version(db, section, str(v)), v) for v in (1, 2, 3)]
    for section, version, order in sorted(schedules, key=lambda s: -s[2]):
        sql = """
            INSERT INTO section_schedules (section_id, version_id, publish_at, created_at)
            VALUES (%s, %s, '2025-01-01Z', '2024-01-01Z'::timestamptz + %s * interval '1 hour')"""
        db.rows(sql, (section, version, order))
    call(db)
    return set(live(db).values())


def test_ties_are_taken_in_order(db):
    """B-13 g: the one created last is published last, so it is what stays."""
    assert three_at_one_instant(db, process) == {"3"}


def test_ties_have_no_order_as_printed(printed):
    assert three_at_one_instant(printed, process_printed) != {"3"}


def test_order_is_publish_at_created_at_id(db):
    expected = []
    for number, (publish_in, created_in) in enumerate(
        (
            ("-3 minutes", "0 s"),
            ("-2 minutes", "-2 hours"),
            ("-2 minutes", "-1 hour"),
            ("-1 minute", "-9 hours"),
        )
    ):
        section = add_section(db, "s%d" % number)
        expected.append((section, publish_in, created_in))
    connection = db.connect(autocommit=False)  # one now() for all
    for section, publish_in, created_in in reversed(expected):
        add_schedule(
            connection, section, add_version(connection, section), publish_in, created_in=created_in
        )
    connection.commit()
    assert [row[0] for row in process(db)] == [section for section, _, _ in expected]

    tied = []
    connection = db.connect(autocommit=False)
    for number in range(5):
        section = add_section(connection, "t%d" % number)
        tied.append((add_schedule(connection, section, add_version(connection, section)), section))
    connection.commit()
    assert [row[0] for row in process(db)] == [section for _, section in sorted(tied)]


def test_an_overtaken_schedule_does_not_return(db):
    """An earlier schedule that failed must not replace the later one that went live."""
    due = add_due(db, 2)
    section = due[0][0]
    poison(db, due)
    later = add_version(db, section, "later")
    add_schedule(db, section, later, publish_in="-10 seconds")
    process(db)
    assert live(db)["s00"] == "later"
    db.rows("UPDATE section_schedules SET version_id = %s WHERE id = %s", (due[0][1], due[0][2]))
    assert [row[2] for row in process(db)] == ["cancelled"]
    assert live(db)["s00"] == "later"
    status, _, error = schedule_row(db, due[0][2])
    assert status == "cancelled" and "overtaken" in error


def test_a_schedule_dated_back_is_published(db):
    """Somebody wants it now, whatever went live since the date that was given."""
    section, _, _ = add_due(db, 1)[0]
    process(db)
    add_schedule(db, section, add_version(db, section, "dated back"), publish_in="-1 day")
    assert [row[2] for row in process(db)] == ["published"]
    assert live(db) == {"s00": "dated back"}


UPDATED = (
    "SELECT bool_and(h.updated_at > '2024-01-01Z' AND s.updated_at > '2024-01-01Z')"
    " FROM homepage_sections h JOIN section_schedules s ON s.section_id = h.id"
)


def expire_all(db, call):
    add_due(db, 2, expire_in="1 hour")
    call(db)
    db.rows("UPDATE section_schedules SET expire_at = now(), updated_at = '2020-01-01Z'")
    db.rows("UPDATE homepage_sections SET updated_at = '2020-01-01Z'")
    assert len(call(db)) == 2
    return db.value(UPDATED)


def test_updated_at_moves(db):
    """B-13 h."""
    assert expire_all(db, process) is True


def test_updated_at_stays_as_printed(printed):
    for table in ("homepage_sections", "section_schedules"):
        printed.psql(command="DROP TRIGGER touch_updated_at ON %s" % table)
    assert expire_all(printed, process_printed) is False


def test_next_change(db):
    """What the press is told to wake up for: the earliest of a locale, and nothing that is over."""
    due_times = "SELECT locale, next_change_at FROM homepage_next_change ORDER BY 1"
    section, _ = add_published(db)
    other, _ = add_published(db, locale="de")
    third, _ = add_published(db, locale="fr")
    version = add_version(db, section)
    add_schedule(db, section, version, publish_in="2 days")
    soon = add_schedule(db, section, version, publish_in="1 day", expire_in="1 hour")
    running = add_schedule(
        db, other, add_version(db, other), publish_in="-1 day", expire_in="1 day", status="active"
    )
    add_schedule(db, other, add_version(db, other), publish_in="-1 day", status="active")
    for status in ("expired", "failed", "cancelled"):
        add_schedule(
            db, third, add_version(db, third), publish_in="-1 day", expire_in="1 day", status=status
        )
    ends = db.value("SELECT expire_at FROM section_schedules WHERE id = %s", (running,))
    begins = db.value("SELECT publish_at FROM section_schedules WHERE id = %s", (soon,))
    assert db.rows(due_times, role="platen_reader") == [("de", ends), ("en", begins)]
