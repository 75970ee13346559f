"""Times one forward and backward pass of a chunked recurrence of transformers (its torch code).

    recurrent_transformers.py gated_delta|selective_scan TOKENS HEADS WIDTH

prints the seconds of the fastest of two passes. Chunks are as long as the library's defaults say:
64 rows for the delta rule, 256 for the scan.
"""
import sys
import time

import torch


def main(op, tokens, heads, width):
    torch.manual_seed(0)
    rows = (1, tokens, heads, width)
    q, k, v = (torch.randn(rows, requires_grad=True) for _ in range(3))
    step = torch.rand(rows[:3], requires_grad=True)
    decay = (-torch.rand(rows[:3])).requires_grad_()
    rate = (-torch.rand(heads)).requires_grad_()

    def gated_delta():
        from transformers.models.qwen3_next.modeling_qwen3_next import torch_chunk_gated_delta_rule

        return torch_chunk_gated_delta_rule(q, k, v, g=decay, beta=step, use_qk_l2norm_in_kernel=True)[0]

    def selective_scan():
        from transformers.models.mamba2.modeling_mamba2 import mamba2_chunk_scan

        return mamba2_chunk_scan(v, step, rate, k, q, chunk_size=256)

    run = {"gated_delta": gated_delta, "selective_scan": selective_scan}[op]
    seconds = []
    for _ in range(2):
        begin = time.perf_counter()
        out = run()
        out.backward(torch.ones_like(out))
        seconds.append(time.perf_counter() - begin)
        del out
    print(min(seconds))


main(sys.argv[1], *map(int, sys.argv[2:5]))
