-- As printed in the strategy document, 8.1 (the step that builds indexes).

BEGIN;

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_section_versions_section_published
  ON public.section_versions(section_id, is_published, version_number DESC)
  WHERE is_published = true;

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_section_products_covering
  ON public.section_products(section_id, display_order)
  INCLUDE (product_id, metadata);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_section_categories_covering
  ON public.section_categories(section_id, display_order)
  INCLUDE (category_id, metadata);

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_section_versions_content_gin
  ON public.section_versions USING GIN(content jsonb_path_ops);


COMMIT;

\echo 'Optimization migration completed successfully!'
