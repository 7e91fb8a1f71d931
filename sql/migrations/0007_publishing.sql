-- Publishing: numbers of versions, publish, revert.
--
-- All of it runs with the caller's rights: who may write sections and versions may publish, nobody
-- else. The section's row is locked first, always, so two editors (or an editor and a schedule)
-- publish one after the other, and numbers are given out one at a time.

-- A version inserted without a number gets the next free one. Reading max() alone would give two
-- editors the same number; whoever comes second waits for the section's row and then sees the first
-- one's version. Numbers given by the client are left alone: there the UNIQUE constraint decides.
CREATE OR REPLACE FUNCTION public.cms_number_version() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $function$
BEGIN
    PERFORM FROM public.homepage_sections hs WHERE hs.id = NEW.section_id FOR NO KEY UPDATE;
    SELECT COALESCE(max(sv.version_number), 0) + 1 INTO NEW.version_number
    FROM public.section_versions sv
    WHERE sv.section_id = NEW.section_id;
    RETURN NEW;
END
$function$;

REVOKE ALL ON FUNCTION public.cms_number_version() FROM PUBLIC, anon, authenticated;

CREATE OR REPLACE TRIGGER number_version BEFORE INSERT ON public.section_versions FOR EACH ROW
    WHEN (NEW.version_number IS NULL)
    EXECUTE FUNCTION public.cms_number_version();

-- Makes a version the one its section serves. Returns the version that was live before, or null:
-- publishing that one again undoes it.
--
-- is_active stays as it is: it belongs to the kill switch, and a section that was switched off
-- stays off. A draft that is published is no draft any more. Publishing what is already live
-- changes nothing.
CREATE OR REPLACE FUNCTION public.publish_section_version(p_section_id uuid, p_version_id uuid)
RETURNS uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $function$
DECLARE
    v_status text;
    v_live uuid;
BEGIN
    SELECT hs.status, hs.published_version_id INTO v_status, v_live
    FROM public.homepage_sections hs
    WHERE hs.id = p_section_id
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'section % does not exist', p_section_id USING ERRCODE = 'no_data_found';
    END IF;

    -- and nobody may delete it before we are done
    PERFORM FROM public.section_versions sv
    WHERE sv.id = p_version_id AND sv.section_id = p_section_id
    FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'version % does not belong to section %', p_version_id, p_section_id
            USING ERRCODE = 'no_data_found',
                  HINT = 'See get_section_version_history(section) for the versions it has.';
    END IF;

    -- one statement for the version that was live and the one that is: each costs its triggers
    UPDATE public.section_versions sv
    SET is_published = (sv.id = p_version_id),
        published_at = CASE WHEN sv.id = p_version_id THEN now() ELSE sv.published_at END
    WHERE sv.section_id = p_section_id AND sv.is_published <> (sv.id = p_version_id);

    UPDATE public.homepage_sections hs
    SET status = 'published',
        published_version_id = p_version_id,
        draft_version_id = NULLIF(hs.draft_version_id, p_version_id)
    WHERE hs.id = p_section_id
      AND (hs.status <> 'published' OR hs.published_version_id IS DISTINCT FROM p_version_id
           OR hs.draft_version_id = p_version_id);

    RETURN CASE WHEN v_status = 'published' THEN v_live END;
END
$function$;

-- Copies an old version into a new one, which becomes the section's draft, and returns its id. It
-- is not published: that is a second step, and a second look. History is never rewritten.
CREATE OR REPLACE FUNCTION public.revert_section_to_version(
    p_section_id uuid, p_version_id uuid, p_reverted_by uuid DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $function$
DECLARE
    v_content jsonb;
    v_number integer;
    v_new uuid;
BEGIN
    PERFORM FROM public.homepage_sections hs WHERE hs.id = p_section_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'section % does not exist', p_section_id USING ERRCODE = 'no_data_found';
    END IF;

    SELECT sv.content, sv.version_number INTO v_content, v_number
    FROM public.section_versions sv
    WHERE sv.id = p_version_id AND sv.section_id = p_section_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'version % does not belong to section %', p_version_id, p_section_id
            USING ERRCODE = 'no_data_found',
                  HINT = 'See get_section_version_history(section) for the versions it has.';
    END IF;

    INSERT INTO public.section_versions (section_id, content, change_summary, created_by)
    VALUES (p_section_id, v_content, format('Back to version %s', v_number), p_reverted_by)
    RETURNING id INTO v_new;

    UPDATE public.homepage_sections hs SET draft_version_id = v_new WHERE hs.id = p_section_id;
    RETURN v_new;
END
$function$;

REVOKE ALL ON FUNCTION public.publish_section_version(uuid, uuid) FROM PUBLIC, anon, authenticated;
REVOKE ALL ON FUNCTION public.revert_section_to_version(uuid, uuid, uuid)
    FROM PUBLIC, anon, authenticated;
GRANT EXECUTE ON FUNCTION public.publish_section_version(uuid, uuid) TO platen_editor;
GRANT EXECUTE ON FUNCTION public.revert_section_to_version(uuid, uuid, uuid) TO platen_editor;
