"""Guards and policies: what is held, left out or kept, what the exit code says, and how it ends when the cause is gone."""

import copy
import time

import pytest
from pressroom import PLAIN, THINGS, Room, note, problems, row

KEYS = ["a", "b", "c", "d"]


def rows_of(locales=("en", "fr"), keys=KEYS, **columns):
    return [row(key, locale, **columns) for key in keys for locale in locales]


@pytest.fixture
def room(tmp_path):
    """Four pages in English and French, printed once."""
    made = Room(tmp_path)
    made.rows["things"] = rows_of()
    assert made.build().code == 0
    return made


def new_room(folder, rows, sets=None, **config):
    made = Room(folder, sets, **config)
    made.rows["things"] = rows
    done = made.build()
    assert done.code == 0, done
    return made


def change(room, key, locale, /, **columns):
    """Changes columns of one row."""
    [found] = [r for r in room.rows["things"] if r["key"] == key and r["locale"] == locale]
    found.update(columns)


def drop(room, locale, keys=KEYS):
    room.rows["things"] = [r for r in room.rows["things"] if r["locale"] != locale or r["key"] not in keys]


def assert_held_and_steady(room, held, before):
    """The pages of `held` (a locale) are those of the tree `before`, now and after a second look, which changes
    nothing."""
    for look in range(2):
        done = room.build()
        assert done.code == 3, done
        tree = room.tree()
        for path, data in before.items():
            if path.startswith(held + "/"):
                assert tree[path] == data
        assert {p for p in tree if p.startswith(held + "/")} == {p for p in before if p.startswith(held + "/")}
        if look:
            assert done.report["changes"] == [], done
            assert not done.report["released"]
    return done


def assert_recovered(room):
    done = room.build()
    assert (done.code, done.report["problems"]) == (0, []), done
    cold, fresh = room.cold()
    assert fresh.code == 0
    assert room.tree() == cold


# --- guards that count --------------------------------------------------------------------------------------------------


def test_an_emptied_locale_is_held_while_the_rest_goes_live(room):
    before, all_rows = room.tree(), copy.deepcopy(room.rows)
    drop(room, "fr")
    change(room, "a", "en", title="new words")
    done = assert_held_and_steady(room, "fr", before)
    assert problems(done) == [("things", "fr", "")]
    assert "0 rows" in done.report["problems"][0]["text"]
    assert room.page("en/a.html").title == "new words"
    assert "https://example.org/fr/a.html" in room.sitemap()
    # the pages that are printed still name the ones that are held, as these name them
    assert room.page("en/a.html").alternates["fr"] == "https://example.org/fr/a.html"
    assert room.page("en/d.html").alternates["fr"] == "https://example.org/fr/d.html"
    assert room.page("fr/d.html").alternates["en"] == "https://example.org/en/d.html"
    room.rows = all_rows
    change(room, "a", "en", title="new words")
    assert_recovered(room)


def test_a_sharply_shrunken_locale_is_held(room):
    before = room.tree()
    drop(room, "fr", ["a", "b", "c"])  # 1 of 4, and max_shrink is a half
    done = assert_held_and_steady(room, "fr", before)
    assert "1 rows where the last release has 4" in done.report["problems"][0]["text"]
    room.rows["things"].append(row("e", "fr"))
    done = room.build()
    assert done.code == 0, done
    assert sorted(p for p in room.tree() if p.startswith("fr/") and p.endswith(".html")) == ["fr/d.html", "fr/e.html"]


def test_half_may_go_at_once(room):
    drop(room, "fr", ["a", "b"])
    assert room.build().code == 0
    assert not room.has("fr/a.html") and room.has("fr/c.html")
    assert room.page("en/a.html").alternates.keys() == {"en", "x-default"}


def test_max_shrink_and_min_rows_of_one_set(tmp_path):
    room = new_room(tmp_path, rows_of(), {"things": {**THINGS, "max_shrink": 1, "min_rows": 0}})
    drop(room, "fr")
    assert room.build().code == 0
    assert not any(p.startswith("fr/") for p in room.tree())


