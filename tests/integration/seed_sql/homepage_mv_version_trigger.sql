-- As printed in the strategy document, 4.2.

CREATE TRIGGER refresh_mv_on_version_publish
  AFTER UPDATE ON public.section_versions
  FOR EACH ROW
  WHEN (NEW.is_published = true AND OLD.is_published = false)
  EXECUTE FUNCTION public.refresh_homepage_mv_on_publish();
