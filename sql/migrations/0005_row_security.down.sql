-- Undoes 0005. Row security itself stays on (0002 switched it on): without policies nobody but
-- the owner sees rows.

DROP POLICY IF EXISTS "Editors see users" ON public.users;
DROP POLICY IF EXISTS "Editors manage schedules" ON public.section_schedules;
DROP POLICY IF EXISTS "Editors manage media" ON public.media_assets;
DROP POLICY IF EXISTS "Press sees media" ON public.media_assets;
DROP POLICY IF EXISTS "Editors manage categories" ON public.categories;
DROP POLICY IF EXISTS "Categories viewable by everyone" ON public.categories;
DROP POLICY IF EXISTS "Editors manage products" ON public.products;
DROP POLICY IF EXISTS "Active products viewable by everyone" ON public.products;
DROP POLICY IF EXISTS "Editors manage categories of sections" ON public.section_categories;
DROP POLICY IF EXISTS "Categories of visible sections" ON public.section_categories;
DROP POLICY IF EXISTS "Editors manage products of sections" ON public.section_products;
DROP POLICY IF EXISTS "Products of visible sections" ON public.section_products;
DROP POLICY IF EXISTS "Editors manage versions" ON public.section_versions;
DROP POLICY IF EXISTS "Served versions of visible sections" ON public.section_versions;
DROP POLICY IF EXISTS "Editors manage sections" ON public.homepage_sections;
DROP POLICY IF EXISTS "Press sees published sections, also inactive ones"
    ON public.homepage_sections;
DROP POLICY IF EXISTS "Published sections viewable by everyone" ON public.homepage_sections;

REVOKE ALL ON TABLE
    public.users, public.categories, public.products, public.homepage_sections,
    public.section_versions, public.section_schedules, public.section_products,
    public.section_categories, public.media_assets
    FROM anon, authenticated, platen_editor, platen_reader;
