-- Content for `make bench`, made of numbers alone: the same on every machine, in every run.
--
--   psql -v locales=40 -v sections=20 -v versions=10000 -v products=300 -f content.sql
--
--   locales   of the list below, from the first: 1 to 40
--   sections  of each locale, published and active; every type of the theme in turn
--   versions  in all; each section has its share, the first section of the first locale two thirds
--             of its locale's share more than the others of its locale
--   products  active, each with words of its own
--
-- Text is made of a word list with lengths and frequencies like those of prose, and now and then
-- with what has to be escaped, so that packing and escaping cost what they cost on real pages.

BEGIN;

CREATE FUNCTION pg_temp.id(p_kind text, p_number bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE
RETURN md5(p_kind || ' ' || p_number)::uuid;

-- Phrases of five words. Squaring the draw makes the first words of the list the frequent ones.
CREATE TEMP TABLE phrase ON COMMIT DROP AS
SELECT n.n AS number,
       string_agg(l.word[1 + (d.draw * d.draw * (cardinality(l.word) - 1))::integer], ' '
                  ORDER BY w.w) AS text
FROM generate_series(0, 8191) n (n)
CROSS JOIN generate_series(1, 5) w (w)
CROSS JOIN LATERAL (
    SELECT ('x' || substr(md5(n.n || '/' || w.w), 1, 7))::bit(28)::integer
           / 268435455.0::double precision AS draw
) d
CROSS JOIN (
    SELECT string_to_array(
        'the of and a to in with for is on from by it that are light made which wool linen oak '
        'glass lamp woven by&by hand under table room evening soft one or as at not its this two '
        'shade cotton warm thread colour each small wide both every after before kitchen window '
        'stripe rug cushion pendant throw blanket corner morning winter "loom" harvest river stone '
        'paper copper brass iron clay paint cord switch plug base bulb fringe selvedge weft warp '
        'carded spun twisted dyed washed pressed folded stitched <hemmed> lined filled brushed '
        'polished turned carved steamed bent joined without within beside above across along '
        'around between against toward upon until because although whenever wherever whether '
        'neither either another several enough quiet narrow heavy plain bright pale dark smooth '
        'rough round square oval gentle sheep''s maker''s northern southern eastern western '
        'coastal mountain village island workshop family generation tradition pattern material '
        'surface finish texture weight measure length breadth height diameter thickness '
        'centimetre kilogram lumen kelvin delivered packed repaired returned replaced guaranteed '
        'inspected numbered signed', ' ') AS word
) l
GROUP BY n.n;
CREATE UNIQUE INDEX ON phrase (number);
ANALYZE phrase;

-- About p_count words, chosen by p_seed.
CREATE FUNCTION pg_temp.words(p_seed bigint, p_count integer) RETURNS text
LANGUAGE sql STABLE
RETURN (
    SELECT upper(left(t.line, 1)) || substr(t.line, 2)
    FROM (
        SELECT string_agg((SELECT p.text FROM phrase p
                           WHERE p.number = (p_seed * 7919 + (p_seed / 8192) * n.n * 31
                                             + n.n * n.n * 4057 + p_seed % 8191 * n.n * 1663)
                                            % 8192),
                          ' ' ORDER BY n.n) AS line
        FROM generate_series(1, greatest(1, p_count / 5)) n (n)
    ) t
);

CREATE TEMP TABLE locale ON COMMIT DROP AS
SELECT l.number, l.code
FROM unnest(string_to_array(
        'en fr de es it pt nl pl cs sk sl hr hu ro bg el tr ru uk sr fi sv da nb et lv lt is ga mt '
        || 'ar he fa ur hi th vi ko ja zh', ' ')) WITH ORDINALITY l (code, number)
WHERE l.number <= :locales;

INSERT INTO public.users (id, email, full_name)
SELECT pg_temp.id('user', n), 'desk' || n || '@example.org', 'Desk ' || n
FROM generate_series(1, 10) n;

INSERT INTO public.categories (id, name, description, slug, image_url, created_at, updated_at)
SELECT pg_temp.id('category', n), pg_temp.words(n, 2), pg_temp.words(1000 + n, 9), 'category-' || n,
       '/media/category-' || n || '.jpg', '2025-01-06 08:00Z', '2025-01-06 08:00Z'
FROM generate_series(1, 20) n;

INSERT INTO public.products
    (id, name, description, price, currency, image_url, inventory_count, is_featured, slug,
     category_id, created_at, updated_at)
SELECT
    pg_temp.id('product', n), pg_temp.words(10000 + n, 3), pg_temp.words(20000000 + n, 35),
    5 + (n * 37 % 20000) * 0.01, 'EUR', '/media/products/' || n || '.jpg', n * 13 % 90, n % 10 = 0,
    'product-' || n, pg_temp.id('category', 1 + n % 20),
    '2025-01-07 09:00Z', timestamptz '2025-01-07 09:00Z' + n * interval '1 minute'
FROM generate_series(1, :products) n;

CREATE TEMP TABLE section ON COMMIT DROP AS
SELECT
    l.code AS locale, s.place, l.number * 1000 + s.place AS number,
    pg_temp.id('section', l.number * 1000 + s.place) AS id,
    (ARRAY['hero', 'product_carousel', 'category_grid', 'rich_text', 'banner',
           'testimonials'])[1 + (s.place - 1) % 6] AS type,
    -- every section's share of the versions; the first of all has most of its locale's
    CASE WHEN :versions < :locales * :sections THEN 1
         WHEN l.number = 1 AND s.place = 1 THEN :versions / :locales
         WHEN l.number = 1 THEN 1
         ELSE :versions / (:locales * :sections) END AS versions
FROM locale l
CROSS JOIN generate_series(1, :sections) s (place);

INSERT INTO public.homepage_sections
    (id, section_type, section_key, locale, display_order, status, published_version_id,
     created_at, updated_at)
SELECT id, type, type || '-' || place, locale, place, 'published',
       pg_temp.id('version', number * 100000 + versions), '2025-01-08 08:00Z', '2025-01-08 08:00Z'
FROM section;

INSERT INTO public.section_versions
    (id, section_id, version_number, content, change_summary, created_by, is_published,
     published_at, created_at, updated_at)
SELECT
    pg_temp.id('version', v.seed), s.id, v.n,
    CASE s.type
        WHEN 'hero' THEN jsonb_build_object(
            'title', pg_temp.words(v.seed, 5), 'subtitle', pg_temp.words(v.seed + 1, 14),
            'cta_label', pg_temp.words(v.seed + 2, 2), 'cta_url', '/' || s.locale || '/products/',
            'image_url', '/media/hero-' || s.place || '.jpg',
            'image_alt', pg_temp.words(v.seed + 3, 6))
        WHEN 'rich_text' THEN jsonb_build_object(
            'title', pg_temp.words(v.seed, 4),
            'paragraphs', jsonb_build_array(
                pg_temp.words(v.seed + 1, 60), pg_temp.words(v.seed + 2, 70),
                pg_temp.words(v.seed + 3, 50)),
            'list', jsonb_build_array(pg_temp.words(v.seed + 4, 7), pg_temp.words(v.seed + 5, 7)))
        WHEN 'banner' THEN jsonb_build_object(
            'text', pg_temp.words(v.seed, 9), 'cta_label', pg_temp.words(v.seed + 1, 2),
            'cta_url', '/' || s.locale || '/', 'image_url', '/media/banner-' || s.place || '.jpg',
            'image_alt', pg_temp.words(v.seed + 2, 5))
        WHEN 'testimonials' THEN jsonb_build_object(
            'title', pg_temp.words(v.seed, 3),
            'quotes', jsonb_build_array(
                jsonb_build_object('text', pg_temp.words(v.seed + 1, 24), 'source', 'Desk 1'),
                jsonb_build_object('text', pg_temp.words(v.seed + 2, 30), 'source', 'Desk 2'),
                jsonb_build_object('text', pg_temp.words(v.seed + 3, 20), 'source', 'Desk 3')))
        ELSE jsonb_build_object(
            'title', pg_temp.words(v.seed, 4), 'intro', pg_temp.words(v.seed + 1, 12))
    END,
    'change ' || v.n, pg_temp.id('user', 1 + v.n % 10), v.n = s.versions,
    timestamptz '2025-01-08 09:00Z' + v.n * interval '1 minute',
    timestamptz '2025-01-08 09:00Z' + v.n * interval '1 minute',
    timestamptz '2025-01-08 09:00Z' + v.n * interval '1 minute'
FROM section s
CROSS JOIN LATERAL (
    SELECT n, s.number::bigint * 100000 + n AS seed FROM generate_series(1, s.versions) n
) v;

INSERT INTO public.section_products (section_id, product_id, display_order)
SELECT s.id, pg_temp.id('product', 1 + (s.place * 6 + n) % :products), n
FROM section s
CROSS JOIN generate_series(1, least(6, :products)) n
WHERE s.type = 'product_carousel';

INSERT INTO public.section_categories (section_id, category_id, display_order)
SELECT s.id, pg_temp.id('category', 1 + (s.place * 6 + n) % 20), n
FROM section s
CROSS JOIN generate_series(1, 6) n
WHERE s.type = 'category_grid';

INSERT INTO public.section_schedules (id, section_id, version_id, publish_at, created_at)
SELECT pg_temp.id('schedule', s.number), s.id, pg_temp.id('version', s.number * 100000 + 1),
       '2999-01-01 00:00Z', '2025-01-09 08:00Z'
FROM section s
WHERE s.place % 5 = 0;

COMMIT;

VACUUM ANALYZE;
SELECT public.manual_refresh_homepage_mv() \g /dev/null
