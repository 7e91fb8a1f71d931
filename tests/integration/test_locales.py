"""Locales: lists and `auto`, fallback chains, alternates that are there, one locale alone, directions."""

import os
import random

import pytest
from pressroom import PLAIN, THINGS, Room, note, problems, row

BASE = "https://example.org/"
CHAIN = [{"code": "en", "name": "English"}, {"code": "fr", "fallback": ["en"], "currency": "EUR"},
         {"code": "fr-CA", "fallback": ["fr", "en"], "currency": "CAD"}, {"code": "ar"}]


def address(path):
    return BASE + path


def at(room, key, locale):
    [found] = [r for r in room.rows["things"] if (r["key"], r["locale"]) == (key, locale)]
    return found


def remove(room, key, *locales):
    room.rows["things"] = [r for r in room.rows["things"] if r["key"] != key or r["locale"] not in locales]


def chain_room(folder, **config):
    """Page a in en, fr and fr-CA, b in en and fr, c in en alone, d in ar alone."""
    room = Room(folder, locales=config.pop("locales", CHAIN), **config)
    room.rows["things"] = [row("a", "en"), row("a", "fr"), row("a", "fr-CA"), row("b", "en"), row("b", "fr"), row("c", "en"),
                           row("d", "ar", sections=[note("n")])]
    return room


@pytest.fixture
def room(tmp_path):
    made = chain_room(tmp_path)
    assert made.build().code == 0
    return made


def pages(room):
    """{path: Page} of every page printed."""
    return {p: room.page(p) for p in room.tree() if p.endswith(".html") and p.count("/") == 1}


def assert_links_lead_somewhere(room, steady=()):
    """Every canonical and alternate is a page that is there; who is named as a translation names back. `steady`: paths
    that were not printed anew and may know less."""
    found = {address(path): page for path, page in pages(room).items()}
    for here, page in found.items():
        for rel in ("alternate", "borrowed"):
            for lang, there in page.links(rel).items():
                assert there in found, (here, rel, lang, there)
                if rel == "alternate" and lang != "x-default" and not {here, there} & set(map(address, steady)):
                    assert here in found[there].alternates.values() or here in found[there].links("borrowed").values(), \
                        (here, there)
        if page.canonical is not None:
            assert page.canonical in found, (here, page.canonical)
    for here, alternates in room.sitemap().items():
        assert here in found
        for there in alternates.values():
            assert room.sitemap()[there] == alternates


# --- the chain ----------------------------------------------------------------------------------------------------------


def test_the_chain(room):
    assert {p: page.title for p, page in pages(room).items()} == {
        "en/a.html": "a in en", "fr/a.html": "a in fr", "fr-CA/a.html": "a in fr-CA",
        "en/b.html": "b in en", "fr/b.html": "b in fr", "fr-CA/b.html": "b in fr",
        "en/c.html": "c in en", "fr/c.html": "c in en", "fr-CA/c.html": "c in en",
        "ar/d.html": "d in ar"}
    assert_links_lead_somewhere(room)


def test_a_borrowed_page_points_to_its_source(room):
    borrowed, source = room.page("fr-CA/b.html"), room.page("fr/b.html")
    assert (borrowed.lang, borrowed.canonical) == ("fr", address("fr/b.html"))
    assert source.canonical == address("fr/b.html")
    assert borrowed.alternates == source.alternates == {
        "en": address("en/b.html"), "fr": address("fr/b.html"), "x-default": address("en/b.html")}
    assert source.links("borrowed") == {"fr-CA": address("fr-CA/b.html")}  # for the menu, not for search engines


def test_borrowed_pages_are_not_in_the_sitemap(room):
    assert set(room.sitemap()) == {address(p) for p in (
        "en/a.html", "fr/a.html", "fr-CA/a.html", "en/b.html", "fr/b.html", "en/c.html", "ar/d.html")}