def test_min_rows(tmp_path):
    room = new_room(tmp_path, rows_of(), guards={"min_rows": 4, "max_shrink": 1})
    before = room.tree()
    drop(room, "fr", ["d"])
    done = assert_held_and_steady(room, "fr", before)
    assert "3 rows, fewer than min_rows (4)" in done.report["problems"][0]["text"]


def test_tombstones_are_not_shrinkage(room):
    for key in KEYS:
        change(room, key, "fr", state="gone" if key != "d" else "maintenance")
    done = room.build()
    assert done.code == 0, done
    assert [p for p in room.tree() if p.startswith("fr/") and p.endswith(".html")] == ["fr/d.html"]
    assert room.text("fr/d.html").startswith("<title>closed: d in fr</title>")
    # once they have gone, their rows may go, too
    drop(room, "fr", ["a", "b", "c"])
    assert room.build().code == 0


@pytest.mark.parametrize("min_rows, code", [(1, 3), (0, 0)])
def test_no_rows_and_no_release(tmp_path, min_rows, code):
    room = Room(tmp_path, guards={"min_rows": min_rows})
    for _ in range(2):
        done = room.build()
        assert done.code == code, done
        assert problems(done) == ([("things", "", "")] if code else [])
    assert room.report_of_human("--source", "rows.export").code == code


def test_no_rows_in_the_listed_locales_is_said(tmp_path):
    room = Room(tmp_path, locales=[{"code": "en-GB"}], default_locale="en-GB")
    room.rows["things"] = [row("a", "en-gb"), row("b", "en")]
    done = room.build()
    assert done.code == 3
    assert "none of the query's 2 rows is in a locale of the list" in done.report["problems"][0]["text"]


def test_an_empty_set_beside_a_full_one(tmp_path):
    sets = {"things": THINGS, "plain": PLAIN}
    room = Room(tmp_path, sets)
    room.rows["things"] = rows_of()
    done = room.build()
    assert done.code == 3
    assert problems(done) == [("plain", "", "")]
    assert room.has("en/a.html")
    room.rows["plain"] = [row("p", "en")]
    assert_recovered(room)


def test_scope_release_holds_everything_but_tombstones(tmp_path):
    room = new_room(tmp_path, rows_of(), guards={"scope": "release"})
    before, all_rows = room.tree(), copy.deepcopy(room.rows)
    drop(room, "fr")
    change(room, "a", "en", title="new words")
    change(room, "b", "en", state="gone")
    change(room, "c", "en", state="maintenance")
    done = room.build()
    assert done.code == 3
    tree = room.tree()
    assert tree["en/a.html"] == before["en/a.html"]
    assert tree["fr/a.html"] == before["fr/a.html"]
    assert "en/b.html" not in tree and "en/b.json" not in tree
    assert room.page("en/c.html").title == "closed: c in en"
    again = room.build()
    assert (again.code, again.report["changes"]) == (3, [])
    room.rows = all_rows
    assert_recovered(room)


def test_held_pages_keep_their_style(tmp_path):
    """Neither time nor the releases that follow take away the sheet that a page which stays was printed with."""
    room = new_room(tmp_path, rows_of(), output={"assets_keep": "0s"})
    all_rows, style = copy.deepcopy(room.rows), room.page("fr/a.html").style
    drop(room, "fr")
    for look in range(13):  # more than the releases that are kept in any case
        room.write("templates/assets/site.css", "body { margin: %dpx }" % look)
        assert room.build().code == 3
        if look == 0:
            time.sleep(1.1)  # retirement counts in whole seconds
    assert room.page("fr/a.html").style == style
    assert room.has(style[1:])
    assert room.page("en/a.html").style != style
    room.rows = all_rows
    assert room.build().code == 0
    room.write("templates/assets/site.css", "body { margin: 99px }")
    assert room.build().code == 0
    assert not room.has(style[1:])


# --- deletions ----------------------------------------------------------------------------------------------------------


