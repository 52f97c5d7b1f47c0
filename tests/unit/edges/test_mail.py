# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import email
import email.policy
import time

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core import mail
from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import HostError, InputError, chain
from ansible_collections.evergreen.pki.tests.unit.edges.servers import MailServer, Pair, Server, free_port, saying, wait_for_end

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
LOGIN = ("evergreen", "p4ss word")
HEADERS = {"from", "to", "subject", "date", "message-id", "auto-submitted", "content-type", "content-transfer-encoding", "mime-version"}


def options(port=None, **changes) -> dict:
    return {"to": ["ops@example.org"], "sender": "evergreen@example.org", "subject": "2 renewed", "body": "All is well.", "host": "127.0.0.1",
            "port": port, "secure": "none", "ca_path": None, "username": None, "password": None, "timeout": 5.0, **changes}


def protected(pair, port, **changes) -> dict:
    return options(port, **{"secure": "starttls", "ca_path": str(pair.path), **changes})


def parsed(content: bytes):
    """What a mail program makes of the bytes that arrived; the standard library's old parser, which trusts no header of its own making."""
    return email.message_from_bytes(content, policy=email.policy.compat32)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return Pair(tmp_path_factory.mktemp("mail"))


@pytest.fixture(scope="module")
def plain():
    """One server without TLS for all tests of text."""
    with MailServer() as server:
        yield server


def arrival(plain, **changes):
    """The envelope of one mail that was sent with these options."""
    plain.mails.clear()
    mail.send(options(plain.port, **changes), check=False)
    (envelope, over_tls, login), = plain.mails
    return envelope


def test_a_mail_arrives_whole_over_starttls(pair):
    """Sender, recipients, subject and text arrive as given, over TLS, marked as written by a program."""
    with MailServer(pair.context()) as server:
        answer = mail.send(protected(pair, server.port, to=["ops@example.org", "root@localhost"], subject="Zertifikate: 2 erneuert – für alle",
                                     body="Grüße\n.\n.punkt\nvon {{ hier }} an"), check=False)
    (envelope, over_tls, login), = server.mails
    arrived = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert over_tls and not login and envelope.mail_from == "evergreen@example.org"
    assert envelope.rcpt_tos == ["ops@example.org", "root@localhost"] and arrived["To"] == "ops@example.org, root@localhost"
    assert arrived["Subject"] == "Zertifikate: 2 erneuert – für alle" and arrived["Auto-Submitted"] == "auto-generated"
    assert arrived.get_content().replace("\r\n", "\n") == "Grüße\n.\n.punkt\nvon {{ hier }} an\n"
    assert answer == {"message_id": arrived["Message-ID"], "refused": {}} and arrived["Message-ID"].endswith("@example.org>")


@pytest.mark.parametrize("implicit", [pytest.param(False, id="STARTTLS"), pytest.param(True, id="TLS on connect")])
def test_a_login_opens_the_door(pair, implicit):
    """With a login the mail is taken, over either kind of TLS."""
    with MailServer(pair.context(), implicit=implicit, login=LOGIN) as server:
        mail.send(protected(pair, server.port, secure="tls" if implicit else "starttls", username=LOGIN[0], password=LOGIN[1]), check=False)
    (envelope, over_tls, login), = server.mails
    assert over_tls and login


def refused_mail(pair, server_options: dict, **changes):
    with MailServer(**server_options) as server, pytest.raises(HostError) as caught:
        mail.send(protected(pair, server.port, **changes), check=False)
    assert server.mails == [], "nothing may have been sent"
    assert caught.value.where == f"{changes.get('host', '127.0.0.1')}:{server.port}" and caught.value.way_out
    return str(caught.value)


def test_a_wrong_password_is_said_and_not_shown(pair):
    """The server's own words come back, the password does not."""
    says = refused_mail(pair, {"context": pair.context(), "login": LOGIN}, username=LOGIN[0], password="wr0ng-secret")
    assert "535" in says and "wr0ng-secret" not in says


def test_a_missing_login_is_said(pair):
    """A server that wants a login and gets none says so."""
    assert "530" in refused_mail(pair, {"context": pair.context(), "login": LOGIN})


@pytest.mark.parametrize("username", [None, LOGIN[0]])
def test_without_starttls_nothing_is_sent_in_clear(pair, username):
    """STARTTLS asked for and not offered is a failure: neither mail nor login travels in clear."""
    says = refused_mail(pair, {"context": None}, username=username, password=username and LOGIN[1])
    assert "STARTTLS" in says


