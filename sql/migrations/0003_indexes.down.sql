-- platen: no-transaction
--
-- Undoes 0003. Each statement is sent alone: CONCURRENTLY cannot run inside a transaction.

DROP INDEX CONCURRENTLY IF EXISTS public.idx_homepage_sections_render;
DROP INDEX CONCURRENTLY IF EXISTS public.idx_homepage_sections_published_version;
DROP INDEX CONCURRENTLY IF EXISTS public.idx_homepage_sections_draft_version;
DROP INDEX CONCURRENTLY IF EXISTS public.idx_section_versions_created_at;
DROP INDEX CONCURRENTLY IF EXISTS public.idx_section_schedules_pending;
DROP INDEX CONCURRENTLY IF EXISTS public.idx_section_schedules_active;
DROP INDEX CONCURRENTLY IF EXISTS public.idx_section_schedules_section;
DROP INDEX CONCURRENTLY IF EXISTS public.idx_section_schedules_version;
DROP INDEX CONCURRENTLY IF EXISTS public.idx_section_schedules_previous_version;
DROP INDEX CONCURRENTLY IF EXISTS public.idx_section_products_product;
DROP INDEX CONCURRENTLY IF EXISTS public.idx_section_categories_category;
DROP INDEX CONCURRENTLY IF EXISTS public.idx_products_category;
