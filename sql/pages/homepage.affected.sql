-- Which homepages the logged changes may concern: see homepage.sql. Whatever a section shows is
-- found through the section, and gives its locale; the rest of the page comes from the sections.
--
-- Reads `changed`: what the change log names since the last look (docs/listen.md).
SELECT 'homepage' AS key, c.locale
FROM changed c
WHERE c.relation = 'public.homepage_sections' AND c.keys IS NOT NULL
UNION ALL
SELECT 'homepage', hs.locale
FROM changed c
CROSS JOIN LATERAL jsonb_array_elements_text(c.also -> 'section_id') AS s(id)
JOIN public.homepage_sections hs ON hs.id = s.id::uuid
WHERE c.relation IN ('public.section_versions', 'public.section_schedules',
                     'public.section_products', 'public.section_categories')
    AND c.keys IS NOT NULL
UNION ALL
SELECT 'homepage', hs.locale
FROM changed c
JOIN public.section_products sp ON sp.product_id = ANY (c.keys::uuid[])
JOIN public.homepage_sections hs ON hs.id = sp.section_id
WHERE c.relation = 'public.products'
UNION ALL
SELECT 'homepage', hs.locale
FROM changed c
JOIN public.section_categories sc ON sc.category_id = ANY (c.keys::uuid[])
JOIN public.homepage_sections hs ON hs.id = sc.section_id
WHERE c.relation = 'public.categories'
UNION ALL
-- so many rows that nobody listed them
SELECT 'homepage', NULL
FROM changed c
WHERE c.keys IS NULL AND c.relation <> 'public.media_assets'