@pytest.mark.parametrize(("secure", "implicit"), [("starttls", False), ("tls", True)])
def test_an_untrusted_server_gets_nothing(pair, tmp_path, secure, implicit):
    """A certificate that the named authorities did not sign ends the conversation before the login."""
    stranger = Pair(tmp_path, name="stranger", key=1)
    says = refused_mail(pair, {"context": stranger.context(), "implicit": implicit, "login": LOGIN}, secure=secure, username=LOGIN[0], password=LOGIN[1])
    assert "certificate" in says.lower() and "verify failed" in says.lower()


def test_the_server_must_be_the_one_that_was_named(pair, tmp_path):
    """A trusted certificate for another name is refused as well."""
    other = Pair(tmp_path, name="other", names=("DNS:mail.example",))
    says = refused_mail(pair, {"context": other.context()}, ca_path=str(other.path))
    assert "mismatch" in says.lower() or "not valid for" in says.lower()


def test_a_plain_server_is_no_tls_server(pair):
    """TLS on connect against a server that begins in clear is an error, not a wait."""
    assert "SSL" in refused_mail(pair, {"context": None}, secure="tls")


def test_a_refused_recipient_does_not_stop_the_others(pair):
    """Who was refused is returned with the server's words; the others get their mail."""
    with MailServer(pair.context(), refused=["gone@example.org"]) as server:
        answer = mail.send(protected(pair, server.port, to=["gone@example.org", "ops@example.org"]), check=False)
    assert server.mails[0][0].rcpt_tos == ["ops@example.org"]
    assert list(answer["refused"]) == ["gone@example.org"] and answer["refused"]["gone@example.org"].startswith("550 5.1.1 no such user")
    assert answer["refused"]["gone@example.org"].isprintable()


def test_no_recipient_left_is_a_failure(pair):
    """When every recipient is refused, the error names each with the server's words."""
    says = refused_mail(pair, {"context": pair.context(), "refused": ["a@example.org", "b@example.org"]}, to=["a@example.org", "b@example.org"])
    assert "a@example.org: 550" in says and "b@example.org: 550" in says


# Hostile text.

SUBJECTS = [
    pytest.param("x\r\nBcc: evil@example.org", id="a line end"),
    pytest.param("x\nBcc: evil@example.org", id="a bare line feed"),
    pytest.param("x\rBcc: evil@example.org", id="a bare carriage return"),
    pytest.param("x\u2028Bcc: evil@example.org\x85y\x0bz\x0c\x1c", id="what Python takes for a line end"),
    pytest.param("=?utf-8?q?x=0d=0aBcc:_evil=40example.org?=", id="an encoded line end"),
    pytest.param("=?utf-8?b?eA0KDQpib2R5?=", id="an encoded end of the header"),
    pytest.param("x" * 900 + "\r\nBcc: evil@example.org " + "y" * 900, id="a line end in a long subject that is folded"),
    pytest.param("\u00e4" * 300 + "\nBcc: evil@example.org", id="a line end in a subject that is encoded"),
    pytest.param("a\udcffb\x00c\x1b[31m", id="half a character, NUL and an escape sequence"),
]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subject_stays_one_header(plain, subject):
    """Nothing in a subject adds a header, a recipient or a body."""
    envelope = arrival(plain, subject=subject, body="the only body")
    arrived = parsed(envelope.content)
    assert {key.lower() for key, value in arrived.items()} == HEADERS
    assert envelope.rcpt_tos == ["ops@example.org"] and arrived.get_payload(decode=True).strip() == b"the only body"


@pytest.mark.parametrize("address", [
    pytest.param("", id="empty"), pytest.param("ops", id="no @"), pytest.param("@example.org", id="no user"), pytest.param("ops@", id="no host"),
    pytest.param("ops@example.org\nBcc: evil@example.org", id="a line end"), pytest.param("ops@example.org\r\n", id="a line end behind it"),
    pytest.param("ops@example.org\x00", id="NUL"), pytest.param("ops@example.org,evil@example.org", id="two of them"),
    pytest.param("Ops <ops@example.org>", id="with a name"), pytest.param("ops @example.org", id="a blank"), pytest.param("ops\t@example.org", id="a tab"),
    pytest.param("ops@example.org> RCPT TO:<evil@example.org", id="an SMTP command"), pytest.param('"ops\\"@example.org', id="quotes"),
    pytest.param("a@@example.org", id="two @ together"), pytest.param("a@b@example.org", id="two @"),
    pytest.param("group:ops@example.org", id="a group"), pytest.param("ops[x@example.org", id="a bracket"),
    pytest.param("ops@example..org", id="an empty label"), pytest.param("ops..x@example.org", id="an empty word"),
    pytest.param("=?utf-8?q?x=0d=0aBcc=3Ay?=@example.org", id="an encoded line end"),
    pytest.param("ops@ex\u00e4mple.org", id="a host that is not ASCII"), pytest.param("\u00f6ps@example.org", id="a user that is not ASCII"),
    pytest.param("ops@[127.0.0.1]", id="an address literal"),
    pytest.param("ops\u2028@example.org", id="a line separator"), pytest.param("ops\udcff@example.org", id="half a character"),
])
def test_what_is_no_bare_address_is_refused(address):
    """An address is refused with the option it stands in, before any server is asked."""
    with pytest.raises(InputError, match="^to: "):
        mail.send(options(1, to=["ops@example.org", address]), check=False)
    with pytest.raises(InputError, match="^sender: "):
        mail.send(options(1, sender=address), check=True)


