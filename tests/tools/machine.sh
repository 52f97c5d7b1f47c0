#!/usr/bin/env bash
# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Debian packages that are missing, as root. Says in one line what is left out where it can install nothing.
#   tests/tools/machine.sh tools        # for lint and unit tests
#   tests/tools/machine.sh containers   # the same, and for containers of hosts
set -euo pipefail

# age and strace are what tests of escrow run, curl is what other ACME clients need, fuse3 mounts the lab's cluster file system,
# gnutls-bin is another reader of certificates, e2fsprogs makes a disk to be killed on.
needed=(git openssl ca-certificates age curl strace fuse3 gnutls-bin e2fsprogs)
# A Python with a working venv may come from elsewhere than Debian; the search is slow and needed once.
here=$(dirname "$0")
if [ ! -e "$here/../../.cache/venv/tools.stamp" ] && [ -z "$(python3 "$here/pythons.py")" ]; then
  needed+=(python3-venv)
fi
if [ "${1:-tools}" = containers ]; then
  needed+=(mmdebstrap)
  if [ "${EVERGREEN_ENGINE:-podman}" = podman ]; then
    needed+=(podman runc netavark aardvark-dns iptables uidmap catatonit)
  fi
fi

if ! command -v dpkg-query >/dev/null; then
  echo "This is no Debian: nothing is installed here; what lacks a program is left out (${needed[*]})." >&2
  exit 0
fi

missing=()
for package in "${needed[@]}"; do
  if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
    missing+=("$package")
  fi
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
  echo "Not root: ${missing[*]} not installed; what needs them is left out." >&2
  exit 0
fi

echo "$(date +%T) installing ${missing[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "${missing[@]}"
}
# A fresh image has no package lists, an old one has stale lists.
if ! install >"$log" 2>&1 && ! { apt-get update && install; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "apt-get could not install: ${missing[*]}" >&2
  exit 1
fi
