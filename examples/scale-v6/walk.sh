#!/bin/sh
# The whole life of a batch with nothing but curl: types, dataset, batch, revision, re-processing batch, comparison.
#
#     fasti serve &
#     sh walk.sh http://127.0.0.1:7450
#
# jq only picks ids and counts out of the answers.
set -eu

base="${1:-http://127.0.0.1:7450}/v6"

post() {
    curl --fail-with-body --silent --show-error -X POST "$base$1" -H 'Content-Type: application/json' -d "$2"
}

patch() {
    curl --fail-with-body --silent --show-error -X PATCH "$base$1" -H 'Content-Type: application/json' -d "$2"
}

get() {
    curl --fail-with-body --silent --show-error "$base$1"
}

job_type() { # name, version, interface
    post /job-types/ '{
        "docker_image": "'"$1:$2"'",
        "manifest": {"seedVersion": "1.0.0", "job": {
            "name": "'"$1"'", "jobVersion": "'"$2"'", "packageVersion": "1.0.0",
            "title": "'"$1"'", "description": "an example", "timeout": 60,
            "maintainer": {"name": "Zoe", "email": "zoe@example.org"},
            "interface": '"$3"'}}}' > /dev/null
}

# Waits until every recipe of a batch is complete.
finished() {
    until get "/batches/$1/" | jq -e '.is_creation_done and .recipes_completed == .recipes_total' > /dev/null; do
        sleep 0.1
    done
}

definition() { # version of the job type `count`
    printf '%s' '{
        "input": {"files": [{"name": "TEXT", "media_types": ["text/plain"]}], "json": []},
        "nodes": {
            "tidy": {
                "dependencies": [],
                "input": {"TEXT": {"type": "recipe", "input": "TEXT"}},
                "node_type": {"node_type": "job", "job_type_name": "tidy", "job_type_version": "1.0.0",
                    "job_type_revision": 1}},
            "count": {
                "dependencies": [{"name": "tidy"}],
                "input": {"TIDIED": {"type": "dependency", "node": "tidy", "output": "TIDIED"}},
                "node_type": {"node_type": "job", "job_type_name": "count", "job_type_version": "'"$1"'",
                    "job_type_revision": 1}}}}'
}

echo '1. job types: what runs on the host'
job_type tidy 1.0.0 '{
    "command": "tr A-Z a-z < \"$TEXT\" > \"$OUTPUT_DIR/tidied.txt\"",
    "inputs": {"files": [{"name": "TEXT", "mediaTypes": ["text/plain"]}]},
    "outputs": {"files": [{"name": "TIDIED", "pattern": "*.txt", "mediaType": "text/plain"}]}}'
for version in 1.0.0 1.1.0; do
    flag=-w
    if [ "$version" = 1.1.0 ]; then flag=-c; fi
    job_type count "$version" '{
        "command": "printf \"{\\\"size\\\": %d}\" $(wc '"$flag"' < \"$TIDIED\") > \"$OUTPUT_DIR/seed.outputs.json\"",
        "inputs": {"files": [{"name": "TIDIED"}]},
        "outputs": {"json": [{"name": "size", "type": "integer"}]}}'
done

echo '2. a recipe type: tidy, then count'
recipe_type=$(post /recipe-types/ '{"title": "Read", "definition": '"$(definition 1.0.0)"'}' | jq .id)

echo '3. files, and a dataset of them'
members=
for text in 'One' 'Two words' 'And three words'; do
    file=$(post /files/ '{"file_name": "text.txt", "media_type": "text/plain", "content": "'"$text"'"}' | jq .id)
    members="$members${members:+,}"'{"files": {"TEXT": ['"$file"']}}'
done
dataset=$(post /datasets/ '{
    "title": "Texts",
    "definition": {"parameters": {"files": [{"name": "TEXT", "media_types": ["text/plain"]}], "json": []}},
    "data": ['"$members"']}' | jq .id)

echo '4. a batch: rehearsed, made, waited for'
new='"recipe_type_id": '"$recipe_type"', "definition": {"dataset": '"$dataset"'}'
post /batches/validation/ "{$new}" | jq -e .is_valid > /dev/null
first=$(post /batches/ '{"title": "Texts", '"$new"'}' | jq .id)
finished "$first"
get "/batches/$first/" | jq -c '{recipes_total, jobs_total, jobs_completed}'

echo '5. a revision: another version of count'
patch /recipe-types/read/ '{"definition": '"$(definition 1.1.0)"'}' > /dev/null

echo '6. a batch over the first one runs only what changed'
again='"recipe_type_id": '"$recipe_type"', "definition": {"previous_batch": {"root_batch_id": '"$first"'}}'
post /batches/validation/ "{$again}" | jq -c '.prev_batch.diff.nodes | map_values(.status)'
second=$(post /batches/ '{"title": "Texts again", '"$again"'}' | jq .id)
finished "$second"
get "/batches/$second/" | jq -c '{jobs_total, jobs_completed}'
get "/jobs/?batch_id=$second" | jq -c '{new_jobs: .count, of: ([.results[].job_type.name] | unique)}'

echo '7. what a recipe came to'
recipe=$(get "/recipes/?batch_id=$second&order=id" | jq '.results[-1].id')
job=$(get "/recipes/$recipe/" | jq .details.nodes.count.node_type.job_id)
get "/jobs/$job/" | jq -c .output.json

echo '8. the comparison of both'
get "/batches/comparison/$first/" | jq -c '.metrics | {jobs_total, counted: .job_metrics.count.jobs_completed}'
