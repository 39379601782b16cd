"""The words of an answer: from tokens to characters to words, and back.

Each token has a span of the answer's characters (`spans`), and words begin and end where a reader
sets them (`breaks`). A query is looked for as a reader would (`finding`, `lookup`), another answer
is compared with the one given (`departure`), and text that is not Unicode is refused
(`plain_text`).
"""
