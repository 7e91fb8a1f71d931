-- Undoes 0002, and with it all content: take a dump first.
-- No CASCADE: whatever else was built on these tables makes this fail and stays.

ALTER TABLE IF EXISTS public.homepage_sections
    DROP CONSTRAINT IF EXISTS homepage_sections_published_version_fkey;
ALTER TABLE IF EXISTS public.homepage_sections
    DROP CONSTRAINT IF EXISTS homepage_sections_draft_version_fkey;
DROP TABLE IF EXISTS public.media_assets;
DROP TABLE IF EXISTS public.section_categories;
DROP TABLE IF EXISTS public.section_products;
DROP TABLE IF EXISTS public.section_schedules;
DROP TABLE IF EXISTS public.section_versions;
DROP TABLE IF EXISTS public.homepage_sections;
DROP TABLE IF EXISTS public.products;
DROP TABLE IF EXISTS public.categories;
DROP TABLE IF EXISTS public.users;
