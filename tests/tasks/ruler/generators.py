"""One instance of each RULER task at a given size, drawn as the reference generator draws it.

A generator has the step of its length search, the tokens it leaves for the answer, and
`draw(size, index)`, which gives an Instance. Every draw advances the one stream of the run; a fresh
generator of the same seed makes the permutations, so that these are the same each time.
"""

import random
import string
import uuid
from dataclasses import dataclass

import numpy
import templates

DEPTHS = [round(100 * i / 39) for i in range(40)]
ZETA_2 = numpy.pi**2 / 6


@dataclass
class Instance:
    prompt: str
    prefix: str  # the prompt ends with it
    references: list


class Streams:
    """The two generators of a run, and the permutation that starts anew each time."""

    def __init__(self, seed):
        self.seed = seed
        self.python = random.Random(seed)
        self.numpy = numpy.random.RandomState(seed)

    def permuted(self, things):
        things = list(things)
        random.Random(self.seed).shuffle(things)
        return things

    def five_digits(self):
        return str(self.numpy.randint(10000, 99999))

    def letters(self, alphabet, num_letters):
        return "".join(self.python.choices(alphabet, k=num_letters))

    def distinct(self, num_wanted, draw):
        """At least `num_wanted` draws, more until so many differ; what came twice stays twice."""
        drawn = [draw() for _ in range(num_wanted)]
        while len(set(drawn)) < num_wanted:
            drawn.append(draw())
        return drawn


def filled(template, prefix, **values):
    prefix = prefix.format(**values)
    return template.format(**values) + prefix, prefix


class Niah:
    answer_tokens = 128

    def __init__(self, streams, length, sources, *, haystack, key="words", value="numbers", num_keys=1,
                 num_values=1, num_queries=1):
        self.streams, self.sources, self.haystack = streams, sources, haystack
        self.key, self.value = key, value
        self.num_keys, self.num_values = max(num_keys, num_queries), num_values
        self.num_queries = num_queries
        self.step = 500 if haystack == "essay" else 25 if length >= 4096 else 5

    def draw(self, size, index):
        keys, values, needles = [], [], []
        for _ in range(self.num_keys):
            keys.append(self._thing(self.key))
            values.append([self._thing(self.value) for _ in range(self.num_values)])
            needles += [self._needle(keys[-1], value) for value in values[-1]]
        context = self._context(size, self.streams.permuted(needles))
        asked = self.streams.python.sample(range(self.num_keys), self.num_queries)
        names = [keys[i] for i in asked]
        query = names[0] if len(names) == 1 else ", ".join(names[:-1]) + ", and " + names[-1]
        prompt, prefix = self._prompt(context, query)
        return Instance(prompt, prefix, [value for i in asked for value in values[i]])

    def _thing(self, kind):
        stream = self.streams.python
        if kind == "numbers":
            return str(stream.randint(1_000_000, 9_999_999))
        if kind == "words":
            return stream.choice(self.sources.words.pairs)
        return str(uuid.UUID(int=stream.getrandbits(128), version=4))

    def _needle(self, key, value):
        return templates.NEEDLE.format(kind=self.value, key=key, value=value)

    def _context(self, size, needles):
        if self.haystack == "essay":
            return self._essay(self.sources.essay.sentences(size), needles)
        if self.haystack == "noise":
            lines = [templates.NOISE] * size
        else:
            lines = [self._needle(self._thing(self.key), self._thing(self.value))
                     for _ in range(size)]
        places = sorted(self.streams.python.sample(range(size), len(needles)), reverse=True)
        for place, needle in zip(places, needles):
            lines.insert(place, needle)
        return "\n".join(lines)

    def _essay(self, sentences, needles):
        depths = self.streams.python.sample(DEPTHS, len(needles))
        ends = sorted(int(len(sentences) * (depth / 100)) for depth in depths)
        groups, begin = [], 0
        for end, needle in zip(ends, needles):
            groups += [" ".join(sentences[begin:end]), needle]
            begin = end
        return " ".join([*groups, " ".join(sentences[begin:])])

    def _prompt(self, context, query):
        template, prefix, kind = templates.NIAH, templates.NIAH_PREFIX, self.value
        if self.num_queries * self.num_values == 1:
            kind = kind.removesuffix("s")
            for old, new in (("Some", "A"), ("are all", "is"), ("are", "is"), ("answers", "answer")):
                template, prefix = template.replace(old, new), prefix.replace(old, new)
        return filled(template, prefix, kind=kind, context=context, query=query)


