"""The reference implementation of RULER gives what NVIDIA's own generator gave.

Records byte for byte, every probe of every length search, and where both random streams end; sentences
as NLTK splits them.
"""

import json
import re
import sys

import shared_data  # first: it may end the script
import reference
import sources
from punkt import Punkt

# The script of cwe does not seed NumPy's generator.
LEAVES_NUMPY_UNSEEDED = {"cwe"}


def differences(golden, count, given):
    try:
        run = reference.generate(golden["task"], golden["length"], count, given, golden["samples"],
                                 golden["seed"])
    except reference.NoSamples as error:
        if golden["ended"]:
            return [f"no samples: {error}"]
        return [] if error.searches == golden["fit"] else ["other probes"]
    if not golden["ended"]:
        return ["has samples where the generator never ended"]
    expected = (shared_data.GOLDENS / golden["file"]).read_text(encoding="utf-8")
    equal = {
        "records": reference.json_lines(run.records) == expected,
        "probes": run.searches == golden["fit"],
        "random stream": run.streams.python.random() == golden["next_random"],
        "NumPy's stream": golden["task"] in LEAVES_NUMPY_UNSEEDED
        or run.streams.five_digits() == str(golden["next_np_randint_10000_99999"]),
    }
    return [f"other {what}" for what, holds in equal.items() if not holds]


def check_sentences():
    lines = (shared_data.PUNKT / "sentences-first-2000.tsv").read_text().splitlines()
    expected = [tuple(map(int, line.split("\t"))) for line in lines]
    text = re.sub(r"\s+", " ", shared_data.INPUTS["essays"].read_bytes().decode("utf-8"))
    found, num_bytes, at = [], 0, 0
    for begin, end in Punkt(shared_data.PUNKT).sentences(text)[: len(expected)]:
        first = num_bytes + len(text[at:begin].encode())
        num_bytes, at = first + len(text[begin:end].encode()), end
        found.append((first, num_bytes))
    return [] if found == expected else ["other sentences"]


def main():
    failures = [f"war_and_peace.txt: {text}" for text in check_sentences()]
    given = reference.Sources(**shared_data.INPUTS, punkt=shared_data.PUNKT)
    goldens = list(map(json.loads, (shared_data.GOLDENS / "runs.jsonl").open(encoding="utf-8")))
    if not goldens:
        sys.exit("FAILED runs.jsonl is empty")
    count = sources.counter(shared_data.TOKENIZERS["qwen"])
    for golden in goldens:
        failures += [f"{golden['file']}: {text}" for text in differences(golden, count, given)]
    print(f"{len(goldens)} runs and 2,000 sentences, {len(failures)} differences")
    sys.exit("\n".join(f"FAILED {text}" for text in failures) or 0)


main()
