# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cert_info over real files: what it reads, what it passes over, what it says of the rest."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest
from cryptography import x509

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import EvergreenError, FileRefused, InputError
from ansible_collections.evergreen.pki.plugins.module_utils._lifecycle.gather import inform, key_names, wish_of
from ansible_collections.evergreen.pki.plugins.module_utils._x509.services import KEPT
from ansible_collections.evergreen.pki.tests.unit.helpers import (
    DAY,
    FQDN,
    NOW,
    a_key,
    as_nobody,
    certificate,
    certificate_pem,
    contents,
    der,
    in_child,
    key_pem,
    open_folder,
    own_pem,
    pem,
)
from ansible_collections.evergreen.pki.tests.unit.x509.authority import ISSUER, LEAF, OF_ROOT, ROOT

OPTIONS = {"paths": None, "product": None, "content": None, "endpoints": None, "server_name": None, "starttls": None, "timeout": 5.0, "passphrase": None,
           "names": None, "max_lifetime": None, "fqdn": None, "facts": "all", "strict": False}
A = certificate_pem(subject=(("CN", "a"),))
BROKEN = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def asked(*paths, **options) -> dict:
    """The answer for these paths and options."""
    options = {**OPTIONS, **({"paths": [str(path) for path in paths]} if paths else {}), **options}
    return inform(options, wish_of(options, FQDN, NOW))


def found(answer: dict) -> list:
    """(file name, position, common name) of the certificates."""
    return [(os.path.basename(one["source"]), one["position"], one["subject"]["commonName"]) for one in answer["certificates"]]


def errors(answer: dict) -> list:
    """(file name, position) of the errors."""
    return [(os.path.basename(one["source"]), one["position"]) for one in answer["errors"]]


@pytest.fixture
def folder(tmp_path):
    """Writes files: name -> bytes."""
    def write(**files):
        for name, data in files.items():
            (tmp_path / name.replace("__", ".")).write_bytes(data)
        return tmp_path
    return write


def test_one_file(folder):
    """A file named by its path."""
    answer = asked(folder(a__pem=A) / "a.pem")
    assert found(answer) == [("a.pem", 0, "a")]
    assert answer["errors"] == []
    assert (answer["certificates"][0]["path"], answer["certificates"][0]["endpoint"]) == (str(folder() / "a.pem"), None)


def test_a_folder_is_read_in_order_and_not_below(folder):
    """Its files by name; not the folders in it, not hidden files, locks and what is just being written."""
    place = folder(b__pem=A, a__crt=der(certificate(subject=(("CN", "a"),))), __hidden=A, c__pem__lck=A, d__pem__tmp=A, e__pem__tmp_AbCdEf=A)
    (place / "f.pem~").write_bytes(A)
    (place / ".g.pem.evergreen").write_bytes(A)
    (place / "below").mkdir()
    (place / "below" / "h.pem").write_bytes(A)
    assert found(asked(place)) == [("a.crt", 0, "a"), ("b.pem", 0, "a")]


def test_one_bad_file_never_hides_the_others(folder):
    """A hundred good ones, each kind of bad one between: all good ones described, an error each for the rest."""
    place = folder(**{f"good{number:03}__pem": A for number in range(100)}, bad1__pem=b"", bad2__pem=BROKEN, bad3__pem=A[:200], bad4__pem=bytes(range(256)),
                   bad5__pem=b"x" * ((1 << 20) + 1), half__pem=A + BROKEN)
    (place / "bad6.pem").symlink_to("nowhere")
    answer = asked(place)
    assert len(answer["certificates"]) == 101
    assert errors(answer) == [("bad1.pem", None), ("bad2.pem", 0), ("bad3.pem", 0), ("bad4.pem", None), ("bad5.pem", None), ("bad6.pem", None), ("half.pem", 1)]