class VariableTracking:
    num_names = 5

    def __init__(self, streams, length, sources, *, num_letters=5, first_value=None):
        self.streams, self.num_letters, self.first_value = streams, num_letters, first_value
        self.answer_tokens = 30 if first_value is None else 0
        self.step = 10 if length >= 4096 else 5

    def draw(self, size, index):
        names, chain, value = self._chain()
        lines = [templates.NOISE] * size
        places = sorted(self.streams.python.sample(range(size), self.num_names))
        for i, (place, assignment) in enumerate(zip(places, chain)):
            lines.insert(place + i, assignment)
        context = "\n".join(lines).replace(". \n", ".\n")
        prompt, prefix = filled(templates.VT, templates.VT_PREFIX, context=context, query=value,
                                num_names=self.num_names)
        return Instance(prompt, prefix, names)

    def _chain(self):
        drawn = self.streams.distinct(
            self.num_names, lambda: self.streams.letters(string.ascii_uppercase, self.num_letters))
        first_values = [self.first_value or self.streams.five_digits()
                        for _ in range(0, len(drawn), self.num_names)]
        if len(drawn) > self.num_names:
            raise IndexError(f"{len(drawn)} names do not make whole chains of {self.num_names}")
        hops = [f"VAR {name} = VAR {before} " for before, name in zip(drawn, drawn[1:])]
        return drawn, [f"VAR {drawn[0]} = {first_values[0]}", *hops], first_values[0]


class WorkedExample:
    """The solved instance before each instance of vt; its names and value change with every sample."""

    value = "12345"

    def __init__(self, streams, instance):
        self.streams = streams
        self.text = f"{instance.prompt} {' '.join(instance.references)}\n"

    def redrawn(self):
        text = self.text
        for name in text.split()[-VariableTracking.num_names:]:
            text = text.replace(name, self.streams.letters(string.ascii_uppercase, len(name)))
        return text.replace(self.value, self.streams.five_digits())


class CommonWords:
    answer_tokens = 120
    step = 10
    num_common = 10

    def __init__(self, streams, length, sources):
        self.streams = streams
        self.vocabulary = streams.permuted(sources.words.vocabulary)
        is_short = length < 4096
        self.repeats = (6, 1) if is_short else (30, 3)
        self.example_size, self.example_repeats = (20, (3, 1)) if is_short else (40, (10, 3))

    def draw(self, size, index):
        example, _, solved = self._instance(self.example_size, self.example_repeats)
        prompt, prefix, common = self._instance(size, self.repeats)
        return Instance(f"{example} {numbered(solved)}\n{prompt}", prefix, common)

    def _instance(self, size, repeats):
        if size > len(self.vocabulary):
            raise LookupError(f"cwe: {size} words wanted, the lists have {len(self.vocabulary)}")
        words = self.streams.python.sample(self.vocabulary, size)
        common, rest = words[:self.num_common], words[self.num_common:]
        listed = self.streams.permuted(common * repeats[0] + rest * repeats[1])
        return *filled(templates.CWE, templates.CWE_PREFIX, context=numbered(listed)), common


def numbered(words):
    return " ".join(f"{i}. {word}" for i, word in enumerate(words, 1))


class FrequentWords:
    answer_tokens = 50

    def __init__(self, streams, length, sources):
        self.streams = streams
        self.budget = length - self.answer_tokens

    def draw_vocabulary(self):
        drawn = self.streams.distinct(self.budget // 50,
                                      lambda: self.streams.letters(string.ascii_lowercase, 6))
        words = self.streams.permuted(sorted(set(drawn)))
        words[0] = "..."
        return words

    def instance(self, vocabulary, num_words):
        """Draws nothing."""
        listed = []
        for rank, word in enumerate(vocabulary, 1):
            listed += [word] * int(num_words * float(rank) ** -2.0 / ZETA_2)
        context = " ".join(self.streams.permuted(listed))
        return Instance(*filled(templates.FWE, templates.FWE_PREFIX, context=context), vocabulary[1:4])


class QuestionAnswering:
    answer_tokens = 32
    step = 10

    def __init__(self, streams, length, library):
        self.streams, self.library = streams, library

    def draw(self, size, index):
        question = self.library.questions[index]
        texts = [self.library.documents[i] for i in self._chosen(size, question)]
        context = "\n\n".join(templates.DOCUMENT.format(number=i, text=text)
                              for i, text in enumerate(self.streams.permuted(texts), 1))
        prompt, prefix = filled(templates.QA, templates.QA_PREFIX, context=context,
                                query=question.text)
        return Instance(prompt, prefix, question.answers)

    def _chosen(self, size, question):
        num_documents, stream = len(self.library.documents), self.streams.python
        if size >= num_documents:
            return [i % num_documents for i in range(size)]
        num_more = size - len(question.gold)
        if num_more <= len(question.related):
            return question.gold + stream.sample(question.related, num_more)
        near = question.gold + question.related
        taken = set(near)
        others = [i for i in range(num_documents) if i not in taken]
        return near + stream.sample(others, size - len(near))
