-- The documents name this function and do not print it. This is the plain form that everybody writes
-- first: the next number is the highest plus one.

CREATE OR REPLACE FUNCTION public.revert_section_to_version(
    p_section_id uuid, p_version_id uuid, p_reverted_by uuid DEFAULT NULL)
RETURNS uuid LANGUAGE sql AS $$
    INSERT INTO public.section_versions (section_id, version_number, content)
    SELECT p_section_id,
           (SELECT max(version_number) + 1 FROM public.section_versions WHERE section_id = p_section_id),
           content
    FROM public.section_versions
    WHERE id = p_version_id
    RETURNING id
$$;
