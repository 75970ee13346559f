"""The suites that lm-eval-results does not record, rebuilt by another hand: prompts, draws, scores.

    suites_reference.py DATA > tests/fixtures/lm-suites/vectors.json

DATA holds the data sets. Written from the published definitions, with Python's own random streams and
its own reading of files; shares nothing with the C++ sources. The answers are those of the model
called crc: log-likelihood -(crc32(context + US + continuation) mod 64 + 1) / 4, greedy by bit 16.
"""

import csv
import hashlib
import json
import math
import random
import sys
import zlib
from pathlib import Path

DATA = Path(sys.argv[1])
FEWSHOT_SEED = 1234


def lines(name):
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines() if line]


def table(name):
    with open(DATA / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def openbookqa_dev():
    rows = [line.split("\t") for line in (DATA / "openbookqa/dev.tsv").read_text().splitlines()[1:]]
    items = []
    for _, stem, choices, _, answer in rows:
        texts = []
        for letter, following in zip("ABCD", "BCDE"):
            texts.append(choices.split(f"({letter}) ")[1].split(f" ({following}) ")[0].strip())
        items.append({"question_stem": stem, "choices": texts, "gold": "ABCD".index(answer)})
    return items


# Each asks: a document gives (contexts, continuations, gold); contexts is one or one per choice.

def winogrande(doc):
    before, after = doc["sentence"].split("_")
    return [before + doc["option1"], before + doc["option2"]], [after.strip()] * 2, int(doc["answer"]) - 1


def openbookqa(doc):
    return [doc["question_stem"]], doc["choices"], doc["gold"]


def boolq(doc):
    return [f"{doc['passage']}\nQuestion: {doc['question']}?\nAnswer:"], ["no", "yes"], int(doc["label"] == "true")


def mmlu(doc):
    shown = "".join(f"\n{letter}. {doc['choice%d' % i]}" for i, letter in enumerate("ABCD"))
    return [doc["question"].strip() + shown + "\nAnswer:"], list("ABCD"), int(doc["answer"])


def mmlu_continuation(doc):
    choices = [doc[f"choice{i}"] for i in range(4)]
    return [f"Question: {doc['question'].strip()}\nAnswer:"], choices, int(doc["answer"])


def draws(num_docs, docs, pool, shots, sampler, leaves_itself_out):
    stream = random.Random(FEWSHOT_SEED)
    for doc in docs[:num_docs]:
        if shots == 0:
            yield []
            continue
        count = shots + leaves_itself_out
        ids = stream.sample(range(len(pool)), count) if sampler == "default" else list(range(count))
        if leaves_itself_out:
            ids = [i for i in ids if pool[i] != doc]
        yield ids[:shots]


def crc(context, continuation):
    return zlib.crc32((context + "\x1f" + continuation).encode("utf-8"))


def log_likelihood(context, continuation):
    return -(crc(context, continuation) % 64 + 1) / 4


def first_best(values):
    return values.index(max(values))


def mean_and_error(values):
    mean = math.fsum(values) / len(values)
    variance = math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)
    return mean, math.sqrt(variance / len(values))


def description(run, requests, fewshot_ids, columns):
    text = json.dumps(requests, ensure_ascii=True)
    return {
        **run,
        "n": len(fewshot_ids),
        "requests_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "fewshot_ids": fewshot_ids[:3] + fewshot_ids[-1:],
        "results": {name: dict(zip(("value", "stderr"), mean_and_error(column))) for name, column in columns.items()},
    }


def choice_run(task, ask, docs, pool, *, shots=0, sampler="default", leaves_itself_out=False, opening="", norm=True):
    requests, fewshot_ids, acc, acc_norm = [], [], [], []
    for doc, ids in zip(docs, draws(len(docs), docs, pool, shots, sampler, leaves_itself_out)):
        shown = ""
        for i in ids:
            contexts, answers, gold = ask(pool[i])
            shown += contexts[gold if len(contexts) > 1 else 0] + " " + answers[gold] + "\n\n"
        contexts, answers, gold = ask(doc)
        asked = [[opening + shown + contexts[i if len(contexts) > 1 else 0], " " + a] for i, a in enumerate(answers)]
        values = [log_likelihood(*pair) for pair in asked]
        acc.append(float(first_best(values) == gold))
        acc_norm.append(float(first_best([v / len(a) for v, a in zip(values, answers)]) == gold))
        requests += asked
        fewshot_ids.append(ids)
    columns = {"acc": acc, "acc_norm": acc_norm} if norm else {"acc": acc}
    return description({"task": task, "n_shot": shots, "sampler": sampler}, requests, fewshot_ids, columns)


