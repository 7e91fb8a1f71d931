-- As printed in the strategy document, 4.2.

CREATE OR REPLACE FUNCTION public.refresh_homepage_mv_on_publish()
RETURNS TRIGGER AS $$
DECLARE
  v_locale TEXT;
BEGIN
  -- Get locale from section
  SELECT locale INTO v_locale
  FROM public.homepage_sections
  WHERE id = COALESCE(NEW.section_id, OLD.section_id);

  -- Refresh materialized view concurrently (non-blocking)
  REFRESH MATERIALIZED VIEW CONCURRENTLY public.mv_published_homepage;

  -- Notify cache invalidation
  PERFORM pg_notify(
    'homepage_updated',
    json_build_object('locale', v_locale, 'timestamp', NOW())::text
  );

  RETURN COALESCE(NEW, OLD);
END;
$$ LANGUAGE plpgsql;
