"""Editors at work: threads that change the CMS at random, in transactions that overlap.

    crowd = Crowd(db, seed, writers=4)
    with crowd:
        crowd.run(50)      # that many commits more; then everybody rests between two transactions
        ...                # compare
"""

import random
import threading
import time

import psycopg2

LOCALES = ("en", "de", "ar")
KINDS = ("hero", "banner", "rich_text", "product_carousel", "category_grid")

SETUP = """
    INSERT INTO public.categories (id, name, slug)
        SELECT ('00000000-0000-0000-0000-0000000000' || lpad(n::text, 2, '0'))::uuid, 'Category ' || n, 'category-' || n
        FROM generate_series(1, 4) n;
    INSERT INTO public.products (name, slug, price, currency, category_id)
        SELECT 'Product ' || n, 'product-' || n, n, 'EUR', (SELECT id FROM public.categories ORDER BY slug LIMIT 1 OFFSET n % 4)
        FROM generate_series(1, 12) n;
"""

SECTION = "(SELECT id FROM public.homepage_sections ORDER BY md5(id::text || %s) LIMIT 1)"
VERSION = "(SELECT id FROM public.section_versions ORDER BY md5(id::text || %s) LIMIT 1)"
PRODUCT = "(SELECT id FROM public.products ORDER BY md5(id::text || %s) LIMIT 1)"
CATEGORY = "(SELECT id FROM public.categories ORDER BY md5(id::text || %s) LIMIT 1)"

# What editors do, and how often. {x} is something random; {title} is new each time.
WORK = (
    (30, "SELECT public.publish_section_version(v.section_id, v.id) FROM public.section_versions v WHERE v.id = " + VERSION),
    (20, "INSERT INTO public.section_versions (section_id, content) SELECT id, jsonb_build_object('title', {title}, 'text', {x}) "
         "FROM public.homepage_sections WHERE id = " + SECTION),
    (12, "UPDATE public.section_versions SET content = content || jsonb_build_object('title', {title}) WHERE id = " + VERSION),
    (4, "UPDATE public.section_versions SET content = jsonb_build_object('title', {title}) WHERE section_id = " + SECTION),
    (6, "UPDATE public.homepage_sections SET display_order = (random() * 9)::int WHERE locale = {locale}"),
    (5, "UPDATE public.homepage_sections SET locale = {locale} WHERE id = " + SECTION),
    (5, "UPDATE public.homepage_sections SET is_active = NOT is_active WHERE id = " + SECTION),
    (3, "UPDATE public.homepage_sections SET status = {status} WHERE published_version_id IS NOT NULL AND id = " + SECTION),
    (3, "UPDATE public.homepage_sections SET metadata = metadata WHERE id = " + SECTION),
    (3, "DELETE FROM public.homepage_sections WHERE id = " + SECTION),
    (8, "INSERT INTO public.homepage_sections (section_key, locale, section_type) VALUES ('s' || (random() * 30)::int, {locale}, "
        "{kind})"),
    (10, "UPDATE public.products SET name = {title}, price = (random() * 100)::int WHERE id = " + PRODUCT),
    (4, "UPDATE public.products SET translations = jsonb_build_object({locale}, jsonb_build_object('name', {title})) WHERE id = "
        + PRODUCT),
    (5, "UPDATE public.products SET category_id = " + CATEGORY + " WHERE id = " + PRODUCT),
    (3, "UPDATE public.products SET is_active = NOT is_active WHERE id = " + PRODUCT),
    (3, "UPDATE public.products SET slug = 'moved-' || {x} WHERE id = " + PRODUCT),
    (4, "INSERT INTO public.products (name, slug) VALUES ({title}, 'new-' || {x})"),
    (3, "DELETE FROM public.products WHERE id = " + PRODUCT),
    (8, "INSERT INTO public.section_products (section_id, product_id, display_order) VALUES (" + SECTION + ", " + PRODUCT
        + ", (random() * 9)::int) ON CONFLICT (section_id, product_id) DO UPDATE SET display_order = excluded.display_order"),
    (4, "DELETE FROM public.section_products WHERE section_id = " + SECTION),
    (4, "UPDATE public.section_products SET section_id = " + SECTION + " WHERE product_id = " + PRODUCT),
    (5, "INSERT INTO public.section_categories (section_id, category_id) VALUES (" + SECTION + ", " + CATEGORY + ") ON CONFLICT DO "
        "NOTHING"),
    (5, "UPDATE public.categories SET name = {title} WHERE id = " + CATEGORY),
    (1, "DELETE FROM public.categories WHERE id = " + CATEGORY),
    (2, "INSERT INTO public.categories (name, slug) VALUES ({title}, 'new-' || {x})"),
    (1, "TRUNCATE public.section_products"),
    (1, "TRUNCATE public.section_categories"),
    (5, "INSERT INTO public.section_schedules (section_id, version_id, publish_at, expire_at) SELECT section_id, id, "
        "now() - interval '1 second', CASE WHEN random() < 0.5 THEN now() + interval '1 hour' END FROM public.section_versions "
        "WHERE id = " + VERSION),
    (3, "UPDATE public.section_schedules SET expire_at = now() - interval '1 second', publish_at = now() - interval '2 hours' "
        "WHERE status = 'active'"),
    (5, "SELECT * FROM public.process_scheduled_publishes()"),
)


