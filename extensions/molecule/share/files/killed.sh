#!/bin/sh
# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs a command with its output in a file, and kills it with all its children at once when a text occurs there in the second batch.
#   killed.sh TEXT FILE COMMAND...
set -eu
text=$1 file=$2
shift 2
setsid "$@" >"$file" 2>&1 &
pid=$!
for _half_second in $(seq 240); do
  if awk -v text="$text" '/^PLAY .Put in service/ {batch++} batch == 2 && index($0, text) {found = 1} END {exit !found}' "$file"; then
    kill -s KILL -- "-$pid"
    exit 0
  fi
  kill -0 "$pid" || exit 1
  sleep 0.5
done
kill -s KILL -- "-$pid"
exit 1
