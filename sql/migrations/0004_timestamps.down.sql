-- Undoes 0004. Triggers before the function they call.

DROP TRIGGER IF EXISTS touch_updated_at ON public.media_assets;
DROP TRIGGER IF EXISTS touch_updated_at ON public.section_schedules;
DROP TRIGGER IF EXISTS touch_updated_at ON public.section_versions;
DROP TRIGGER IF EXISTS touch_updated_at ON public.homepage_sections;
DROP TRIGGER IF EXISTS touch_updated_at ON public.products;
DROP TRIGGER IF EXISTS touch_updated_at ON public.categories;
DROP TRIGGER IF EXISTS touch_updated_at ON public.users;
DROP FUNCTION IF EXISTS public.cms_touch_updated_at();
