-- The tables of the homepage CMS.
--
-- Decisions that hold for all of them:
--
-- * text, never varchar(n) or enums: the functions below declare text, and a result column of
--   another type makes them fail when they are called, not when they are made. A list of allowed
--   words is a CHECK.
-- * Locales, keys and slugs carry no format CHECK. They are what editors typed; whether they can
--   become a path is judged where paths are made, with a message that names the row.
-- * Every foreign key is DEFERRABLE INITIALLY DEFERRED. Sections point to versions and versions
--   to sections, so no order of COPY satisfies both; deferred, the tables load in any order in
--   one transaction.
-- * Row level security is on from the first moment, without policies: until 0005 only the owner
--   sees anything, also where a platform grants new tables to everybody by default.

CREATE TABLE IF NOT EXISTS public.users (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email       text NOT NULL UNIQUE,
    full_name   text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS public.categories (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name          text NOT NULL,
    description   text,
    slug          text UNIQUE,
    image_url     text,
    -- {"fr": {"name": "...", "description": "..."}}; what is missing falls back to the columns
    translations  jsonb NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);

-- Products are the same in every locale: one row, one price. Only words are translated.
CREATE TABLE IF NOT EXISTS public.products (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name             text NOT NULL,
    description      text,
    -- null: no price is shown. NaN and infinity are numerics too, and neither can be sold
    price            numeric CHECK (price >= 0 AND price < 'Infinity'::numeric),
    -- of the price; null: the shop has one currency and the configuration names it
    currency         text CHECK (currency ~ '^[A-Z]{3}$'),
    image_url        text,
    inventory_count  integer NOT NULL DEFAULT 0,
    is_featured      boolean NOT NULL DEFAULT false,
    -- false takes the product out of every section and removes its page, without losing its row
    is_active        boolean NOT NULL DEFAULT true,
    slug             text UNIQUE, -- null: pages use the id
    category_id      uuid REFERENCES public.categories (id) ON DELETE SET NULL
                     DEFERRABLE INITIALLY DEFERRED,
    translations     jsonb NOT NULL DEFAULT '{}',
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);

-- A section is a place on the homepage of one locale. Its words are in versions.
-- status: draft (never published), published, archived (was published, is taken down).
-- is_active is the switch of the people on call; nothing in this schema ever writes it.
CREATE TABLE IF NOT EXISTS public.homepage_sections (
    id                    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    section_type          text NOT NULL, -- free: the theme decides which types it can print
    section_key           text NOT NULL,
    locale                text NOT NULL DEFAULT 'en',
    display_order         integer NOT NULL DEFAULT 0,
    status                text NOT NULL DEFAULT 'draft'
                          CHECK (status IN ('draft', 'published', 'archived')),
    is_active             boolean NOT NULL DEFAULT true,
    metadata              jsonb DEFAULT '{}',
    published_version_id  uuid,
    draft_version_id      uuid,
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now(),
    -- the key becomes a file name of the locale, and names the section across locales
    UNIQUE (locale, section_key)
);

-- is_published says "this is the version being served", so at most one per section; the
-- publishing function keeps it that way. The truth is homepage_sections.published_version_id.
CREATE TABLE IF NOT EXISTS public.section_versions (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    section_id      uuid NOT NULL REFERENCES public.homepage_sections (id) ON DELETE CASCADE
                    DEFERRABLE INITIALLY DEFERRED,
    version_number  integer NOT NULL, -- left out: the next free one, see 0007
    content         jsonb NOT NULL,
    change_summary  text,
    created_by      uuid REFERENCES public.users (id) ON DELETE SET NULL
                    DEFERRABLE INITIALLY DEFERRED,
    is_published    boolean NOT NULL DEFAULT false,
    published_at    timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(), -- when the content last changed in place
    UNIQUE (section_id, version_number), -- read backwards it is the index of the version history
    UNIQUE (id, section_id)              -- what the two pointers below refer to
);

-- The pointers carry the section's own id, so a section can never serve another section's
-- version. Deleting a version clears them. A deletion of what is being served is not refused
-- (erasing must be possible): it leaves a published section without content, which the press
-- holds back instead of printing it.
DO $pointers$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint
                   WHERE conname = 'homepage_sections_published_version_fkey'
                     AND conrelid = 'public.homepage_sections'::regclass) THEN
        ALTER TABLE public.homepage_sections
            ADD CONSTRAINT homepage_sections_published_version_fkey
            FOREIGN KEY (published_version_id, id)
            REFERENCES public.section_versions (id, section_id)
            ON DELETE SET NULL (published_version_id) DEFERRABLE INITIALLY DEFERRED;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_constraint
                   WHERE conname = 'homepage_sections_draft_version_fkey'
                     AND conrelid = 'public.homepage_sections'::regclass) THEN
        ALTER TABLE public.homepage_sections
            ADD CONSTRAINT homepage_sections_draft_version_fkey
            FOREIGN KEY (draft_version_id, id)
            REFERENCES public.section_versions (id, section_id)
            ON DELETE SET NULL (draft_version_id) DEFERRABLE INITIALLY DEFERRED;
    END IF;
END
$pointers$;

