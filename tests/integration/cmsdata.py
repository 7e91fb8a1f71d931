"""Rows of the CMS for tests: the shortest way to a section, a version, a schedule."""

import json

from cmsdb import run, seed_sql


def add_section(where, key="hero", locale="en", kind="hero", order=0, status="draft", active=True):
    """A section without versions. Returns its id. `where` is a Database or a connection, here and
    below."""
    sql = """
        INSERT INTO public.homepage_sections
            (section_key, locale, section_type, display_order, status, is_active)
        VALUES (%s, %s, %s, %s, %s, %s) RETURNING id"""
    return _value(where, sql, (key, locale, kind, order, status, active))


def add_version(where, section, title="text", number=None):
    """A version of a section with content {"title": title}. Returns its id."""
    sql = """
        INSERT INTO public.section_versions (section_id, version_number, content)
        VALUES (%s, %s, %s) RETURNING id"""
    return _value(where, sql, (section, number, json.dumps({"title": title})))


def publish(where, section, version):
    return _value(where, "SELECT public.publish_section_version(%s, %s)", (section, version))


def add_published(where, key="hero", title="text", **more):
    """A section that serves a first version. Returns (section, version)."""
    section = add_section(where, key, **more)
    version = add_version(where, section, title)
    publish(where, section, version)
    return section, version


def add_schedule(
    where,
    section,
    version,
    publish_in="-1 minute",
    expire_in=None,
    status="pending",
    created_in="0 seconds",
):
    """A schedule; times are intervals from now. Returns its id."""
    sql = """
        INSERT INTO public.section_schedules
            (section_id, version_id, publish_at, expire_at, status, created_at)
        VALUES (%s, %s, now() + %s::interval, now() + %s::interval, %s, now() + %s::interval)
        RETURNING id"""
    return _value(where, sql, (section, version, publish_in, expire_in, status, created_in))


def let_expire(where, schedule):
    """Moves the window of a schedule so that its end has come."""
    sql = """
        UPDATE public.section_schedules
        SET publish_at = now() - interval '2 hours', expire_at = now() - interval '1 second'
        WHERE id = %s"""
    _all(where, sql, (schedule,))


def process(where):
    """What process_scheduled_publishes() did: [(section, version, action)]."""
    return [row[:3] for row in _all(where, "SELECT * FROM public.process_scheduled_publishes()")]


def schedule_row(where, schedule):
    """(status, attempts, last_error) of a schedule."""
    return _all(
        where,
        "SELECT status, attempts, last_error FROM public.section_schedules WHERE id = %s",
        (schedule,),
    )[0]


def live(where, locale="en", **more):
    """{section_key: title} of what a homepage shows."""
    return dict(
        _all(
            where,
            "SELECT section_key, content ->> 'title' FROM public.get_homepage_content(%s)",
            (locale,),
            **more
        )
    )


def add_product(where, name="Lamp", **columns):
    """A product. Returns its id."""
    names = ["name", *columns]
    return _value(
        where,
        "INSERT INTO public.products (%s) VALUES (%s) RETURNING id"
        % (", ".join(names), ", ".join(["%s"] * len(names))),
        (name, *columns.values()),
    )


PRINTED_SCHEDULER = "process_scheduled_publishes_optimized"


def print_scheduler(db):
    """Puts the printed function in the place of ours."""
    db.psql(
        command="DROP FUNCTION %s(); DROP FUNCTION process_scheduled_publishes()"
        % PRINTED_SCHEDULER
    )
    db.psql(command=seed_sql(PRINTED_SCHEDULER + ".sql"))


def process_printed(where):
    """As process(), with the printed function."""
    return _all(where, "SELECT section_id, version_id, action FROM public.%s()" % PRINTED_SCHEDULER)


def add_due(db, count=3, **more):
    """Sections, each with a version due now. Returns [(section, version, schedule)]."""
    made = []
    for number in range(count):
        section = add_section(db, "s%02d" % number)
        version = add_version(db, section, "scheduled %d" % number)
        made.append((section, version, add_schedule(db, section, version, **more)))
    return made


def poison(db, due):
    """The first schedule that is due names another section's version."""
    db.rows(
        (
            "UPDATE section_schedules SET version_id = %s, publish_at = publish_at - interval '1"
            " minute' WHERE id = %s"
        ),
        (due[1][1], due[0][2]),
    )


def _all(where, sql, args=None, **more):
    return where.rows(sql, args, **more) if hasattr(where, "rows") else run(where, sql, args)


def _value(where, sql, args=None):
    return _all(where, sql, args)[0][0]
