"""Answers that are not true: explained, corrected, detected, and decoded better.

diagnose(model, generation, truth)    why an answer is wrong, and the least to hide
audit(model, generation)              the words that the picture does not support
fix(model, audit, regions=...)        the answer without what the doubted words come from
contrasted(model, image, question, m) yes or no by contrast with a part of the image hidden
save_diagnosis, load_diagnosis        diagnoses on disk
"""

from eagle_mllm.hallucination.auditing import audit
from eagle_mllm.hallucination.decoding import Contrasted, contrasted
from eagle_mllm.hallucination.diagnosing import diagnose
from eagle_mllm.hallucination.diagnosis import Correction, Diagnosis
from eagle_mllm.hallucination.direct import DirectSearch
from eagle_mllm.hallucination.files import load_diagnosis, save_diagnosis
from eagle_mllm.hallucination.fixing import Fixed, fix
from eagle_mllm.hallucination.verdicts import Audit

__all__ = [
    "Audit",
    "Contrasted",
    "Correction",
    "Diagnosis",
    "DirectSearch",
    "Fixed",
    "audit",
    "contrasted",
    "diagnose",
    "fix",
    "load_diagnosis",
    "save_diagnosis",
]