class Crowd:
    def __init__(self, db, seed, writers=4, work=WORK, setup=SETUP):
        self.db, self.seed, self.work = db, seed, work
        self.condition = threading.Condition()
        self.wanted = self.done = self.resting = 0
        self.ended = False
        self.errors = []
        self.rejected = 0
        db.psql(command=setup)
        self.threads = [threading.Thread(target=self._write, args=(number,), daemon=True) for number in range(writers)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        with self.condition:
            self.ended = True
            self.condition.notify_all()
        for thread in self.threads:
            thread.join(5)

    def run(self, commits, timeout=60):
        with self.condition:
            self.wanted += commits
            self.condition.notify_all()
            ok = self.condition.wait_for(
                lambda: self.errors or (self.done >= self.wanted and self.resting == len(self.threads)), timeout)
        assert ok and not self.errors, (self.errors, self.done, self.wanted)

    # -- one writer --------------------------------------------------------------------------------

    def _write(self, number):
        chance = random.Random("%s %d" % (self.seed, number))
        connection = self.db.connect(autocommit=False)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")  # somebody else's transaction may last longer than we want to wait
        connection.commit()
        try:
            while self._may_write():
                self._transaction(connection, chance)
        except Exception as broken:  # pylint: disable=broad-except
            with self.condition:
                self.errors.append(repr(broken))
                self.condition.notify_all()
        finally:
            connection.close()

    def _may_write(self):
        with self.condition:
            if self.done >= self.wanted and not self.ended:
                self.resting += 1
                self.condition.notify_all()
                self.condition.wait_for(lambda: self.ended or self.done < self.wanted)
                self.resting -= 1
            self.done += 1
            return not self.ended

    def _transaction(self, connection, chance):
        try:
            with connection.cursor() as cursor:
                for _ in range(chance.choice((1, 1, 1, 2, 3))):
                    self._act(cursor, chance)
                    if chance.random() < 0.3:
                        time.sleep(chance.random() * 0.01)
            if chance.random() < 0.1:
                connection.rollback()
            else:
                connection.commit()
        except psycopg2.Error as error:
            if (error.pgcode or "42").startswith("42"):
                raise  # our own mistake, or a connection that is gone
            self.rejected += 1  # a deadlock, a key that is taken, something to publish that has gone by now
            connection.rollback()

    def _act(self, cursor, chance):
        statement = chance.choices([text for _, text in self.work], [weight for weight, _ in self.work])[0]
        kind = chance.random()
        if kind < 0.1:
            cursor.execute("SAVEPOINT s")
        self._execute(cursor, statement, chance)
        if kind < 0.05:
            cursor.execute("ROLLBACK TO s")

    @staticmethod
    def _execute(cursor, statement, chance):
        number = "%08x" % chance.getrandbits(32)
        statement = statement.replace("{title}", "'Title %s'" % number).replace("{x}", "'%s'" % number)
        statement = statement.replace("{locale}", "'%s'" % chance.choice(LOCALES))
        statement = statement.replace("{kind}", "'%s'" % chance.choice(KINDS))
        statement = statement.replace("{status}", "'%s'" % chance.choice(("published", "archived")))
        cursor.execute(statement, [number] * statement.count("%s") or None)
