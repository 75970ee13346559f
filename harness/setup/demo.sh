#!/usr/bin/env bash
# demo.sh PROGRAM: evaluates the shipped story model, lets it write, prints the report.
set -euo pipefail
program=$1
model=$HYLO_ROOT/tests/fixtures/stories260k
store=$HYLO_ROOT/build/demo.sqlite

"$program" eval --model "$model" --tasks story_openings,story_perplexity --store "$store" --name demo
"$program" generate --model "$model" --prompt "Once upon a time" --max-new-tokens 64
"$program" report latest --store "$store"