def test_too_many_deletions_delete_nothing(tmp_path):
    room = new_room(tmp_path, rows_of(), guards={"max_deletes": 3})  # a page is two files here
    before = room.tree()
    drop(room, "fr", ["a", "b"])
    change(room, "c", "fr", title="new words")
    for look in range(2):
        done = room.build()
        assert done.code == 3, done
        assert done.report["removed"] == 0
        [p] = done.report["problems"]
        assert (p["page_set"], p["action"]) == ("", "held")
        assert "4 files would be deleted, more than guards.max_deletes (3)" in p["text"]
        assert room.tree()["fr/a.html"] == before["fr/a.html"]
        assert room.page("fr/c.html").title == "new words"
        assert "https://example.org/fr/a.html" in room.sitemap()
    assert done.report["changes"] == []
    assert "held: 4 files" in room.report_of_human("--source", "rows.export").err
    accepted = room.build("--accept")
    assert accepted.code == 0, accepted
    assert not room.has("fr/a.html") and not room.has("fr/b.json")
    assert room.tree() == room.cold()[0]


def test_decided_removals_are_no_deletions(tmp_path):
    room = new_room(tmp_path, rows_of(), guards={"max_deletes": 0, "max_shrink": 1})
    for key in KEYS:
        change(room, key, "fr", state="gone")
    done = room.build()
    assert done.code == 0, done
    assert not any(p.startswith("fr/") for p in room.tree())


def test_a_page_that_moves_over_its_own_folder_while_deletions_are_held(tmp_path):
    """An old file cannot stay where a folder is needed: it goes, the others stay."""
    sets = {"things": {**THINGS, "outputs": []}}
    room = new_room(tmp_path, rows_of(["en"], slug="x") [:1] + [row(k, "en") for k in "bcd"], sets,
                    guards={"max_deletes": 0})
    drop(room, "en", ["a", "b"])
    change(room, "c", "en", slug="x.html/c")
    done = room.build()
    assert done.code == 3, done
    assert room.has("en/x.html/c.html") and room.has("en/b.html")
    assert room.build().report["changes"] == []


# --- content ------------------------------------------------------------------------------------------------------------

BAD = {
    "required field": dict(sections=[note("n", "")]),
    "empty content": dict(sections=[note("n", content={})]),
    "content null": dict(sections=[note("n", content=None)]),
    "unknown type": dict(sections=[note("n", kind="nothing")]),
    "type that is a path": dict(sections=[note("n", kind="../page")]),
    "forbidden link": dict(sections=[{"name": "n", "kind": "link", "content": {"url": "javascript:alert(1)"}}]),
    "forbidden link in a list": dict(sections=[note("n", deep=[{"href": ["/ok", "data:text/html,x"]}])]),
    "element is no object": dict(sections=["n"]),
    "element without key": dict(sections=[note("")]),
    "key is a path": dict(sections=[note("../n")]),
}
BAD_ROWS = {
    "bad path": dict(slug="../../etc/passwd"),
    "column is no array": dict(sections={"n": 1}),
    "column is missing": dict(sections=None),
    "forbidden link in the row": dict(info={"cta_url": "vbscript:x"}),
    "state is no word": dict(state="offline"),
    "time is none": dict(updated_at="yesterday"),
}


@pytest.mark.parametrize("columns", [*BAD.values(), *BAD_ROWS.values()], ids=[*BAD, *BAD_ROWS])
def test_bad_content_is_held_with_its_locale(room, columns):
    before, all_rows = room.tree(), copy.deepcopy(room.rows)
    change(room, "b", "fr", **columns)
    change(room, "a", "fr", title="not yet")
    change(room, "b", "en", title="new words")
    done = assert_held_and_steady(room, "fr", before)
    assert set(problems(done)) == {("things", "fr", "b")}
    assert room.page("en/b.html").title == "new words"
    assert room.page("en/b.html").alternates.keys() == {"en", "fr", "x-default"}
    room.rows = all_rows
    assert_recovered(room)