def test_outputs_of_borrowed_pages_have_their_own_place(tmp_path):
    room = chain_room(tmp_path)
    at(room, "c", "en")["sections"] = [note("n", "borrowed words")]
    assert room.build().code == 0
    assert room.json("fr-CA/c.json") == room.json("en/c.json")
    assert room.has("fr-CA/c/n.html") and room.has("fr/c/n.json")


def test_own_words_take_the_place_of_borrowed_ones_and_back(room):
    before = room.tree()
    room.rows["things"].insert(5, row("b", "fr-CA"))
    done = room.build()
    assert done.code == 0
    assert room.page("fr-CA/b.html").title == "b in fr-CA"
    assert room.page("en/b.html").alternates["fr-CA"] == address("fr-CA/b.html")
    assert room.tree() == room.cold()[0]
    remove(room, "b", "fr-CA")
    assert room.build().code == 0
    assert room.tree() == before


def test_a_page_that_is_gone_borrows_nothing(room):
    at(room, "a", "fr-CA")["state"] = "gone"
    assert room.build().code == 0
    assert not room.has("fr-CA/a.html")
    assert_links_lead_somewhere(room)


def test_a_source_that_is_gone_or_closed_gives_nothing(room):
    at(room, "b", "fr")["state"] = "gone"
    at(room, "c", "en")["state"] = "maintenance"
    assert room.build().code == 0
    assert room.page("fr-CA/b.html").title == "b in en"
    assert not room.has("fr/b.html")
    assert room.page("en/c.html").state == "maintenance"
    assert not room.has("fr/c.html") and not room.has("fr-CA/c.html")
    assert_links_lead_somewhere(room)


@pytest.mark.parametrize("policy", ["hold", "omit", "keep"])
def test_a_bad_row_is_not_replaced_by_borrowed_words(tmp_path, policy):
    """Its locale has a row: the policy decides about it, and about the pages borrowed from it."""
    for columns in ({"state": "odd"}, {"slug": ".."}):
        room = chain_room(tmp_path / ("bad-" + next(iter(columns))), guards={"content": policy})
        room.rows["things"] += [row("e", "fr")]
        assert room.build().code == 0
        at(room, "b", "fr").update(columns)
        at(room, "b", "en")["title"] = "new words"
        done = room.build()
        assert done.code == (3 if policy == "hold" else 4)
        assert room.page("en/b.html").title == "new words"
        for path in ("fr/b.html", "fr-CA/b.html"):
            if policy == "omit":
                assert not room.has(path)
            else:
                assert room.page(path).title == "b in fr"
        assert_links_lead_somewhere(room)
        assert room.build().report["changes"] == []


def test_what_was_borrowed_from_a_held_locale_stays(room):
    """All rows of fr vanish: fr is held, and fr-CA does not fall through to English."""
    before = room.tree()
    remove(room, "a", "fr")
    remove(room, "b", "fr")
    at(room, "b", "en")["title"] = "new words"
    done = room.build()
    assert done.code == 3
    assert problems(done) == [("things", "fr", "")]
    assert room.tree()["fr-CA/b.html"] == before["fr-CA/b.html"]
    assert room.tree()["fr/b.html"] == before["fr/b.html"]
    assert room.page("en/b.html").title == "new words"
    assert room.page("en/b.html").links("borrowed") == {"fr-CA": address("fr-CA/b.html")}
    assert room.page("fr-CA/c.html").title == "c in en"  # that one came from English anyway
    assert_links_lead_somewhere(room)
    assert room.build().report["changes"] == []


def test_pages_of_a_held_locale_are_not_replaced_by_borrowed_ones(room):
    before = room.tree()
    remove(room, "a", "fr", "fr-CA")
    remove(room, "b", "fr")
    at(room, "a", "en")["title"] = "new words"
    at(room, "c", "en")["title"] = "new words"
    done = room.build()
    assert done.code == 3
    assert problems(done) == [("things", "fr", ""), ("things", "fr-CA", "")]
    for path in ("fr/a.html", "fr/b.html", "fr-CA/a.html", "fr-CA/b.html"):
        assert room.tree()[path] == before[path]
    assert room.page("fr/c.html").title == "new words"  # English words before and after
    assert_links_lead_somewhere(room)
    assert room.build().report["changes"] == []


