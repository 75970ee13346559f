"""A training step in PyTorch eager with the code of transformers: forward, backward, AdamW.

    training_step_transformers.py write llama|gated_delta|mamba2 FOLDER
    training_step_transformers.py train FOLDER SEQUENCES TOKENS STEPS

`write` makes a checkpoint of random weights: width 256, 8 layers. gated_delta is Qwen3-Next with
dense feed-forwards, mamba2 is Bamba; three recurrent layers to one of attention. `train` prints one
line per step: its seconds and its loss. Token i of the batch is (7 i^2 + 3 i) mod 4093, in every
step.
"""
import sys
import time

import torch
import transformers

common = dict(
    vocab_size=4096, hidden_size=256, intermediate_size=704, num_hidden_layers=8, tie_word_embeddings=True,
    max_position_embeddings=4096, num_attention_heads=4, num_key_value_heads=4, head_dim=64,
    initializer_range=0.02, bos_token_id=1, eos_token_id=2, pad_token_id=None,
)


def config_of(kind):
    if kind == "llama":
        return transformers.LlamaConfig(**common)
    if kind == "mamba2":
        return transformers.BambaConfig(
            **common, mamba_n_heads=8, mamba_d_head=64, mamba_d_state=64, mamba_n_groups=1, mamba_expand=2,
            mamba_chunk_size=256, attn_layer_indices=[3, 7],
        )
    return transformers.Qwen3NextConfig(
        **common, num_experts=0, mlp_only_layers=[], linear_num_key_heads=4, linear_num_value_heads=4,
        linear_key_head_dim=64, linear_value_head_dim=64, linear_conv_kernel_dim=4,
    )


def write(kind, folder):
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(config_of(kind)).save_pretrained(folder)


def train(folder, sequences, tokens, steps):
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.train()
    weights = [w for w in model.parameters() if w.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1e-3, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
    i = torch.arange(sequences * (tokens + 1), dtype=torch.int64)
    ids = ((7 * i * i + 3 * i) % 4093).view(sequences, tokens + 1)
    for _ in range(steps):
        begin = time.perf_counter()
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        print(time.perf_counter() - begin, loss.item(), flush=True)


if sys.argv[1] == "write":
    write(sys.argv[2], sys.argv[3])
else:
    train(sys.argv[2], *map(int, sys.argv[3:6]))
