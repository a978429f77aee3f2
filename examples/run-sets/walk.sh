#!/bin/sh
# A set of flows from nothing: define the steps and the graph, register files, run over them, change one step, run again.
# Usage: walk.sh [URL]; needs curl and jq, and `fasti` on the path or in FASTI.
set -eu
url=${1:-http://127.0.0.1:7450}
here=$(dirname "$0")
fasti() { "${FASTI:-fasti}" --url "$url" "$@"; }

# What the steps do and how they go together.
fasti run set define "$here/texts.json"

# Two files, and an item for each.
for text in "one  two   three" "four five"; do
    jq -n --arg text "$text" '{name: "text.txt", content: $text}' |
        curl -sSf -H 'Content-Type: application/json' --data-binary @- "$url/api/v1/files" | jq -c '{text: .id}'
done | fasti --json run set items - --type text=file --title "two texts" > "${TMPDIR:-/tmp}/items.$$"
items=$(jq .id "${TMPDIR:-/tmp}/items.$$")
rm "${TMPDIR:-/tmp}/items.$$"

finished() { # SET
    until [ "$(fasti --json run set show "$1" | jq '.is_filled and .flows_completed == .flows_total')" = true ]; do
        sleep 0.1
    done
}

first=$(fasti --json run set start texts --items "$items" | jq .id)
finished "$first"
fasti --json run set show "$first" | jq -c '{flows: .flows_completed, steps: .steps.completed}'

# Another way to count: a new revision, and with it one of the graph.
jq '{step_types: [.step_types[1] | .description = "with the number of lines" |
    .argv[2] = "printf \"{\\\"words\\\": %d}\" $(wc -lw < \"$TEXT\" | awk \"{print \\$2}\") > \"$OUTPUT_DIR/seed.outputs.json\""]}' \
    "$here/texts.json" | fasti run set define -
fasti --json batch compare texts | jq -c '.nodes | map_values(.status)'

# Over the same items again: the tidied texts are shared, only the counts are made anew.
second=$(fasti --json run set start texts --over "$first" | jq .id)
finished "$second"
fasti --json run set compare "$second" |
    jq -c '{steps: [.sets[].steps.completed], counted: [.nodes.count[].steps.completed]}'
fasti run set compare "$second"
