-- As printed in the strategy document, 1.3.

CREATE OR REPLACE FUNCTION public.get_section_version_history(
  p_section_id UUID,
  p_limit INTEGER DEFAULT 20,
  p_offset INTEGER DEFAULT 0
)
RETURNS TABLE(
  version_id UUID,
  version_number INTEGER,
  content JSONB,
  change_summary TEXT,
  is_published BOOLEAN,
  created_at TIMESTAMP WITH TIME ZONE,
  created_by_email TEXT,
  created_by_name TEXT,
  published_at TIMESTAMP WITH TIME ZONE,
  content_size INTEGER
) AS $$
BEGIN
  RETURN QUERY
  SELECT
    sv.id,
    sv.version_number,
    sv.content,
    sv.change_summary,
    sv.is_published,
    sv.created_at,
    u.email,
    u.full_name,
    sv.published_at,
    length(sv.content::text) as content_size
  FROM public.section_versions sv
  LEFT JOIN public.users u ON sv.created_by = u.id
  WHERE sv.section_id = p_section_id
  ORDER BY sv.version_number DESC
  LIMIT p_limit
  OFFSET p_offset;
END;
$$ LANGUAGE plpgsql STABLE SECURITY DEFINER;

GRANT EXECUTE ON FUNCTION public.get_section_version_history TO authenticated;
