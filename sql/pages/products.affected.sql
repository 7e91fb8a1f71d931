-- Which product pages the logged changes may concern: see products.sql. A key without a locale is
-- the product in every locale; no key is every product.
--
-- Reads `changed`: what the change log names since the last look (docs/listen.md).
SELECT k.key, NULL AS locale
FROM changed c
CROSS JOIN LATERAL unnest(c.keys) AS k(key)
WHERE c.relation = 'public.products'
UNION ALL
SELECT p.id::text, NULL
FROM changed c
JOIN public.products p ON p.category_id = ANY (c.keys::uuid[])
WHERE c.relation = 'public.categories'
UNION ALL
-- Products have a page in every locale with a published section: the first one of a locale, and
-- the last, change all products. A section is among them when it appears, disappears, changes its
-- status or moves.
SELECT NULL, NULL
FROM changed c
WHERE c.relation = 'public.homepage_sections'
    AND (CASE WHEN c.operation = 'update' THEN jsonb_array_length(c.also -> 'status') > 1
              ELSE c.also -> 'status' ? 'published' END
         OR EXISTS (SELECT FROM changed d
                    WHERE d.relation = c.relation AND d.locale <> c.locale AND d.keys && c.keys))
UNION ALL
SELECT NULL, NULL
FROM changed c
WHERE c.keys IS NULL
    AND c.relation IN ('public.products', 'public.categories', 'public.homepage_sections')
