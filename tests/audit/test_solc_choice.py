"""Which compiler a file asks for, and what it imports."""

import pytest

from counterpoise.audit.engines.solc_choice import (
    admitted,
    blanked,
    candidates,
    imports_of,
    pragmas_of,
    without_pragmas,
)

HERE = [(0, 4, 24), (0, 4, 26), (0, 5, 17), (0, 6, 12), (0, 7, 6), (0, 8, 30)]


@pytest.mark.parametrize(
    ("constraint", "inside", "outside"),
    [
        ("^0.4.18", (0, 4, 26), (0, 5, 0)),
        ("^0.8.0", (0, 8, 30), (0, 9, 0)),
        ("^1.2.3", (1, 9, 0), (2, 0, 0)),
        ("~0.5.3", (0, 5, 17), (0, 6, 0)),
        ("0.4.24", (0, 4, 24), (0, 4, 25)),
        ("=0.4.24", (0, 4, 24), (0, 4, 26)),
        ("v0.4.24", (0, 4, 24), (0, 4, 26)),
        (">=0.4.22 <0.6.0", (0, 5, 17), (0, 6, 0)),
        (">0.5.0", (0, 5, 1), (0, 5, 0)),
        ("<=0.5.3", (0, 5, 3), (0, 5, 4)),
        ("0.4.24 || ^0.8.0", (0, 8, 1), (0, 5, 0)),
        ("0.5.0 - 0.6.5", (0, 6, 5), (0, 6, 6)),
        ("0.7.x", (0, 7, 6), (0, 8, 0)),
        ("*", (0, 4, 12), None),
        ("0.8", (0, 8, 30), (0, 7, 6)),
    ],
)
def test_constraints_are_read_as_npm_reads_them(constraint, inside, outside):
    assert admitted(constraint, inside)
    assert outside is None or not admitted(constraint, outside)


def test_nonsense_admits_nothing():
    assert not admitted("latest", (0, 8, 30))
    assert not admitted("", (0, 8, 30))


def test_the_newest_that_every_file_admits_comes_first():
    texts = ["pragma solidity >=0.4.22;", "pragma solidity <0.7.0;"]
    assert candidates(texts, HERE)[0] == ((0, 6, 12), False)
    assert [one for one, _ in candidates(texts, HERE)] == [(0, 6, 12), (0, 5, 17), (0, 4, 26)]


def test_without_a_pragma_old_words_ask_for_an_old_compiler():
    assert candidates(["contract A { function f() { throw; } }"], HERE)[0][0] == (0, 4, 26)
    assert candidates(["contract A { }"], HERE)[0][0] == (0, 8, 30)
    assert candidates(['contract A { string s = "throw"; }'], HERE)[0][0] == (0, 8, 30)


def test_a_version_that_is_not_here_is_read_by_the_nearest_of_its_series_and_said_so():
    assert candidates(["pragma solidity 0.4.18;"], HERE) == [((0, 4, 26), True)]
    assert candidates(["pragma solidity ^0.9.0;"], HERE) == []
    assert candidates(["pragma solidity latest;"], HERE) == []


def test_a_pragma_in_a_comment_or_a_string_asks_for_nothing():
    text = (
        "// pragma solidity 0.1.0;\n/* pragma solidity 0.2.0; */\n"
        'string s = "pragma solidity 0.3.0;";\n'
        "pragma solidity ^0.8.1 ;"
    )
    assert pragmas_of(text) == ["^0.8.1"]
    assert "0.8.1" not in without_pragmas(text) and "0.1.0" in without_pragmas(text)
    assert without_pragmas(text).count("\n") == text.count("\n")


def test_imports_are_read_in_every_form_and_not_from_comments():
    text = (
        'import "./A.sol";\nimport {B, C as D} from "lib/B.sol";\nimport * as E from \'E.sol\';\n'
        '// import "F.sol";\nimport "G.sol" as G;\nstring s = "import H.sol";'
    )
    assert imports_of(text) == ["./A.sol", "lib/B.sol", "E.sol", "G.sol"]


def test_blanking_keeps_every_line_and_hides_what_is_in_strings():
    text = "a /* b\nc */ d // e\n\"f // g\" h 'it\\'s' i"
    plain = blanked(text)
    assert plain.split() == ["a", "d", "h", "i"]
    assert plain.count("\n") == text.count("\n") and len(plain) == len(text)
    assert '"f // g"' in blanked(text, strings=False)


def test_an_open_comment_or_quote_does_not_hang():
    assert blanked("x /* never closed " + "*" * 50_000).split() == ["x"]
    assert blanked('x "never closed\ny').split()[-1] == "y"
