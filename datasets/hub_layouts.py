"""The files that manifests describe, written from the rows of the Hugging Face hub.

A data set is published in one form (a ZIP of JSON lines, a table) and stored on the hub in another
(Parquet). Where the manifest describes the published form its layout here writes it again, byte for
byte; where it has none, a row becomes a line of JSON with the hub's own fields.
"""

import csv
import io
import json


def json_lines(rows, **form):
    return "".join(json.dumps(row, **form) + "\n" for row in rows)


def plain(rows):
    return json_lines(rows, ensure_ascii=False)


def picked(*fields, ensure_ascii=False):
    return lambda rows: json_lines(
        ({field: row[field] for field in fields} for row in rows), ensure_ascii=ensure_ascii
    )


def arc(rows):
    def item(row):
        pairs = zip(row["choices"]["text"], row["choices"]["label"])
        choices = [{"text": text, "label": label} for text, label in pairs]
        question = {"stem": row["question"], "choices": choices}
        return {"id": row["id"], "question": question, "answerKey": row["answerKey"]}

    return json_lines(map(item, rows), ensure_ascii=False, separators=(",", ":"))


def boolq(rows):
    return json_lines(
        {**{field: row[field] for field in ("question", "passage", "idx")},
         "label": ("false", "true")[row["label"]]}
        for row in rows
    )


def lambada_openai(rows):
    pairs = (row["text"].rsplit(" ", 1) for row in rows)
    return json_lines(
        ({"context": context, "continuation": word} for context, word in pairs), ensure_ascii=False
    )


def mmlu(rows):
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["question", "choice0", "choice1", "choice2", "choice3", "answer"])
    writer.writerows([row["question"], *row["choices"], row["answer"]] for row in rows)
    return table.getvalue()


def openbookqa_lines(rows):
    def item(row):
        choices = row["choices"]
        return {"question_stem": row["question_stem"], "choices": choices["text"],
                "gold": choices["label"].index(row["answerKey"])}

    return json_lines(map(item, rows), ensure_ascii=False)


def openbookqa_table(rows):
    lines = ["ID\tQuestion Stem\tChoices\tComplete Question\tAnswer Key"]
    for row in rows:
        pairs = zip(row["choices"]["label"], row["choices"]["text"])
        choices = " ".join(f"({label}) {text}" for label, text in pairs)
        stem = row["question_stem"]
        lines.append("\t".join([row["id"], stem, choices, f"{stem} {choices}", row["answerKey"]]))
    return "\n".join(lines) + "\n"


def wikitext_pages(rows):
    # The published file begins with a blank line, which belongs to no page.
    return " \n" + "\n".join(row["page"] for row in rows)


# By manifest; then by format where its files have several. None: the hub's rows do not give that file.
LAYOUTS = {
    "arc_challenge": arc,
    "arc_easy": arc,
    "boolq": boolq,
    "gsm8k": picked("question", "answer", ensure_ascii=True),
    "hellaswag": {"hellaswag_text": None, "json_lines": plain},
    "lambada_openai": lambada_openai,
    "mmlu": mmlu,
    "openbookqa": {"json_lines": openbookqa_lines, "openbookqa_tsv": openbookqa_table},
    "piqa": picked("goal", "sol1", "sol2", "label"),
    "wikitext2": wikitext_pages,
    "winogrande": picked("sentence", "option1", "option2", "answer"),
}


def layout_of(manifest_name, file_format):
    """A function from rows to text, or None."""
    default = plain if file_format == "json_lines" else None
    layout = LAYOUTS.get(manifest_name, default)
    return layout.get(file_format) if isinstance(layout, dict) else layout
