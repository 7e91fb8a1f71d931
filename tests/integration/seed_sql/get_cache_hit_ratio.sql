-- As printed in the strategy document, 7.1.

CREATE OR REPLACE FUNCTION public.get_cache_hit_ratio()
RETURNS TABLE(
  metric TEXT,
  value NUMERIC,
  interpretation TEXT
) AS $$
  SELECT
    'Buffer Cache Hit Ratio' as metric,
    ROUND(
      (sum(blks_hit) * 100.0 / NULLIF(sum(blks_hit) + sum(blks_read), 0))::NUMERIC,
      2
    ) as value,
    CASE
      WHEN ROUND((sum(blks_hit) * 100.0 / NULLIF(sum(blks_hit) + sum(blks_read), 0))::NUMERIC, 2) > 99
        THEN 'Excellent'
      WHEN ROUND((sum(blks_hit) * 100.0 / NULLIF(sum(blks_hit) + sum(blks_read), 0))::NUMERIC, 2) > 95
        THEN 'Good'
      ELSE 'Needs Improvement'
    END as interpretation
  FROM pg_stat_database
  WHERE datname = current_database();
$$ LANGUAGE sql SECURITY DEFINER;
