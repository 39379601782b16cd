"""Letters are drawn by a font of this machine, or one line says which font to install."""

import logging

import pytest


@pytest.fixture
def fonts(monkeypatch):
    """The module, which remembers nothing from before and is left without memories."""
    from eagle_mllm.report.figures import fonts

    def forget():
        for remembered in (
            fonts._family_with,
            fonts._searched,
            fonts._installed,
            fonts._letters_of,
        ):
            remembered.cache_clear()

    forget()
    yield fonts
    monkeypatch.undo()
    forget()


@pytest.fixture
def bare(fonts, monkeypatch):
    """A machine with no font but the one that comes with matplotlib."""
    monkeypatch.setattr(fonts, "_searched", lambda: ())
    return fonts


@pytest.fixture
def with_new_font(fonts, tmp_path, monkeypatch):
    """A machine on which a font with the letter 猫 came after matplotlib had made its list."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    for place, point in enumerate([(0, 0), (0, 800), (900, 800), (900, 0)]):
        pen.lineTo(point) if place else pen.moveTo(point)
    pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "cat"])
    builder.setupCharacterMap({ord("猫"): "cat"})
    builder.setupGlyf({".notdef": pen.glyph(), "cat": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "cat": (1000, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Cat Sans", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(tmp_path / "cat.ttf")
    manager = fonts.fontManager
    only_base = [font for font in manager.ttflist if font.name == fonts.BASE]
    monkeypatch.setattr(manager, "ttflist", only_base)
    monkeypatch.setattr(fonts, "findSystemFonts", lambda: [str(tmp_path / "cat.ttf")])
    return fonts


def test_plain_letters_need_no_other_font(bare):
    assert bare.font_for("a red cat, Katze, кошка, قطة, חתול", size=9.0).get_family() == [bare.BASE]
    assert bare.drawable("a red cat") == "a red cat"


def test_a_letter_that_no_font_has_is_a_box(bare):
    assert bare.drawable("a 猫!") == "a ▯!"
    assert bare.missing_letters("a 猫 क!") == {"猫", "क"}
    assert bare.width_in_inches(size=9.0)("猫") == bare.width_in_inches(size=9.0)("▯")


def test_characters_without_a_form_of_their_own_are_no_missing_letters(bare):
    assert bare.missing_letters("a\u200db\u200fc\ufe0f") == frozenset()


def test_a_font_that_was_installed_after_matplotlib_listed_them_is_found(with_new_font):
    assert with_new_font.font_for("a 猫", size=9.0).get_family() == ["DejaVu Sans", "Cat Sans"]
    assert with_new_font.drawable("a 猫 क") == "a 猫 ▯"


def test_a_bold_text_is_regular_where_a_family_has_no_bold_face(with_new_font):
    assert with_new_font.font_for("cat", size=9.0, bold=True).get_weight() == 700
    assert with_new_font.font_for("猫", size=9.0, bold=True).get_weight() == 400


@pytest.mark.parametrize(
    ("letters", "line"),
    [
        ("", None),
        ("猫", "no font on this machine has Chinese, drawn as ▯; install Noto Sans CJK"),
        (
            "ねこ猫양",
            "no font on this machine has Chinese, Japanese, Korean, drawn as ▯; install "
            "Noto Sans CJK",
        ),
        (
            "कแ",
            "no font on this machine has Devanagari (Hindi), Thai, drawn as ▯; install "
            "Noto Sans Devanagari, Noto Sans Thai",
        ),
        ("🐱", "no font on this machine has emoji and signs, drawn as ▯; install Noto Emoji"),
    ],
)
def test_one_line_says_which_script_is_missing_and_what_to_install(letters, line):
    from eagle_mllm.report.figures.scripts import missing_fonts

    assert missing_fonts(letters) == line


def test_the_figure_and_one_line_on_the_terminal_tell_of_a_missing_font(
    bare, cases, tmp_path, caplog
):
    from eagle_mllm import report

    report._note.cache_clear()
    with caplog.at_level(logging.WARNING):
        for name in ("a.svg", "b.svg"):
            report.save_figure(cases("hindi"), tmp_path / name)
    assert [record.getMessage() for record in caplog.records] == [
        "eagle: note: no font on this machine has Devanagari (Hindi), drawn as ▯; install "
        "Noto Sans Devanagari"
    ]
    texts = [text.get_text() for text in report.figure(cases("hindi")).texts]
    assert any(text.startswith("no font on this machine has Devanagari") for text in texts)


@pytest.mark.parametrize("name", ["sentence", "hostile", "right to left"])
def test_nothing_is_said_where_nothing_is_missing(bare, cases, tmp_path, caplog, name):
    from eagle_mllm import report

    report._note.cache_clear()
    with caplog.at_level(logging.WARNING):
        report.save_figure(cases(name), tmp_path / "a.svg")
    assert caplog.records == []


@pytest.mark.parametrize("name", ["hindi", "chinese", "emoji", "right to left"])
def test_no_font_is_looked_for_in_vain(cases, tmp_path, caplog, name):
    from eagle_mllm import report

    with caplog.at_level(logging.WARNING, logger="matplotlib"):
        report.save_figure(cases(name), tmp_path / "a.png", dpi=30)
    assert [record for record in caplog.records if record.name.startswith("matplotlib")] == []