# --- the list -----------------------------------------------------------------------------------------------------------


def test_a_list_restricts(tmp_path):
    room = chain_room(tmp_path, locales=["en"])
    assert room.build().code == 0
    assert {p.split("/")[0] for p in pages(room)} == {"en"}


def test_a_locale_taken_out_of_the_list_goes(room):
    room.config["locales"] = [c for c in CHAIN if c["code"] != "fr-CA"]
    done = room.build()
    assert done.code == 0, done
    assert not any(p.startswith("fr-CA") for p in room.tree())
    assert_links_lead_somewhere(room)
    assert room.tree() == room.cold()[0]


def test_auto_has_no_fallback(tmp_path):
    room = chain_room(tmp_path, locales="auto")
    assert room.build().code == 0
    assert not room.has("fr-CA/b.html") and room.has("ar/d.html")
    assert_links_lead_somewhere(room)


def test_names_and_currencies(tmp_path):
    room = chain_room(tmp_path)
    room.write("templates/page.html.mustache", "{{page.locale_name}}|{{page.currency}}|{{#page.alternates}}{{name}},{{/page.alternates}}")
    assert room.build().code == 0
    assert room.text("fr-CA/a.html") == "Français (Canada)|CAD|English,Français,Français (Canada),"
    assert room.text("en/c.html") == "English||English,Français,Français (Canada),"


def test_directions(room):
    assert (room.page("ar/d.html").lang, room.page("ar/d.html").dir) == ("ar", "rtl")
    assert (room.page("en/a.html").lang, room.page("en/a.html").dir) == ("en", "ltr")


# --- the default locale -------------------------------------------------------------------------------------------------


def front_room(folder, **config):
    room = Room(folder, **config)
    room.rows["things"] = [row("front", locale) for locale in ("ar", "de", "en")]
    return room


def test_the_root_page_is_that_of_the_default_locale(tmp_path):
    room = front_room(tmp_path)
    assert room.build().code == 0
    assert room.text("index.html") == room.text("en/front.html")
    assert room.page("index.html").canonical == address("en/front.html")
    room.config["default_locale"] = "ar"
    done = room.build()
    assert done.code == 0
    assert room.text("index.html") == room.text("ar/front.html")
    assert room.page("de/front.html").alternates["x-default"] == address("ar/front.html")
    assert room.tree() == room.cold()[0]


def test_without_a_default_locale_the_first_in_order(tmp_path):
    room = front_room(tmp_path, default_locale="")
    assert room.build().code == 0
    assert room.text("index.html") == room.text("ar/front.html")
    listed = front_room(tmp_path / "list", locales=["de", "ar"], default_locale="")
    assert listed.build().code == 0
    assert listed.text("index.html") == listed.text("de/front.html")
    assert listed.page("ar/front.html").alternates["x-default"] == address("de/front.html")


def test_a_default_locale_without_a_front_page_is_said(tmp_path):
    room = front_room(tmp_path, default_locale="fr")
    done = room.build()
    assert done.code == 0
    assert not room.has("index.html")
    assert done.report["warning"].startswith("no index.html: default_locale 'fr' has no page at root_page")
    assert "default_locale 'fr'" in done.err
    room.write("templates/chooser.html.mustache", "{{#locales}}{{href}} {{name}} {{dir}} {{is_default}}\n{{/locales}}")
    done = room.build()
    assert (done.code, done.report["warning"]) == (0, None)
    assert room.text("index.html") == ("/ar/front.html العربية rtl false\n/de/front.html Deutsch ltr false\n"
                                       "/en/front.html English ltr false\n")


