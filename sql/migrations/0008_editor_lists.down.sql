-- Undoes 0008.

DROP FUNCTION IF EXISTS public.count_section_versions(uuid);
DROP FUNCTION IF EXISTS public.get_section_version_history(uuid, integer, integer);
DROP FUNCTION IF EXISTS public.get_admin_sections_list(text, text, text);
