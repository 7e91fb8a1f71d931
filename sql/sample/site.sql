-- A sample site: Lumen & Loom, a small shop for lamps and textiles. Fictitious, and nobody in it is a person: users
-- are role accounts.
--
-- Locales: en, fr and ar complete (ar is written right to left), de only begun: half of the sections, some products
-- untranslated. Beside what is live there is what a shop collects over time: old versions, a draft newer than what is
-- published, a section that was never published, one archived, one switched off, a product no longer sold, and
-- schedules waiting, running, over and cancelled.
--
-- Fixed ids and times, so that it always prints the same pages. Rows that are already there stay as they are: loading
-- it again changes nothing, and undoes no edit.
--
-- Ids: 1… users, 2… categories, 3… products, 4…LLSS sections (LL locale, SS place), 5…LLSSVV versions, 6… schedules,
-- 7… media.

BEGIN;

INSERT INTO public.users (id, email, full_name, created_at, updated_at) VALUES
    ('10000000-0000-4000-8000-000000000001', 'editor@example.org', 'Homepage desk', '2025-01-06 08:00Z', '2025-01-06 08:00Z'),
    ('10000000-0000-4000-8000-000000000002', 'translations@example.org', 'Translation desk', '2025-01-06 08:00Z', '2025-01-06 08:00Z'),
    ('10000000-0000-4000-8000-000000000003', 'catalogue@example.org', 'Catalogue desk', '2025-01-06 08:00Z', '2025-01-06 08:00Z')
ON CONFLICT DO NOTHING;

INSERT INTO public.media_assets
    (id, storage_bucket, file_path, mime_type, width, height, alt_text, created_at, updated_at)
SELECT
    ('70000000-0000-4000-8000-' || lpad(m.n::text, 12, '0'))::uuid, 'media', m.file, 'image/svg+xml', m.width, m.height,
    m.alt, '2025-01-07 09:00Z', '2025-01-07 09:00Z'
FROM (VALUES
    (1, 'hero-lamp.svg', 1200, 800, 'A desk lamp lights a book in the evening'),
    (2, 'banner-loom.svg', 1200, 400, 'Warp threads on a hand loom'),
    (11, 'product-01.svg', 800, 800, 'Halo desk lamp'),
    (12, 'product-02.svg', 800, 800, 'Ember table lamp'),
    (13, 'product-03.svg', 800, 800, 'Alcove reading lamp'),
    (14, 'product-04.svg', 800, 800, 'Paper moon pendant'),
    (15, 'product-05.svg', 800, 800, 'Linen drum pendant'),
    (16, 'product-06.svg', 800, 800, 'Glass bell pendant'),
    (17, 'product-07.svg', 800, 800, 'Harbour wool throw'),
    (18, 'product-08.svg', 800, 800, 'Cloud cotton blanket'),
    (19, 'product-09.svg', 800, 800, 'Meadow linen cushion'),
    (20, 'product-10.svg', 800, 800, 'Kilim stripe cushion'),
    (21, 'product-11.svg', 800, 800, 'Dune jute rug'),
    (22, 'product-12.svg', 800, 800, 'Loom flatweave rug'),
    (31, 'category-01.svg', 800, 600, 'Table and desk lamps'),
    (32, 'category-02.svg', 800, 600, 'Pendant lights'),
    (33, 'category-03.svg', 800, 600, 'Throws and blankets'),
    (34, 'category-04.svg', 800, 600, 'Cushions'),
    (35, 'category-05.svg', 800, 600, 'Rugs')) AS m (n, file, width, height, alt)
ON CONFLICT DO NOTHING;

