-- As printed in the strategy document, 1.4.

CREATE OR REPLACE FUNCTION public.process_scheduled_publishes_optimized()
RETURNS TABLE(
  section_id UUID,
  version_id UUID,
  action TEXT,
  processed_at TIMESTAMP WITH TIME ZONE
) AS $$
DECLARE
  v_now TIMESTAMP WITH TIME ZONE := NOW();
  v_schedule RECORD;
  v_published_count INTEGER := 0;
  v_expired_count INTEGER := 0;
BEGIN
  -- Process pending schedules (BATCH: up to 50 at once)
  FOR v_schedule IN
    SELECT ss.id, ss.section_id, ss.version_id, ss.publish_at, ss.expire_at
    FROM public.section_schedules ss
    WHERE ss.status = 'pending'
      AND ss.publish_at <= v_now
    ORDER BY ss.publish_at
    LIMIT 50
  LOOP
    -- Publish the version
    PERFORM public.publish_section_version(
      v_schedule.section_id,
      v_schedule.version_id
    );

    -- Update schedule status
    UPDATE public.section_schedules
    SET
      status = 'active',
      executed_at = v_now
    WHERE id = v_schedule.id;

    v_published_count := v_published_count + 1;
    RETURN QUERY SELECT v_schedule.section_id, v_schedule.version_id, 'published'::TEXT, v_now;
  END LOOP;

  -- Process active schedules that should expire (BATCH: up to 50)
  FOR v_schedule IN
    SELECT ss.id, ss.section_id, ss.version_id
    FROM public.section_schedules ss
    WHERE ss.status = 'active'
      AND ss.expire_at IS NOT NULL
      AND ss.expire_at <= v_now
    ORDER BY ss.expire_at
    LIMIT 50
  LOOP
    -- Archive the section
    UPDATE public.homepage_sections
    SET status = 'archived', is_active = false
    WHERE id = v_schedule.section_id;

    -- Update schedule status
    UPDATE public.section_schedules
    SET status = 'expired'
    WHERE id = v_schedule.id;

    v_expired_count := v_expired_count + 1;
    RETURN QUERY SELECT v_schedule.section_id, v_schedule.version_id, 'expired'::TEXT, v_now;
  END LOOP;

  -- Log processing summary
  RAISE NOTICE 'Processed % publishes and % expirations', v_published_count, v_expired_count;
END;
$$ LANGUAGE plpgsql SECURITY DEFINER;
