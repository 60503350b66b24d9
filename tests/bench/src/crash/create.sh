#!/bin/sh
# A cloud's call that creates an object: NAME and TAG are the caller's, the id is the cloud's. Where $KILL says so, it kills its caller.
set -eu
name=$1 tag=$2
: > "$PLACE/busy/$$"
trap 'rm -f "$PLACE/busy/$$"' EXIT
# A caller that is gone is no reason to go in the middle.
trap '' PIPE
call=1
until mkdir "$PLACE/calls/$call" 2>/dev/null; do call=$((call + 1)); done
if [ "$KILL" = "before $call" ]; then
    kill -9 "$PPID"
    exit 1
fi
sleep 0.05
id=$name.$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
echo "$tag" > "$PLACE/busy/$id.new"
mv "$PLACE/busy/$id.new" "$PLACE/cloud/$id"
if [ "$KILL" = "after $call" ]; then
    kill -9 "$PPID"
    exit 1
fi
printf %s "$id"