INSERT INTO public.categories
    (id, name, description, slug, image_url, translations, created_at, updated_at) VALUES
    ('20000000-0000-4000-8000-000000000001', 'Table and desk lamps', 'Light where you read, write and cook.',
     'table-lamps', '/media/category-01.svg',
     $j${"fr": {"name": "Lampes de table et de bureau", "description": "La lumière là où l’on lit, écrit et cuisine."},
         "ar": {"name": "مصابيح الطاولة والمكتب", "description": "ضوء في مكانه: للقراءة والكتابة والطبخ."},
         "de": {"name": "Tisch- und Schreibtischlampen", "description": "Licht dort, wo gelesen, geschrieben und gekocht wird."}}$j$,
     '2025-01-08 09:00Z', '2025-01-08 09:00Z'),
    ('20000000-0000-4000-8000-000000000002', 'Pendant lights', 'Soft light over the table, the stairs, the bed.',
     'pendants', '/media/category-02.svg',
     $j${"fr": {"name": "Suspensions", "description": "Une lumière douce au-dessus de la table, de l’escalier ou du lit."},
         "ar": {"name": "مصابيح معلّقة", "description": "ضوء ناعم فوق المائدة والدرج والسرير."},
         "de": {"name": "Pendelleuchten", "description": "Weiches Licht über Tisch, Treppe und Bett."}}$j$,
     '2025-01-08 09:00Z', '2025-01-08 09:00Z'),
    ('20000000-0000-4000-8000-000000000003', 'Throws and blankets', 'Wool and cotton, woven to last.',
     'throws', '/media/category-03.svg',
     $j${"fr": {"name": "Plaids et couvertures", "description": "Laine et coton, tissés pour durer."},
         "ar": {"name": "أغطية وبطانيات", "description": "صوف وقطن، منسوجان ليدوما."},
         "de": {"name": "Decken und Plaids"}}$j$,
     '2025-01-08 09:00Z', '2025-01-08 09:00Z'),
    ('20000000-0000-4000-8000-000000000004', 'Cushions', 'Linen, kilim and a good filling.',
     'cushions', '/media/category-04.svg',
     $j${"fr": {"name": "Coussins", "description": "Lin, kilim et un bon garnissage."},
         "ar": {"name": "وسائد", "description": "كتّان وكليم وحشوة جيدة."}}$j$,
     '2025-01-08 09:00Z', '2025-01-08 09:00Z'),
    ('20000000-0000-4000-8000-000000000005', 'Rugs', 'Jute and flatweave for bare floors.',
     'rugs', '/media/category-05.svg',
     $j${"fr": {"name": "Tapis", "description": "Jute et tissage plat pour les sols nus."},
         "ar": {"name": "سجاد", "description": "جوت ونسيج مسطّح للأرضيات العارية."}}$j$,
     '2025-01-08 09:00Z', '2025-01-08 09:00Z')
ON CONFLICT DO NOTHING;

