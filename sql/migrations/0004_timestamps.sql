-- updated_at, kept by triggers: nobody remembers to write it by hand.
--
-- It serves people (sorting, "last changed", lastmod in the sitemap), never as proof that nothing
-- changed: links between sections and products have no such column, and loads may bypass
-- triggers.
--
-- An update that changes nothing keeps it. One that sets it to another value keeps that value:
-- imports do that. It moves only with what visitors can see, or lastmod would move with every
-- sale and every draft: the stock of a product, the draft of a section, and the flags of a
-- version (publishing sets them) do not count.

CREATE OR REPLACE FUNCTION public.cms_touch_updated_at() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $function$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$function$;

REVOKE ALL ON FUNCTION public.cms_touch_updated_at() FROM PUBLIC, anon, authenticated;

CREATE OR REPLACE TRIGGER touch_updated_at BEFORE UPDATE ON public.users FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW AND OLD.updated_at = NEW.updated_at)
    EXECUTE FUNCTION public.cms_touch_updated_at();
CREATE OR REPLACE TRIGGER touch_updated_at BEFORE UPDATE ON public.categories FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW AND OLD.updated_at = NEW.updated_at)
    EXECUTE FUNCTION public.cms_touch_updated_at();
CREATE OR REPLACE TRIGGER touch_updated_at BEFORE UPDATE ON public.products FOR EACH ROW
    WHEN ((OLD.name, OLD.description, OLD.price, OLD.currency, OLD.image_url,
           OLD.is_featured, OLD.is_active, OLD.slug, OLD.category_id, OLD.translations)
          IS DISTINCT FROM
          (NEW.name, NEW.description, NEW.price, NEW.currency, NEW.image_url,
           NEW.is_featured, NEW.is_active, NEW.slug, NEW.category_id, NEW.translations)
          AND OLD.updated_at = NEW.updated_at)
    EXECUTE FUNCTION public.cms_touch_updated_at();
CREATE OR REPLACE TRIGGER touch_updated_at BEFORE UPDATE ON public.homepage_sections FOR EACH ROW
    WHEN ((OLD.section_type, OLD.section_key, OLD.locale, OLD.display_order, OLD.status,
           OLD.is_active, OLD.metadata, OLD.published_version_id)
          IS DISTINCT FROM
          (NEW.section_type, NEW.section_key, NEW.locale, NEW.display_order, NEW.status,
           NEW.is_active, NEW.metadata, NEW.published_version_id)
          AND OLD.updated_at = NEW.updated_at)
    EXECUTE FUNCTION public.cms_touch_updated_at();
CREATE OR REPLACE TRIGGER touch_updated_at BEFORE UPDATE ON public.section_versions FOR EACH ROW
    WHEN (OLD.content IS DISTINCT FROM NEW.content AND OLD.updated_at = NEW.updated_at)
    EXECUTE FUNCTION public.cms_touch_updated_at();
CREATE OR REPLACE TRIGGER touch_updated_at BEFORE UPDATE ON public.section_schedules FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW AND OLD.updated_at = NEW.updated_at)
    EXECUTE FUNCTION public.cms_touch_updated_at();
CREATE OR REPLACE TRIGGER touch_updated_at BEFORE UPDATE ON public.media_assets FOR EACH ROW
    WHEN (OLD IS DISTINCT FROM NEW AND OLD.updated_at = NEW.updated_at)
    EXECUTE FUNCTION public.cms_touch_updated_at();
