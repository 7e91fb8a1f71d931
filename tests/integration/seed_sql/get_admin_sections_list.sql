-- As printed in the strategy document, 1.2.

CREATE OR REPLACE FUNCTION public.get_admin_sections_list(
  p_locale TEXT DEFAULT 'en',
  p_status TEXT DEFAULT NULL, -- Filter by status
  p_section_type TEXT DEFAULT NULL -- Filter by type
)
RETURNS TABLE(
  section_id UUID,
  section_type TEXT,
  section_key TEXT,
  display_order INTEGER,
  status TEXT,
  is_active BOOLEAN,
  locale TEXT,
  published_version INTEGER,
  draft_version INTEGER,
  total_versions INTEGER,
  last_modified_at TIMESTAMP WITH TIME ZONE,
  last_modified_by_email TEXT,
  has_scheduled BOOLEAN
) AS $$
BEGIN
  RETURN QUERY
  WITH version_stats AS (
    SELECT
      sv.section_id,
      COUNT(*) as total_versions,
      MAX(sv.created_at) as last_version_created,
      MAX(CASE WHEN sv.is_published THEN sv.version_number END) as published_version_num,
      MAX(CASE WHEN sv.id = hs.draft_version_id THEN sv.version_number END) as draft_version_num,
      (SELECT u.email
       FROM public.users u
       WHERE u.id = (
         SELECT sv2.created_by
         FROM public.section_versions sv2
         WHERE sv2.section_id = sv.section_id
         ORDER BY sv2.created_at DESC
         LIMIT 1
       )
      ) as last_modified_email
    FROM public.section_versions sv
    JOIN public.homepage_sections hs ON sv.section_id = hs.id
    GROUP BY sv.section_id
  ),
  scheduled_sections AS (
    SELECT DISTINCT section_id
    FROM public.section_schedules
    WHERE status IN ('pending', 'active')
  )
  SELECT
    hs.id,
    hs.section_type,
    hs.section_key,
    hs.display_order,
    hs.status,
    hs.is_active,
    hs.locale,
    vs.published_version_num::INTEGER,
    vs.draft_version_num::INTEGER,
    vs.total_versions::INTEGER,
    GREATEST(hs.updated_at, vs.last_version_created) as last_modified_at,
    vs.last_modified_email,
    (ss.section_id IS NOT NULL) as has_scheduled
  FROM public.homepage_sections hs
  LEFT JOIN version_stats vs ON hs.id = vs.section_id
  LEFT JOIN scheduled_sections ss ON hs.id = ss.section_id
  WHERE
    hs.locale = p_locale
    AND (p_status IS NULL OR hs.status = p_status)
    AND (p_section_type IS NULL OR hs.section_type = p_section_type)
  ORDER BY hs.display_order;
END;
$$ LANGUAGE plpgsql STABLE SECURITY DEFINER;
