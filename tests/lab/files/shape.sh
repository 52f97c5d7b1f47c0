#!/bin/sh
# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Gives a lab host its shape, when its certificates are already in place: folders with the product's owners and modes,
# and the service started. The folder of this script is /usr/local/lib/evergreen-lab.
#   shape.sh pbs|pdm|pve|nginx|haproxy|postfix
set -eu
cd "$(dirname "$0")"

unit() {
  install -m 0644 "$1.service" "/etc/systemd/system/$1.service"
  systemctl daemon-reload
  systemctl enable --now --quiet "$1"
}

pbs() {
  install -d -o backup -g backup -m 0700 /etc/proxmox-backup
  unit proxmox-backup-proxy
}

pdm() {
  install -d -o www-data -g www-data -m 1770 /etc/proxmox-datacenter-manager
  install -d -o root -g www-data -m 0750 /etc/proxmox-datacenter-manager/auth
  unit proxmox-datacenter-api
}

# The certificates come from pve_cluster.sh, called on one node before.
pve() {
  # ansible-core's sanity tests let no file of a collection begin as a program does.
  { echo '#!/usr/bin/python3'; cat pvenode_standin.py; } >/usr/local/bin/pvenode
  chmod 0755 /usr/local/bin/pvenode
  install -m 0644 pve-daily-update.service pve-daily-update.timer /etc/systemd/system
  unit pveproxy
  systemctl enable --now --quiet pve-daily-update.timer
}

nginx() {
  install -d -m 0750 /etc/nginx/tls
  install -m 0644 nginx.conf /etc/nginx/conf.d/fleet.conf
  [ ! -e /etc/nginx/tls/shop.pem ] || install -m 0644 nginx-shop.conf /etc/nginx/conf.d/shop.conf
  systemctl enable --now --quiet nginx
}

haproxy() {
  install -d -o root -g haproxy -m 0750 /etc/haproxy/tls
  install -m 0644 haproxy.cfg /etc/haproxy/haproxy.cfg
  [ ! -e /etc/haproxy/tls/apps.pem ] || cat haproxy-apps.cfg >>/etc/haproxy/haproxy.cfg
  # The unit binds /dev/log into its chroot, which needs a right that a container has not.
  mkdir -p /etc/systemd/system/haproxy.service.d
  printf '[Service]\nBindReadOnlyPaths=\n' >/etc/systemd/system/haproxy.service.d/lab.conf
  systemctl daemon-reload
  systemctl enable --now --quiet haproxy
}

# Port 25 takes the digest, port 587 shows a second certificate, port 465 a third where there is one; mail for ops lands in /var/mail/ops.
postfix() {
  install -d -m 0750 /etc/postfix/tls
  id ops >/dev/null 2>&1 || useradd --system --no-create-home ops
  postconf -e "myhostname = $(uname -n).fleet.test" "mydestination = fleet.test, localhost" "inet_interfaces = all" "inet_protocols = ipv4" \
    "mynetworks = 127.0.0.0/8" "alias_maps =" "alias_database =" "smtputf8_enable = no" "relayhost =" "maillog_file = /var/log/postfix.log" \
    "smtpd_tls_cert_file = /etc/postfix/tls/smtp.pem" "smtpd_tls_key_file = /etc/postfix/tls/smtp.key" "smtpd_tls_security_level = encrypt" \
    "smtpd_tls_received_header = yes" "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination"
  postconf -M "submission/inet=submission inet n - y - - smtpd"
  postconf -P "submission/inet/smtpd_tls_cert_file=/etc/postfix/tls/submission.pem" "submission/inet/smtpd_tls_key_file=/etc/postfix/tls/submission.key"
  if [ -e /etc/postfix/tls/mx.pem ]; then
    postconf -M "smtps/inet=smtps inet n - y - - smtpd"
    postconf -P "smtps/inet/smtpd_tls_cert_file=/etc/postfix/tls/mx.pem" "smtps/inet/smtpd_tls_key_file=/etc/postfix/tls/mx.key" \
      "smtps/inet/smtpd_tls_wrappermode=yes"
  fi
  systemctl enable --now --quiet postfix
}

"$1"
