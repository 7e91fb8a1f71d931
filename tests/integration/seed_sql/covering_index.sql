-- As printed in the strategy document, 2.1.

CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_section_products_covering
  ON public.section_products(section_id, display_order)
  INCLUDE (product_id, metadata);
