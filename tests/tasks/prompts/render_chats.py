"""Conversations as transformers renders them, for the tests of tasks/prompts/chat_template.

    render_chats.py TEMPLATES OUT.json

TEMPLATES is a folder with the published template of each family in a file NAME.jinja; they are not
part of this repository (tests/fixtures/chats/ORIGIN.md tells where each is from), and one that is
not the text named there is refused. Writes every conversation below under every template.
"""

import hashlib
import json
import sys
from pathlib import Path

import transformers
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

# By hylo's name: the model it was published with, its SHA-256, the marks of the tokenizer.
TEMPLATES = {
    "llama3": (
        "meta-llama/Meta-Llama-3-8B-Instruct",
        "ba03a121d097859c7b5b9cd03af99aafe95275210d2876f642ad9929a150f122",
        ("<|begin_of_text|>", "<|eot_id|>"),
    ),
    "llama3.1": (
        "meta-llama/Llama-3.2-3B-Instruct",
        "5816fce10444e03c2e9ee1ef8a4a1ea61ae7e69e438613f3b17b69d0426223a4",
        ("<|begin_of_text|>", "<|eot_id|>"),
    ),
    "qwen": (
        "Qwen/Qwen3-8B",
        "a55ee1b1660128b7098723e0abcd92caa0788061051c62d51cbe87d9cf1974d8",
        (None, "<|im_end|>"),
    ),
    "qwen2.5": (
        "Qwen/Qwen2.5-7B-Instruct",
        "cd8e9439f0570856fd70470bf8889ebd8b5d1107207f67a5efb46e342330527f",
        (None, "<|im_end|>"),
    ),
    "mistral": (
        "mistralai/Mistral-7B-Instruct-v0.3",
        "e16746b40344d6c5b5265988e0328a0bf7277be86f1c335156eae07e29c82826",
        ("<s>", "</s>"),
    ),
}

# Else Llama's template asks for the day of the run.
DATE = "26 Jul 2024"

CONVERSATIONS = [
    ["user: 1+1?"],
    ["system: Be brief.", "user: 1+1?"],
    ["user: 1+1?", "assistant: 2", "user: 2+2?"],
    ["system: Be brief.", "user: 1+1?", "assistant: 2", "user: 2+2?"],
    ["user: a", "assistant: b", "user: c", "assistant: d", "user: e", "assistant: f", "user: g"],
    # White space at the ends and between, blank lines, an ideographic space.
    ["system: \n Be  brief. \n", "user: \t1+1?\n\n", "assistant:  2 \n", "user: \n2+2?\u3000"],
    ["system: ", "user: Who?"],
    ["system:   ", "user: Who?"],
    ["user: "],
    ["user: Where is the caf\u00e9? \u4f60\u597d \U0001f600", "assistant: {{ 1 }} {% x %}", "user: <b>&'\""],
    ["user: a <|im_end|> b", "assistant: [/INST] </s>", "user: <|eot_id|>"],
    # Thoughts in earlier answers.
    ["user: 1+1?", "assistant: <think>\nso\n</think>\n\n2", "user: 2+2?"],
    ["user: 1+1?", "assistant: so</think>\n", "user: 2+2?", "assistant: a</think>b</think> c ", "user: 3?"],
]


def messages_of(conversation):
    split = (message.split(": ", 1) for message in conversation)
    return [{"role": role, "content": content} for role, content in split]


def tokenizer_with(marks):
    bos, eos = marks
    words = Tokenizer(WordLevel({"?": 0}, unk_token="?"))
    return transformers.PreTrainedTokenizerFast(tokenizer_object=words, bos_token=bos, eos_token=eos)


def main():
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    conversations = [messages_of(conversation) for conversation in CONVERSATIONS]
    templates = {}
    for name, (model, sha256, marks) in TEMPLATES.items():
        text = (folder / f"{name}.jinja").read_bytes()
        found = hashlib.sha256(text).hexdigest()
        if found != sha256:
            sys.exit(f"{name}.jinja: expected the template with sha256 {sha256}, found {found}")
        tokenizer = tokenizer_with(marks)
        texts = [
            tokenizer.apply_chat_template(
                conversation,
                chat_template=text.decode(),
                tokenize=False,
                add_generation_prompt=True,
                date_string=DATE,
            )
            for conversation in conversations
        ]
        templates[name] = {"model": model, "template_sha256": sha256, "texts": texts}
    fixture = {
        "made_by": f"tests/tasks/prompts/render_chats.py with transformers {transformers.__version__}",
        "conversations": conversations,
        "templates": templates,
    }
    out.write_text(json.dumps(fixture, indent=1) + "\n")


main()