def test_keys_requests_and_parameters_are_passed_over_in_a_folder(folder):
    """They lie beside certificates everywhere and are no mistake."""
    request = b"-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n"
    place = folder(a__pem=A, a__key=key_pem(), b__csr=request, dh__pem=b"-----BEGIN DH PARAMETERS-----\nMEYC\n-----END DH PARAMETERS-----\n")
    for given in (place, place / "*"):
        answer = asked(given)
        assert (found(answer), answer["errors"]) == ([("a.pem", 0, "a")], [])


@pytest.mark.parametrize(("name", "data", "says"), [
    pytest.param("a.key", key_pem(), "there is a private key where a certificate belongs", id="a key"),
    pytest.param("a.pem", b"", "the file is empty", id="empty"),
    pytest.param("a.pem", A[:200], "the certificate is cut off", id="cut off"),
    pytest.param("a.pem", BROKEN, "the certificate cannot be read", id="broken"),
    pytest.param("a.pem", bytes(range(256)) * 10, "there is no certificate in it", id="binary"),
    pytest.param("a.pem", b"x" * ((1 << 20) + 1), "more than 1048576", id="huge"),
    pytest.param("a.p12", b"\x30\x05\x02\x01\x03\x05\x00", "cannot be opened without a passphrase", id="a broken store"),
])
def test_a_file_that_was_named_is_never_passed_over(folder, name, data, says):
    """One clear error that names the file and the way out, with nothing read."""
    place = folder()
    (place / name).write_bytes(data)
    with pytest.raises(FileRefused) as caught:
        asked(place / name)
    assert str(caught.value).startswith(f"{place / name}: ")
    assert says in str(caught.value)
    assert caught.value.results["certificates"] == []
    assert [error["source"] for error in caught.value.results["errors"]] == [str(place / name)]


@pytest.mark.parametrize(("path", "says"), [
    pytest.param("missing.pem", "there is no such file", id="no such file"),
    pytest.param("*.nothing", "no file of this pattern holds a certificate", id="a pattern without a file"),
    pytest.param("empty", "no file of this folder holds a certificate", id="an empty folder"),
    pytest.param("keys", "no file of this folder holds a certificate", id="a folder of keys"),
    pytest.param("link", "the symbolic link leads nowhere", id="a link to nowhere"),
    pytest.param("loop", "Too many levels of symbolic links", id="a link to itself"),
    pytest.param("fifo", "is no regular file", id="a FIFO, which is not waited for"),
    pytest.param("file/x.pem", "Not a directory", id="a file where a folder belongs"),
    pytest.param("a\x00b*", "can be no path", id="a NUL in the path"),
    pytest.param("a\ud800b*", "can be no path", id="half a surrogate pair in the path"),
])
def test_paths_that_lead_to_nothing(folder, path, says):
    """Each is an error of its own."""
    place = folder(file=A)
    for name in ("empty", "keys"):
        (place / name).mkdir()
    (place / "keys" / "a.key").write_bytes(key_pem())
    (place / "link").symlink_to("nowhere")
    (place / "loop").symlink_to("loop")
    os.mkfifo(place / "fifo")
    with pytest.raises(EvergreenError, match=says):
        asked(os.path.join(place, path))


def test_a_pattern(folder):
    """Every file that it matches, in order; folders are none."""
    place = folder(b__pem=A, a__pem=A, c__txt=A)
    (place / "d.pem").mkdir()
    assert found(asked(place / "*.pem")) == [("a.pem", 0, "a"), ("b.pem", 0, "a")]


def test_a_path_of_that_very_name_is_no_pattern(folder):
    """Brackets are letters where the file is there."""
    place = folder(**{"[a]__pem": A, "a__pem": A + A})
    assert found(asked(place / "[a].pem")) == [("[a].pem", 0, "a")]


def test_links_are_followed_and_described_under_each_name(folder):
    """certbot's folders are links; a folder that links to itself is read once."""
    place = folder(archive1__pem=A)
    (place / "live.pem").symlink_to("archive1.pem")
    (place / "again").symlink_to(".")
    answer = asked(place)
    assert found(answer) == [("archive1.pem", 0, "a"), ("live.pem", 0, "a")]
    assert [one["findings"] for one in answer["certificates"]] == [[], []]


