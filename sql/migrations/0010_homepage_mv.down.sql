-- Undoes 0010.

DROP FUNCTION IF EXISTS public.manual_refresh_homepage_mv();
DROP FUNCTION IF EXISTS public.get_homepage_from_mv(text);
DROP MATERIALIZED VIEW IF EXISTS public.mv_published_homepage;
