#!/bin/sh
# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
# What is really there, by openssl and stat, never by a module of the collection.
#   look.sh pairs    of each line NAME|PATH|KEY_PATH|ADDRESS|SERVER_NAME|STARTTLS on standard input, as one JSON object by name: `file` and
#                    `served` (SHA-256 fingerprints), `pair` (whole or broken), `modes` (of both files), `sha256` (of both files)
#   look.sh tree FOLDER...     a line each file, link and folder: content, kind, owner, mode, inode, time; a folder without its time
set -u

fingerprint() {
  openssl x509 -noout -fingerprint -sha256 2>/dev/null | cut -d= -f2
}

served() {
  [ -n "$1" ] || return 0
  timeout 15 openssl s_client -connect "$1" -servername "${2:-${1%:*}}" ${3:+-starttls "$3"} </dev/null 2>/dev/null | fingerprint
}

pair() {
  public=$(openssl x509 -in "$1" -noout -pubkey 2>/dev/null)
  if [ -n "$public" ] && [ "$public" = "$(openssl pkey -in "$2" -pubout 2>/dev/null)" ]; then echo whole; else echo broken; fi
}

pairs() {
  comma=
  printf '{'
  while IFS='|' read -r name path key_path address server_name starttls; do
    printf '%s"%s": {"file": "%s", "served": "%s", "pair": "%s", "modes": "%s", "sha256": "%s"}' "$comma" "$name" "$(fingerprint <"$path")" \
      "$(served "$address" "$server_name" "$starttls")" "$(pair "$path" "$key_path")" "$(stat -Lc '%U:%G %a' "$path" "$key_path" | paste -sd ,)" \
      "$(cat "$path" "$key_path" | sha256sum | cut -d' ' -f1)"
    comma=', '
  done
  printf '}\n'
}

tree() {
  for folder in "$@"; do
    [ -e "$folder" ] || continue
    find "$folder" -type d -exec stat -c '%F %U:%G %a %i %n' '{}' + -o -exec stat -c '%F %U:%G %a %i %y %N' '{}' +
    find "$folder" -type f -exec sha256sum '{}' +
  done | sort
}

"$@"