@pytest.mark.parametrize("columns", BAD.values(), ids=BAD)
def test_an_unfit_element_is_left_out(tmp_path, columns):
    room = new_room(tmp_path, rows_of(sections=[note("m"), note("n")]), guards={"content": "omit"})
    change(room, "b", "fr", sections=[note("m", "new")] + columns["sections"])
    done = room.build()
    assert done.code == 4, done
    assert problems(done, "omitted") == [("things", "fr", "b")]
    assert room.page("fr/b.html").sections == ["m"]
    assert room.json("fr/b.json") == [note("m", "new")]
    assert not room.has("fr/b/n.html") and room.has("fr/b/m.html") and room.has("fr/a/n.html")
    again = room.build()
    assert (again.code, again.report["changes"]) == (4, [])
    change(room, "b", "fr", sections=[note("m"), note("n")])
    assert_recovered(room)


@pytest.mark.parametrize("columns", BAD_ROWS.values(), ids=BAD_ROWS)
def test_an_unfit_page_is_left_out(tmp_path, columns):
    room = new_room(tmp_path, rows_of(), guards={"content": "omit"})
    change(room, "b", "fr", **columns)
    done = room.build()
    assert done.code == 4, done
    assert problems(done, "omitted") == [("things", "fr", "b")]
    assert not room.has("fr/b.html") and not room.has("fr/b.json") and room.has("fr/a.html")
    assert room.page("en/b.html").alternates.keys() == {"en", "x-default"}
    assert room.tree() == room.cold()[0]


@pytest.mark.parametrize("columns", BAD.values(), ids=BAD)
def test_an_unfit_element_is_kept(tmp_path, columns):
    room = new_room(tmp_path, rows_of(sections=[note("m"), note("n", "old words"), note("o")]), guards={"content": "keep"})
    change(room, "b", "fr", title="new", sections=[note("m", "new")] + columns["sections"] + [note("o")])
    done = room.build()
    assert done.code == 4, done
    named = isinstance(columns["sections"][0], dict) and columns["sections"][0]["name"] == "n"
    kept = [note("n", "old words")] if named else []  # which one it was only its key can tell
    assert problems(done, "kept" if named else "omitted") == [("things", "fr", "b")]
    assert room.json("fr/b.json") == [note("m", "new"), *kept, note("o")]
    assert room.page("fr/b.html").title == "new"
    assert ("<p>old words</p>" in room.text("fr/b.html")) == named
    assert room.has("fr/b/n.html") == named
    again = room.build()
    assert (again.code, again.report["changes"]) == (4, [])
    change(room, "b", "fr", title="b in fr", sections=[note("m"), note("n", "old words"), note("o")])
    assert_recovered(room)


def test_an_element_without_last_form_is_left_out_under_keep(tmp_path):
    room = new_room(tmp_path, rows_of(sections=[note("m")]), guards={"content": "keep"})
    change(room, "b", "fr", sections=[note("m"), note("fresh", "")])
    done = room.build()
    assert done.code == 4
    assert problems(done, "omitted") == [("things", "fr", "b")]
    assert room.json("fr/b.json") == [note("m")]


@pytest.mark.parametrize("columns", BAD_ROWS.values(), ids=BAD_ROWS)
def test_an_unfit_page_is_kept(tmp_path, columns):
    room = new_room(tmp_path, rows_of(sections=[note("m")]), guards={"content": "keep"})
    before = room.tree()
    change(room, "b", "fr", **columns)
    change(room, "b", "en", title="new words")
    for look in range(2):
        done = room.build()
        assert done.code == 4, done
        assert problems(done, "kept") == [("things", "fr", "b")]
        for path in ("fr/b.html", "fr/b.json", "fr/b/m.html", "fr/b/m.json"):
            assert room.tree()[path] == before[path]
        assert room.page("en/b.html").title == "new words"
        assert room.page("en/b.html").alternates == room.page("fr/b.html").alternates
        assert "https://example.org/fr/b.html" in room.sitemap()
    assert done.report["changes"] == []
    change(room, "b", "fr", **{**row("b", "fr", sections=[note("m")]), "info": None, "key": "b", "locale": "fr"})
    assert_recovered(room)


