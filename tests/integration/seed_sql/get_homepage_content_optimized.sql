-- As printed in the strategy document, 1.1.

CREATE OR REPLACE FUNCTION public.get_homepage_content_optimized(
  p_locale TEXT DEFAULT 'en'
)
RETURNS TABLE(
  section_id UUID,
  section_type TEXT,
  section_key TEXT,
  display_order INTEGER,
  content JSONB,
  metadata JSONB,
  products JSONB,
  categories JSONB
) AS $$
BEGIN
  RETURN QUERY
  WITH published_sections AS (
    -- Optimized section query with partial index
    SELECT
      hs.id,
      hs.section_type,
      hs.section_key,
      hs.display_order,
      hs.metadata,
      hs.published_version_id
    FROM public.homepage_sections hs
    WHERE
      hs.locale = p_locale
      AND hs.is_active = true
      AND hs.status = 'published'
  ),
  section_products_agg AS (
    -- Pre-aggregate products
    SELECT
      sp.section_id,
      jsonb_agg(
        jsonb_build_object(
          'id', p.id,
          'name', p.name,
          'description', p.description,
          'price', p.price,
          'image_url', p.image_url,
          'inventory_count', p.inventory_count,
          'is_featured', p.is_featured,
          'display_order', sp.display_order,
          'metadata', sp.metadata
        ) ORDER BY sp.display_order
      ) as products_json
    FROM public.section_products sp
    JOIN public.products p ON sp.product_id = p.id
    WHERE sp.section_id IN (SELECT id FROM published_sections)
    GROUP BY sp.section_id
  ),
  section_categories_agg AS (
    -- Pre-aggregate categories
    SELECT
      sc.section_id,
      jsonb_agg(
        jsonb_build_object(
          'id', c.id,
          'name', c.name,
          'description', c.description,
          'display_order', sc.display_order,
          'metadata', sc.metadata
        ) ORDER BY sc.display_order
      ) as categories_json
    FROM public.section_categories sc
    JOIN public.categories c ON sc.category_id = c.id
    WHERE sc.section_id IN (SELECT id FROM published_sections)
    GROUP BY sc.section_id
  )
  SELECT
    ps.id,
    ps.section_type,
    ps.section_key,
    ps.display_order,
    COALESCE(sv.content, '{}'::JSONB) as content,
    ps.metadata,
    COALESCE(spa.products_json, '[]'::JSONB) as products,
    COALESCE(sca.categories_json, '[]'::JSONB) as categories
  FROM published_sections ps
  LEFT JOIN public.section_versions sv ON ps.published_version_id = sv.id
  LEFT JOIN section_products_agg spa ON ps.id = spa.section_id
  LEFT JOIN section_categories_agg sca ON ps.id = sca.section_id
  ORDER BY ps.display_order;
END;
$$ LANGUAGE plpgsql STABLE SECURITY DEFINER;
