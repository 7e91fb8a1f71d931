-- What the editors' screens show: sections of a locale, versions of a section.
--
-- With the caller's rights, and callable by editors only: drafts, change summaries and e-mail
-- addresses are in it. Every column is qualified: names of result columns are variables too.

-- published_version is the number of the version being served, as the section points to it;
-- counting flags would name the newest one after an older one was published again.
CREATE OR REPLACE FUNCTION public.get_admin_sections_list(
    p_locale text DEFAULT 'en', p_status text DEFAULT NULL, p_section_type text DEFAULT NULL)
RETURNS TABLE (
    section_id uuid,
    section_type text,
    section_key text,
    display_order integer,
    status text,
    is_active boolean,
    locale text,
    published_version integer,
    draft_version integer,
    total_versions integer,
    last_modified_at timestamptz,
    last_modified_by_email text,
    has_scheduled boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $function$
    SELECT
        hs.id, hs.section_type, hs.section_key, hs.display_order, hs.status, hs.is_active,
        hs.locale,
        live.version_number,
        draft.version_number,
        (SELECT count(*)::integer FROM public.section_versions sv WHERE sv.section_id = hs.id),
        GREATEST(hs.updated_at, newest.created_at, live.updated_at, draft.updated_at),
        u.email,
        EXISTS (SELECT FROM public.section_schedules ss
                WHERE ss.section_id = hs.id AND ss.status IN ('pending', 'active'))
    FROM public.homepage_sections hs
    LEFT JOIN public.section_versions live ON live.id = hs.published_version_id
    LEFT JOIN public.section_versions draft ON draft.id = hs.draft_version_id
    LEFT JOIN LATERAL (
        SELECT sv.created_at, sv.created_by
        FROM public.section_versions sv
        WHERE sv.section_id = hs.id
        ORDER BY sv.version_number DESC
        LIMIT 1
    ) newest ON true
    LEFT JOIN public.users u ON u.id = newest.created_by
    WHERE hs.locale = p_locale
      AND (p_status IS NULL OR hs.status = p_status)
      AND (p_section_type IS NULL OR hs.section_type = p_section_type)
    ORDER BY hs.display_order, hs.section_key COLLATE "C", hs.id
$function$;

-- content_size is in bytes, as stored in a file.
CREATE OR REPLACE FUNCTION public.get_section_version_history(
    p_section_id uuid, p_limit integer DEFAULT 20, p_offset integer DEFAULT 0)
RETURNS TABLE (
    version_id uuid,
    version_number integer,
    content jsonb,
    change_summary text,
    is_published boolean,
    created_at timestamptz,
    created_by_email text,
    created_by_name text,
    published_at timestamptz,
    content_size integer)
LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $function$
    SELECT
        sv.id, sv.version_number, sv.content, sv.change_summary, sv.is_published, sv.created_at,
        u.email, u.full_name, sv.published_at, octet_length(sv.content::text)
    FROM public.section_versions sv
    LEFT JOIN public.users u ON u.id = sv.created_by
    WHERE sv.section_id = p_section_id
    ORDER BY sv.version_number DESC
    LIMIT p_limit
    OFFSET p_offset
$function$;

CREATE OR REPLACE FUNCTION public.count_section_versions(p_section_id uuid)
RETURNS integer
LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $function$
    SELECT count(*)::integer FROM public.section_versions sv WHERE sv.section_id = p_section_id
$function$;

REVOKE ALL ON FUNCTION public.get_admin_sections_list(text, text, text)
    FROM PUBLIC, anon, authenticated;
REVOKE ALL ON FUNCTION public.get_section_version_history(uuid, integer, integer)
    FROM PUBLIC, anon, authenticated;
REVOKE ALL ON FUNCTION public.count_section_versions(uuid) FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION public.get_admin_sections_list(text, text, text) TO platen_editor;
GRANT EXECUTE ON FUNCTION public.get_section_version_history(uuid, integer, integer)
    TO platen_editor;
GRANT EXECUTE ON FUNCTION public.count_section_versions(uuid) TO platen_editor;
