#!/bin/sh
# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
# What Proxmox VE makes for a new cluster (proxmox-formats 3.1): its authority, and a pair that it signs for each node. Called on one node.
#   pve_cluster.sh NODE...
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# Written elsewhere first: openssl sets modes that the cluster file system does not grant.
keep() {
  cat "$1" >"/etc/pve/$2"
}

openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -keyout ca.key -out ca.pem \
  -subj "/CN=Proxmox Virtual Environment/OU=$(cat /proc/sys/kernel/random/uuid)/O=PVE Cluster Manager CA" 2>/dev/null
keep ca.pem pve-root-ca.pem
keep ca.key priv/pve-root-ca.key

serial=0
for node in "$@"; do
  serial=$((serial + 1))
  fqdn=$node.fleet.test
  openssl req -new -newkey rsa:2048 -nodes -keyout node.key -out node.csr -subj "/OU=PVE Cluster Node/O=Proxmox Virtual Environment/CN=$fqdn" 2>/dev/null
  printf 'basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost,DNS:%s,DNS:%s\n' "$node" "$fqdn" >node.ext
  openssl x509 -req -in node.csr -CA ca.pem -CAkey ca.key -set_serial "$serial" -days 730 -extfile node.ext -out node.pem 2>/dev/null
  keep node.pem "nodes/$node/pve-ssl.pem"
  keep node.key "nodes/$node/pve-ssl.key"
done