INSERT INTO public.products
    (id, slug, name, description, price, currency, image_url, inventory_count, is_featured, is_active, category_id,
     translations, created_at, updated_at) VALUES
    ('30000000-0000-4000-8000-000000000001', 'halo-desk-lamp', 'Halo desk lamp',
     'A ring of warm light on a jointed arm. It dims without steps and stays where you put it.',
     89.00, 'EUR', '/media/product-01.svg', 34, true, true, '20000000-0000-4000-8000-000000000001',
     $j${"fr": {"name": "Lampe de bureau Halo", "description": "Un anneau de lumière chaude sur un bras articulé. Elle se tamise sans palier et reste où on la pose."},
         "ar": {"name": "مصباح المكتب «هالة»", "description": "حلقة من الضوء الدافئ على ذراع متحرّكة، تخفت بسلاسة وتبقى حيث تضعها."},
         "de": {"name": "Schreibtischlampe Halo", "description": "Ein Ring aus warmem Licht am Gelenkarm. Stufenlos dimmbar, und sie bleibt, wo man sie hinstellt."}}$j$,
     '2025-01-10 09:00Z', '2025-03-03 10:15Z'),
    ('30000000-0000-4000-8000-000000000002', 'ember-table-lamp', 'Ember table lamp',
     'Smoked glass on an oak foot. Switched off it is still good to look at.',
     64.50, 'EUR', '/media/product-02.svg', 18, false, true, '20000000-0000-4000-8000-000000000001',
     $j${"fr": {"name": "Lampe de table Braise", "description": "Verre fumé sur pied de chêne. Belle même éteinte."},
         "ar": {"name": "مصباح الطاولة «جمر»", "description": "زجاج مدخّن على قاعدة من البلوط، جميل حتى وهو مطفأ."},
         "de": {"name": "Tischlampe Glut", "description": "Rauchglas auf einem Fuß aus Eiche. Auch ausgeschaltet schön."}}$j$,
     '2025-01-10 09:00Z', '2025-01-10 09:00Z'),
    ('30000000-0000-4000-8000-000000000003', 'alcove-reading-lamp', 'Alcove reading lamp',
     'A narrow beam for one page, and nobody else in the room is woken by it.',
     112.00, 'EUR', '/media/product-03.svg', 9, false, true, '20000000-0000-4000-8000-000000000001',
     $j${"fr": {"name": "Liseuse Alcôve", "description": "Un faisceau étroit pour une seule page, sans réveiller personne."},
         "ar": {"name": "مصباح القراءة «ركن»", "description": "حزمة ضيّقة تكفي صفحة واحدة ولا توقظ أحدًا."},
         "de": {"name": "Leselampe Alkoven", "description": "Ein schmaler Strahl für eine Seite, und niemand sonst wird wach."}}$j$,
     '2025-01-10 09:00Z', '2025-01-10 09:00Z'),
    ('30000000-0000-4000-8000-000000000004', 'paper-moon-pendant', 'Paper moon pendant',
     'Mulberry paper over a bamboo frame, 45 cm across. Folds flat for moving house.',
     49.00, 'EUR', '/media/product-04.svg', 61, true, true, '20000000-0000-4000-8000-000000000002',
     $j${"fr": {"name": "Suspension Lune de papier", "description": "Papier de mûrier sur une armature de bambou, 45 cm de diamètre. Se plie à plat pour déménager."},
         "ar": {"name": "معلّقة «قمر الورق»", "description": "ورق التوت على هيكل من الخيزران، قطرها 45 سم، وتُطوى عند الانتقال."},
         "de": {"name": "Pendelleuchte Papiermond", "description": "Maulbeerpapier über einem Rahmen aus Bambus, 45 cm breit. Für den Umzug flach gefaltet."}}$j$,
     '2025-01-10 09:00Z', '2025-01-10 09:00Z'),
    ('30000000-0000-4000-8000-000000000005', 'linen-drum-pendant', 'Linen drum pendant',
     'A washed linen shade that turns any bulb into late afternoon.',
     78.00, 'EUR', '/media/product-05.svg', 22, false, true, '20000000-0000-4000-8000-000000000002',
     $j${"fr": {"name": "Suspension Tambour de lin", "description": "Un abat-jour de lin lavé qui donne à toute ampoule une fin d’après-midi."},
         "ar": {"name": "معلّقة الكتّان الأسطوانية", "description": "غطاء من الكتّان المغسول يحوّل كل مصباح إلى ضوء العصر."},
         "de": {"name": "Pendelleuchte Leinentrommel", "description": "Ein Schirm aus gewaschenem Leinen, der aus jeder Birne späten Nachmittag macht."}}$j$,
     '2025-01-10 09:00Z', '2025-01-10 09:00Z'),
    ('30000000-0000-4000-8000-000000000006', 'glass-bell-pendant', 'Glass bell pendant',
     'Blown by hand, so no two hang quite alike.',
     95.00, 'EUR', '/media/product-06.svg', 7, false, true, '20000000-0000-4000-8000-000000000002',
     $j${"fr": {"name": "Suspension Cloche de verre", "description": "Soufflée à la main : il n’y en a pas deux pareilles."},
         "ar": {"name": "معلّقة «الجرس الزجاجي»", "description": "منفوخة باليد، فلا تتشابه اثنتان تمامًا."},
         "de": {"name": "Pendelleuchte Glasglocke", "description": "Mundgeblasen, keine hängt ganz wie die andere."}}$j$,
     '2025-01-10 09:00Z', '2025-01-10 09:00Z'),
    ('30000000-0000-4000-8000-000000000007', 'harbour-wool-throw', 'Harbour wool throw',
     'Lambswool in the greys of a harbour morning, 130 × 180 cm, with a twisted fringe.',
     120.00, 'EUR', '/media/product-07.svg', 15, true, true, '20000000-0000-4000-8000-000000000003',
     $j${"fr": {"name": "Plaid de laine Port", "description": "Laine d’agneau aux gris d’un matin de port, 130 × 180 cm, à franges torsadées."},
         "ar": {"name": "غطاء الصوف «مرفأ»", "description": "صوف حملان برماديّات صباح المرفأ، 130 × 180 سم، بأهداب مجدولة."},
         "de": {"name": "Wollplaid Hafen"}}$j$,
     '2025-01-10 09:00Z', '2025-02-12 14:30Z'),
    ('30000000-0000-4000-8000-000000000008', 'cloud-cotton-blanket', 'Cloud cotton blanket',
     'A waffle weave that dries in an afternoon and softens with every wash.',
     69.00, 'EUR', '/media/product-08.svg', 40, false, true, '20000000-0000-4000-8000-000000000003',
     $j${"fr": {"name": "Couverture de coton Nuage", "description": "Un nid d’abeille qui sèche en une après-midi et s’adoucit à chaque lavage."},
         "ar": {"name": "بطانية القطن «سحابة»", "description": "نسيج مربّعات يجفّ في عصر واحد ويزداد نعومة مع كل غسلة."},
         "de": {"name": "Baumwolldecke Wolke"}}$j$,
     '2025-01-10 09:00Z', '2025-01-10 09:00Z'),
    ('30000000-0000-4000-8000-000000000009', 'meadow-linen-cushion', 'Meadow linen cushion',
     'Undyed linen, one row of embroidery, a cover that comes off.',
     34.00, 'EUR', '/media/product-09.svg', 52, false, true, '20000000-0000-4000-8000-000000000004',
     $j${"fr": {"name": "Coussin de lin Prairie", "description": "Lin brut, une ligne brodée, une housse qui s’enlève."},
         "ar": {"name": "وسادة الكتّان «مرج»", "description": "كتّان غير مصبوغ بسطر تطريز واحد وغطاء يُنزع للغسل."}}$j$,
     '2025-01-10 09:00Z', '2025-01-10 09:00Z'),
    ('30000000-0000-4000-8000-000000000010', 'kilim-stripe-cushion', 'Kilim stripe cushion',
     'Cut from flatwoven stripes; the back is plain cotton & easy to wash.',
     42.00, 'EUR', '/media/product-10.svg', 28, true, true, '20000000-0000-4000-8000-000000000004',
     $j${"fr": {"name": "Coussin Kilim rayé", "description": "Taillé dans des rayures tissées à plat ; le dos est en coton uni, facile à laver."},
         "ar": {"name": "وسادة كليم مقلّمة", "description": "مقصوصة من خطوط منسوجة، وظهرها قطن سادة سهل الغسل."}}$j$,
     '2025-01-10 09:00Z', '2025-01-10 09:00Z'),
    ('30000000-0000-4000-8000-000000000011', 'dune-jute-rug', 'Dune jute rug',
     'Braided jute, 160 × 230 cm. Rough under shoes, kind to bare feet.',
     159.00, 'EUR', '/media/product-11.svg', 11, false, true, '20000000-0000-4000-8000-000000000005',
     $j${"fr": {"name": "Tapis de jute Dune", "description": "Jute tressé, 160 × 230 cm. Solide sous les chaussures, doux aux pieds nus."},
         "ar": {"name": "سجادة الجوت «كثيب»", "description": "جوت مجدول، 160 × 230 سم، متينة تحت الأحذية ولطيفة بالأقدام الحافية."}}$j$,
     '2025-01-10 09:00Z', '2025-01-10 09:00Z'),
    ('30000000-0000-4000-8000-000000000012', 'loom-flatweave-rug', 'Loom flatweave rug',
     'Both sides are the right side. Wool on cotton warp, 140 × 200 cm.',
     240.00, 'EUR', '/media/product-12.svg', 4, false, true, '20000000-0000-4000-8000-000000000005',
     $j${"fr": {"name": "Tapis tissé plat Métier", "description": "Deux faces, deux endroits. Laine sur chaîne de coton, 140 × 200 cm."},
         "ar": {"name": "سجادة النول المسطّحة", "description": "وجهاها كلاهما وجه. صوف على سدى من القطن، 140 × 200 سم."}}$j$,
     '2025-01-10 09:00Z', '2025-01-10 09:00Z'),
    -- without picture and category: both happen
    ('30000000-0000-4000-8000-000000000013', 'gift-card', 'Gift card',
     'Printed on cotton paper, valid for three years.',
     25.00, 'EUR', NULL, 500, false, true, NULL,
     $j${"fr": {"name": "Carte cadeau", "description": "Imprimée sur papier de coton, valable trois ans."},
         "ar": {"name": "بطاقة هدية", "description": "مطبوعة على ورق القطن وصالحة لثلاث سنوات."}}$j$,
     '2025-01-10 09:00Z', '2025-01-10 09:00Z'),
    -- no longer sold
    ('30000000-0000-4000-8000-000000000014', 'copper-clip-lamp', 'Copper clip lamp',
     'Clips to a shelf.', 39.00, 'EUR', NULL, 0, false, false, '20000000-0000-4000-8000-000000000001',
     '{}', '2025-01-10 09:00Z', '2025-02-20 11:00Z')