@pytest.mark.parametrize("address", ["root@localhost", "a.b+c=d_e@mail-1.example.org", "o'neil@example.org", "0@1.example"])
def test_plain_addresses_are_taken(plain, address):
    """What administrators use is an address, and arrives as it was written."""
    envelope = arrival(plain, to=[address], sender=address)
    assert (envelope.mail_from, envelope.rcpt_tos, parsed(envelope.content)["To"]) == (address, [address], address)


@pytest.mark.parametrize(("body", "arrives"), [
    pytest.param("one\n.\ntwo\n..\n.three", "one\n.\ntwo\n..\n.three", id="lines of dots do not end the mail"),
    pytest.param("one\r\ntwo\r\n", "one\ntwo\n", id="line ends of other systems"),
    pytest.param("key\tvalue", "key     value", id="a tab is white space"),
    pytest.param("a\x00b\x1b[31mc\u2028d\x0be", "a\\x00b\\x1b[31mc\\u2028d\\x0be", id="control characters become escapes"),
    pytest.param("a\rb", "a\\rb", id="a carriage return alone"),
    pytest.param("x" * 3000, "x" * 3000, id="a line longer than SMTP allows"),
    pytest.param("\u00e4\u20ac\U0001f600 {{ x }} $(id)", "\u00e4\u20ac\U0001f600 {{ x }} $(id)", id="any script, and other people's templates"),
    pytest.param("a\udcffb", "a\\udcffb", id="half a character"),
    pytest.param("", "", id="nothing"),
    pytest.param("\r\n.\r\nMAIL FROM:<evil@example.org>\r\n", "\n.\nMAIL FROM:<evil@example.org>\n", id="an SMTP conversation"),
])
def test_a_body_arrives_as_text(plain, body, arrives):
    """The text arrives whole; what would move a terminal or end the mail arrives as an escape."""
    envelope = arrival(plain, body=body)
    content = email.message_from_bytes(envelope.content, policy=email.policy.default).get_content()
    assert content.replace("\r\n", "\n").rstrip("\n") == arrives.rstrip("\n")
    assert envelope.mail_from == "evergreen@example.org" and max(map(len, envelope.content.split(b"\r\n"))) <= 998


# Options that cannot be right.

@pytest.mark.parametrize(("changes", "where"), [
    pytest.param({"to": []}, "to", id="nobody to tell"),
    pytest.param({"secure": "none", "username": "u", "password": "p"}, "secure", id="a login in clear"),
    pytest.param({"secure": "tls", "ca_path": "/nowhere/ca.pem"}, "ca_path", id="authorities that are not there"),
    pytest.param({"secure": "starttls", "ca_path": "/etc/hostname"}, "ca_path", id="authorities that are none"),
    pytest.param({"port": 70000}, "port", id="a port too high"), pytest.param({"port": -1}, "port", id="a port too low"),
    pytest.param({"port": 0}, "port", id="port zero"),
    pytest.param({"timeout": 0.0}, "timeout", id="no time at all"), pytest.param({"timeout": -1.0}, "timeout", id="negative time"),
    pytest.param({"timeout": float("nan")}, "timeout", id="no number"), pytest.param({"timeout": float("inf")}, "timeout", id="for ever"),
])
def test_options_that_cannot_be_right_are_refused(changes, where):
    """The refusal names the option and the way out."""
    with pytest.raises(InputError, match=f"^{where}: ") as caught:
        mail.send(options(**{"port": free_port(), **changes}), check=False)
    assert caught.value.way_out


