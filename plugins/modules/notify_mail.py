#!/usr/bin/python
# Copyright (c) 2026 The evergreen.pki authors
# GNU General Public License v3.0+
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: notify_mail
short_description: Sends one plain text mail
version_added: 0.1.0
description:
  - Sends a mail through an SMTP server, with STARTTLS or TLS and a login where asked for. The server's certificate is verified.
  - Meant to run on the controller (C(delegate_to=localhost)).
extends_documentation_fragment:
  - evergreen.pki._attributes
requirements:
  - Python 3.9 or newer
attributes:
  check_mode:
    support: full
    details: Nothing is sent and no server is asked.
  diff_mode:
    support: N/A
    details: It changes nothing on the host.
  idempotent:
    support: N/A
    details: It sends on every call.
options:
  to:
    description: Addresses of the recipients.
    type: list
    elements: str
    required: true
  sender:
    description: The address it comes from.
    type: str
    required: true
  subject:
    description: The subject. Line ends and other control characters in it become escapes.
    type: str
    required: true
  body:
    description: The text.
    type: str
    required: true
  host:
    description: The SMTP server.
    type: str
    default: localhost
  port:
    description: Its port. Default is 25, with O(secure=tls) 465, with a login 587.
    type: int
  secure:
    description: How the connection is protected; V(starttls) and V(tls) fail rather than send in clear.
    type: str
    choices: [none, starttls, tls]
    default: starttls
  ca_path:
    description: A PEM file of the authorities that the server's certificate is verified with. Default is the system's.
    type: path
  username:
    description: Login name. A login is refused without O(secure).
    type: str
  password:
    description: Password of the login.
    type: str
  timeout:
    description: Seconds for each step of the conversation.
    type: float
    default: 20
"""

EXAMPLES = r"""
- name: Tell the people on call
  evergreen.pki.notify_mail:
    to: [oncall@example.org]
    sender: evergreen@example.org
    host: mail.example.org
    subject: 2 certificates renewed
    body: All of them are proven to be in service.
  delegate_to: localhost
"""

RETURN = r"""
message_id:
  description: The Message-ID of the mail; null in check mode.
  returned: success
  type: str
  sample: <176387.5@example.org>
refused:
  description: Recipients that the server refused, with its answers, while it took others.
  returned: success
  type: dict
  sample: {}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.evergreen.pki.plugins.module_utils._core.host import answering
from ansible_collections.evergreen.pki.plugins.module_utils._core.mail import send


def main() -> None:
    module = AnsibleModule(supports_check_mode=True, required_together=[("username", "password")], argument_spec={
        "to": {"type": "list", "elements": "str", "required": True},
        "sender": {"type": "str", "required": True},
        "subject": {"type": "str", "required": True},
        "body": {"type": "str", "required": True},
        "host": {"type": "str", "default": "localhost"},
        "port": {"type": "int"},
        "secure": {"type": "str", "choices": ["none", "starttls", "tls"], "default": "starttls"},
        "ca_path": {"type": "path"},
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "timeout": {"type": "float", "default": 20},
    })
    with answering(module):
        module.exit_json(changed=True, **send(module.params, module.check_mode))


if __name__ == "__main__":
    main()
