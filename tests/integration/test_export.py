"""`platen export`, and exported files as a source: the same rows without a database, and nothing from a damaged file."""

import json
import os
import subprocess

import pytest

from program import PLATEN, Running, Site, platen_measured, rows

QUERIES = {
    "first": "SELECT n::text AS key, l AS locale, '2026-01-02T03:04:05.6789Z'::timestamptz AS updated_at, n * 1.10 AS price,"
             " jsonb_build_object('t', repeat('é\n\"', n), 'l', jsonb_build_array(1.50, null, true)) AS doc"
             " FROM generate_series(1, 30) n, unnest(ARRAY['ar', 'en']) l ORDER BY 1, 2",
    "empty": "SELECT '' AS key, '' AS locale WHERE false",
    "last": "SELECT 'a' AS key, 'en' AS locale, 'gone' AS state, 'infinity'::timestamptz AS next_change_at",
}


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path, QUERIES)


@pytest.fixture
def exported(site, empty_db):
    """The file that export wrote, as text."""
    done = site.run("export", "--source", empty_db.pg.dsn(empty_db.name), "site.export")
    assert done.code == 0, done
    assert "site.export: 61 rows of 3 page sets" in done.err
    return (site.folder / "site.export").read_text(encoding="utf-8")


HEADER = '{"platen_export":1,"sets":[{"name":"things","columns":["key","locale"]}]}\n'
ROW = '{"set":"things","row":{"key":"a","locale":"en"}}\n'
END = '{"end":{"things":1}}\n'


@pytest.fixture
def small(tmp_path):
    """A site with one page set, and a function that exports a hand-written file."""
    site = Site(tmp_path, {"things": "not used"}, limits={"row": "2kB"})

    def read(text, *args):
        (tmp_path / "in.export").write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return site.run("export", "--source", "in.export", *args)
    read.site = site
    return read


# --- the file -----------------------------------------------------------------------------------------------------------


def test_what_the_file_looks_like(exported):
    lines = exported.splitlines()
    assert json.loads(lines[0]) == {"platen_export": 1, "sets": [
        {"name": "first", "columns": ["key", "locale", "updated_at", "price", "doc"]},
        {"name": "empty", "columns": ["key", "locale"]},
        {"name": "last", "columns": ["key", "locale", "state", "next_change_at"]}]}
    assert lines[1].startswith('{"set":"first","row":{"key":"1","locale":"ar","updated_at":"2026-01-02T03:04:05.6789Z",'
                               '"price":1.10,"doc":{"l":[1.50,null,true],"t":"é\\n\\""}}}')
    assert lines[-1] == '{"end":{"first":60,"empty":0,"last":1}}'


def test_exporting_the_file_gives_the_file(site, exported):
    again = site.run("export", "--source", "site.export")
    assert again.code == 0, again
    assert again.out == exported


def test_exporting_twice_gives_the_same_bytes(site, exported, empty_db):
    assert site.run("export", "--source", empty_db.pg.dsn(empty_db.name)).out == exported


def test_reading_fewer_or_other_page_sets(tmp_path, site, exported):
    """Page sets that the configuration does not have are passed over; their order is that of the configuration."""
    other = Site(tmp_path / "other", {"last": "x", "first": "x"})
    done = other.run("export", "--source", site.folder / "site.export")
    assert done.code == 0, done
    assert list(rows(done.out)) == ["last", "first"]
    assert rows(done.out)["first"] == rows(exported)["first"]


def test_only_one_locale(site, exported):
    done = site.run("export", "--source", "site.export", "--locale", "ar")
    assert done.code == 0, done
    assert {row["locale"] for row in rows(done.out)["first"]} == {"ar"}
    assert rows(done.out)["last"] == []


def test_times_lose_no_fraction_in_the_file(exported):
    assert rows(exported)["last"] == [{"key": "a", "locale": "en", "state": "gone", "next_change_at": "infinity"}]


def test_writing_to_a_pipe_and_to_standard_output(site, exported):
    out = subprocess.run([PLATEN, "export", "--source", "site.export", "--to", "/dev/stdout"], cwd=site.folder,
                         stdout=subprocess.PIPE, check=True).stdout.decode("utf-8")
    assert out == exported
    assert site.run("export", "--source", "site.export", "--to", "-").out == exported


