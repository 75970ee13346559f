"""Where the tests of RULER find goldens, data sets and tokenizers; ends with 77 where they cannot."""

import os
import sys
from pathlib import Path

# Before `tokenizers` is loaded: its threads do not survive a fork.
os.environ["TOKENIZERS_PARALLELISM"] = "false"

try:
    import numpy  # noqa: F401
    import sentencepiece  # noqa: F401
    import tokenizers  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing}; HYLO_PYTHON names a Python that has numpy, tokenizers, sentencepiece")
    sys.exit(77)


def folder_of(variable):
    if not os.environ.get(variable):
        print(f"skipped: {variable} is not set")
        sys.exit(77)
    return Path(os.environ[variable])


GOLDENS = folder_of("HYLO_TEST_DATA") / "ruler-goldens"
DATA = folder_of("HYLO_DATA")
INPUTS = dict(
    words=DATA / "ruler-wonderwords",
    essays=DATA / "text-public-domain/war_and_peace.txt",
    squad=DATA / "squad-xquad-en/xquad.en.json",
    hotpotqa=DATA / "hotpotqa-distractor-sample/hotpotqa_distractor_100.jsonl",
)
PUNKT = DATA / "punkt-english"
TOKENIZERS = dict(
    qwen=DATA / "tokenizers/qwen", mistral=DATA / "tokenizers/mistral-v1/tokenizer.model"
)
