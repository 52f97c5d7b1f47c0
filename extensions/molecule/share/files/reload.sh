#!/bin/sh
# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Reloads nginx; while /run/refuse is there, not with a certificate for *.fleet.test, and while /run/hang is there, only after a while.
set -eu
wild() { openssl x509 -in /etc/nginx/tls/site.pem -noout -ext subjectAltName | grep -qF 'DNS:*.fleet.test'; }
if [ -e /run/hang ] && wild; then sleep 30; fi
if [ -e /run/refuse ] && wild; then echo "no wildcards here" >&2; exit 1; fi
systemctl reload nginx
