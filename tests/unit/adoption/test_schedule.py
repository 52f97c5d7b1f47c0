# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._adoption import schedule

# Of Debian's certbot 2.1.0-4, and as acme.sh 3.1.5's `installcronjob` writes it.
CERTBOT = ("0 */12 * * * root test -x /usr/bin/certbot -a \\! -d /run/systemd/system && perl -e 'sleep int(rand(43200))'"
           " && certbot -q renew --no-random-sleep-on-renew")
ACMESH = '41 3,9,15,21 * * * "/root/.acme.sh"/acme.sh --cron --home "/root/.acme.sh" > /dev/null'


@pytest.mark.parametrize(("client", "line", "calls"), [
    pytest.param("certbot", CERTBOT, True, id="Debian's certbot"),
    pytest.param("certbot", "#" + CERTBOT, False, id="commented out"),
    pytest.param("certbot", "  # certbot", False, id="a remark"),
    pytest.param("certbot", "MAILTO=certbot", False, id="a setting"),
    pytest.param("certbot", "0 1 * * * root /usr/local/sbin/renew-certbot-stats", False, id="a longer word"),
    pytest.param("certbot", "0 1 * * * root /opt/certbot-auto renew", True, id="the older program"),
    pytest.param("acmesh", ACMESH, True, id="acme.sh"),
    pytest.param("acmesh", "0 0 * * * /root/acmexsh --cron", False, id="no dot"),
    pytest.param("lego", "0 0 * * * root /usr/bin/lego --http renew", True, id="lego"),
    pytest.param("lego", "0 0 * * * root /usr/bin/legolas", False, id="another program"),
    pytest.param("dehydrated", "@daily root dehydrated -c", True, id="dehydrated"),
])
def test_who_calls_whom(client, line, calls):
    """A line of a cron table, as it stands there."""
    text = f"SHELL=/bin/sh\n{line}\n5 4 * * * root true\n"
    assert schedule.calling(text, client) == ((line,) if calls else ()) and schedule.calls(f"#!/bin/sh\n{line}\n", client) is (calls or line[:7] == "MAILTO=")


SERVICE = "[Service]\nType=oneshot\nExecStart=/usr/bin/certbot -q renew \\\n  --no-random-sleep-on-renew\nPrivateTmp=true\n"


def test_services():
    """Only what is started counts; a line may go on in the next."""
    assert schedule.starting(SERVICE, "certbot") == ("/usr/bin/certbot -q renew    --no-random-sleep-on-renew",)
    assert schedule.starting(SERVICE, "lego") == () and schedule.starting("[Unit]\nDescription=certbot\n", "certbot") == ()
    assert schedule.starting("[Service]\nExecStart=/usr/bin/snap run --timer='00:00~24:00/2' certbot.renew\n", "certbot")


@pytest.mark.parametrize(("text", "service"), [("[Timer]\nOnCalendar=daily\n", "web.service"), ("[Timer]\nUnit = renew.service\n", "renew.service")])
def test_timers(text, service):
    """The one that it names, else the one of its own name."""
    assert schedule.started_by(text, "web.timer") == service


@pytest.mark.parametrize(("line", "words"), [
    pytest.param("0 0 * * * root lego --domains a.example --http renew && systemctl reload nginx", ["--domains", "a.example", "--http", "renew"], id="&&"),
    pytest.param('/usr/bin/lego -d a.example renew --renew-hook "systemctl reload nginx" >/dev/null 2>&1',
                 ["-d", "a.example", "renew", "--renew-hook", "systemctl reload nginx"], id="quotes"),
    pytest.param("lego -d 'a", [], id="half a quote"),
    pytest.param("certbot renew", [], id="another"),
])
def test_words_behind(line, words):
    """Up to the next command."""
    assert schedule.words_behind(line, "lego") == words