ON CONFLICT DO NOTHING;

-- Sections. The pointers lead to versions that come below: the foreign keys are checked at COMMIT.
INSERT INTO public.homepage_sections
    (id, section_type, section_key, locale, display_order, status, is_active, metadata, published_version_id,
     draft_version_id, created_at, updated_at)
SELECT
    ('40000000-0000-4000-8000-00000000' || l.n || s.n)::uuid, s.type, s.key, l.locale, s.place, s.status, s.active,
    s.metadata::jsonb,
    CASE WHEN s.live <> '' THEN ('50000000-0000-4000-8000-000000' || l.n || s.n || s.live)::uuid END,
    CASE WHEN s.draft <> '' THEN ('50000000-0000-4000-8000-000000' || l.n || s.n || s.draft)::uuid END,
    '2025-01-13 09:00Z', s.updated::timestamptz
FROM (VALUES ('01', 'en'), ('02', 'fr'), ('03', 'ar'), ('04', 'de')) AS l (n, locale)
JOIN (VALUES
    -- with a draft newer than what is live
    ('en', '01', 'hero', 'hero-main', 10, 'published', true, '{"layout": "wide"}', '02', '03', '2025-03-14 11:20Z'),
    ('fr ar de', '01', 'hero', 'hero-main', 10, 'published', true, '{"layout": "wide"}', '02', '', '2025-03-10 09:00Z'),
    ('en fr ar de', '02', 'product_carousel', 'carousel-featured', 20, 'published', true, '{}', '01', '', '2025-01-20 09:00Z'),
    ('en fr ar de', '03', 'category_grid', 'grid-rooms', 30, 'published', true, '{}', '01', '', '2025-01-20 09:00Z'),
    ('en fr ar', '04', 'rich_text', 'story', 40, 'published', true, '{}', '01', '', '2025-01-20 09:00Z'),
    ('en ar de', '05', 'banner', 'banner-season', 50, 'published', true, '{"tone": "warm"}', '01', '', '2025-02-03 09:00Z'),
    ('fr', '05', 'banner', 'banner-season', 50, 'published', true, '{"tone": "warm"}', '02', '', '2025-03-01 06:00Z'),
    ('en fr ar', '06', 'product_carousel', 'carousel-textiles', 60, 'published', true, '{}', '01', '', '2025-01-20 09:00Z'),
    ('en fr ar', '07', 'testimonials', 'testimonials-customers', 70, 'published', true, '{}', '01', '', '2025-01-27 09:00Z'),
    ('en ar', '08', 'rich_text', 'care-guide', 80, 'published', true, '{}', '01', '', '2025-01-27 09:00Z'),
    -- switched off by hand
    ('en', '09', 'banner', 'banner-delivery', 15, 'published', false, '{}', '01', '', '2025-02-17 16:40Z'),
    -- its campaign is over
    ('en', '10', 'hero', 'hero-winter', 5, 'archived', true, '{}', '01', '', '2025-02-28 23:00Z'),
    -- never published
    ('en', '11', 'rich_text', 'visit-us', 90, 'draft', true, '{}', '', '01', '2025-03-12 15:00Z')
    ) AS s (locales, n, type, key, place, status, active, metadata, live, draft, updated)
    ON l.locale = ANY (string_to_array(s.locales, ' '))
