"""Published files, turned into rows as the hub stores them, become the same bytes again.

    hub_layouts_test.py DATASETS_FOLDER

Ends with 77 where HYLO_DATA is not set.
"""

import csv
import io
import json
import os
import re
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
import hub_layouts

if not os.environ.get("HYLO_DATA"):
    print("skipped: HYLO_DATA is not set")
    sys.exit(77)
DATA = Path(os.environ["HYLO_DATA"])


def lines(text):
    return [json.loads(line) for line in text.split("\n") if line]


def arc(text):
    for item in lines(text):
        choices = item["question"]["choices"]
        yield {"id": item["id"], "question": item["question"]["stem"], "answerKey": item["answerKey"],
               "choices": {key: [choice[key] for choice in choices] for key in ("text", "label")}}


def boolq(text):
    return [{**item, "label": int(item["label"] == "true")} for item in lines(text)]


def lambada_openai(text):
    return [{"text": f"{item['context']} {item['continuation']}"} for item in lines(text)]


def mmlu(text):
    for question, *choices, answer in list(csv.reader(io.StringIO(text, newline="")))[1:]:
        yield {"question": question, "subject": "any", "choices": choices, "answer": int(answer)}


def openbookqa_lines(text):
    for item in lines(text):
        yield {"question_stem": item["question_stem"], "answerKey": "ABCD"[item["gold"]],
               "choices": {"text": item["choices"], "label": list("ABCD")}}


def openbookqa_table(text):
    for line in text.split("\n")[1:-1]:
        name, stem, choices, _, key = line.split("\t")
        texts = re.fullmatch(r"\(A\) (.*) \(B\) (.*) \(C\) (.*) \(D\) (.*)", choices).groups()
        yield {"id": name, "question_stem": stem, "answerKey": key,
               "choices": {"text": texts, "label": list("ABCD")}}


def wikitext_pages(text):
    heading = re.compile(r"(?=^ = [^=].*[^=] = $)", re.MULTILINE)
    pages = heading.split(text)[1:]
    return [{"page": page.removesuffix("\n") if page is not pages[-1] else page} for page in pages]


ROWS_OF = [
    ("arc_easy", "json_lines", "arc/ARC-Easy-*.jsonl", arc),
    ("arc_challenge", "json_lines", "arc/ARC-Challenge-*.jsonl", arc),
    ("boolq", "json_lines", "boolq/val.jsonl", boolq),
    ("gsm8k", "json_lines", "gsm8k/*.jsonl", lines),
    ("lambada_openai", "json_lines", "lambada_openai/*.jsonl", lambada_openai),
    ("mmlu", "csv", "mmlu/*/*.csv", mmlu),
    ("openbookqa", "json_lines", "openbookqa/test.jsonl", openbookqa_lines),
    ("openbookqa", "openbookqa_tsv", "openbookqa/dev.tsv", openbookqa_table),
    ("piqa", "json_lines", "piqa/valid.jsonl", lines),
    ("wikitext2", "wikitext_pages", "wikitext2/wiki.test.raw", wikitext_pages),
    ("winogrande", "json_lines", "winogrande/dev.jsonl", lines),
]


def main():
    failures = []
    for name, file_format, pattern, rows_of in ROWS_OF:
        files = sorted(DATA.glob(pattern))
        if not files:
            failures.append(f"{pattern}: expected files in {DATA}, found none")
        for file in files:
            published = file.read_bytes().decode("utf-8")
            if hub_layouts.layout_of(name, file_format)(list(rows_of(published))) != published:
                failures.append(f"{file}: other bytes")
        print(f"{name}: {len(files)} files")
    sys.exit("\n".join(f"FAILED {failure}" for failure in failures) or 0)


main()