def lambada(shots):
    docs = lines("lambada_openai/lambada_openai.jsonl")
    requests, fewshot_ids, acc, values = [], [], [], []
    for doc, ids in zip(docs, draws(len(docs), docs, docs, shots, "default", False)):
        shown = "".join(docs[i]["context"] + " " + " " + docs[i]["continuation"] + "\n\n" for i in ids)
        pair = [shown + doc["context"], " " + doc["continuation"]]
        requests.append(pair)
        fewshot_ids.append(ids)
        acc.append(float(crc(*pair) >> 16 & 1))
        values.append(log_likelihood(*pair))
    run = description({"task": "lambada_openai", "n_shot": shots, "sampler": "default"}, requests, fewshot_ids, {"acc": acc})
    run["results"]["perplexity"] = {"value": math.exp(-math.fsum(values) / len(values)), "stderr": None}
    return run


def mmlu_runs(subject, shots):
    docs, pool = table(f"mmlu/test/{subject}_test.csv"), table(f"mmlu/dev/{subject}_dev.csv")
    topic = subject.replace("_", " ")
    options = {"shots": shots, "sampler": "first_n"}
    yield choice_run(f"mmlu_{subject}", mmlu, docs, pool, norm=False,
                     opening=f"The following are multiple choice questions (with answers) about {topic}.\n\n", **options)
    yield choice_run(f"mmlu_{subject}_continuation", mmlu_continuation, docs, pool,
                     opening=f"The following are questions (with answers) about {topic}.\n\n", **options)


def gsm8k_run(task, head, tail, shots):
    docs = lines("gsm8k/test.jsonl")
    shown = "".join(f"Q: {s['question']}\nA: {s['answer']}\n\n" for s in shots)
    prompts = [[f"{shown}Q: {d['question']}{tail}"] for d in docs]
    run = {"task": task, "n_shot": len(shots), "sampler": head}
    return description(run, prompts, [list(range(len(shots)))] * len(docs), {})


def all_runs():
    wino, obqa, bool_q = lines("winogrande/dev.jsonl"), lines("openbookqa/test.jsonl"), lines("boolq/val.jsonl")
    for shots in (0, 3):
        yield choice_run("winogrande", winogrande, wino, wino, shots=shots, leaves_itself_out=True, norm=False)
        yield choice_run("boolq", boolq, bool_q, bool_q, shots=shots, leaves_itself_out=True, norm=False)
        yield choice_run("openbookqa", openbookqa, obqa, openbookqa_dev(), shots=shots)
        yield lambada(shots)
    yield choice_run("winogrande", winogrande, wino, wino, shots=2, sampler="first_n", leaves_itself_out=True, norm=False)
    subjects = sorted(path.name[: -len("_test.csv")] for path in (DATA / "mmlu/test").glob("*_test.csv"))
    for subject in subjects:
        yield from mmlu_runs(subject, 5)
    for subject in ("abstract_algebra", "us_foreign_policy"):
        yield from mmlu_runs(subject, 0)
    # The worked examples are eight lines of the same file that the prompts come from; here only how
    # they are put together is rebuilt.
    prompts = json.loads((Path(__file__).parents[3] / "tasks/prompts/gsm8k_cot.json").read_text())
    yield gsm8k_run("gsm8k_cot", "first_n", "\nA:", prompts["generation"]["gsm8k_cot"]["shots"])
    yield gsm8k_run("gsm8k_cot_zeroshot", "default", "\nA: Let's think step by step.", [])


print("[\n" + ",\n".join(json.dumps(run) for run in all_runs()) + "\n]")
