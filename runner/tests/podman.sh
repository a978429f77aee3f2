#!/bin/sh
# Stands in for podman where a test wants to see what an engine is asked, or needs one that fails in a certain way. A
# "container" is a folder beside this script with its labels, its state, and the number of a process that no client
# owns, as under a real engine.
set -u
here=$(dirname "$0")
printf '%s\n' "$*" >>"$here/calls"
containers=$here/containers
mkdir -p "$containers"
case $1 in
info)
    [ ! -e "$here/broken" ] || { echo "cannot reach the storage" >&2; exit 1; }
    ;;
run)
    shift
    name='' entry='' env=''
    while [ "${1#--}" != "$1" ]; do
        case $1 in
        --name=*) name=${1#*=} ;;
        --entrypoint=*) entry=${1#*=} ;;
        --env-file=*) env=${1#*=} ;;
        --label=fasti.runner=*) runner=${1#--label=fasti.runner=} ;;
        esac
        shift
    done
    shift # the image
    [ "$entry" != not-there ] || { echo "Error: executable file \`not-there\` not found" >&2; exit 127; }
    [ "$entry" != no-image ] || { echo "Error: no such image" >&2; exit 125; }
    mkdir "$containers/$name"
    cp "$env" "$here/env-of-$name"
    printf '%s' "${ODD-}" >"$here/odd-of-$name"
    echo "$runner" >"$containers/$name/runner"
    echo '2026-01-01|false|true' >"$containers/$name/state"
    if [ "$entry" = out-of-memory ]; then
        echo '2026-01-01|true|false' >"$containers/$name/state"
        exit 137
    fi
    # The container is nobody's child and not in the group of its client.
    env -i PATH="$PATH" setsid sh -c 'echo $$ >"$1/pid"; shift; exec "$@"' sh "$containers/$name" "$entry" "$@" &
    child=$!
    trap 'kill -TERM "$child"' TERM
    while :; do
        wait "$child"
        code=$?
        kill -0 "$child" 2>/dev/null || exit "$code"
    done
    ;;
inspect)
    for last; do :; done
    [ -d "$containers/$last" ] || { echo "no such container" >&2; exit 125; }
    case $* in
    *Labels*) cat "$containers/$last/runner" ;;
    *) cat "$containers/$last/state" ;;
    esac
    ;;
ps)
    ls "$containers"
    ;;
rm)
    shift
    for name; do
        [ -d "$containers/$name" ] || continue
        kill -9 "$(cat "$containers/$name/pid" 2>/dev/null)" 2>/dev/null
        rm -r "${containers:?}/$name"
    done
    ;;
esac