def test_a_new_unfit_page_cannot_be_kept(tmp_path):
    room = new_room(tmp_path, rows_of(), guards={"content": "keep"})
    room.rows["things"].append(row("new", "fr", slug="a//b"))
    done = room.build()
    assert done.code == 4
    assert problems(done, "omitted") == [("things", "fr", "new")]


@pytest.mark.parametrize("policy, code", [("hold", 3), ("omit", 4)])
def test_required_columns(tmp_path, policy, code):
    room = new_room(tmp_path, rows_of(), {"things": {**THINGS, "required": ["title"]}}, guards={"content": policy})
    for empty in (None, "", [], {}):
        change(room, "b", "fr", title=empty)
        done = room.build()
        assert done.code == code
        assert "required column 'title' is missing or empty" in done.report["problems"][0]["text"]
    change(room, "b", "fr", title=0)
    assert room.build().code == 0


def test_a_locale_that_is_no_tag_is_left_out_under_any_policy(tmp_path):
    for policy in ("hold", "omit", "keep"):
        room = new_room(tmp_path / policy, rows_of(), guards={"content": policy})
        for locale in ("fr_FR", "../en", "français", "x" * 36, "a--b", "en-"):
            room.rows["things"].append(row("z", locale))
        room.rows["things"].append(row("z", "fr_FR", state="odd"))  # no tag: whatever else is wrong with it
        done = room.build()
        assert done.code == 4, done
        assert len(problems(done, "omitted")) == 6
        assert "is not a language tag such as 'fr' or 'fr-CA'" in done.report["problems"][0]["text"]
        assert room.has("fr/a.html")


def test_more_locales_than_there_may_be(tmp_path):
    """1,024 fit; the others are left out, as ever the same ones."""
    letters = "abcdefghij"
    tags = ["x%s%s%s%s" % (a, b, c, d) for a in letters for b in letters for c in letters for d in letters[:2]]
    room = Room(tmp_path, {"things": {**THINGS, "outputs": []}})
    room.rows["things"] = [row("a", tag) for tag in tags[:1030]]
    done = room.build()
    assert done.code == 4, done
    assert done.report["pages"] == 1024
    assert [p["text"] for p in done.report["problems"]] == ["too many locales"]  # said once: key and text are the same
    assert room.build().report["changes"] == []


def test_a_row_without_a_locale_holds_its_set(tmp_path):
    sets = {"things": THINGS, "plain": PLAIN}
    room = Room(tmp_path, sets)
    room.rows.update(things=rows_of(), plain=[row("p", "en")])
    assert room.build().code == 0
    before = room.tree()
    room.rows["things"].append(row("z", None))
    change(room, "a", "en", title="not yet")
    room.rows["plain"][0]["title"] = "new words"
    done = room.build()
    assert done.code == 3
    assert problems(done) == [("things", "", "z")]
    assert room.tree()["en/a.html"] == before["en/a.html"]
    assert room.page("en/plain/p.html").title == "new words"
    assert room.build().report["changes"] == []


# --- rows that meet -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["hold", "omit", "keep"])
def test_two_rows_with_one_path(tmp_path, policy):
    room = new_room(tmp_path, rows_of(), guards={"content": policy})
    before = room.tree()
    change(room, "b", "fr", slug="c", title="which one?")
    change(room, "a", "fr", title="new words")
    done = room.build()
    assert done.code == (3 if policy == "hold" else 4), done
    assert set(problems(done)) == {("things", "fr", "b"), ("things", "fr", "c")}
    assert "two files want the path 'fr/c.html'" in done.report["problems"][0]["text"]
    tree = room.tree()
    if policy == "omit":
        assert not {"fr/b.html", "fr/b.json", "fr/c.html", "fr/c.json"} & set(tree)
        assert "fr" not in room.page("en/b.html").alternates
    else:
        assert tree["fr/b.html"] == before["fr/b.html"] and tree["fr/c.html"] == before["fr/c.html"]
        assert room.page("en/b.html").alternates["fr"] == "https://example.org/fr/b.html"
    assert (room.page("fr/a.html").title == "new words") == (policy != "hold")
    again = room.build()
    assert (again.code, again.report["changes"]) == (done.code, [])
    change(room, "b", "fr", slug="b", title="b in fr")
    assert_recovered(room)


