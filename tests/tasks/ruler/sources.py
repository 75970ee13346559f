"""What RULER's generators read: essays, word lists, questions, and a tokenizer that counts."""

import functools
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from punkt import Punkt

QWEN_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass
class Question:
    text: str
    answers: list
    gold: list  # indices into the documents
    related: list = field(default_factory=list)  # of the same article, without the gold ones


@dataclass
class Library:
    documents: list
    questions: list


class Essay:
    def __init__(self, file, punkt_folder):
        text = Path(file).read_bytes().decode("utf-8")
        self.words = re.sub(r"\s+", " ", text).split(" ")
        self.punkt = Punkt(punkt_folder)

    @functools.lru_cache(maxsize=8)
    def sentences(self, num_words):
        words = self.words * (-(-num_words // len(self.words)))
        text = " ".join(words[:num_words]).strip()
        return [text[begin:end] for begin, end in self.punkt.sentences(text)]


class Words:
    def __init__(self, folder):
        def entries(name):
            lines = Path(folder, name).read_text(encoding="utf-8").split("\n")
            return {line.rstrip() for line in lines if line.rstrip()}

        self.nouns, self.adjectives = entries("nounlist.txt"), entries("adjectivelist.txt")
        self.verbs = entries("verblist.txt")

    @functools.cached_property
    def pairs(self):
        # Six million: written nearly in order, they are sorted in a tenth of the time.
        nouns = sorted(self.nouns)
        pairs = sorted(f"{a}-{n}" for a in sorted(self.adjectives) for n in nouns)
        return [pair for pair, before in zip(pairs, [None, *pairs]) if pair != before]

    @functools.cached_property
    def vocabulary(self):
        return sorted(self.nouns | self.adjectives | self.verbs)


def read_squad(file):
    articles = json.loads(Path(file).read_text(encoding="utf-8"))["data"]
    paragraphs = [[p["context"] for p in article["paragraphs"]] for article in articles]
    documents = sorted({text for article in paragraphs for text in article})
    place = {text: i for i, text in enumerate(documents)}
    questions = []
    for article in articles:
        of_article = [place[p["context"]] for p in article["paragraphs"]]
        for paragraph in article["paragraphs"]:
            gold = place[paragraph["context"]]
            related = [i for i in of_article if i != gold]
            for asked in paragraph["qas"]:
                if not asked.get("is_impossible", False):
                    answers = [answer["text"] for answer in asked["answers"]]
                    questions.append(Question(asked["question"], answers, [gold], related))
    return Library(documents, questions)


def read_hotpotqa(file):
    lines = Path(file).read_text(encoding="utf-8").split("\n")
    asked = [json.loads(line) for line in lines if line]
    texts = [
        [f"{title}\n{''.join(sentences)}" for title, sentences in zip(*question["context"].values())]
        for question in asked
    ]
    documents = sorted({text for of_question in texts for text in of_question})
    place = {text: i for i, text in enumerate(documents)}
    questions = [
        Question(question["question"], [question["answer"]], [place[text] for text in of_question])
        for question, of_question in zip(asked, texts)
    ]
    return Library(documents, questions)


def counter(tokenizer):
    """How many tokens a text has, special ones not counted: a SentencePiece file, or Qwen's folder."""
    if Path(tokenizer).is_file():
        import sentencepiece

        model = sentencepiece.SentencePieceProcessor(model_file=str(tokenizer))
        return lambda text: len(model.encode_as_pieces(text))
    model = byte_level_bpe(Path(tokenizer))
    return lambda text: len(model.encode(text, add_special_tokens=False).ids)


def byte_level_bpe(folder):
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    model = Tokenizer(models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
    model.normalizer = normalizers.NFC()
    model.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN_PATTERN), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    return model
