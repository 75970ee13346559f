"""Checkpoints that go from Hugging Face's code to hylo and back.

    transformers_round_trip.py HYLO STORY_CHECKPOINT

Models of random weights, written by transformers in shards, give the same greedy tokens and
log-likelihoods in hylo; what `hylo convert` writes is loaded by transformers bit by bit. The
tokenizer is that of the story checkpoint. Ends with 77 and the reason where transformers is missing.
"""

import itertools
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import torch
    import transformers
except ImportError as missing:
    print(f"skipped: {missing}; HYLO_PYTHON names a Python that has transformers and torch")
    sys.exit(77)

HYLO, STORY_CHECKPOINT = sys.argv[1], Path(sys.argv[2])
TOKENIZER_FILES = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"]
PROMPT = "Once upon a time"
NUM_NEW_TOKENS = 24
# Of a sum over at most 20 tokens, in nats: float32 products in another order.
LOG_LIKELIHOOD_TOLERANCE = 2e-4
SHARD_BYTES = 60_000

# Wide initial weights: the networks are far from uniform, so a wrong layer shows in every number.
SIZES = dict(
    hidden_size=64,
    intermediate_size=96,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    vocab_size=512,
    max_position_embeddings=256,
    initializer_range=0.15,
    bos_token_id=1,
    eos_token_id=2,
)
CONFIGS = {
    "llama": transformers.LlamaConfig(**SIZES, tie_word_embeddings=False),
    "qwen2": transformers.Qwen2Config(**SIZES, tie_word_embeddings=True),
    "qwen3": transformers.Qwen3Config(**SIZES, head_dim=24, tie_word_embeddings=False),
    "mistral": transformers.MistralConfig(**SIZES, sliding_window=None, tie_word_embeddings=False),
}


def hylo(*arguments):
    words = [HYLO, *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stderr}"
    return done.stdout


def require(holds, text):
    if not holds:
        sys.exit(f"FAILED {text}")


def make_checkpoint(folder, config, dtype):
    torch.manual_seed(11)
    model = transformers.AutoModelForCausalLM.from_config(config).to(dtype)
    for name, tensor in model.named_parameters():
        if name.endswith("bias") or name.endswith("norm.weight"):
            tensor.data += 0.1 * torch.randn_like(tensor)
    model.save_pretrained(folder, max_shard_size=SHARD_BYTES)
    for name in TOKENIZER_FILES:
        shutil.copy(STORY_CHECKPOINT / name, folder / name)
    num_shards = len(list(folder.glob("*.safetensors")))
    require(num_shards > 1, f"{folder.name}: expected several shards, found {num_shards}")


def load(folder, dtype):
    model, report = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, output_loading_info=True
    )
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        require(not report[kind], f"{folder.name}: {kind} {report[kind]}")
    return model.eval()


def check_greedy_text(folder, model):
    found = json.loads(
        hylo("generate", "--model", folder, "--prompt", PROMPT, "--json",
             "--max-new-tokens", NUM_NEW_TOKENS))
    # Not AutoTokenizer: it takes the class that usually goes with the model.
    tokenizer = transformers.PreTrainedTokenizerFast.from_pretrained(folder)
    prompt = tokenizer(PROMPT, return_tensors="pt")
    ids = model.generate(**prompt, max_new_tokens=NUM_NEW_TOKENS, do_sample=False, pad_token_id=0)
    expected = ids[0, prompt["input_ids"].shape[1]:].tolist()
    require(len(set(expected)) > 2, f"{folder.name}: a text that distinguishes nothing: {expected}")
    require(found["token_ids"] == expected,
            f"{folder.name}: greedy ids {found['token_ids']}, expected {expected}")


def log_likelihood(model, context, continuation):
    ids = torch.tensor([context + continuation])
    log_probs = model(ids[:, :-1]).logits[0].float().log_softmax(-1)[len(context) - 1:]
    return log_probs.gather(1, torch.tensor(continuation)[:, None]).double().sum().item()


def check_log_likelihoods(folder, model, store):
    hylo("eval", "--model", folder, "--tasks", "story_openings", "--limit", 8, "--store", store)
    lines = hylo("store", "export", "latest", "--samples", "--ids", "--store", store).splitlines()
    require(len(lines) == 16, f"{folder.name}: expected 16 requests, found {len(lines)}")
    for sample in map(json.loads, lines):
        expected = log_likelihood(model, sample["context_ids"], sample["token_ids"])
        require(abs(sample["log_likelihood"] - expected) < LOG_LIKELIHOOD_TOLERANCE,
                f"{folder.name}: document {sample['index']}: log-likelihood "
                f"{sample['log_likelihood']}, expected {expected}")


def check_convert(folder, model):
    same, rounded = folder.with_name(folder.name + "-same"), folder.with_name(folder.name + "-16")
    hylo("convert", folder, same, "--max-file-bytes", SHARD_BYTES)
    hylo("convert", folder, rounded, "--dtype", "bfloat16")
    require(len(list(same.glob("*.safetensors"))) > 1, f"{same.name}: expected several files")
    require(len(list(rounded.glob("*.safetensors"))) == 1, f"{rounded.name}: expected one file")
    stored = model.config.dtype
    check_equal(same, load(same, stored), model, stored)
    check_equal(rounded, load(rounded, torch.bfloat16), load(folder, torch.bfloat16), torch.bfloat16)


def check_equal(folder, found, expected, dtype):
    require(type(found) is type(expected), f"{folder.name}: became a {type(found).__name__}")
    ours, theirs = found.state_dict(), expected.state_dict()
    require(ours.keys() == theirs.keys(), f"{folder.name}: other tensors")
    for name, tensor in theirs.items():
        require(ours[name].dtype == dtype and torch.equal(ours[name], tensor),
                f"{folder.name}: tensor '{name}' has other bits")
    ids = torch.arange(3, 43)[None]
    require(torch.equal(found(ids).logits, expected(ids).logits), f"{folder.name}: other logits")


@torch.inference_mode()
def main(root):
    for (name, config), dtype in itertools.product(CONFIGS.items(), (torch.float32, torch.bfloat16)):
        folder = root / f"{name}-{str(dtype).removeprefix('torch.')}"
        make_checkpoint(folder, config, dtype)
        in_float32 = load(folder, torch.float32)
        check_greedy_text(folder, in_float32)
        check_log_likelihoods(folder, in_float32, root / f"{folder.name}.db")
        check_convert(folder, load(folder, dtype))
        print(f"{folder.name}: agrees")


torch.set_num_threads(1)
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
with tempfile.TemporaryDirectory() as root:
    main(Path(root))