def test_a_path_given_twice_is_described_once(folder):
    """The same text twice is no second question."""
    place = folder(a__pem=A)
    assert len(asked(place / "a.pem", place / "a.pem")["certificates"]) == 1


def test_reading_changes_nothing(folder):
    """Every file is as it was."""
    place = folder(a__pem=A, a__key=key_pem(), b__pem=BROKEN)
    before = contents(place)
    asked(place)
    assert contents(place) == before


@pytest.mark.parametrize(("base", "beside"), [
    pytest.param("proxy.pem", "proxy.key", id="Proxmox Backup Server's"),
    pytest.param("x.crt", "x.key", id="crt"),
    pytest.param("x.cer", "x.key", id="cer"),
    pytest.param("x.pem", "x.pem.key", id="HAProxy's"),
    pytest.param("x.cert.pem", "x.key.pem", id="cert.pem and key.pem"),
    pytest.param("x-cert.pem", "x-key.pem", id="with dashes"),
    pytest.param("cert.pem", "privkey.pem", id="certbot's"),
    pytest.param("fullchain.pem", "privkey.pem", id="certbot's chain"),
    pytest.param("cert12.pem", "privkey12.pem", id="certbot's archive"),
])
@pytest.mark.parametrize("matches", [True, False])
def test_the_key_beside_a_file(folder, base, beside, matches):
    """Found by the names that people give them."""
    place = folder()
    (place / base).write_bytes(A)
    (place / beside).write_bytes(key_pem(None if matches else a_key(1)))
    entry, = asked(place / base)["certificates"]
    assert (entry["key_matches"], bool(entry["findings"])) == (matches, not matches)


@pytest.mark.parametrize("base", ["x.pem", "x", "cert.pem", "chain.pem", "x.key", ".pem", "a.b.crt"])
def test_a_certificate_is_not_its_own_key(base):
    """A name never stands beside itself."""
    assert base not in key_names(base)


def test_an_encrypted_key_opens_with_the_passphrase(folder):
    """The same option as for PKCS#12."""
    place = folder(a__pem=A, a__key=key_pem(passphrase=b"secret"))
    assert asked(place / "a.pem", passphrase="secret")["certificates"][0]["key_matches"] is True
    without, = asked(place / "a.pem")["certificates"]
    assert (without["key_matches"], without["findings"][0]["finding"]) == (None, "pair_broken")


def test_a_key_that_only_others_may_read_is_nobodys_fault():
    """An ad hoc call without `become` sees the certificates, and no pair that is broken."""
    with open_folder() as place:
        path = pathlib.Path(place)
        (path / "a.pem").write_bytes(A)
        (path / "a.key").write_bytes(key_pem())
        os.chmod(path / "a.pem", 0o644)
        os.chmod(path / "a.key", 0)
        how, answer = as_nobody(asked, path)
        assert how == "returned", answer
        assert [(one["key_matches"], one["findings"]) for one in answer["certificates"]] == [(None, [])]
        assert answer["errors"] == []


def test_a_file_that_may_not_be_read_is_an_error():
    """With the way out."""
    with open_folder() as place:
        path = pathlib.Path(place)
        (path / "a.pem").write_bytes(A)
        os.chmod(path / "a.pem", 0)
        how, answer = as_nobody(asked, path)
        assert how == "raised"
        assert "become: true" in answer[1]


@pytest.mark.parametrize(("content", "expected"), [
    pytest.param(A, [("content", 0, "a")], id="one"),
    pytest.param(A + b"text" + A, [("content", 0, "a"), ("content", 1, "a")], id="two"),
])
def test_content(content, expected):
    """Text instead of a file."""
    answer = asked(content=content.decode())
    assert found(answer) == expected
    assert {(one["path"], one["endpoint"]) for one in answer["certificates"]} == {(None, None)}