def test_the_root_page_follows_a_closed_front_page(tmp_path):
    room = front_room(tmp_path)
    assert room.build().code == 0
    at(room, "front", "en")["state"] = "maintenance"
    assert room.build().code == 0
    assert room.page("index.html").title == "closed: front in en"
    at(room, "front", "en")["state"] = "live"
    assert room.build().code == 0
    assert room.tree() == room.cold()[0]


# --- one locale alone ---------------------------------------------------------------------------------------------------


def test_one_locale_alone_leaves_the_others(room):
    before = room.tree()
    for r in room.rows["things"]:
        r["title"] += ", anew"
    at(room, "d", "ar")["slug"] = ".."  # none of this look's business
    done = room.build("--locale", "fr")
    assert (done.code, done.report["problems"]) == (0, []), done
    tree = room.tree()
    changed = {p for p in tree if tree[p] != before.get(p)}
    assert changed == {"fr/a.html", "fr/b.html", "fr/c.html", "version.json"}
    assert room.page("fr/a.html").title == "a in fr, anew"
    assert room.page("fr/c.html").title == "c in en, anew"
    assert room.page("fr/a.html").alternates == room.page("en/a.html").alternates
    assert room.page("fr-CA/a.html").title == "a in fr-CA" and room.page("fr-CA/b.html").title == "b in fr"
    assert_links_lead_somewhere(room)
    assert room.build("--locale", "fr").report["changes"] == []
    at(room, "d", "ar")["slug"] = "d"
    assert room.build().code == 0
    assert room.tree() == room.cold()[0]


def test_one_locale_that_borrows(room):
    room.rows["things"].append(row("e", "fr-CA"))
    assert room.build().code == 0
    at(room, "b", "fr")["title"] = "anew"
    remove(room, "a", "fr-CA")
    done = room.build("--locale", "fr_ca")  # as people write it
    assert done.code == 0, done
    assert room.page("fr-CA/b.html").title == "anew"
    assert room.page("fr-CA/a.html").title == "a in fr"
    assert room.page("fr/b.html").title == "b in fr"
    assert_links_lead_somewhere(room, steady=[p for p in pages(room) if not p.startswith("fr-CA")])


def test_two_locales_of_many(room):
    for r in room.rows["things"]:
        r["title"] += ", anew"
    assert room.build("--locale", "en", "--locale", "ar").code == 0
    new = {p for p, page in pages(room).items() if page.title.endswith("anew")}
    assert new == {"en/a.html", "en/b.html", "en/c.html", "ar/d.html"}


def test_a_first_build_of_one_locale(tmp_path):
    room = chain_room(tmp_path)
    assert room.build("--locale", "fr").code == 0
    assert set(pages(room)) == {"fr/a.html", "fr/b.html", "fr/c.html"}
    assert room.page("fr/a.html").alternates == {"fr": address("fr/a.html")}
    assert room.build().code == 0
    assert room.tree() == room.cold()[0]


def test_guards_of_one_locale_alone(room):
    remove(room, "b", "fr")
    remove(room, "a", "fr")
    assert room.build("--locale", "en").code == 0
    done = room.build("--locale", "fr")
    assert done.code == 3
    assert problems(done) == [("things", "fr", "")]


@pytest.mark.parametrize("locales, said", [("auto", "no page set has a row in this locale"), (CHAIN, "not in the list of locales")])
def test_a_locale_nobody_has(tmp_path, locales, said):
    room = chain_room(tmp_path, locales=locales)
    done = room.build("--locale", "zz")
    assert done.code == 2
    assert said in done.err
    assert room.tree() == {}


# --- one file, many threads ---------------------------------------------------------------------------------------------


