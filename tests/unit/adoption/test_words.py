# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._adoption import words
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused


@pytest.mark.parametrize(("hooks", "activate"), [
    (["systemctl reload nginx"], {"reload": "nginx"}), (["/usr/bin/systemctl restart haproxy.service"], {"restart": "haproxy.service"}),
    (["service nginx reload"], {"reload": "nginx"}), (["systemctl reload-or-restart postfix"], {"restart": "postfix"}),
    (["service apache2 force-reload"], {"restart": "apache2"}), (["/usr/sbin/nginx -s reload"], {"command": ["/usr/sbin/nginx", "-s", "reload"]}),
    (["/usr/local/bin/deploy.sh"], {"command": ["/usr/local/bin/deploy.sh"]}),
    ([], None), (["systemctl reload nginx", "true"], None), (["systemctl reload nginx; true"], None), (["cat x | sh"], None), (["echo $(id)"], None),
    (["nginx -s reload"], None), (["/bin/push user:hush"], None), (["/bin/push 7f3a9c1e5b2d4f60"], None), (["systemctl reload 'nginx"], None),
    (["systemctl reload nginx apache2"], None), (["systemctl mask nginx"], None), (["true\nfalse"], None), ([""], None),
])
def test_how_a_service_was_told(hooks, activate):
    """What takes a shell, or may hold a secret, is nobody's to be run by us."""
    assert words.activation(hooks) == activate


@pytest.mark.parametrize(("path", "is_one"), [
    ("/tls/web.pem", True), ("//tls/./web.pem", True), ("/a b", True), ("tls", False), ("", False), (None, False), (7, False), ("/tls/../etc", False),
    ("/tls\nx", False), ("/tls\x00", False), ("/tls\ud800", False),
])
def test_paths(path, is_one):
    """Absolute, and nowhere up again."""
    if is_one:
        assert words.path_of(path, "key", "conf").startswith("/") and not words.path_of(path, "key", "conf").startswith("//")
        return
    with pytest.raises(FileRefused, match="conf: its key is no absolute path"):
        words.path_of(path, "key", "conf")


@pytest.mark.parametrize(("name", "is_one"), [
    ("a.example", True), ("*.a.example", True), ("a.example-0001", True), ("_x", True), ("a@example.org", True), ("a" * 254, True), ("a" * 255, False),
    ("..", False), ("a..b", False), ("-a", False), ("a/b", False), ("a b", False), ("", False),
])
def test_names(name, is_one):
    """Names of certificates that are parts of a path."""
    assert words.plain(name) is is_one


@pytest.mark.parametrize(("value", "setting"), [("80", {}), ("8080", {"port": 8080}), ("0", {}), ("65535", {"port": 65535}), ("65536", {}), ("8o", {}),
                                                (None, {})])
def test_ports(value, setting):
    """Said only where it is not the usual one."""
    assert words.port_of(value, 80) == setting
