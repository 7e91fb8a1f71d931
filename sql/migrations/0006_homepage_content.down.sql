-- Undoes 0006.

DROP FUNCTION IF EXISTS public.get_homepage_content_optimized(text);
DROP FUNCTION IF EXISTS public.get_homepage_content(text);
DROP VIEW IF EXISTS public.homepage_next_change;
DROP VIEW IF EXISTS public.published_homepage_sections;
DROP FUNCTION IF EXISTS public.cms_words(jsonb, text);
