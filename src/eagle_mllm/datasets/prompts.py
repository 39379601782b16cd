"""What the paper's models were asked."""

from eagle_mllm.errors import SettingError

CAPTION = (
    "Describe the image in one factual English sentence of no more than 20 words. "
    "Do not include information that is not clearly visible."
)
"""For captions and for single objects."""

EXISTENCE = (
    "You are asked a visual question answering task. \n"
    'First, answer strictly with "Yes" or "No". \n'
    "Then, provide a short explanation if necessary.\n"
    "\n"
    "Question: {question}\n"
    "Answer:"
)
"""For RePOPE; the spaces at the ends of lines are in the reference's recorded tokens."""

CHOICE = "{question} {options}"
"""MMVP's own form. The paper asked the question alone."""


def require_question(template: str) -> None:
    """Refuse a template that would ask the same of every image.

    Raises:
        SettingError: it has no place for the question
    """
    if "{question}" not in template:
        raise SettingError(
            f"the prompt {template!r} has no place for the question; write {{question}} in it"
        )


def filled(template: str, **parts: str) -> str:
    """The template with `{question}` and the like replaced; other braces stay."""
    for name, text in parts.items():
        template = template.replace(f"{{{name}}}", text)
    return template