ON CONFLICT DO NOTHING;

INSERT INTO public.section_versions
    (id, section_id, version_number, content, change_summary, created_by, is_published, published_at, created_at,
     updated_at)
SELECT
    ('50000000-0000-4000-8000-000000' || v.section || lpad(v.number::text, 2, '0'))::uuid,
    ('40000000-0000-4000-8000-00000000' || v.section)::uuid, v.number, v.content::jsonb, v.summary,
    ('10000000-0000-4000-8000-00000000000' || CASE WHEN v.section LIKE '01%' THEN 1 ELSE 2 END)::uuid,
    v.live, v.created::timestamptz + CASE WHEN v.live THEN interval '1 hour' END, v.created::timestamptz,
    v.created::timestamptz
FROM (VALUES
    -- en
    ('0101', 1, false, '2025-01-13 09:00Z', 'First text', $j${"title": "Lamps and textiles", "subtitle": "Made slowly.", "cta_label": "See the lamps", "cta_url": "/en/products/halo-desk-lamp/", "image_url": "/media/hero-lamp.svg", "image_alt": "A desk lamp lights a book in the evening"}$j$),
    ('0101', 2, true, '2025-03-10 08:00Z', 'Spring headline', $j${"title": "Light for long evenings", "subtitle": "Lamps that flatter a room and textiles that last a decade, made in small series.", "cta_label": "Meet the Halo lamp", "cta_url": "/en/products/halo-desk-lamp/", "image_url": "/media/hero-lamp.svg", "image_alt": "A desk lamp lights a book in the evening"}$j$),
    ('0101', 3, false, '2025-03-14 11:20Z', 'Draft: shorter', $j${"title": "Evenings, lit well", "subtitle": "Lamps and textiles in small series.", "cta_label": "Meet the Halo lamp", "cta_url": "/en/products/halo-desk-lamp/", "image_url": "/media/hero-lamp.svg", "image_alt": "A desk lamp lights a book in the evening"}$j$),
    ('0102', 1, true, '2025-01-20 08:00Z', NULL, $j${"title": "Favourites this month", "intro": "The pieces that leave the workshop fastest."}$j$),
    ('0103', 1, true, '2025-01-20 08:00Z', NULL, $j${"title": "Find it by kind"}$j$),
    ('0104', 1, true, '2025-01-20 08:00Z', NULL, $j${"title": "Two crafts, one house", "paragraphs": ["Lumen & Loom began with a question: why do a lamp and the chair beside it so rarely get along? We put the lamp makers and the weavers under one roof and let them argue.", "The shades are cut from the cloth that leaves the looms next door. What is left over becomes cushions. Very little becomes waste."], "list": ["Small series, numbered", "Repairs for as long as you own it", "Packed in paper, never in foam"]}$j$),
    ('0105', 1, true, '2025-02-03 08:00Z', NULL, $j${"text": "New from the looms: wool throws in five greys", "cta_label": "Feel the wool", "cta_url": "/en/products/harbour-wool-throw/", "image_url": "/media/banner-loom.svg"}$j$),
    ('0105', 2, false, '2025-03-11 13:00Z', 'For the anniversary', $j${"text": "Our anniversary week: every rug ships free", "cta_label": "See the flatweave", "cta_url": "/en/products/loom-flatweave-rug/", "image_url": "/media/banner-loom.svg"}$j$),
    ('0106', 1, true, '2025-01-20 08:00Z', NULL, $j${"title": "From the looms", "intro": "Wool, linen and jute, woven in the same building."}$j$),
    ('0107', 1, true, '2025-01-27 08:00Z', NULL, $j${"title": "What customers write", "quotes": [{"text": "I bought one lamp to read by. Now the whole family wants to sit in that corner.", "source": "Customer from Lyon"}, {"text": "The throw survived two winters and a puppy.", "source": "Customer from Bergen"}, {"text": "They mended a cable I had cut myself. No questions asked.", "source": "Customer from Dublin"}]}$j$),
    ('0108', 1, true, '2025-01-27 08:00Z', NULL, $j${"title": "How to keep them beautiful", "paragraphs": ["Linen likes water, wool prefers air. Shake throws out by the window and wash them only when air is not enough."], "list": ["Wool: cold, with little soap, dried flat", "Linen: 40 °C, hung out damp", "Paper shades: a soft brush, no water"]}$j$),
    ('0109', 1, true, '2025-02-10 08:00Z', NULL, $j${"text": "Deliveries are two days late this week", "cta_label": "Why", "cta_url": "/en/"}$j$),
    ('0110', 1, true, '2024-11-25 08:00Z', 'Winter campaign', $j${"title": "The dark months, kindly lit", "subtitle": "Our winter selection.", "cta_label": "See the pendants", "cta_url": "/en/products/paper-moon-pendant/", "image_url": "/media/hero-lamp.svg", "image_alt": "A desk lamp lights a book in the evening"}$j$),
    ('0111', 1, false, '2025-03-12 15:00Z', 'Not approved yet', $j${"title": "Visit the workshop", "paragraphs": ["Opening hours follow."], "list": []}$j$),
    -- fr
    ('0201', 1, false, '2025-01-14 09:00Z', 'Premier texte', $j${"title": "Lampes et textiles", "subtitle": "Faits sans hâte.", "cta_label": "Voir les lampes", "cta_url": "/fr/products/halo-desk-lamp/", "image_url": "/media/hero-lamp.svg", "image_alt": "Une lampe de bureau éclaire un livre, le soir"}$j$),
    ('0201', 2, true, '2025-03-10 08:00Z', 'Titre de printemps', $j${"title": "De la lumière pour les longues soirées", "subtitle": "Des lampes qui embellissent une pièce et des textiles faits pour dix ans, en petites séries.", "cta_label": "Découvrir la lampe Halo", "cta_url": "/fr/products/halo-desk-lamp/", "image_url": "/media/hero-lamp.svg", "image_alt": "Une lampe de bureau éclaire un livre, le soir"}$j$),
    ('0202', 1, true, '2025-01-20 08:00Z', NULL, $j${"title": "Les préférés du mois", "intro": "Les pièces qui quittent l’atelier le plus vite."}$j$),
    ('0203', 1, true, '2025-01-20 08:00Z', NULL, $j${"title": "Par famille"}$j$),
    ('0204', 1, true, '2025-01-20 08:00Z', NULL, $j${"title": "Deux métiers, une maison", "paragraphs": ["Lumen & Loom est née d’une question : pourquoi une lampe et le fauteuil voisin s’entendent-ils si rarement ? Nous avons réuni lampistes et tisserands sous un même toit, et nous les avons laissés discuter.", "Les abat-jour sont taillés dans l’étoffe des métiers d’à côté. Les chutes deviennent des coussins. Presque rien ne se perd."], "list": ["Petites séries numérotées", "Réparées tant qu’elles sont à vous", "Emballées dans du papier, jamais dans la mousse"]}$j$),
    ('0205', 1, false, '2025-02-03 08:00Z', NULL, $j${"text": "Nouveau sur les métiers : des plaids en cinq gris", "cta_label": "Toucher la laine", "cta_url": "/fr/products/harbour-wool-throw/", "image_url": "/media/banner-loom.svg"}$j$),
    ('0205', 2, true, '2025-03-01 05:00Z', 'Offre de printemps', $j${"text": "Au printemps, la livraison des tapis est offerte", "cta_label": "Voir le tissé plat", "cta_url": "/fr/products/loom-flatweave-rug/", "image_url": "/media/banner-loom.svg"}$j$),
    ('0206', 1, true, '2025-01-20 08:00Z', NULL, $j${"title": "Sortis des métiers", "intro": "Laine, lin et jute, tissés dans la même maison."}$j$),
    ('0207', 1, true, '2025-01-27 08:00Z', NULL, $j${"title": "Ce que l’on nous écrit", "quotes": [{"text": "J’ai acheté une lampe pour lire. Maintenant, toute la famille veut s’asseoir dans ce coin.", "source": "Une cliente de Lyon"}, {"text": "Le plaid a survécu à deux hivers et à un chiot.", "source": "Un client de Bergen"}]}$j$),
    -- ar
    ('0301', 1, false, '2025-01-15 09:00Z', 'النص الأول', $j${"title": "مصابيح ومنسوجات", "subtitle": "صُنعت على مهل.", "cta_label": "شاهد المصابيح", "cta_url": "/ar/products/halo-desk-lamp/", "image_url": "/media/hero-lamp.svg", "image_alt": "مصباح مكتب يضيء كتابًا في المساء"}$j$),
    ('0301', 2, true, '2025-03-10 08:00Z', 'عنوان الربيع', $j${"title": "ضوء للأمسيات الطويلة", "subtitle": "مصابيح تزيّن الغرفة ومنسوجات تدوم عشر سنين، تُصنع بأعداد صغيرة.", "cta_label": "تعرّف على مصباح «هالة»", "cta_url": "/ar/products/halo-desk-lamp/", "image_url": "/media/hero-lamp.svg", "image_alt": "مصباح مكتب يضيء كتابًا في المساء"}$j$),
    ('0302', 1, true, '2025-01-20 08:00Z', NULL, $j${"title": "المفضّلة هذا الشهر", "intro": "القطع الأسرع مغادرةً للورشة."}$j$),
    ('0303', 1, true, '2025-01-20 08:00Z', NULL, $j${"title": "تسوّق حسب النوع"}$j$),
    ('0304', 1, true, '2025-01-20 08:00Z', NULL, $j${"title": "حرفتان في بيت واحد", "paragraphs": ["بدأت Lumen & Loom بسؤال: لماذا نادرًا ما يتّفق المصباح والكرسي المجاور له؟ جمعنا صانعي المصابيح والنسّاجين تحت سقف واحد وتركناهم يتناقشون.", "تُقصّ أغطية المصابيح من القماش الخارج من الأنوال المجاورة، وما يتبقّى يصير وسائد، ولا يُهدر إلا القليل."], "list": ["أعداد صغيرة مرقّمة", "نُصلحها ما دامت لديك", "تُغلّف بالورق لا بالإسفنج"]}$j$),
    ('0305', 1, true, '2025-02-03 08:00Z', NULL, $j${"text": "جديد الأنوال: أغطية صوف بخمس درجات من الرمادي", "cta_label": "اكتشف الصوف", "cta_url": "/ar/products/harbour-wool-throw/", "image_url": "/media/banner-loom.svg"}$j$),
    ('0306', 1, true, '2025-01-20 08:00Z', NULL, $j${"title": "من الأنوال", "intro": "صوف وكتّان وجوت، تُنسج في المبنى نفسه."}$j$),
    ('0307', 1, true, '2025-01-27 08:00Z', NULL, $j${"title": "ماذا يكتب لنا الزبائن", "quotes": [{"text": "اشتريت مصباحًا واحدًا للقراءة، والآن تريد العائلة كلها الجلوس في ذلك الركن.", "source": "زبونة من ليون"}, {"text": "صمد الغطاء شتاءين وجروًا صغيرًا.", "source": "زبون من بيرغن"}]}$j$),
    ('0308', 1, true, '2025-01-27 08:00Z', NULL, $j${"title": "كيف تحافظ على جمالها", "paragraphs": ["الكتّان يحبّ الماء، والصوف يفضّل الهواء. انفض الأغطية قرب النافذة ولا تغسلها إلا إذا لم يكفِ الهواء."], "list": ["الصوف: ماء بارد وقليل من الصابون، ويُجفّف مبسوطًا", "الكتّان: 40 درجة مئوية، ويُنشر رطبًا", "أغطية الورق: فرشاة ناعمة بلا ماء"]}$j$),
    -- de
    ('0401', 1, false, '2025-02-17 09:00Z', 'Erster Text', $j${"title": "Lampen und Textilien", "subtitle": "Mit Ruhe gemacht.", "cta_label": "Zu den Lampen", "cta_url": "/de/products/halo-desk-lamp/", "image_url": "/media/hero-lamp.svg", "image_alt": "Eine Schreibtischlampe beleuchtet abends ein Buch"}$j$),
    ('0401', 2, true, '2025-03-10 08:00Z', 'Frühling', $j${"title": "Licht für lange Abende", "subtitle": "Lampen, die einem Raum schmeicheln, und Textilien für zehn Jahre, in kleinen Serien gemacht.", "cta_label": "Die Lampe Halo kennenlernen", "cta_url": "/de/products/halo-desk-lamp/", "image_url": "/media/hero-lamp.svg", "image_alt": "Eine Schreibtischlampe beleuchtet abends ein Buch"}$j$),
    ('0402', 1, true, '2025-02-17 09:00Z', NULL, $j${"title": "Lieblinge des Monats", "intro": "Was die Werkstatt am schnellsten verlässt."}$j$),
    ('0403', 1, true, '2025-02-17 09:00Z', NULL, $j${"title": "Nach Art finden"}$j$),
    ('0405', 1, true, '2025-02-17 09:00Z', NULL, $j${"text": "Neu von den Webstühlen: Wollplaids in fünf Grautönen", "cta_label": "Wolle fühlen", "cta_url": "/de/products/harbour-wool-throw/", "image_url": "/media/banner-loom.svg"}$j$)
    ) AS v (section, number, live, created, summary, content)
