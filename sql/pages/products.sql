-- Page set "products": one row per active product and locale with published sections.
--
-- Words come from translations and fall back to the product's own columns, so a product without a
-- translation still has its page in every locale. The stock is left out: it would change pages
-- with every sale, and tell competitors.
--
-- The order (product, then locale) keeps the translations of one page together. It also lets rows
-- leave as they are made: products come by their key, and only the locales of one product are
-- sorted.
SELECT
    p.id::text AS key,
    l.locale,
    GREATEST(p.updated_at, c.updated_at) AS updated_at,
    COALESCE(p.slug, p.id::text) AS slug,
    COALESCE(NULLIF(w.words ->> 'name', ''), p.name) AS name,
    COALESCE(NULLIF(w.words ->> 'description', ''), p.description) AS description,
    p.price,
    p.currency,
    p.image_url,
    p.is_featured,
    CASE WHEN c.id IS NOT NULL THEN
        jsonb_build_object(
            'id', c.id,
            'name', COALESCE(NULLIF(public.cms_words(c.translations, l.locale) ->> 'name', ''),
                             c.name),
            'slug', COALESCE(c.slug, c.id::text))
    END AS category
FROM public.products p
LEFT JOIN public.categories c ON c.id = p.category_id
CROSS JOIN (
    SELECT DISTINCT hs.locale COLLATE "C" AS locale
    FROM public.homepage_sections hs
    WHERE hs.status = 'published'
) l
-- OFFSET 0: unpack the translations once for all columns, not once for each
CROSS JOIN LATERAL (SELECT public.cms_words(p.translations, l.locale) AS words OFFSET 0) w
WHERE p.is_active
ORDER BY p.id, l.locale
