# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts and CAs say is kept in facts and is never a template, whichever ansible-core runs."""

from __future__ import annotations

import json
import pathlib

import pytest

pytest.importorskip("ansible.errors", reason="ansible-core is not installed for this Python")
ROOT = pathlib.Path(__file__).resolve().parents[3]
MODULE = """\
import json, pathlib
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule({})
module.exit_json(**json.loads(pathlib.Path({answer!r}).read_text()))
"""
# Each of them keeps what a filter made of what the hosts said, and shows it.
KEPT = {
    "fleet_report": "hostvars | evergreen.pki.fleet_report(groups['all'])", "fleet_plan": "hostvars | evergreen.pki.fleet_plan(groups['all'])",
    "fleet_plan, chosen": "hostvars | evergreen.pki.fleet_plan(groups['all'], '[].message')",
    "key_report": "hostvars | evergreen.pki.key_report(groups['all'])", "share_report": "hostvars | evergreen.pki.share_report(groups['all'])",
    "share_failures": "hostvars | evergreen.pki.share_failures(groups['all'])",
    "share_back": "hostvars | evergreen.pki.share_back(hostvars | evergreen.pki.share_failures(groups['all']), 'b')",
    "share_sources": "hostvars | evergreen.pki.share_sources(groups['all'], true)",
    "share_rows": "hostvars['a'].share_declared | evergreen.pki.share_rows(hostvars['a'].answer.read, hostvars['a'].answer.asked)",
    "text_table": "hostvars | evergreen.pki.fleet_plan(groups['all']) | evergreen.pki.text_table",
    "order_outcomes": "hostvars['a'].answer.ordered | evergreen.pki.order_outcomes([{'path': '/w.pem'}])",
}


# They hand on names of the inventory, and what is declared.
NOTHING_OF_HOSTS = {"fleet_hosts", "key_hosts", "share_hosts", "proxmox_acme"}


def test_every_filter_is_here():
    """One that hands on what hosts say is tried below."""
    filters = {path.stem for path in (ROOT / "plugins" / "filter").glob("*.py")}
    assert {name.partition(",")[0] for name in KEPT} | NOTHING_OF_HOSTS == filters


def hostile(text: str) -> dict:
    """An answer with a text of a host's in all places where a filter looks for one."""
    plan = {"name": text, "product": "generic", "issuer": "selfsigned", "path": "/w.pem", "action": "renew", "reason": "due", "message": text,
            "due_at": None, "remind": True}
    failed = {"number": 0, "name": text, "path": "/w.pem", "result": "failed", "reason": "failed", "message": text}
    source = {"__share_source": {"key": "a:/w.pem", "recipients": [text]}, "certificate": text, "fingerprint": text, "not_after": text}
    return {"plan": {"plan": [plan], "nodename": text, "fqdn": text}, "failed_ones": [failed], "read": {"results": [source]},
            "key_plan": {"plan": [{**plan, "id": text, "todo": {}}], "nodename": text, "fqdn": text},
            "asked": {"results": [{"__share_number": 0, "due": True, "needs_key": True, "unsettled": False, "recipient": text, "path": "/w.pem",
                                   "key_path": "/w.key", "endpoints": []}]},
            "ordered": {"results": [{"failed": True, "msg": text, "path": "/w.pem", "name": text}]}}


def play() -> list:
    facts = {"evergreen_plan": "{{ answer.plan }}", "evergreen_key_plan": "{{ answer.key_plan }}", "selfsigned_outcomes": "{{ answer.failed_ones }}",
             "share_declared": [{"from": {"host": "a"}, "path": "/w.pem", "key_path": "/w.key"}], "__share_all_or_none": True,
             "__share_read": "{{ answer.read }}", "__share_asked": "{{ answer.asked }}",
             "share_outcomes": "{{ answer.failed_ones if inventory_hostname == 'a' else [] }}"}
    rows = {"share_rows": "{{ share_declared | evergreen.pki.share_rows(answer.read, answer.asked) }}"}
    kept = [step for number, filtered in enumerate(KEPT.values()) for step in (
        {"ansible.builtin.set_fact": {f"kept_{number}": f"{{{{ {filtered} }}}}"}, "run_once": True},
        # Twice: a text that comes out of one template must not go into the next.
        {"ansible.builtin.set_fact": {f"kept_again_{number}": f"{{{{ kept_{number} }}}}"}, "run_once": True},
        {"ansible.builtin.debug": {"msg": f"KEPT {{{{ kept_again_{number} | to_json }}}}"}, "run_once": True})]
    said = [{"say": {}, "register": "answer"}, {"ansible.builtin.set_fact": facts}, {"ansible.builtin.set_fact": rows}]
    return [{"hosts": "all", "gather_facts": False, "tasks": [*said, *kept]}]


def template(ran: pathlib.Path) -> str:
    """A text that leaves a file where it is taken for a template."""
    return f"{{{{ lookup('pipe', 'touch {ran}') }}}}"


def test_what_hosts_say_is_no_template(ansible, tmp_path):
    """Nor once it was kept in a fact."""
    (tmp_path / "answer.json").write_text(json.dumps(hostile(template(tmp_path / "ran"))))
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "say.py").write_text(MODULE.replace("{answer!r}", repr(str(tmp_path / "answer.json"))))
    (tmp_path / "play.yml").write_text(json.dumps(play()))
    said = ansible("-i", "a,b", "play.yml")
    shown = [line for line in said.splitlines() if "KEPT" in line]
    assert len(shown) == len(KEPT) and not (tmp_path / "ran").exists(), said
    for filtered, line in zip(KEPT, shown):
        assert "lookup('pipe'" in line, filtered


def test_what_a_command_says_is_told_and_no_template(ansible, tmp_path):
    """From the command that does not reload, through all that keeps it, to the table at the end."""
    (tmp_path / "words").write_text(template(tmp_path / "ran"))
    declared = {"issuer": "selfsigned", "path": str(tmp_path / "w.pem"), "key_path": str(tmp_path / "w.key"), "names": ["w.example"],
                "activate": {"command": ["/bin/sh", "-c", f"echo first >&2; cat {tmp_path}/words >&2; exit 1"]}}
    (tmp_path / "variables.json").write_text(json.dumps({"evergreen_certificates": [declared], "evergreen_state_path": str(tmp_path / "state"),
                                                         "evergreen_fqdn": "w.example"}))
    said = ansible("-i", "a,", "-e", f"@{tmp_path}/variables.json", "evergreen.pki.renew", status=2)
    told, = [line for line in said.splitlines() if line.lstrip().startswith('"a ')]
    assert "non-zero return code: {{ lookup('pipe'" in told and not (tmp_path / "ran").exists(), said