ON CONFLICT DO NOTHING;

INSERT INTO public.section_products (section_id, product_id, display_order, metadata)
SELECT
    ('40000000-0000-4000-8000-00000000' || l.n || s.n)::uuid,
    ('30000000-0000-4000-8000-0000000000' || s.product)::uuid, s.place, s.metadata::jsonb
FROM (VALUES ('01'), ('02'), ('03'), ('04')) AS l (n)
CROSS JOIN (VALUES
    ('02', '01', 10, '{"badge": "new"}'), ('02', '04', 20, '{}'), ('02', '07', 30, '{}'), ('02', '10', 40, '{}'),
    ('02', '02', 50, '{}'), ('02', '14', 60, '{}'),
    ('06', '07', 10, '{}'), ('06', '08', 20, '{}'), ('06', '09', 30, '{}'), ('06', '10', 40, '{}'), ('06', '11', 50, '{}'),
    ('06', '12', 60, '{}')) AS s (n, product, place, metadata)
WHERE NOT (l.n = '04' AND s.n = '06')
ON CONFLICT DO NOTHING;

INSERT INTO public.section_categories (section_id, category_id, display_order)
SELECT
    ('40000000-0000-4000-8000-00000000' || l.n || '03')::uuid,
    ('20000000-0000-4000-8000-00000000000' || c.n)::uuid, c.n * 10
