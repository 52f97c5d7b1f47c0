#!/bin/sh
# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
# The outside authority, by openssl alone, in the folder where it stands.
#   outside.sh make               root.pem, old.pem, middle.pem; www.p12 (key, leaf, chain), static.key with static.upside-down.pem
#   outside.sh answer NAME        NAME.csr signed, as NAME.p7b: what is in it stands in no order
set -eu

root() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" -subj "/O=Outside/CN=Outside $1" -days 4000 \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
}

sign() {
  printf '%s\n' subjectKeyIdentifier=hash authorityKeyIdentifier=keyid "$4" >extensions
  openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -days "$3" -copy_extensions copyall -extfile extensions -out "$1.pem" \
    -set_serial "0x$(openssl rand -hex 12)" 2>/dev/null
}

request() {
  openssl req -new -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$2" -addext "subjectAltName=DNS:$2" 2>/dev/null
}

make() {
  openssl rand -hex 12 >passphrase
  root root
  root old
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout middle.key -out middle.csr -subj "/O=Outside/CN=Outside middle" 2>/dev/null
  sign middle root 3000 "$(printf 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign')"
  request www www.fleet.test
  sign www middle 90 basicConstraints=CA:FALSE
  openssl pkcs12 -export -inkey www.key -in www.pem -certfile middle.pem -out www.p12 -passout file:passphrase
  base64 www.p12 >www.p12.b64
  request static static.fleet.test
  sign static middle 90 basicConstraints=CA:FALSE
  cat middle.pem static.pem >static.upside-down.pem
}

answer() {
  sign "$1" middle 90 basicConstraints=CA:FALSE
  openssl crl2pkcs7 -nocrl -certfile middle.pem -certfile "$1.pem" -outform DER -out "$1.p7b"
  base64 "$1.p7b" >"$1.p7b.b64"
}

"$@"