@pytest.mark.parametrize("policy", ["hold", "omit", "keep"])
def test_a_path_that_is_file_and_folder(tmp_path, policy):
    room = new_room(tmp_path, rows_of(["en"]), guards={"content": policy})
    before = room.tree()
    change(room, "b", "en", slug="c.html/x")
    done = room.build()
    assert done.code == (3 if policy == "hold" else 4), done
    assert "a file and a folder want the path 'en/c.html'" in done.report["problems"][0]["text"]
    tree = room.tree()
    for path in ("en/b.html", "en/c.html"):
        assert tree.get(path) == (None if policy == "omit" else before[path])
    assert room.build().report["changes"] == []
    change(room, "b", "en", slug="b")
    assert_recovered(room)


def test_a_file_becomes_a_folder_and_back(tmp_path):
    sets = {"things": {**THINGS, "path": "{{locale}}/{{slug}}", "outputs": []}}
    room = new_room(tmp_path, [row("a", "en", title="x" * 2000)], sets, root_page="")
    for slug in ("a/b/c", "a/b", "a/b/c/d", "a"):
        change(room, "a", "en", slug=slug)
        assert room.build().code == 0
        assert [p for p in room.tree() if p.startswith("en/")] == ["en/" + slug]


def test_a_kept_page_keeps_its_path(tmp_path):
    """What stays was there first: a row that wants its path is the one to blame."""
    room = new_room(tmp_path, rows_of(["en"]), guards={"content": "keep"})
    before = room.tree()
    change(room, "a", "en", state="odd")
    change(room, "b", "en", slug="a")
    done = room.build()
    assert done.code == 4
    assert problems(done, "kept") == [("things", "en", "a"), ("things", "en", "b")]
    assert "(as in the last release)" in done.report["problems"][1]["text"]
    assert room.tree()["en/a.html"] == before["en/a.html"] and room.tree()["en/b.html"] == before["en/b.html"]


def test_two_rows_of_one_key_and_locale(tmp_path):
    for policy in ("hold", "omit", "keep"):
        room = new_room(tmp_path / policy, rows_of(), guards={"content": policy})
        before = room.tree()
        at = next(i for i, r in enumerate(room.rows["things"]) if r["key"] == "b" and r["locale"] == "fr")
        room.rows["things"].insert(at, row("b", "fr", slug="other", title="which one?"))
        done = room.build()
        assert done.code == (3 if policy == "hold" else 4), done
        assert problems(done) == [("things", "fr", "b")]
        assert not room.has("fr/other.html")
        assert room.tree().get("fr/b.html") == (None if policy == "omit" else before["fr/b.html"])


def test_rows_of_a_key_that_do_not_come_together(tmp_path):
    room = Room(tmp_path)
    room.rows["things"] = [row(k, locale) for locale in ("en", "fr") for k in KEYS]
    done = room.build()
    assert done.code == 3
    assert "ORDER BY key, locale" in done.report["problems"][0]["text"]
    again = room.build()
    assert (again.code, again.report["changes"]) == (3, [])
    room.rows["things"] = rows_of()
    assert_recovered(room)


def test_a_static_file_and_a_page_with_one_path(tmp_path):
    room = new_room(tmp_path, rows_of())
    before = room.tree()
    room.write("static/en/a.html", "mine")
    done = room.build()
    assert done.code == 2, done
    assert "two files want the path 'en/a.html'" in done.err and "a file of kind static" in done.err
    assert room.tree() == before
    (room.folder / "static/en/a.html").unlink()
    room.write("static/en/c.html/more.txt", "a folder where a page stands")
    done = room.build()
    assert done.code == 2
    assert "a file and a folder want the path 'en/c.html'" in done.err
    assert room.tree() == before


