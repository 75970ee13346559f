"""The strings of RULER that its scores depend on.

Quoted from NVIDIA/RULER, scripts/data/synthetic/constants.py (Apache-2.0, Copyright 2024 NVIDIA
Corporation). A copy of its own, so that hylo's data file is held against it.
"""

NEEDLE = "One of the special magic {kind} for {key} is: {value}."
NOISE = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again."
DOCUMENT = "Document {number}:\n{text}"

NIAH = (
    "Some special magic {kind} are hidden within the following text. Make sure to memorize it."
    " I will quiz you about the {kind} afterwards.\n{context}\n"
    "What are all the special magic {kind} for {query} mentioned in the provided text?"
)
NIAH_PREFIX = " The special magic {kind} for {query} mentioned in the provided text are"

VT = (
    "Memorize and track the chain(s) of variable assignment hidden in the following text.\n\n"
    "{context}\n"
    "Question: Find all variables that are assigned the value {query} in the text above."
)
VT_PREFIX = (
    " Answer: According to the chain(s) of variable assignment in the text above,"
    " {num_names} variables are assigned the value {query}, they are: "
)

CWE = (
    "Below is a numbered list of words. In these words, some appear more often than others."
    " Memorize the ones that appear most often.\n{context}\n"
    "Question: What are the 10 most common words in the above list?"
)
CWE_PREFIX = " Answer: The top 10 words that appear most often in the list are:"

FWE = (
    "Read the following coded text and track the frequency of each coded word. Find the three most"
    " frequently appeared coded words. {context}\n"
    "Question: Do not provide any explanation. Please ignore the dots '....'."
    " What are the three most frequently appeared words in the above coded text?"
)
FWE_PREFIX = (
    " Answer: According to the coded text above, the three most frequently appeared words are:"
)

QA_REQUEST = (
    "Answer the question based on the given documents."
    " Only give me the answer and do not output any other words."
)
QA = (
    QA_REQUEST + "\n\nThe following are given documents.\n\n{context}\n\n"
    + QA_REQUEST + "\n\nQuestion: {query}"
)
QA_PREFIX = " Answer:"