def test_the_target_appears_whole_or_not_at_all(site, exported):
    target = site.folder / "kept.export"
    target.write_text("old")
    done = site.run("export", "--source", "nowhere.export", "--to", target)
    assert done.code == 2 and target.read_text() == "old"
    done = site.run("export", "--source", "site.export", "--to", target)
    assert done.code == 0 and target.read_text(encoding="utf-8") == exported
    assert sorted(p.name for p in site.folder.iterdir()) == ["kept.export", "platen.yaml", "site.export", "sql"]


def test_a_link_is_followed(site, exported):
    (site.folder / "real.export").write_text("old")
    (site.folder / "link.export").symlink_to("real.export")
    assert site.run("export", "--source", "site.export", "--to", "link.export").code == 0
    assert (site.folder / "link.export").is_symlink()
    assert (site.folder / "real.export").read_text(encoding="utf-8") == exported


def test_a_file_may_replace_the_file_it_is_read_from(site, exported):
    assert site.run("export", "--source", "site.export", "--to", "site.export").code == 0
    assert (site.folder / "site.export").read_text(encoding="utf-8") == exported


@pytest.mark.parametrize("target, words", [
    ("/dev/full", "No space left on device"),
    ("missing/x.export", "No such file or directory"),
    ("sql", "Is a directory"),
])
def test_a_target_that_cannot_be_written(site, exported, target, words):
    done = site.run("export", "--source", "site.export", "--to", target)
    assert done.code == 1, done
    assert target in done.err and words in done.err


def test_standard_output_that_is_full(site, exported):
    full = os.open("/dev/full", os.O_WRONLY)
    done = Running("export", "--source", "site.export", cwd=site.folder, stdout=full).wait()
    os.close(full)
    assert done.code == 1 and "No space left on device" in done.err


def test_both_ways_to_name_the_target(site, exported):
    done = site.run("export", "--source", "site.export", "--to", "a", "b")
    assert done.code == 2 and "give one of them" in done.err


# --- files that are not whole -----------------------------------------------------------------------------------------------


def test_a_file_cut_anywhere_is_refused(small):
    whole = HEADER + ROW + END
    assert small(whole).code == 0
    for n in range(len(whole)):
        done = small(whole[:n])
        assert done.code == 2, (n, done)
        assert "in.export" in done.err
        assert "row" not in done.out


@pytest.mark.parametrize("text, words", [
    ("", "the file is empty"),
    ("<html>\n", "this is no file that 'platen export' wrote"),
    ("[1,2]\n", "this is no file that 'platen export' wrote"),
    (HEADER.replace(":1,", ":2,") + ROW + END, "another format version"),
    (HEADER.replace('"key",', "") + ROW + END, "there is no column 'key'"),
    (HEADER.replace('"locale"', '"locale","page"') + ROW + END, "a column must not be named 'page'"),
    (HEADER.replace('"locale"', '"locale","key"') + ROW + END, "two columns are named 'key'"),
    (HEADER + ROW + ROW, "cut short"),
    (HEADER + ROW + END.rstrip("\n"), "cut short"),
    (HEADER + ROW + '{"end":{"other":1}}\n', "does not count the rows of page set 'things'"),
    (HEADER + ROW + '{"end":{"things":-1}}\n', "does not count the rows"),
    (HEADER + ROW + '{"end":{"things":2}}\n', "has 1 rows, but its last line counts 2"),
    (HEADER + ROW + ROW + END, "has 2 rows, but its last line counts 1"),
    (HEADER + "oops\n" + ROW + END, "in.export:2: line 1, column 1"),
    (HEADER + '{"set":"other","row":{}}\n' + ROW + END, "in.export:2: a row of a page set that line 1 does not list"),
    (HEADER + '{"things":5}\n' + ROW + END, "in.export:2: a line must be"),
])
def test_a_damaged_file(small, text, words):
    done = small(text, "--to", "out.export")
    assert done.code == 2, done
    assert "in.export" in done.err and words in done.err
    assert not (small.site.folder / "out.export").exists()


def test_an_overlong_line_of_unknown_kind(small):
    done = small(HEADER + ROW + "x" * 2_000_000 + "\n" + END)
    assert done.code == 2, done
    assert "in.export:3: a line of 2000000 bytes of unknown kind" in done.err


