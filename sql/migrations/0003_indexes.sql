-- platen: no-transaction
--
-- Indexes, built CONCURRENTLY so that editors keep working on a table that is already large.
-- CONCURRENTLY cannot run inside a transaction, nor with other statements in one message: each
-- statement below is sent alone.
--
-- A concurrent build that fails leaves an invalid index behind, which IF NOT EXISTS would then
-- take for a finished one. So invalid ones of these names are dropped first, and running this
-- file again repairs a failed build. (Dropping needs the table for a moment; it gives up after 5
-- s rather than queue all readers behind it. An index that another session is just building
-- counts as invalid too, and makes this wait and give up as well.)
--
-- Not here, on purpose: columns of jsonb in an index (metadata in INCLUDE makes rows above 2.7 kB
-- impossible to insert), an index for the version history (UNIQUE (section_id, version_number)
-- read backwards is that index), for media paths (UNIQUE again), a GIN index on content (nothing
-- here searches in content; every save would pay).

DO $repair$
DECLARE
    v_index regclass;
BEGIN
    PERFORM set_config('lock_timeout', '5s', true);
    FOR v_index IN
        SELECT i.indexrelid::regclass
        FROM pg_catalog.pg_index i
        JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
        WHERE NOT i.indisvalid
          AND c.relnamespace = 'public'::regnamespace
          AND c.relname IN (
              'idx_homepage_sections_render',
              'idx_homepage_sections_published_version',
              'idx_homepage_sections_draft_version',
              'idx_section_versions_created_at',
              'idx_section_schedules_pending',
              'idx_section_schedules_active',
              'idx_section_schedules_section',
              'idx_section_schedules_version',
              'idx_section_schedules_previous_version',
              'idx_section_products_product',
              'idx_section_categories_category',
              'idx_products_category')
    LOOP
        EXECUTE format('DROP INDEX %s', v_index);
    END LOOP;
END
$repair$;

-- the homepage of a locale, also while its sections are switched off
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_homepage_sections_render
    ON public.homepage_sections (locale, display_order) WHERE status = 'published';

-- the two pointers: without them every deleted version scans all sections
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_homepage_sections_published_version
    ON public.homepage_sections (published_version_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_homepage_sections_draft_version
    ON public.homepage_sections (draft_version_id);

-- upkeep: old versions that are not being served
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_section_versions_created_at
    ON public.section_versions (created_at) WHERE NOT is_published;

-- what is due, in the order in which it is worked off
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_section_schedules_pending
    ON public.section_schedules (publish_at, created_at, id) WHERE status = 'pending';
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_section_schedules_active
    ON public.section_schedules (expire_at, created_at, id)
    WHERE status = 'active' AND expire_at IS NOT NULL;

-- the other side of foreign keys
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_section_schedules_section
    ON public.section_schedules (section_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_section_schedules_version
    ON public.section_schedules (version_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_section_schedules_previous_version
    ON public.section_schedules (previous_version_id) WHERE previous_version_id IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_section_products_product
    ON public.section_products (product_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_section_categories_category
    ON public.section_categories (category_id);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_products_category
    ON public.products (category_id);
