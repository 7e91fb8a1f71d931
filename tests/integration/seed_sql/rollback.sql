-- As printed in the strategy document, 8.2, made runnable: without its transaction, which DROP INDEX
-- CONCURRENTLY cannot be in.

DROP MATERIALIZED VIEW IF EXISTS public.mv_published_homepage CASCADE;

-- Remove optimized functions (keep originals)
DROP FUNCTION IF EXISTS public.get_homepage_content_optimized(TEXT);
DROP FUNCTION IF EXISTS public.get_admin_sections_list(TEXT, TEXT, TEXT);
DROP FUNCTION IF EXISTS public.get_section_version_history(UUID, INTEGER, INTEGER);

-- Remove added indexes (keep original indexes)
DROP INDEX CONCURRENTLY IF EXISTS public.idx_section_versions_section_published;
DROP INDEX CONCURRENTLY IF EXISTS public.idx_section_products_covering;
DROP INDEX CONCURRENTLY IF EXISTS public.idx_section_categories_covering;
DROP INDEX CONCURRENTLY IF EXISTS public.idx_section_versions_content_gin;

-- Remove monitoring functions
DROP FUNCTION IF EXISTS public.get_cms_query_performance();
DROP FUNCTION IF EXISTS public.get_cms_table_stats();
DROP FUNCTION IF EXISTS public.get_slow_cms_queries(NUMERIC);

-- Remove cache triggers
DROP TRIGGER IF EXISTS homepage_sections_cache_invalidate ON public.homepage_sections;
DROP TRIGGER IF EXISTS section_versions_publish_cache_invalidate ON public.section_versions;
DROP FUNCTION IF EXISTS public.notify_cache_invalidation();