@pytest.mark.parametrize("policy", ["hold", "omit", "keep"])
@pytest.mark.parametrize("slug", ["robots.txt", "404.html", "sitemap.xml", "sitemap-12.xml", "version.json", "index.html"])
def test_paths_that_belong_to_the_site(tmp_path, policy, slug):
    """A row cannot take them, neither as a file nor as a folder, nor stop the rest."""
    sets = {"things": THINGS, "plain": {**PLAIN, "path": "{{slug}}"}}
    room = Room(tmp_path, sets, guards={"content": policy})
    for template in ("robots.txt", "404.html", "chooser.html"):
        room.write("templates/%s.mustache" % template, "the site's own")
    room.rows.update(things=rows_of(), plain=[row("p", "en", slug="p.html"), row("q", "en", slug="q.html")])
    assert room.build().code == 0
    for taken in (slug, slug + "/index.html"):
        room.rows["plain"][0]["slug"] = taken
        done = room.build()
        assert done.code == (3 if policy == "hold" else 4), done
        assert problems(done) == [("plain", "en", "p")]
        assert "platen prints the site's own file there" in done.report["problems"][0]["text"]
        assert room.has("p.html") == (policy != "omit")
        assert room.has("q.html")
        assert not room.public().joinpath(slug).is_dir()


def test_a_page_may_be_the_root_page(tmp_path):
    sets = {"things": {**THINGS, "path": "{{slug}}.html", "outputs": []}}
    room = new_room(tmp_path, [row("front", "en", slug="index"), row("a", "en")], sets, root_page="index.html")
    assert room.page("index.html").title == "front in en"
    assert room.page("index.html").canonical == "https://example.org/"


def test_two_elements_with_one_key(tmp_path):
    """Files of elements are named after them: the first is meant."""
    for policy, code in (("hold", 3), ("omit", 4), ("keep", 4)):
        room = new_room(tmp_path / policy, rows_of(), guards={"content": policy})
        change(room, "a", "fr", sections=[note("n", "first"), note("n", "second"), note("m")])
        done = room.build()
        assert done.code == code
        assert "sections 'n': an element before it has this 'name'" in done.report["problems"][0]["text"]
        if policy != "hold":
            assert room.json("fr/a.json") == [note("n", "first"), note("m")]
        assert room.build().report["changes"] == []


# --- states -------------------------------------------------------------------------------------------------------------


def test_gone_and_maintenance_act_while_the_locale_is_held(room):
    before, all_rows = room.tree(), copy.deepcopy(room.rows)
    change(room, "a", "fr", slug="..")  # holds fr
    change(room, "b", "fr", state="gone")
    change(room, "c", "fr", state="maintenance")
    change(room, "d", "fr", title="not yet")
    done = room.build()
    assert done.code == 3
    tree = room.tree()
    assert "fr/b.html" not in tree and "fr/b.json" not in tree
    assert room.page("fr/c.html").state == "maintenance"
    assert tree["fr/d.html"] == before["fr/d.html"]
    assert room.page("en/b.html").alternates.keys() == {"en", "x-default"}
    assert "https://example.org/fr/c.html" not in room.sitemap()
    assert room.build().report["changes"] == []
    room.rows = all_rows
    assert_recovered(room)


def test_a_closed_page_prints_no_elements(room):
    """Nothing of a closed page is checked, so nothing of its elements is shown either."""
    change(room, "a", "fr", state="maintenance", sections=[note("n", ""), note("n"), note("../x")])
    assert room.build().code == 0
    assert room.page("fr/a.html").title == "closed: a in fr"
    assert [p for p in room.tree() if p.startswith("fr/a")] == ["fr/a.html", "fr/a.json"]


