-- Who sees and who may change what.
--
--                       anon, authenticated       platen_reader                 platen_editor
--   homepage_sections   published and active      published, active or not      all, may write
--   section_versions    the one being served      the one being served          all, may write
--   section_products,   of visible sections       of visible sections           all, may write
--   section_categories
--   products            active ones               active ones                   all, may write
--   categories          all                       all                           all, may write
--   media_assets        -                         all                           all, may write
--   section_schedules   -                         - (times: see 0006)           all, may write
--   users               -                         -                             may read
--
-- The press needs no drafts, so it gets none: the draft of tomorrow's sale cannot leak through a
-- template. Visitors and the press see neither authors nor change summaries, which are columns,
-- so the grant lists the others. The policies on versions and links ask homepage_sections, whose
-- own policies apply to the one who asks: that is why one policy serves visitors and the press,
-- and why "published" is not repeated with "active" there.
--
-- authenticated is not an editor. Where signed-in users are the editors: GRANT platen_editor TO
-- authenticated. Grants are first taken away: platforms that grant new tables to everybody would
-- otherwise keep, among other things, TRUNCATE, which no policy stops.

REVOKE ALL ON TABLE
    public.users, public.categories, public.products, public.homepage_sections,
    public.section_versions, public.section_schedules, public.section_products,
    public.section_categories, public.media_assets
    FROM PUBLIC, anon, authenticated, platen_editor, platen_reader;

GRANT SELECT ON TABLE
    public.categories, public.products, public.homepage_sections, public.section_products,
    public.section_categories
    TO anon, authenticated, platen_reader;
GRANT SELECT (id, section_id, version_number, content, is_published, published_at, created_at,
              updated_at)
    ON TABLE public.section_versions TO anon, authenticated, platen_reader;
GRANT SELECT ON TABLE public.media_assets TO platen_reader;

GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE
    public.categories, public.products, public.homepage_sections, public.section_versions,
    public.section_schedules, public.section_products, public.section_categories,
    public.media_assets
    TO platen_editor;
GRANT SELECT ON TABLE public.users TO platen_editor;

-- CREATE POLICY knows no IF NOT EXISTS. Dropped and made again, and row security stays on in
-- between: whoever looks at that moment sees less, never more. (On a first run there is nothing
-- to drop: not worth a notice each.)

SET client_min_messages = warning;

DROP POLICY IF EXISTS "Published sections viewable by everyone" ON public.homepage_sections;
CREATE POLICY "Published sections viewable by everyone" ON public.homepage_sections
    FOR SELECT USING (status = 'published' AND is_active = true);
DROP POLICY IF EXISTS "Press sees published sections, also inactive ones"
    ON public.homepage_sections;
CREATE POLICY "Press sees published sections, also inactive ones" ON public.homepage_sections
    FOR SELECT TO platen_reader USING (status = 'published');
DROP POLICY IF EXISTS "Editors manage sections" ON public.homepage_sections;
CREATE POLICY "Editors manage sections" ON public.homepage_sections
    FOR ALL TO platen_editor USING (true) WITH CHECK (true);

DROP POLICY IF EXISTS "Served versions of visible sections" ON public.section_versions;
CREATE POLICY "Served versions of visible sections" ON public.section_versions
    FOR SELECT TO anon, authenticated, platen_reader
    USING (id IN (SELECT hs.published_version_id FROM public.homepage_sections hs
                  WHERE hs.status = 'published'));
DROP POLICY IF EXISTS "Editors manage versions" ON public.section_versions;
CREATE POLICY "Editors manage versions" ON public.section_versions
    FOR ALL TO platen_editor USING (true) WITH CHECK (true);

DROP POLICY IF EXISTS "Products of visible sections" ON public.section_products;
CREATE POLICY "Products of visible sections" ON public.section_products
    FOR SELECT TO anon, authenticated, platen_reader
    USING (section_id IN (SELECT hs.id FROM public.homepage_sections hs
                          WHERE hs.status = 'published'));
DROP POLICY IF EXISTS "Editors manage products of sections" ON public.section_products;
CREATE POLICY "Editors manage products of sections" ON public.section_products
    FOR ALL TO platen_editor USING (true) WITH CHECK (true);

DROP POLICY IF EXISTS "Categories of visible sections" ON public.section_categories;
CREATE POLICY "Categories of visible sections" ON public.section_categories
    FOR SELECT TO anon, authenticated, platen_reader
    USING (section_id IN (SELECT hs.id FROM public.homepage_sections hs
                          WHERE hs.status = 'published'));
DROP POLICY IF EXISTS "Editors manage categories of sections" ON public.section_categories;
CREATE POLICY "Editors manage categories of sections" ON public.section_categories
    FOR ALL TO platen_editor USING (true) WITH CHECK (true);

DROP POLICY IF EXISTS "Active products viewable by everyone" ON public.products;
CREATE POLICY "Active products viewable by everyone" ON public.products
    FOR SELECT TO anon, authenticated, platen_reader USING (is_active);
DROP POLICY IF EXISTS "Editors manage products" ON public.products;
CREATE POLICY "Editors manage products" ON public.products
    FOR ALL TO platen_editor USING (true) WITH CHECK (true);

DROP POLICY IF EXISTS "Categories viewable by everyone" ON public.categories;
CREATE POLICY "Categories viewable by everyone" ON public.categories
    FOR SELECT TO anon, authenticated, platen_reader USING (true);
DROP POLICY IF EXISTS "Editors manage categories" ON public.categories;
CREATE POLICY "Editors manage categories" ON public.categories
    FOR ALL TO platen_editor USING (true) WITH CHECK (true);

DROP POLICY IF EXISTS "Press sees media" ON public.media_assets;
CREATE POLICY "Press sees media" ON public.media_assets
    FOR SELECT TO platen_reader USING (true);
DROP POLICY IF EXISTS "Editors manage media" ON public.media_assets;
CREATE POLICY "Editors manage media" ON public.media_assets
    FOR ALL TO platen_editor USING (true) WITH CHECK (true);

DROP POLICY IF EXISTS "Editors manage schedules" ON public.section_schedules;
CREATE POLICY "Editors manage schedules" ON public.section_schedules
    FOR ALL TO platen_editor USING (true) WITH CHECK (true);

DROP POLICY IF EXISTS "Editors see users" ON public.users;
CREATE POLICY "Editors see users" ON public.users
    FOR SELECT TO platen_editor USING (true);

RESET client_min_messages;