FROM (VALUES ('01'), ('02'), ('03'), ('04')) AS l (n)
CROSS JOIN generate_series(1, 5) AS c (n)
ON CONFLICT DO NOTHING;

INSERT INTO public.section_schedules
    (id, section_id, version_id, publish_at, expire_at, status, executed_at, previous_version_id, created_by,
     created_at, updated_at) VALUES
    -- waiting
    ('60000000-0000-4000-8000-000000000001', '40000000-0000-4000-8000-000000000105',
     '50000000-0000-4000-8000-000000010502', '2099-05-04 06:00Z', '2099-05-11 06:00Z', 'pending', NULL, NULL,
     '10000000-0000-4000-8000-000000000001', '2025-03-11 13:00Z', '2025-03-11 13:00Z'),
    -- running
    ('60000000-0000-4000-8000-000000000002', '40000000-0000-4000-8000-000000000205',
     '50000000-0000-4000-8000-000000020502', '2025-03-01 06:00Z', '2099-06-21 06:00Z', 'active',
     '2025-03-01 06:00Z', '50000000-0000-4000-8000-000000020501',
     '10000000-0000-4000-8000-000000000002', '2025-02-24 10:00Z', '2025-03-01 06:00Z'),
    -- over: nothing was live before it, so its section was archived
    ('60000000-0000-4000-8000-000000000003', '40000000-0000-4000-8000-000000000110',
     '50000000-0000-4000-8000-000000011001', '2024-12-01 06:00Z', '2025-02-28 23:00Z', 'expired',
     '2024-12-01 06:00Z', NULL,
     '10000000-0000-4000-8000-000000000001', '2024-11-25 08:00Z', '2025-02-28 23:00Z'),
    -- called off
    ('60000000-0000-4000-8000-000000000004', '40000000-0000-4000-8000-000000000101',
     '50000000-0000-4000-8000-000000010103', '2099-04-01 06:00Z', NULL, 'cancelled', NULL, NULL,
     '10000000-0000-4000-8000-000000000001', '2025-03-14 11:30Z', '2025-03-14 12:00Z')
ON CONFLICT DO NOTHING;

COMMIT;