def test_maintenance_of_a_set_without_such_a_template(tmp_path):
    sets = {"things": {k: v for k, v in THINGS.items() if k != "maintenance"}}
    room = new_room(tmp_path, rows_of(), sets)
    change(room, "a", "fr", state="maintenance")
    assert room.build().code == 0
    assert room.page("fr/a.html").state == "maintenance"


# --- --accept -----------------------------------------------------------------------------------------------------------


def test_accept_prints_over_what_shrank(room):
    drop(room, "fr")
    drop(room, "en", ["a", "b", "c"])
    assert room.build().code == 3
    done = room.build("--accept")
    assert done.code == 0, done
    assert [p for p in room.tree() if p.endswith(".html")] == ["en/d.html"]
    assert room.build().code == 0  # from then on this is the measure


def test_accept_leaves_out_what_would_be_held(room):
    change(room, "b", "fr", slug="..")
    assert room.build().code == 3
    done = room.build("--accept")
    assert done.code == 4, done
    assert problems(done, "omitted") == [("things", "fr", "b")]
    assert not room.has("fr/b.html") and room.has("fr/a.html")


def test_accept_does_not_touch_keep(tmp_path):
    room = new_room(tmp_path, rows_of(), guards={"content": "keep"})
    change(room, "b", "fr", slug="..")
    done = room.build("--accept")
    assert done.code == 4
    assert problems(done, "kept") == [("things", "fr", "b")]
    assert room.has("fr/b.html")


# --- how it is told -----------------------------------------------------------------------------------------------------


def test_a_dry_run_decides_the_same_and_writes_nothing(room):
    before = room.tree()
    change(room, "b", "fr", slug="..")
    change(room, "a", "en", title="new words")
    done = room.build("--dry-run")
    assert done.code == 3
    assert problems(done) == [("things", "fr", "b")]
    assert [c["path"] for c in done.report["changes"]] == ["en/a.html", "version.json"]
    assert room.tree() == before
    assert room.build().report["changes"] == done.report["changes"]


def test_many_problems_are_counted_once(tmp_path):
    """The list has a cap, and a look that reads its snapshot twice tells no problem twice."""
    room = Room(tmp_path)
    room.rows["things"] = [row("k%04d" % i, "en", slug="..") for i in range(1500)]
    done = room.build()
    assert done.code == 3
    assert (len(done.report["problems"]), done.report["more_problems"]) == (1000, 500)


def test_words_for_people(room):
    change(room, "b", "fr", slug="..")
    done = room.report_of_human("--source", room.source())
    assert done.code == 3
    assert "held: page set 'things', locale fr, key 'b': path 'fr/...html' has" in done.err
    assert "platen build --accept" in done.err


def test_guards_of_a_first_build(tmp_path):
    """Nothing to stay with: nothing of the held locale is printed, and the rest is."""
    room = Room(tmp_path)
    room.rows["things"] = rows_of()
    change(room, "b", "fr", slug="..")
    done = room.build()
    assert done.code == 3
    assert not any(p.startswith("fr/") for p in room.tree())
    assert room.page("en/b.html").alternates.keys() == {"en", "x-default"}
    change(room, "b", "fr", slug="b")
    assert_recovered(room)


def test_the_cause_changes_while_it_is_held(room):
    """From one cause to another, with clashes on the way: each look finds its own reasons."""
    all_rows = copy.deepcopy(room.rows)
    change(room, "b", "fr", slug="c")  # clash
    assert room.build().code == 3
    change(room, "b", "fr", slug="b")
    change(room, "a", "fr", slug="..")  # bad path instead
    done = room.build()
    assert problems(done) == [("things", "fr", "a")]
    change(room, "a", "fr", slug="a")
    change(room, "d", "en", slug="c")  # the other locale
    done = room.build()
    assert {p[1] for p in problems(done)} == {"en"}
    change(room, "a", "fr", title="new words")
    assert room.build().code == 3
    assert room.page("fr/a.html").title == "new words"
    room.rows = all_rows
    assert_recovered(room)
