-- Schedules: publish what is due, take down what is over.
--
-- Call process_scheduled_publishes() when something is due (homepage_next_change says when), or
-- from cron. It works off everything that is due, however much, and returns one row for each
-- schedule that it finished:
--
--     published   the version is live
--     expired     its time is over: taken down, or nothing to take down
--     cancelled   it failed before, and a later schedule of the same section went live meanwhile
--
-- Publishing goes in the order publish_at, created_at, id. A schedule whose expire_at has passed
-- too is marked expired without publishing anything.
--
-- Expiry takes down only what this schedule put up. If the section serves another version by then
-- (somebody published by hand, or a later schedule did), it is left alone. Otherwise the version
-- that was live before is published again; where nothing was, the section is archived. is_active
-- is never touched.
--
-- A schedule that cannot be published (its version belongs elsewhere, somebody holds a lock for
-- longer than lock_timeout) counts an attempt, keeps the message in last_error, and stops no other.
-- It is tried again at every call, for an hour and at least five times, and is then failed. Taking
-- down is tried for ever: what has to go must not stay because of an error.
--
-- Several workers may call it at once. The section is what they take turns on: a worker passes over
-- sections (and schedules) that somebody has locked, and keeps a section it has begun until it
-- commits. So no schedule is done twice, nobody waits for an editor's open transaction, and the
-- schedules of one section are never worked off out of order by two workers.
--
-- SECURITY DEFINER: a worker needs EXECUTE on this function and no right to write anything else.
CREATE OR REPLACE FUNCTION public.process_scheduled_publishes()
RETURNS TABLE (
    section_id uuid,
    version_id uuid,
    action text,
    processed_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET lock_timeout = '2s'
AS $function$
#variable_conflict use_column
DECLARE
    c_attempts CONSTANT integer := 5;
    c_patience CONSTANT interval := '1 hour';
    v_now CONSTANT timestamptz := clock_timestamp();
    v_due record;
    v_schedule public.section_schedules;
    v_previous uuid;
    v_action text;
    v_error text;
    -- where the walk stands: rows that could not be done must not be met again in this call
    v_at timestamptz := '-infinity';
    v_created timestamptz := '-infinity';
    v_id uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    -- A deferred constraint would fail at COMMIT, outside the handlers below, and take everything
    -- along.
    SET CONSTRAINTS ALL IMMEDIATE;

    LOOP
        SELECT ss.id, ss.publish_at AS at, ss.created_at INTO v_due
        FROM public.section_schedules ss
        JOIN public.homepage_sections hs ON hs.id = ss.section_id
        WHERE ss.status = 'pending' AND ss.publish_at <= v_now
          AND (ss.publish_at, ss.created_at, ss.id) > (v_at, v_created, v_id)
        ORDER BY ss.publish_at, ss.created_at, ss.id
        LIMIT 1
        FOR NO KEY UPDATE OF hs SKIP LOCKED;
        EXIT WHEN NOT FOUND;
        v_at := v_due.at;
        v_created := v_due.created_at;
        v_id := v_due.id;

        -- Read again under the lock: another worker may have done it a moment ago.
        SELECT ss.* INTO v_schedule
        FROM public.section_schedules ss
        WHERE ss.id = v_due.id AND ss.status = 'pending' AND ss.publish_at <= v_now
        FOR UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND;

        BEGIN
            IF v_schedule.expire_at <= v_now THEN
                v_action := 'expired';
                UPDATE public.section_schedules ss SET status = 'expired'
                WHERE ss.id = v_schedule.id;
            ELSIF v_schedule.attempts > 0 AND EXISTS (
                SELECT FROM public.section_schedules ss
                WHERE ss.section_id = v_schedule.section_id AND ss.status = 'active'
                  AND (ss.publish_at, ss.created_at, ss.id)
                      > (v_schedule.publish_at, v_schedule.created_at, v_schedule.id)) THEN
                -- Old must not replace new. (One that did not fail was dated back on purpose.)
                v_action := 'cancelled';
                UPDATE public.section_schedules ss
                SET status = 'cancelled',
                    last_error = 'overtaken by a later schedule of the section'
                WHERE ss.id = v_schedule.id;
            ELSE
                v_action := 'published';
                v_previous := public.publish_section_version(v_schedule.section_id,
                                                             v_schedule.version_id);
                IF v_previous = v_schedule.version_id THEN
                    -- Already live. What comes after it is what would have come after the schedule
                    -- that put it up; if nobody scheduled it, nothing.
                    v_previous := (
                        SELECT ss.previous_version_id FROM public.section_schedules ss
                        WHERE ss.section_id = v_schedule.section_id AND ss.status = 'active'
                          AND ss.version_id = v_schedule.version_id
                        ORDER BY ss.publish_at DESC, ss.created_at DESC, ss.id DESC LIMIT 1);
                END IF;
                UPDATE public.section_schedules ss
                SET status = 'active', executed_at = v_now, previous_version_id = v_previous,
                    attempts = 0, last_error = NULL
                WHERE ss.id = v_schedule.id;
            END IF;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS v_error = MESSAGE_TEXT;
            UPDATE public.section_schedules ss
            SET attempts = ss.attempts + 1,
                last_error = v_error,
                status = CASE WHEN ss.attempts + 1 >= c_attempts
                                   AND ss.publish_at + c_patience <= v_now
                         THEN 'failed' ELSE ss.status END
            WHERE ss.id = v_schedule.id;
            RAISE WARNING 'schedule % was not published: %', v_schedule.id, v_error;
            CONTINUE;
        END;
        RETURN QUERY SELECT v_schedule.section_id, v_schedule.version_id, v_action, v_now;
    END LOOP;

    v_at := '-infinity';
    v_created := '-infinity';
    v_id := '00000000-0000-0000-0000-000000000000';
    LOOP
        SELECT ss.id, ss.expire_at AS at, ss.created_at INTO v_due
        FROM public.section_schedules ss
        JOIN public.homepage_sections hs ON hs.id = ss.section_id
        WHERE ss.status = 'active' AND ss.expire_at IS NOT NULL AND ss.expire_at <= v_now
          AND (ss.expire_at, ss.created_at, ss.id) > (v_at, v_created, v_id)
        ORDER BY ss.expire_at, ss.created_at, ss.id
        LIMIT 1
        FOR NO KEY UPDATE OF hs SKIP LOCKED;
        EXIT WHEN NOT FOUND;
        v_at := v_due.at;
        v_created := v_due.created_at;
        v_id := v_due.id;

        SELECT ss.* INTO v_schedule
        FROM public.section_schedules ss
        WHERE ss.id = v_due.id AND ss.status = 'active' AND ss.expire_at <= v_now
        FOR UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND;

        BEGIN
            -- Is what this schedule put up still there, and does no other schedule keep it there?
            IF EXISTS (SELECT FROM public.homepage_sections hs
                       WHERE hs.id = v_schedule.section_id AND hs.status = 'published'
                         AND hs.published_version_id = v_schedule.version_id)
               AND NOT EXISTS (SELECT FROM public.section_schedules ss
                               WHERE ss.section_id = v_schedule.section_id AND ss.status = 'active'
                                 AND ss.version_id = v_schedule.version_id
                                 AND ss.id <> v_schedule.id) THEN
                IF v_schedule.previous_version_id IS NOT NULL THEN
                    PERFORM public.publish_section_version(v_schedule.section_id,
                                                           v_schedule.previous_version_id);
                ELSE
                    UPDATE public.section_versions sv SET is_published = false
                    WHERE sv.section_id = v_schedule.section_id AND sv.is_published;
                    UPDATE public.homepage_sections hs SET status = 'archived'
                    WHERE hs.id = v_schedule.section_id;
                END IF;
            END IF;
            -- A schedule that went live over this one would bring the expired version back when it
            -- ends. It inherits what stood before instead.
            UPDATE public.section_schedules ss
            SET previous_version_id = v_schedule.previous_version_id
            WHERE ss.section_id = v_schedule.section_id AND ss.status = 'active'
              AND ss.id <> v_schedule.id AND ss.previous_version_id = v_schedule.version_id;
            UPDATE public.section_schedules ss
            SET status = 'expired', attempts = 0, last_error = NULL
            WHERE ss.id = v_schedule.id;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS v_error = MESSAGE_TEXT;
            UPDATE public.section_schedules ss
            SET attempts = ss.attempts + 1, last_error = v_error
            WHERE ss.id = v_schedule.id;
            RAISE WARNING 'schedule % was not taken down: %', v_schedule.id, v_error;
            CONTINUE;
        END;
        RETURN QUERY SELECT v_schedule.section_id, v_schedule.version_id, 'expired'::text, v_now;
    END LOOP;
END
$function$;

-- The second name of the same thing: cron jobs call one, clients the other.
CREATE OR REPLACE FUNCTION public.process_scheduled_publishes_optimized()
RETURNS TABLE (
    section_id uuid,
    version_id uuid,
    action text,
    processed_at timestamptz)
LANGUAGE sql
SET search_path = pg_catalog, public, pg_temp
AS $function$
    SELECT * FROM public.process_scheduled_publishes()
$function$;

REVOKE ALL ON FUNCTION public.process_scheduled_publishes() FROM PUBLIC, anon, authenticated;
REVOKE ALL ON FUNCTION public.process_scheduled_publishes_optimized()
    FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION public.process_scheduled_publishes() TO platen_editor;
GRANT EXECUTE ON FUNCTION public.process_scheduled_publishes_optimized() TO platen_editor;
