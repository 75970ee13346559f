#!/usr/bin/env bash
# demo.sh PROGRAM [RECIPE]: evaluates the shipped story model, lets it write, makes a hybrid of it and
# trains that for about two minutes, and says how to go on.
set -euo pipefail
program=$1
recipe=${2:-stories-demo}
model=$HYLO_ROOT/tests/fixtures/stories260k
folder=$HYLO_ROOT/build/demo
store=$folder/hylo.db

say() { printf '\n== %s\n\n' "$1"; }

# Commands are shown as the user would type them at the root, and run.
run() {
  local word
  printf '$ harness/hylo'
  for word in "$@"; do
    word=${word/#$HYLO_ROOT\//}
    if [[ $word == *' '* ]]; then printf ' "%s"' "$word"; else printf ' %s' "$word"; fi
  done
  printf '\n\n'
  "$program" "$@"
}

# A store of its own each time: an older one would answer that the run is complete already.
rm -rf "$folder"
mkdir -p "$folder"

say "Two tasks on a language model of 260,032 parameters, which ships with hylo (a few seconds)"
run eval --model "$model" --tasks story_openings,story_perplexity --name demo --store "$store"

say "RULER at 512 tokens, no download: sample sets for the model's tokenizer (what is too short says so)"
run data build ruler --mode strict --tasks all --tokenizer "$model" --lengths 512 --samples 8 --out "$folder/sets"

say "Two of its tasks. The model was trained on short stories: it finds little, as it should"
run eval --model "$model" --tasks niah_single_1@512,fwe@512 --sets "$folder/sets" --store "$store"

say "What the model writes after a prompt"
run generate --model "$model" --prompt "Once upon a time" --max-new-tokens 64

say "A hybrid of it: two layers become MLA, three Gated DeltaNet. First as it is converted, untrained"
placement=$folder/placement.json
cat > "$placement" <<'JSON'
[{"layers": [2, 4], "mixer": {"kind": "mla", "latent_rank": 24}},
 {"layers": "rest", "mixer": {"kind": "gated_delta", "num_key_heads": 4, "num_heads": 4,
                              "key_width": 16, "value_width": 16}}]
JSON
run upcycle "$model" --placement "$placement" --out "$folder/untrained"
run eval --model "$folder/untrained" --tasks story_perplexity --name untrained --store "$store"

say "Then aligned and distilled on stories that the model writes itself (about two minutes)"
run distill --recipe "$recipe" --base "$model" --out "$folder/training" --name hybrid --store "$store"
run eval --model "$folder/training/student" --tasks story_perplexity --name trained --store "$store"
run report training hybrid --store "$store"

say "Every answer is in the store; the report can be drawn again, as Markdown, CSV or JSON too"
run report demo --store "$store" --format csv

say "Your own checkpoint: a folder in the format of Hugging Face"
cat <<'NEXT'
harness/hylo inspect ~/my-model                                          what it is, does it fit
harness/hylo eval --model ~/my-model --tasks story_openings              needs no data
harness/hylo list tasks --data ~/data                                    what can be measured
harness/hylo eval --model ~/my-model --dtype bfloat16 --tasks arc_easy,hellaswag --data ~/data --name first
harness/hylo report first                                                from ./hylo.db
harness/hylo doctor                                                      what this machine can do
NEXT
