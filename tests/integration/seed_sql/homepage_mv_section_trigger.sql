-- As printed in the strategy document, 4.2.

CREATE TRIGGER refresh_mv_on_section_publish
  AFTER UPDATE ON public.homepage_sections
  FOR EACH ROW
  WHEN (NEW.status = 'published' AND OLD.status != 'published')
  EXECUTE FUNCTION public.refresh_homepage_mv_on_publish();