@pytest.mark.parametrize("content", ["", "x", "x" * ((1 << 20) + 1), BROKEN.decode(), "\udcff", "\ud800"])
def test_content_without_a_certificate(content):
    """An error of `content`."""
    with pytest.raises(FileRefused, match="^content: "):
        asked(content=content)


def test_strict_fails_with_all_results(folder):
    """Where anything is wrong; what could be read is returned all the same."""
    place = folder(a__pem=A, b__pem=BROKEN)
    assert errors(asked(place)) == [("b.pem", 0)]
    with pytest.raises(FileRefused) as caught:
        asked(place, strict=True)
    assert found(caught.value.results) == [("a.pem", 0, "a")]
    assert errors(caught.value.results) == [("b.pem", 0)]


def test_strict_is_content_with_what_is_sound(folder):
    """Findings are no errors."""
    assert asked(folder(a__pem=certificate_pem(left=-DAY)), strict=True)["certificates"][0]["expired"] is True


def test_many_failures_are_counted(folder):
    """The message names the first; the errors have all."""
    with pytest.raises(FileRefused, match="^2 certificates or sources cannot be read; the first is .*a.pem"):
        asked(folder(a__pem=b"", b__pem=b""))


def test_nothing_asked_is_nothing_wrong():
    """An empty list is an empty answer."""
    assert asked(paths=[]) == {"certificates": [], "errors": []}


@pytest.mark.parametrize(("options", "where"), [
    pytest.param({"names": ["a b"]}, "names", id="no name"),
    pytest.param({"max_lifetime": "long"}, "max_lifetime", id="no duration"),
    pytest.param({"timeout": 0}, "timeout", id="no time at all"),
    pytest.param({"timeout": 301.0}, "timeout", id="too much time"),
    pytest.param({"endpoints": ["localhost:443", "nowhere"]}, r"endpoints\[1\]", id="no endpoint"),
    pytest.param({"endpoints": ["localhost:443"], "server_name": "a b"}, r"endpoints\[0\]", id="no server name"),
])
def test_mistakes_in_options(folder, options, where):
    """Refused with their place before anything is read."""
    with pytest.raises(InputError, match=f"^{where}: "):
        asked(folder(a__pem=A), **options)


def test_names_and_limits_reach_the_certificates(folder):
    """Options of the module, as each certificate answers them."""
    entry, = asked(folder(a__pem=A), names=["WEB.example", "b.example"], max_lifetime="30d")["certificates"]
    assert (entry["names_matched"], entry["names_missing"]) == (["DNS:web.example"], ["DNS:b.example"])
    assert [one["finding"] for one in entry["findings"]] == ["excessive_lifetime"]


@pytest.mark.parametrize(("fqdn", "kind"), [(FQDN, "proxmox_selfsigned"), ("other.example", "proxmox_selfsigned_renamed")])
def test_the_hosts_name_tells_in_force_from_renamed(folder, fqdn, kind):
    """What the product compares."""
    options = {**OPTIONS, "paths": [str(folder(proxy__pem=own_pem()) / "proxy.pem")]}
    assert inform(options, wish_of(options, fqdn, NOW))["certificates"][0]["kind"] == kind


def test_a_root_in_one_file_completes_the_leaf_in_another(folder):
    """Roots that were read in the same call are known."""
    place = folder(a__pem=pem(OF_ROOT), b__pem=pem(LEAF) + pem(ISSUER), ca__pem=pem(ROOT))
    assert [one["chain_complete"] for one in asked(place)["certificates"]] == [True, True, True, True]


@pytest.mark.parametrize("name", ["a\nb.pem", "{{ lookup('env', 'HOME') }}.pem", "'\"`$(reboot)`;.pem", "\x1b[2J.pem", "-rf.pem", "ü.pem"])
def test_hostile_file_names_come_back_as_data(folder, name):
    """In facts as they are, in sentences printable."""
    place = folder()
    (place / name).write_bytes(A + BROKEN)
    answer = asked(place)
    assert (answer["certificates"][0]["path"], answer["errors"][0]["source"]) == (str(place / name), str(place / name))
    assert answer["errors"][0]["message"].isprintable()