def test_threads_do_not_matter(tmp_path):
    room = Room(tmp_path, locales=CHAIN, guards={"content": "omit"})
    room.rows["things"] = [row("k%03d" % i, locale, sections=[note("n%d" % n, "words " * 40) for n in range(i % 7)])
                           for i in range(120) for locale in ("ar", "en", "fr") if (i + len(locale)) % 3]
    room.rows["things"] += [row("z%d" % i, "en", slug="z%d" % (i // 2)) for i in range(20)]
    one, done = room.cold("--threads", "1")
    many, other = room.cold("--threads", "8")
    assert (done.code, other.code) == (4, 4)
    assert one == many
    assert done.report["problems"] == other.report["problems"]


# --- a random walk ------------------------------------------------------------------------------------------------------

SLUGS = ["a", "b", "c", "d", "..", "a.html/x", "robots.txt", "x y", "ü"]


def random_step(random, room):
    """One change as editors, accidents and vandals make them."""
    things = room.rows["things"]
    what = random.randrange(9)
    if not things or what == 0:
        things.append(row(random.choice("abcd"), random.choice(["en", "fr", "fr-CA", "ar", "de", "fr_CA"])))
    elif what == 1:
        things.pop(random.randrange(len(things)))
    elif what == 2:
        random.choice(things)["slug"] = random.choice(SLUGS)
    elif what == 3:
        random.choice(things)["state"] = random.choice(["live", "live", "maintenance", "gone", "odd"])
    elif what == 4:
        random.choice(things)["sections"] = [note(random.choice("mn"), random.choice(["words", ""])) for _ in range(random.randrange(3))]
    elif what == 5:
        random.choice(things)["title"] = "new %d" % random.randrange(100)
    elif what == 6:
        locale = random.choice(["en", "fr", "ar"])
        room.rows["things"] = [r for r in things if r["locale"] != locale]
    elif what == 7:
        for r in things:
            r["state"] = "live"
            r["slug"] = r["key"]
    else:
        room.rows["plain"] = [row("p", "en", slug=random.choice(["p", "../a", "a"]))] * random.randrange(2)
    seen, rest = set(), []
    for r in room.rows["things"]:
        if random.random() < 0.95 and (r["key"], r["locale"]) in seen:
            continue  # a query that gives two rows is rare
        seen.add((r["key"], r["locale"]))
        rest.append(r)
    room.rows["things"] = sorted(rest, key=lambda r: (r["key"], r["locale"]))


def walk(folder, seed, steps):
    """After any history: a second look changes nothing, links lead somewhere, the memory of what was held does not
    reach the bytes, and once all is well the tree is that of a first build."""
    rng = random.Random(seed)
    sets = {"things": THINGS, "plain": {**PLAIN, "path": "{{locale}}/{{{slug}}}.html", "min_rows": 0, "max_shrink": 1}}
    room = Room(folder, sets, locales=rng.choice([CHAIN, "auto"]),
                guards={"content": rng.choice(["hold", "omit", "keep"]), "scope": rng.choice(["locale", "locale", "release"]),
                        **rng.choice([{"max_deletes": 1000}, {"max_deletes": 4, "max_shrink": 1}])})
    room.rows["things"] = [row(key, locale) for key in "abcd" for locale in ("en", "fr", "ar")]
    assert room.build().code == 0
    for _ in range(steps):
        for _ in range(rng.randrange(1, 4)):
            random_step(rng, room)
        arguments = rng.choice([[], [], [], ["--accept"], ["--locale", "fr"], ["--threads", "1"]])
        done = room.build(*arguments)
        assert done.code in (0, 3, 4), done
        if "--accept" not in arguments and "--locale" not in arguments:
            again = room.build()
            assert (again.code, again.report["changes"]) == (done.code, []), (done, again)
            # what is held is not printed, so of what shows only then the second look may know less
            assert set(problems(again)) <= set(problems(done)), (done, again)
    room.rows["things"] = [row(key, locale) for key in "abcd" for locale in ("en", "fr", "ar")]
    room.rows["plain"] = []
    done = room.build("--accept")
    assert done.code == 0, done
    assert room.tree() == room.cold()[0]
    assert_links_lead_somewhere(room)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(300 if os.environ.get("PLATEN_SOAK") else 6))
def test_a_random_walk(tmp_path, seed):
    walk(tmp_path, seed, 12)
