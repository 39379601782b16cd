"""Whatever a run, a model or a data set is called, a table stays a table."""

import csv
import re
from dataclasses import replace
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

HOSTILE = (
    "a\nb",
    "a\r\nb",
    "a\rb",
    "a\tb",
    "a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g",
    "a\x1b]0;owned\x07b\x9b31m",
    "\u202etac\u2066\u200b\ufeff",
    "caf\udce9\ud800",
    "<script>alert(1)</script>",
    "&lt;b&gt; &amp; &#124;",
    "a | b || c",
    "a\\|b\\",
    "`code` ``` ~~~",
    "**bold** _it_ ~gone~",
    "[text](https://example.org) ![x](y) www.example.org",
    "# heading\n---\n> quote",
    "$x_1^2$ %comment #1 {a} \\input{/etc/passwd} ~^",
    "[0pt] *",
    "a -- b --- c ?` !` '' ``",
    '=HYPERLINK("http://example.org","x")',
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    " =1+1",
    "\uff1d1+1",
    'a,b;c"d',
    "",
    "   ",
    "猫 кошка قطة 🐱",
)
FOREIGN = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(), max_size=20))


@pytest.fixture(scope="module")
def table_with():
    """A table of two rows and their difference in which all foreign words are the given ones."""
    from eagle_mllm.metrics.summary import Summary
    from eagle_mllm.tables import Column, Labels, Row, Table

    cell = Summary(mean=0.5, low=0.25, high=0.75, n=4, n_missing=0)

    def row(labels):
        return Row(labels=Labels(*labels), n_samples=4, cells=(cell,), best=(False,))

    def make(first, second):
        one, other = (row([words] * len(Labels._fields)) for words in (first, second))
        return Table(
            name="sentences",
            title=f"Faithfulness of {first}",
            columns=(Column(measure="insertion_auc", heading="insertion", better="higher"),),
            rows=(one, other),
            differences=(replace(one, labels=Labels(*[f"{first} − {second}"] * 8)),),
            footer=f"8 samples: 4 explained. Failures: {second} 4.",
        )

    return make


def cells_of_markdown(line):
    """The cells of a row, by GitHub's rule: a bar that follows an even number of backslashes."""
    inner = line.removeprefix("| ").removesuffix(" |")
    return [cell.strip() for cell in re.split(r"(?<!\\)(?:\\\\)*\|", inner)]


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_leave_every_format_in_shape(table_with, words):
    every_format_holds(table_with(words, f"{words} 2"))


@given(FOREIGN, FOREIGN)
def test_any_words_leave_every_format_in_shape(table_with, first, second):
    every_format_holds(table_with(first, second))


def every_format_holds(table):
    markdown_holds(table)
    latex_holds(table)
    csv_holds(table)
    terminal_holds(table)


def markdown_holds(table):
    from eagle_mllm.tables import markdown

    paragraphs = printable_lines(markdown([table])).strip().split("\n\n")
    title, note, rows, kind, pairs, footer = paragraphs
    assert title.startswith("### Faithfulness")
    assert kind == "Paired differences"
    assert [len(block.split("\n")) for block in (title, note, rows, pairs, footer)] == [
        1,
        1,
        4,
        3,
        1,
    ]
    widths = {len(cells_of_markdown(line)) for line in (rows + "\n" + pairs).split("\n")}
    assert widths == {len(table.shown_labels) + 2}
    for text in (title.removeprefix("### "), note, footer, *cells_of_markdown(rows)):
        bare = re.sub(r"\\[!-/:-@\[-`{-~]", "", text)  # what a backslash makes a mere character
        assert not re.search(r"[<>&`\[\]*_~$]|://|www\.", bare.replace("|", "")), text


def latex_holds(table):
    from eagle_mllm.tables import latex

    lines = printable_lines(latex([table])).split("\n")
    start, stop = lines.index(r"\toprule"), lines.index(r"\bottomrule")
    rows = [line for line in lines[start:stop] if line.endswith(r" \\")]
    assert len(rows) == 1 + 2 + 1 + 1  # head, rows, the words "Paired differences", a difference
    n_columns = len(table.shown_labels) + 2
    for line in (*rows[:3], rows[4]):
        assert len(re.findall(r"(?<!\\)&", line)) == n_columns - 1
        assert not re.match(r"\s*[\[*]", line)  # they would be an argument of the line before
    text = "\n".join(lines)
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    commands = set(re.findall(r"\\[a-zA-Z]+", text))
    assert commands <= LATEX_COMMANDS
    assert not re.search(r"(?<!\\)[%#~^]", text)


LATEX_COMMANDS = {
    rf"\{name}"
    for name in [
        "begin",
        "end",
        "centering",
        "caption",
        "label",
        "toprule",
        "midrule",
        "bottomrule",
        "multicolumn",
        "textbackslash",
        "textasciitilde",
        "textasciicircum",
        "textless",
        "textgreater",
        "textbar",
        "symbol",
        "pm",
        "lambda",
        "uparrow",
        "downarrow",
        "mathbf",
    ]
}


def csv_holds(table):
    from eagle_mllm.tables import long_form

    text = printable_lines(long_form([table]))
    lines = list(csv.reader(StringIO(text, newline="")))
    assert len(text.splitlines()) == len(lines) == 1 + 3
    assert {len(line) for line in lines} == {17}
    for line in csv.DictReader(StringIO(text, newline="")):
        for name in table.rows[0].labels._fields:
            assert not re.match(r"[\s]*[=+\-@\uff1d\uff0b\uff0d\uff20]", line[name]), line[name]
        assert float(line["mean"]) == 0.5


def terminal_holds(table):
    from rich.console import Console

    from eagle_mllm.tables import terminal

    shown = terminal([table], console=Console(width=5000, color_system=None))
    lines = [line for line in printable_lines(shown).split("\n") if line.strip()]
    # Title, head and rule, two rows, kind, head and rule, a row, footer, note.
    assert len(lines) == 1 + 2 + 2 + 1 + 2 + 1 + 2


def printable_lines(text):
    """The text, of which all that is not printable is the ends of its lines."""
    assert text.replace("\n", "").isprintable()
    assert not re.search(r"[\u200b\u2060\ufeff]", text)
    return text


def test_a_spreadsheet_gets_words_for_formulas_and_numbers_for_numbers(table_with):
    from eagle_mllm.tables import long_form

    (line, *_) = csv.DictReader(StringIO(long_form([table_with("=1+1", "b")])))
    assert line["model"] == "'=1+1"
    assert line["mean"] == "0.5"


def test_markdown_shows_the_very_characters(table_with):
    from eagle_mllm.tables import markdown

    text = markdown([table_with("<b>&amp;|x_1", "b")])
    assert r"| \<b\>\&amp;\|x\_1 |" in text


def test_latex_shows_the_very_characters(table_with):
    from eagle_mllm.tables import latex

    text = latex([table_with(r"[a]\_{b}--c|<", "b")])
    assert r"{[}a{]}\textbackslash{}\_\{b\}-{}-c\textbar{}\textless{}" in text