def test_a_file_name_that_is_no_text(folder):
    """Bytes that are no UTF-8 are shown as escapes, so that the answer can travel."""
    place = folder()
    with open(os.path.join(os.fsencode(place), b"a\xff.pem"), "wb") as file:
        file.write(A)
    answer = asked(place)
    assert answer["certificates"][0]["path"] == str(place / "a\\udcff.pem")
    json.dumps(answer, ensure_ascii=False).encode("utf-8")


def test_a_thousand_copies_take_no_time(folder):
    """No limit of open files, no search of each among all: neither where all are the same nor where all share a key."""
    place = folder()
    for number in range(500):
        (place / f"{number:03}.pem").write_bytes(A)
        (place / f"{number:03}.crt").write_bytes(certificate_pem(serial=number + 1))
    answer = asked(place, facts="brief")
    assert len(answer["certificates"]) == 1000
    assert max(len(one["findings"][0]["message"]) for one in answer["certificates"]) < 1000


# The module itself, in a process of its own as Ansible runs it.

def run(**options) -> dict:
    """The module's answer."""
    pytest.importorskip("ansible.module_utils.basic", reason="a module runs only with ansible-core, which this Python has not")
    # conftest makes the collection importable there as it does here.
    here, name = str(pathlib.Path(__file__).resolve().parents[1]), "ansible_collections.evergreen.pki.plugins.modules.cert_info"
    loader = f"import runpy, sys; sys.path.insert(0, {here!r}); import conftest; sys.argv = ['cert_info']; runpy.run_module({name!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", loader], input=json.dumps({"ANSIBLE_MODULE_ARGS": options}), capture_output=True, text=True, check=False)
    assert done.stdout.strip(), done.stderr
    return json.loads(done.stdout)


def test_the_module_answers(folder):
    """Options in, JSON out, nothing changed."""
    place = folder(a__pem=A)
    answer = run(paths=[str(place)], names=["web.example"], facts="brief")
    assert (answer["changed"], len(answer["certificates"]), answer["errors"]) == (False, 1, [])
    assert answer["certificates"][0]["names_missing"] == []


def test_the_module_fails_with_its_results(folder):
    """One sentence in `msg`, and what there is besides."""
    answer = run(paths=[str(folder() / "missing.pem")])
    assert (answer["failed"], answer["certificates"], len(answer["errors"])) == (True, [], 1)
    assert answer["msg"] == f"{folder() / 'missing.pem'}: there is no such file. Correct the path"


def test_the_module_never_returns_the_passphrase(folder):
    """Not in the answer and not in an error."""
    place = folder(a__pem=A, a__key=key_pem(passphrase=b"correct horse"))
    assert "correct horse" not in json.dumps(run(paths=[str(place / "a.pem")], passphrase="correct horse"))
    assert "wrong horse" not in json.dumps(run(paths=[str(place / "a.pem")], passphrase="wrong horse"))


def test_the_module_wants_to_be_asked_something():
    """None of the four ways to ask is an error of the options."""
    assert "one of the following is required: paths, product, content, endpoints" in run()["msg"]


def test_facts_of_another_process_are_the_same(folder):
    """Nothing depends on what was read before."""
    place = folder(a__pem=A)
    how, answer = in_child(asked, place)
    assert (how, answer) == ("returned", asked(place))


# What a product keeps.

CLUSTER_CA = (("CN", "Proxmox Virtual Environment"), ("OU", "65b85639-78d7-4330-85c6-39502b2f9b01"), ("O", "PVE Cluster Manager CA"))
CLUSTER_ROOT = certificate(subject=CLUSTER_CA, names=(), key=a_key(50), extensions=[x509.BasicConstraints(True, None)])