def test_rows_out_of_order(tmp_path):
    site = Site(tmp_path, {"a": "x", "b": "x"})
    columns = '"columns":["key","locale"]'
    (tmp_path / "in.export").write_text(
        '{"platen_export":1,"sets":[{"name":"a",%s},{"name":"b",%s}]}\n' % (columns, columns)
        + '{"set":"b","row":{"key":"1","locale":"en"}}\n{"set":"a","row":{"key":"1","locale":"en"}}\n{"end":{"a":1,"b":1}}\n')
    done = site.run("export", "--source", "in.export")
    assert done.code == 2
    assert "page set 'a' has 0 rows" in done.err or "in.export:3: a row out of order" in done.err


def test_a_page_set_the_file_does_not_hold(small, tmp_path):
    site = Site(tmp_path / "other", {"else": "x"})
    small(HEADER + ROW + END)
    done = site.run("export", "--source", tmp_path / "in.export")
    assert done.code == 2
    assert "page set 'else': " in done.err and "in.export does not hold it; export the site again" in done.err


@pytest.mark.parametrize("make, words", [
    (lambda p: p.mkdir(), "must be a plain file"),
    (os.mkfifo, "must be a plain file"),
    (lambda p: None, "No such file or directory (a connection string begins with"),
])
def test_a_source_that_is_no_file(small, make, words):
    path = small.site.folder / "odd.export"
    make(path)
    done = small.site.run("export", "--source", "odd.export")
    assert done.code == 2, done
    assert words in done.err


# --- rows of a file -----------------------------------------------------------------------------------------------------------


def test_a_file_edited_by_hand(small):
    """Another order of members and more white space are read, and written in the usual form."""
    done = small(HEADER + ' { "row" : {"key": "a",\t"locale" : "en"} , "set":"things" }\n' + END)
    assert done.code == 0, done
    assert done.out == HEADER + ROW + END


@pytest.mark.parametrize("row, words", [
    ('{"key":"","locale":"en"}', "row 1: in.export:2: key is empty"),
    ('{"key":null,"locale":"en"}', "key is null"),
    ('{"key":{},"locale":"en"}', "key is neither text nor a number"),
    ('{"key":"a\\u0000b","locale":"en"}', "key holds a NUL character"),
    ('{"key":"a","locale":7e}', "in.export:2: line 1, column"),
    ('{"key":"a"}', "the row's columns are not those that line 1 lists"),
    ('{"locale":"en","key":"a"}', "the row's columns are not those that line 1 lists"),
    ('[1]', "the row is no object"),
    ('{"key":"a","locale":"en"},"more":{}', "in.export:2: line 1, column"),
])
def test_a_bad_row_of_a_file(small, row, words):
    done = small(HEADER + '{"set":"things","row":%s}\n' % row + ROW + END.replace("1", "2"))
    assert done.code == 4, done
    assert words in done.err
    assert done.out == HEADER + ROW + END


def test_a_number_may_be_a_key(small):
    done = small(HEADER + ROW.replace('"a"', "12.50") + END)
    assert done.code == 0, done
    assert '"key":12.50' in done.out


def test_invalid_utf8_in_a_row(small):
    done = small((HEADER + ROW.replace('"a"', '"a?"')).encode().replace(b"?", b"\xff") + END.encode())
    assert done.code == 4, done
    assert "in.export:2: " in done.err


def test_an_overlong_line_is_passed_over(small):
    """Far above limits.row: named, left out, never in memory."""
    path = small.site.folder / "in.export"
    with open(path, "w", encoding="ascii") as file:
        file.write(HEADER + ROW)
        file.write('{"set":"things","row":{"key":"b","locale":"')
        for _ in range(200):
            file.write("x" * (1 << 20))
        file.write('"}}\n' + ROW + END.replace("1", "3"))
    done = platen_measured("export", "--source", "in.export", cwd=small.site.folder)
    assert done.code == 4, done
    assert "row 2: in.export:3: the line has 209715" in done.err and "limits.row (2" in done.err
    assert done.out == HEADER + ROW + ROW + END.replace("1", "2")
    assert 0 < done.rss < 32 << 20


def test_many_rows_are_read_in_little_memory(small):
    path = small.site.folder / "in.export"
    row = ROW.replace('"a"', '"%s"' % ("k" * 1000))
    with open(path, "w", encoding="ascii") as file:
        file.write(HEADER)
        for _ in range(60000):
            file.write(row)
        file.write(END.replace("1", "60000"))
    done = platen_measured("export", "--source", "in.export", "--to", "out.export", cwd=small.site.folder)
    assert done.code == 0, done
    assert (small.site.folder / "out.export").read_bytes() == path.read_bytes()
    assert 0 < done.rss < 32 << 20
