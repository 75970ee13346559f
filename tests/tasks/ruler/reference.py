"""RULER as its reference generator makes it, slowly: every task, length and tokenizer.

    reference.py --task T --tokenizer TOKENIZER --length L [--samples N] [--seed 42] --words DIR
        [--essays FILE --punkt DIR] [--squad FILE] [--hotpotqa FILE]

prints the reference generator's JSON lines. Written from the description of the benchmark alone, with
Python's and NumPy's own generators; what hylo builds in compat mode is held against it.
"""

import argparse
import functools
import json
import sys
from dataclasses import dataclass, field

import generators
import sources

# A sample of the smallest size that does not fit is drawn again for ever. Draws at one size differ by
# a few tokens: what does not fit in so many attempts is taken never to fit.
MAX_ATTEMPTS_AT_SMALLEST_SIZE = 200

NIAH = {
    "niah_single_1": dict(haystack="noise"),
    "niah_single_2": dict(haystack="essay"),
    "niah_single_3": dict(haystack="essay", value="uuids"),
    "niah_multikey_1": dict(haystack="essay", num_keys=4),
    "niah_multikey_2": dict(haystack="needle"),
    "niah_multikey_3": dict(haystack="needle", key="uuids", value="uuids"),
    "niah_multivalue": dict(haystack="essay", num_values=4),
    "niah_multiquery": dict(haystack="essay", num_queries=4),
}
TASKS = [*NIAH, "vt", "cwe", "fwe", "qa_1", "qa_2"]


class NoSamples(Exception):
    """The reference generator never ends here, or stops with an error."""

    searches = ()  # those made before


class Sources:
    """Read when first asked for."""

    def __init__(self, words, essays=None, punkt=None, squad=None, hotpotqa=None):
        self.files = dict(words=words, essays=essays, punkt=punkt, squad=squad, hotpotqa=hotpotqa)

    @functools.cached_property
    def words(self):
        return sources.Words(self.files["words"])

    @functools.cached_property
    def essay(self):
        return sources.Essay(self.files["essays"], self.files["punkt"])

    @functools.cached_property
    def squad(self):
        return sources.read_squad(self.files["squad"])

    @functools.cached_property
    def hotpotqa(self):
        return sources.read_hotpotqa(self.files["hotpotqa"])


@dataclass
class Run:
    """Records, and what shows where two programs part."""

    streams: generators.Streams
    records: list = field(default_factory=list)
    searches: list = field(default_factory=list)  # lower, upper, probes, final, limit


def generate(task, length, count, given, num_samples, seed=42):
    run = Run(generators.Streams(seed))
    if task == "fwe":
        made = frequent_words(run, length, count, num_samples)
    elif task == "vt":
        made = variable_tracking(run, length, count, num_samples)
    else:
        made = searched(run, one_generator(task, run.streams, length, given), length, count, num_samples)
    try:
        for index, (instance, num_tokens) in enumerate(made):
            run.records.append(record(task, index, instance, num_tokens, count))
    except NoSamples as error:
        error.searches = run.searches
        raise
    return run


def one_generator(task, streams, length, given):
    if task in NIAH:
        return generators.Niah(streams, length, given, **NIAH[task])
    if task == "cwe":
        return generators.CommonWords(streams, length, given)
    library = given.squad if task == "qa_1" else given.hotpotqa
    return generators.QuestionAnswering(streams, length, library)


def searched(run, generator, length, count, num_samples):
    size = search(run, generator, length, count)
    for index in range(num_samples):
        yield sample(generator, size, length, count, functools.partial(generator.draw, index=index))


def search(run, generator, length, count, tokens_before=0):
    """The last size that fitted on the way; every probe is a draw."""
    def num_tokens(size):
        try:
            return count(generator.draw(size, 0).prompt) + generator.answer_tokens
        except (ValueError, IndexError) as error:
            raise NoSamples(f"a probe with {size} units stops the generator: {error}") from error

    lower, upper = generator.step, upper_bound(generator, length, num_tokens)
    found = dict(lower=lower, upper=upper, probes=[], final=generator.step, limit=length)
    while lower <= upper:
        middle = (lower + upper) // 2
        found["probes"].append([middle, num_tokens(middle) + tokens_before])
        if found["probes"][-1][1] <= length:
            found["final"], lower = middle, middle + 1
        else:
            upper = middle - 1
    run.searches.append(found)
    return found["final"]