-- A schedule publishes one version at publish_at and takes it down at expire_at (null: never).
--
--     pending    waits for publish_at (or for another try: see attempts)
--     active     was published
--     expired    its time is over; or it was over before anybody could publish it
--     failed     could not be published in at least five attempts and an hour; last_error says why
--     cancelled  by an editor, or overtaken by a later schedule of the same section
--
-- That version and section belong together is checked when it is published, not here: one wrong
-- row must be recorded as failed, not refused by a bulk load. For the same reason the window may
-- be empty or upside down; such a schedule expires without ever publishing.
CREATE TABLE IF NOT EXISTS public.section_schedules (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    section_id           uuid NOT NULL REFERENCES public.homepage_sections (id) ON DELETE CASCADE
                         DEFERRABLE INITIALLY DEFERRED,
    version_id           uuid NOT NULL REFERENCES public.section_versions (id) ON DELETE CASCADE
                         DEFERRABLE INITIALLY DEFERRED,
    publish_at           timestamptz NOT NULL,
    expire_at            timestamptz,
    status               text NOT NULL DEFAULT 'pending'
                         CHECK (status IN ('pending', 'active', 'expired', 'failed', 'cancelled')),
    executed_at          timestamptz, -- when it was published
    -- what the section served before, to be published again at expire_at; null: nothing was live
    previous_version_id  uuid REFERENCES public.section_versions (id) ON DELETE SET NULL
                         DEFERRABLE INITIALLY DEFERRED,
    attempts             integer NOT NULL DEFAULT 0, -- failed ones since the last that went well
    last_error           text,
    created_by           uuid REFERENCES public.users (id) ON DELETE SET NULL
                         DEFERRABLE INITIALLY DEFERRED,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS public.section_products (
    section_id     uuid NOT NULL REFERENCES public.homepage_sections (id) ON DELETE CASCADE
                   DEFERRABLE INITIALLY DEFERRED,
    product_id     uuid NOT NULL REFERENCES public.products (id) ON DELETE CASCADE
                   DEFERRABLE INITIALLY DEFERRED,
    display_order  integer NOT NULL DEFAULT 0,
    metadata       jsonb DEFAULT '{}',
    PRIMARY KEY (section_id, product_id)
);

CREATE TABLE IF NOT EXISTS public.section_categories (
    section_id     uuid NOT NULL REFERENCES public.homepage_sections (id) ON DELETE CASCADE
                   DEFERRABLE INITIALLY DEFERRED,
    category_id    uuid NOT NULL REFERENCES public.categories (id) ON DELETE CASCADE
                   DEFERRABLE INITIALLY DEFERRED,
    display_order  integer NOT NULL DEFAULT 0,
    metadata       jsonb DEFAULT '{}',
    PRIMARY KEY (section_id, category_id)
);

-- Files that content refers to, by bucket and path or by the URL these become. No foreign key:
-- content is free jsonb, and a table of links would be wrong the first time somebody edits
-- content by hand.
CREATE TABLE IF NOT EXISTS public.media_assets (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    storage_bucket  text NOT NULL,
    file_path       text NOT NULL,
    mime_type       text,
    file_size       bigint CHECK (file_size >= 0),
    width           integer CHECK (width > 0),
    height          integer CHECK (height > 0),
    alt_text        text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (storage_bucket, file_path)
);

ALTER TABLE public.users ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.categories ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.products ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.homepage_sections ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.section_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.section_schedules ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.section_products ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.section_categories ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.media_assets ENABLE ROW LEVEL SECURITY;

-- IF NOT EXISTS makes a second run harmless, and would also pass over somebody else's table of
-- the same name. Better to stop here, saying which column is missing, than in a function much
-- later.
DO $check$
DECLARE
    v_missing text;
BEGIN
    SELECT string_agg(w.rel || '.' || w.col, ', ' ORDER BY w.rel, w.col) INTO v_missing
    FROM (VALUES
            ('users', 'full_name'), ('categories', 'slug'), ('categories', 'image_url'),
            ('categories', 'translations'), ('categories', 'updated_at'),
            ('products', 'currency'), ('products', 'is_active'), ('products', 'slug'),
            ('products', 'category_id'), ('products', 'translations'), ('products', 'updated_at'),
            ('homepage_sections', 'published_version_id'),
            ('homepage_sections', 'draft_version_id'),
            ('section_versions', 'updated_at'), ('section_versions', 'published_at'),
            ('section_schedules', 'previous_version_id'), ('section_schedules', 'attempts'),
            ('section_schedules', 'last_error'), ('section_schedules', 'updated_at'),
            ('section_products', 'metadata'), ('section_categories', 'metadata'),
            ('media_assets', 'storage_bucket'), ('media_assets', 'alt_text')) AS w (rel, col)
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a
                      WHERE a.attrelid = to_regclass('public.' || w.rel)
                        AND a.attname = w.col AND NOT a.attisdropped);
    IF v_missing IS NOT NULL THEN
        RAISE EXCEPTION 'tables of these names already exist and are not this schema: % is missing',
            v_missing
            USING HINT = 'Use an empty database, or add the columns as this file declares them.';
    END IF;
END
$check$;
