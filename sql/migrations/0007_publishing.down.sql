-- Undoes 0007. The trigger before the function it calls.

DROP FUNCTION IF EXISTS public.revert_section_to_version(uuid, uuid, uuid);
DROP FUNCTION IF EXISTS public.publish_section_version(uuid, uuid);
DROP TRIGGER IF EXISTS number_version ON public.section_versions;
DROP FUNCTION IF EXISTS public.cms_number_version();
