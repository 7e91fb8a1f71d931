-- As printed in the strategy document, 4.1.

CREATE MATERIALIZED VIEW IF NOT EXISTS public.mv_published_homepage AS
SELECT
  hs.locale,
  jsonb_agg(
    jsonb_build_object(
      'section_id', hs.id,
      'section_type', hs.section_type,
      'section_key', hs.section_key,
      'display_order', hs.display_order,
      'content', COALESCE(sv.content, '{}'::JSONB),
      'metadata', hs.metadata,
      'products', COALESCE(
        (SELECT jsonb_agg(
          jsonb_build_object(
            'id', p.id,
            'name', p.name,
            'description', p.description,
            'price', p.price,
            'image_url', p.image_url,
            'inventory_count', p.inventory_count,
            'display_order', sp.display_order
          ) ORDER BY sp.display_order
        )
        FROM public.section_products sp
        JOIN public.products p ON sp.product_id = p.id
        WHERE sp.section_id = hs.id),
        '[]'::JSONB
      ),
      'categories', COALESCE(
        (SELECT jsonb_agg(
          jsonb_build_object(
            'id', c.id,
            'name', c.name,
            'description', c.description,
            'display_order', sc.display_order
          ) ORDER BY sc.display_order
        )
        FROM public.section_categories sc
        JOIN public.categories c ON sc.category_id = c.id
        WHERE sc.section_id = hs.id),
        '[]'::JSONB
      )
    ) ORDER BY hs.display_order
  ) as sections,
  MAX(hs.updated_at) as last_updated
FROM public.homepage_sections hs
LEFT JOIN public.section_versions sv ON hs.published_version_id = sv.id
WHERE
  hs.is_active = true
  AND hs.status = 'published'
GROUP BY hs.locale;

CREATE UNIQUE INDEX IF NOT EXISTS idx_mv_published_homepage_locale
  ON public.mv_published_homepage(locale);

CREATE OR REPLACE FUNCTION public.get_homepage_from_mv(
  p_locale TEXT DEFAULT 'en'
)
RETURNS JSONB AS $$
  SELECT sections
  FROM public.mv_published_homepage
  WHERE locale = p_locale;
$$ LANGUAGE sql STABLE SECURITY DEFINER;