@pytest.fixture
def pve(tmp_path, monkeypatch):
    """A cluster of three nodes, as one of them sees it: the first has a whole pair of its own, the second only the certificate of one, the third none."""
    monkeypatch.setitem(KEPT, "pve", tuple(pattern.replace("/etc/pve", str(tmp_path)) for pattern in KEPT["pve"]))
    (tmp_path / "pve-root-ca.pem").write_bytes(pem(CLUSTER_ROOT))
    for number in (1, 2, 3):
        folder = tmp_path / "nodes" / f"node{number}"
        folder.mkdir(parents=True)
        name = f"node{number}.example"
        (folder / "pve-ssl.pem").write_bytes(pem(certificate(subject=(("CN", name),), names=(f"DNS:{name}",), issuer=CLUSTER_CA, signer=a_key(50),
                                                             key=a_key(50 + number), serial=number)))
        (folder / "pve-ssl.key").write_bytes(key_pem(a_key(50 + number)))
        if number < 3:
            (folder / "pveproxy-ssl.pem").write_bytes(pem(certificate(subject=(("CN", name),), key=a_key(60 + number), serial=10 + number)))
    (tmp_path / "nodes" / "node1" / "pveproxy-ssl.key").write_bytes(key_pem(a_key(61)))
    return tmp_path


def test_a_whole_cluster_is_read_from_one_node(pve):
    """The authority, then the certificates of every node, each with its node, and which of them pveproxy takes (row 40)."""
    answer = asked(product="pve")
    told = [(os.path.basename(one["path"]), one["node"], one["in_use"]) for one in answer["certificates"]]
    assert told == [("pve-root-ca.pem", None, None), ("pve-ssl.pem", "node1", False), ("pve-ssl.pem", "node2", True), ("pve-ssl.pem", "node3", True),
                    ("pveproxy-ssl.pem", "node1", True), ("pveproxy-ssl.pem", "node2", False)] and answer["errors"] == []


def test_what_the_cluster_signed_is_not_public_and_not_broken(pve):
    """Key, chain and all are in order; its kind says that browsers do not trust it (row 41)."""
    for one in asked(product="pve")["certificates"][:4]:
        assert (one["kind"], one["chain_complete"], one["findings"], one["key_matches"]) == ("proxmox_cluster_ca", True, [], one["node"] and True)


def test_brief_facts_name_the_node(pve):
    """Which node, and whether in use, is what a fleet is looked through by; without a product no entry has them."""
    brief = asked(product="pve", facts="brief")["certificates"][1]
    assert (brief["node"], brief["in_use"]) == ("node1", False) and "public_key" not in brief
    assert "node" not in asked(pve / "pve-root-ca.pem", facts="brief")["certificates"][0]


def test_a_broken_file_of_another_node_hides_nothing(pve):
    """One node's certificate cannot be read: that is an error, and all others are told."""
    (pve / "nodes" / "node2" / "pve-ssl.pem").write_bytes(BROKEN)
    answer = asked(product="pve")
    assert len(answer["certificates"]) == 5 and [one["source"] for one in answer["errors"]] == [str(pve / "nodes" / "node2" / "pve-ssl.pem")]


def test_a_host_without_the_product(tmp_path, monkeypatch):
    """It is said which product there is nothing of."""
    monkeypatch.setitem(KEPT, "pmg", (f"{tmp_path}/*.pem",))
    with pytest.raises(FileRefused, match="no certificate of Proxmox Mail Gateway"):
        asked(product="pmg")


@pytest.mark.parametrize("product", ["pbs", "pdm", "pmg"])
def test_the_other_products_have_one_host_each(tmp_path, monkeypatch, product):
    """What is there is in use, and of no node."""
    monkeypatch.setitem(KEPT, product, (str(tmp_path / "x.pem"), str(tmp_path / "none.pem")))
    (tmp_path / "x.pem").write_bytes(A)
    assert [(one["node"], one["in_use"]) for one in asked(product=product)["certificates"]] == [(None, True)]