@pytest.mark.parametrize("host", ["mail..example", "a" * 64 + ".example", "", "a\x00b", "127.0.0.1\nX", " "])
def test_a_host_that_is_none_is_an_error_in_a_sentence(host):
    """A name that no host can have is told of, with the port, on one line."""
    with pytest.raises((HostError, InputError)) as caught:
        mail.send(options(free_port(), host=host, timeout=2.0), check=False)
    assert str(caught.value).isprintable() and caught.value.way_out


def test_a_login_that_cannot_be_sent_is_refused(pair):
    """A password that the login cannot carry is refused in a sentence that shows nothing of it, not even a character."""
    with MailServer(pair.context(), login=LOGIN) as server, pytest.raises((HostError, InputError)) as caught:
        mail.send(protected(pair, server.port, username="evergreen", password="gehe\u00efm"), check=False)
    assert "password" in str(caught.value) and not any(word in chain(caught.value) for word in ("gehe", "\u00ef", "xef"))


# Servers that do not do as they should.

def test_nobody_listens():
    """A closed port is said with host and port."""
    port = free_port()
    with pytest.raises(HostError, match=f"^127.0.0.1:{port}: .*refused"):
        mail.send(options(port), check=False)


@pytest.mark.parametrize("serve", [
    pytest.param(wait_for_end, id="says nothing"),
    pytest.param(saying(b"220 hello\r\n"), id="greets and says nothing more"),
    pytest.param(saying(b"220-hello\r\n" * 3), id="never ends its greeting"),
])
def test_a_silent_server_is_not_waited_for(serve):
    """A step takes no longer than the time-out."""
    with Server(serve) as server:
        start = time.monotonic()
        with pytest.raises(HostError, match="could not be sent"):
            mail.send(options(server.port, timeout=0.3), check=False)
        assert time.monotonic() - start < 20


@pytest.mark.parametrize("serve", [
    pytest.param(lambda connection: None, id="hangs up"), pytest.param(saying(b"\x00\xff\x1b[2J\r\n" * 50), id="garbage"),
    pytest.param(saying(b"554 go away\x1b[31m\r\n"), id="goes away"), pytest.param(saying(b"x" * 20000), id="an endless line"),
    pytest.param(saying(b"421 \xff\xfe too busy\r\n"), id="answers that are no text"),
])
def test_what_is_no_mail_server_is_an_error_on_one_line(serve):
    """Whatever a server says comes back as printable text."""
    with Server(serve) as server, pytest.raises(HostError, match="could not be sent") as caught:
        mail.send(options(server.port, timeout=0.5), check=False)
    assert str(caught.value).isprintable() and chain(caught.value).isprintable()


def sulking(goodbye: bytes):
    """A server that takes the mail and then answers QUIT its own way; empty: by hanging up."""
    def serve(connection):
        lines = connection.makefile("rb")
        connection.sendall(b"220 hello\r\n")
        for line in lines:
            word = line[:4].upper()
            if word == b"DATA":
                connection.sendall(b"354 go on\r\n")
                for text in lines:
                    if text == b".\r\n":
                        break
            elif word == b"QUIT":
                connection.sendall(goodbye)
                return
            connection.sendall(b"250 OK\r\n")
    return serve


@pytest.mark.parametrize("goodbye", [b"221 bye\r\n", b"421 timeout\r\n", b"500 what\r\n", b"\xff\xff\r\n", b""])
def test_a_mail_that_was_taken_is_sent_whatever_the_goodbye(goodbye):
    """Once the server has taken the mail, a rude farewell is no failure: people would be told twice."""
    with Server(sulking(goodbye)) as server:
        assert mail.send(options(server.port), check=False)["message_id"]


def test_check_mode_asks_no_server_and_refuses_the_same():
    """In check mode nothing is sent, and a mistake in the options is found all the same."""
    assert mail.send(options(1), check=True) == {"message_id": None, "refused": {}}
    for changes in ({"to": []}, {"to": ["x"]}, {"timeout": 0.0}, {"port": 70000}, {"username": "u", "password": "p"}):
        with pytest.raises(InputError):
            mail.send(options(**{"port": 1, **changes}), check=True)


@pytest.mark.parametrize(("changes", "port"), [
    ({}, 25), ({"secure": "starttls"}, 25), ({"secure": "tls"}, 465), ({"secure": "starttls", "username": "u", "password": "p"}, 587),
    ({"secure": "tls", "username": "u", "password": "p"}, 465),
])
def test_the_port_follows_from_the_protection(changes, port):
    """Without a port: 25, with a login 587, with TLS on connect 465. Nobody listens on an address of loopback that no one has."""
    with pytest.raises(HostError, match=f"^127.11.12.13:{port}: "):
        mail.send(options(None, host="127.11.12.13", timeout=1.0, **changes), check=False)
