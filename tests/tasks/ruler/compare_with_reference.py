"""What `hylo data build ruler --mode compat` makes equals the reference implementation, everywhere.

    compare_with_reference.py HYLO

Every task, three lengths, two tokenizers: the exported lines are compared character for character;
where the reference generator never ends, hylo must refuse and name task and length.
"""

import itertools
import json
import multiprocessing
import subprocess
import sys
import tempfile
from pathlib import Path

import shared_data  # first: it may end the script
import reference
import sources

HYLO = sys.argv[1]
LENGTHS = [16384, 4096, 1024]  # the slow ones first
NUM_SAMPLES = 2
NUM_PROCESSES = 2
SEED = 42
GIVEN = reference.Sources(**shared_data.INPUTS, punkt=shared_data.PUNKT)


def hylo(*words):
    return subprocess.run([HYLO, *map(str, words)], capture_output=True, text=True)


def expected_lines(task, length, tokenizer):
    """None where the reference generator never ends."""
    count = sources.counter(shared_data.TOKENIZERS[tokenizer])
    try:
        return reference.json_lines(
            reference.generate(task, length, count, GIVEN, NUM_SAMPLES, SEED).records)
    except reference.NoSamples:
        return None


def build(task, length, tokenizer, folder):
    inputs = itertools.chain(*((f"--{name}", file) for name, file in shared_data.INPUTS.items()))
    return hylo("data", "build", "ruler", "--mode", "compat", "--tasks", task, "--lengths", length,
                "--tokenizer", shared_data.TOKENIZERS[tokenizer], "--samples", NUM_SAMPLES,
                "--seed", SEED, *inputs, "--out", folder)


def difference(combination):
    """What is wrong, in words; empty where all is right."""
    task, length, tokenizer = combination
    expected = expected_lines(task, length, tokenizer)
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root, "sets")
        built = build(task, length, tokenizer, folder)
        if expected is None:
            return wrong_refusal(built, task, length)
        if built.returncode != 0:
            return f"build ended with {built.returncode}: {built.stderr.strip()}"
        exported = hylo("data", "export", folder, "--task", task, "--length", length,
                        "--format", "ruler")
    if exported.returncode != 0:
        return f"export ended with {exported.returncode}: {exported.stderr.strip()}"
    return first_difference(exported.stdout, expected)


def wrong_refusal(built, task, length):
    if built.returncode != 2:
        return f"expected a refusal (2), ended with {built.returncode}: {built.stderr.strip()}"
    missing = [word for word in (task, str(length)) if word not in built.stderr]
    return f"the refusal does not name {missing}: {built.stderr.strip()}" if missing else ""


def first_difference(found, expected):
    if found == expected:
        return ""
    rows = list(zip(found.splitlines(), expected.splitlines()))
    if len(found.splitlines()) != len(expected.splitlines()):
        return f"{len(found.splitlines())} lines, expected {len(expected.splitlines())}"
    for row, (ours, theirs) in enumerate(rows):
        if ours != theirs:
            return f"line {row + 1}: {first_different_field(ours, theirs)}"
    return "lines end in another way"


def first_different_field(ours, theirs):
    found, expected = json.loads(ours), json.loads(theirs)
    for name, value in expected.items():
        other = found.get(name)
        if other != value:
            at = 0
            if isinstance(value, str) and isinstance(other, str):
                pairs = enumerate(zip(other, value))
                at = next((i for i, (a, b) in pairs if a != b), min(len(other), len(value)))
                other, value = other[at:at + 60], value[at:at + 60]
            return f"{name} from {at}: {other!r}, expected {value!r}"
    return f"another form: {ours[:80]!r}, expected {theirs[:80]!r}"


def main():
    GIVEN.words.pairs, GIVEN.essay, GIVEN.squad, GIVEN.hotpotqa  # read once, shared by the processes
    combinations = list(itertools.product(reference.TASKS, LENGTHS, shared_data.TOKENIZERS))
    combinations.sort(key=lambda combination: LENGTHS.index(combination[1]))
    with multiprocessing.get_context("fork").Pool(NUM_PROCESSES) as pool:
        found = pool.map(difference, combinations, chunksize=1)
    failures = [(where, text) for where, text in zip(combinations, found) if text]
    for (task, length, tokenizer), text in failures:
        print(f"FAILED {task} at {length} tokens, {tokenizer}: {text}")
    print(f"{len(combinations)} combinations, {len(failures)} differ")
    sys.exit(1 if failures else 0)


main()