def upper_bound(generator, length, num_tokens):
    if isinstance(generator, generators.CommonWords):
        tokens_per_word = (num_tokens(4096) - generator.answer_tokens) / 4096
        estimate = int(length // tokens_per_word * 2)
    else:
        tokens_per_unit = (num_tokens(generator.step) - generator.answer_tokens) / generator.step
        estimate = int(length / tokens_per_unit * 3)
    return max(estimate, 2 * generator.step)


def sample(generator, size, length, count, draw):
    """One instance that fits and its tokens, answer included; each failure takes a step from the size."""
    attempts = 0
    while attempts < MAX_ATTEMPTS_AT_SMALLEST_SIZE:
        attempts += size <= generator.step
        try:
            instance = draw(size)
            num_tokens = count(instance.prompt) + generator.answer_tokens
            if num_tokens <= length:
                return instance, num_tokens
            failure = f"{num_tokens} tokens"
        except (ValueError, IndexError) as error:
            failure = str(error)
        if size > generator.step:
            size -= generator.step
    raise NoSamples(f"no sample of {size} units fits {length} tokens ({failure}): the loop never ends")


def variable_tracking(run, length, count, num_samples):
    example = worked_example(run, count)
    generator = generators.VariableTracking(run.streams, length, None)
    size = search(run, generator, length, count, count(example.text))

    def draw(size):
        instance = generator.draw(size, 0)
        instance.prompt = f"{example.redrawn()}\n{instance.prompt}"
        return instance

    for _ in range(num_samples):
        yield sample(generator, size, length, count, draw)


def worked_example(run, count):
    limit = 500
    generator = generators.VariableTracking(run.streams, limit, None, num_letters=3,
                                            first_value=generators.WorkedExample.value)
    size = search(run, generator, limit, count)
    instance, _ = sample(generator, size, limit, count, lambda size: generator.draw(size, 0))
    return generators.WorkedExample(run.streams, instance)


def frequent_words(run, length, count, num_samples):
    generator = generators.FrequentWords(run.streams, length, None)
    step, num_words = generator.budget // 32, generator.budget // 6
    if step < 1 or generator.budget // 50 < 1:
        raise NoSamples(f"fwe: a budget of {generator.budget} tokens leaves no words")
    vocabulary = generator.draw_vocabulary()
    while count(generator.instance(vocabulary, num_words).prompt) < generator.budget:
        num_words += step
    num_words -= step
    run.searches.append(dict(final=num_words))
    for _ in range(num_samples):
        yield frequent_words_sample(generator, num_words, step, count)


def frequent_words_sample(generator, num_words, step, count):
    vocabulary = generator.draw_vocabulary()
    while True:
        instance = generator.instance(vocabulary, num_words)
        num_tokens = count(instance.prompt)
        if num_tokens <= generator.budget:
            return instance, num_tokens + generator.answer_tokens
        if num_words <= 0:
            raise NoSamples(f"fwe: {num_tokens} tokens without a word, {generator.budget} allowed")
        num_words -= step


def record(task, index, instance, num_tokens, count):
    split = instance.prompt.rindex(instance.prefix[:10])
    text, prefix = instance.prompt[:split], instance.prompt[split:]
    fields = dict(index=index, input=text, outputs=instance.references, length=num_tokens,
                  length_w_model_temp=num_tokens, answer_prefix=prefix)
    if task in NIAH:
        fields["index"] = text.index(instance.references[0])
        fields["token_position_answer"] = count(text[:fields["index"]])
    return fields


def json_lines(records):
    return "".join(json.dumps(record) + "\n" for record in records)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", required=True, choices=TASKS)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--length", required=True, type=int)
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--seed", type=int, default=42)
    for name in ("words", "essays", "punkt", "squad", "hotpotqa"):
        parser.add_argument(f"--{name}")
    asked = parser.parse_args()
    given = Sources(asked.words, asked.essays, asked.punkt, asked.squad, asked.hotpotqa)
    try:
        run = generate(asked.task, asked.length, sources.counter(asked.tokenizer), given,
                       asked.samples, asked.seed)
    except NoSamples as error:
        sys.exit(f"{asked.task} at {asked.length} tokens: {error}")
    print(json_lines(run.records), end="")


if __name__ == "__main__":
    main()
