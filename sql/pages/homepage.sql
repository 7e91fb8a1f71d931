-- Page set "homepage": one row per locale that has published sections.
--
--   sections        what get_homepage_content(locale) returns, as a JSON array in the same order
--   title,          of the first hero that has a title, for <title> and the description in <head>;
--   description     else null
--   state           maintenance: sections are published and every one of them is switched off (the
--                   kill switch). A locale without published sections gives no row at all: that is
--                   nobody's decision.
--   updated_at      the latest change of a section, of the words it serves or of what it shows
--   next_change_at  the next due schedule; nothing here depends on now()
--
-- One statement for all locales: the number of locales and sections does not change the number of
-- queries.
SELECT
    'homepage' AS key,
    l.locale,
    GREATEST(l.updated_at, s.updated_at) AS updated_at,
    CASE WHEN l.any_active THEN 'live' ELSE 'maintenance' END AS state,
    n.next_change_at,
    s.hero ->> 'title' AS title,
    s.hero ->> 'subtitle' AS description,
    COALESCE(s.sections, '[]'::json) AS sections
FROM (
    SELECT hs.locale, max(hs.updated_at) AS updated_at, bool_or(hs.is_active) AS any_active
    FROM public.homepage_sections hs
    WHERE hs.status = 'published'
    GROUP BY hs.locale
) l
LEFT JOIN (
    SELECT
        v.locale,
        max(v.updated_at) AS updated_at,
        (array_agg(v.content ORDER BY v.display_order, v.section_key COLLATE "C", v.section_id)
            FILTER (WHERE v.section_type = 'hero' AND v.content ->> 'title' <> ''))[1] AS hero,
        json_agg(
            json_build_object(
                'section_id', v.section_id,
                'section_type', v.section_type,
                'section_key', v.section_key,
                'display_order', v.display_order,
                'content', v.content,
                'metadata', v.metadata,
                'products', v.products,
                'categories', v.categories)
            ORDER BY v.display_order, v.section_key COLLATE "C", v.section_id) AS sections
    FROM public.published_homepage_sections v
    GROUP BY v.locale
) s ON s.locale = l.locale
LEFT JOIN public.homepage_next_change n ON n.locale = l.locale
ORDER BY key, l.locale COLLATE "C"
