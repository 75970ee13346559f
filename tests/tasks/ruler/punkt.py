"""Sentences by Kiss and Strunk 2006, "Unsupervised Multilingual Sentence Boundary Detection".

What they call a type is a token in lower case, every number being one type. The tokens, the order of
the rules and the places where a quotation mark moves to the sentence before are those of NLTK 3.9.1;
the parameters are files (abbreviations, collocations, orthographic contexts, sentence starters).
"""

import re
from dataclasses import dataclass
from pathlib import Path

# Bits of an orthographic context: where a type was seen, and with which first letter.
BEGIN_UPPER, MIDDLE_UPPER, UNKNOWN_UPPER = 2, 4, 8
BEGIN_LOWER, MIDDLE_LOWER, UNKNOWN_LOWER = 16, 32, 64
ANY_UPPER = BEGIN_UPPER | MIDDLE_UPPER | UNKNOWN_UPPER
ANY_LOWER = BEGIN_LOWER | MIDDLE_LOWER | UNKNOWN_LOWER

CLOSES_WORD = r"""[)";}\]*:@'({\[?!]"""
RUN_OF_PUNCTUATION = r"(?:-{2,}|\.{2,}|(?:\.\s){2,}\.)"
WORD_END = rf"\s|$|{CLOSES_WORD}|{RUN_OF_PUNCTUATION}"
TOKEN = re.compile(
    rf"""{RUN_OF_PUNCTUATION}|[^\s("`{{\[:;&#*@)}}\]\-,]\S*?(?={WORD_END}|,(?:{WORD_END}))|\S"""
)
CANDIDATE = re.compile(rf"[.?!](?=(?P<after>{CLOSES_WORD}|\s+(?P<next>\S+)))")
CLOSING_MARKS = re.compile(r"""["')\]}]+?(?:\s+|(?=--)|$)""", re.MULTILINE)
NUMBER = re.compile(r"-?[.,]?\d[\d,.-]*\.?$")
INITIAL = re.compile(r"[^\W\d]\.$")


@dataclass
class Token:
    text: str
    ends_sentence: bool = False
    is_abbreviation: bool = False
    is_ellipsis: bool = False

    def kind(self):
        return NUMBER.sub("##number##", self.text.lower())

    def kind_without_period(self):
        kind = self.kind()
        return kind[:-1] if len(kind) > 1 and kind.endswith(".") else kind

    def kind_as_follower(self):
        return self.kind_without_period() if self.ends_sentence else self.kind()


class Punkt:
    def __init__(self, folder):
        def lines(name):
            return Path(folder, name).read_text(encoding="utf-8").splitlines()

        self.abbreviations = set(lines("abbrev_types.txt"))
        self.sentence_starters = set(lines("sent_starters.txt"))
        self.collocations = {tuple(line.split("\t")) for line in lines("collocations.tab")}
        contexts = (line.split("\t") for line in lines("ortho_context.tab"))
        self.contexts = {kind: int(bits) for kind, bits in contexts}

    def sentences(self, text):
        """(begin, end) of each sentence, in characters."""
        return list(moved_closing_marks(text, self._pieces(text)))

    def _pieces(self, text):
        begin = 0
        for match, context in candidates(text):
            if self._has_boundary_inside(context):
                yield begin, match.end()
                begin = match.start("next") if match["next"] else match.end()
        yield begin, len(text.rstrip())

    def _has_boundary_inside(self, text):
        # Word tokens never span lines; a boundary behind the last token does not count.
        tokens = [Token(word) for line in text.split("\n") for word in TOKEN.findall(line)]
        for token in tokens:
            self._look_at_token(token)
        for token, follower in zip(tokens, tokens[1:]):
            self._look_at_pair(token, follower)
        return any(token.ends_sentence for token in tokens[:-1])

    def _look_at_token(self, token):
        if token.text in (".", "?", "!"):
            token.ends_sentence = True
        elif re.fullmatch(r"\.\.+", token.text):
            token.is_ellipsis = True
        elif token.text.endswith(".") and not token.text.endswith(".."):
            word = token.text[:-1].lower()
            known = word in self.abbreviations or word.split("-")[-1] in self.abbreviations
            token.is_abbreviation, token.ends_sentence = known, not known

    def _look_at_pair(self, token, follower):
        if not token.text.endswith("."):
            return
        kind, next_kind = token.kind_without_period(), follower.kind_as_follower()
        is_initial = INITIAL.match(token.text)
        if (kind, next_kind) in self.collocations:
            token.ends_sentence = False
            return
        starts = self._starts_sentence(follower)
        is_upper = follower.text[0].isupper()
        if (token.is_abbreviation or token.is_ellipsis) and not is_initial:
            if starts is True or (is_upper and next_kind in self.sentence_starters):
                token.ends_sentence = True
                return
        if is_initial or kind == "##number##":
            never_lower = not self.contexts.get(next_kind, 0) & ANY_LOWER
            if starts is False or (starts is None and is_initial and is_upper and never_lower):
                token.ends_sentence = False

    def _starts_sentence(self, token):
        """By orthography alone: True, False, or None where it does not tell."""
        if token.text in ";:,.!?":
            return False
        seen = self.contexts.get(token.kind_as_follower(), 0)
        first = token.text[0]
        if first.isupper() and seen & ANY_LOWER and not seen & MIDDLE_UPPER:
            return True
        if first.islower() and (seen & ANY_UPPER or not seen & BEGIN_LOWER):
            return False
        return None


def candidates(text):
    """Marks that may end a sentence, with the words around; of several in one word the last counts."""
    pending, word_begin, word_end = None, 0, 0
    for match in CANDIDATE.finditer(text):
        space = last_space(text, word_end, match.start())
        begin = space + 1 if space is not None else word_begin
        if pending and word_end <= begin:
            yield pending, text[word_begin:word_end] + pending[0] + pending["after"]
        pending, word_begin, word_end = match, begin, match.start()
    if pending:
        yield pending, text[word_begin:word_end] + pending[0] + pending["after"]


def last_space(text, begin, end):
    # A space at `begin` itself is not seen: so does NLTK, where its index is a 0 taken for absence.
    return next((i for i in range(end - 1, begin, -1) if text[i].isspace()), None)


def moved_closing_marks(text, pieces):
    pieces = list(pieces)
    moved = 0
    for (begin, end), following in zip(pieces, pieces[1:] + [None]):
        begin += moved
        moved = 0
        if following:
            marks = CLOSING_MARKS.match(text[slice(*following)])
            if marks:
                end = following[0] + len(marks[0].rstrip())
                moved = marks.end()
        if begin < end:
            yield begin, end
