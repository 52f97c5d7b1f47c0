# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ACME commands of the Proxmox products as they are documented (seeds 001, 002, 004; proxmox-formats 1.7, 1.8, 3.3, 5), with a CA of its own inside.

    PRODUCT acme account list|register|update|info|deactivate …
    PRODUCT acme plugin list|config|add|set|remove …
    PRODUCT acme cert|certificate order|renew …
    pve config get|set …, pbs node show|update …, pmg cert info

PRODUCT, one of pve, pmg, pbs, pdm, is the first argument. LAB_ROOT is the folder of its files. Of the CA: LAB_TERMS is the URL of its terms, LAB_EAB makes
it want a binding, LAB_DAYS is how long its certificates live, LAB_REFUSES what it says instead of issuing. LAB_PORT is the port of `standalone`.
The two that are written in Perl ask on /dev/tty, and hear nothing from a pipe.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

PRODUCT = sys.argv[1]
PERL = PRODUCT in ("pve", "pmg")
ROOT = pathlib.Path(os.environ["LAB_ROOT"])
ACCOUNTS = {"pve": ROOT / "priv" / "acme"}.get(PRODUCT, ROOT / "acme" / "accounts")
PLUGINS = {"pve": ROOT / "priv" / "acme" / "plugins.cfg", "pmg": ROOT / "acme" / "plugins.conf"}.get(PRODUCT, ROOT / "acme" / "plugins.cfg")
NODE = {"pve": ROOT / "local" / "config", "pmg": ROOT / "node.conf", "pdm": ROOT / "acme" / "certificate.cfg"}.get(PRODUCT, ROOT / "node.cfg")
PAIRS = {"pve": (ROOT / "local" / "pveproxy-ssl.pem", ROOT / "local" / "pveproxy-ssl.key"), "pmg": (ROOT / "pmg-api.pem", ROOT / "pmg-api.pem"),
         "smtp": (ROOT / "pmg-tls.pem", ROOT / "pmg-tls.pem")}
LIMIT = 6 if PERL else 5
DAY = 86_400


def refuse(text: str, status: int = 255) -> None:
    sys.exit(print(text, file=sys.stderr) or status)


# --- files, as the products keep them ---

def write(path: pathlib.Path, text: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.write_text(text)
    temporary.chmod(mode)
    temporary.rename(path)


def node_lines() -> dict:
    lines = NODE.read_text().splitlines() if NODE.exists() else []
    return dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))


def sections() -> dict:
    """ID -> {type, api, data, …}."""
    found, current = {}, {}
    for line in PLUGINS.read_text().splitlines() if PLUGINS.exists() else []:
        if re.match(r"\w+: ", line):
            kind, name = line.split(": ", 1)
            current = found.setdefault(name, {"type": kind})
        elif line.strip():
            key, _blank, value = line.strip().partition(" ")
            current[key] = value
    return found


def keep_sections(found: dict) -> None:
    text = [f"{one['type']}: {name}\n" + "".join(f"\t{key} {one[key]}\n" for key in sorted(one) if key != "type") for name, one in found.items()]
    write(PLUGINS, "\n".join(text) + ("\n" if PERL else ""), 0o600 if PRODUCT in ("pve", "pdm") else 0o640)


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decoded(text: str) -> str:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()


# --- accounts ---

def ask(question: str) -> str | None:
    if not PERL:
        print(question, end="", flush=True)
        return sys.stdin.readline().strip()
    sys.stdout.flush()
    try:
        with open("/dev/tty", "r+b", buffering=0) as terminal:
            terminal.write(f"\x1b[4m{question}\x1b[24m".encode())
            return terminal.readline().decode().strip()
    except OSError:
        return None


def account_path(name: str) -> pathlib.Path:
    return ACCOUNTS / name


def names() -> list:
    return sorted(path.name for path in ACCOUNTS.iterdir() if path.is_file() and path.name[0] != "_" and path != PLUGINS) if ACCOUNTS.is_dir() else []


def account(name: str) -> dict:
    if not account_path(name).exists():
        refuse(f"ACME account config file '{name}' does not exist.")
    return json.loads(account_path(name).read_text())


def contacts(text: str) -> list:
    return [f"mailto:{one}" for one in re.split("[ ;,\0]", text)]


def keep_account(name: str, kept: dict) -> None:
    write(account_path(name), json.dumps(kept, indent=3, sort_keys=True) if PRODUCT != "pmg" else json.dumps(kept), 0o600)


def account_list(wanted) -> None:
    print(json.dumps([{"name": name} for name in names()]) if wanted.output_format == "json" else "\n".join(names()))


def account_info(wanted) -> None:
    kept = account(wanted.name)
    shown = {"account": kept["account"], "directory": kept.get("directoryUrl") or kept["directory"], "location": kept["location"], "tos": kept.get("tos")}
    if wanted.output_format != "json":
        print("".join(f"{key}: {value}\n" for key, value in shown.items()))
        return
    print(json.dumps(shown))


def account_register(wanted) -> None:
    if not wanted.directory:
        refuse("this stand-in has no menu of directories")
    print(f"\nAttempting to fetch Terms of Service from '{wanted.directory}'..")
    terms, agreed = os.environ.get("LAB_TERMS", "https://ca.example/terms"), True
    if terms:
        print(f"Terms of Service: {terms}")
        agreed = (ask("Do you agree to the above terms? [y|N]: ") or "").lower() == "y"
        if not agreed and PERL:
            refuse("Cannot continue without agreeing to ToS, aborting.")
    needs = bool(os.environ.get("LAB_EAB"))
    binding = needs or (ask("Do you want to use external account binding? [y|N]: ") or "").lower() == "y"
    kid = key = None
    if binding:
        print("You should have received a key id and a key from your CA.")
        kid, key = ask("Enter EAB key id: "), ask("Enter EAB key: ")
    print(f"\nAttempting to register account with '{wanted.directory}'..")
    if account_path(wanted.name).exists():
        refuse(f"ACME account config file '{wanted.name}' already exists.")
    if not agreed or (needs and not (kid and key)):
        refuse("Registration failed: the CA refuses")
    location = f"{wanted.directory}/account/{wanted.name}"
    kept = {"account": {"status": "valid", "contact": contacts(wanted.contact)}, "location": location, "key": "-----BEGIN PRIVATE KEY-----", "tos": terms}
    if kid:
        # What the CA would keep, for the tests to see.
        kept["account"]["externalAccountBinding"] = {"kid": kid, "mac": hashlib.sha256((key or "").encode()).hexdigest()}
    keep_account(wanted.name, {**kept, **({"directory": wanted.directory} if PRODUCT == "pve" else {"directoryUrl": wanted.directory})})
    print(f"Registration successful, account URL: '{location}'\nTask OK")


def account_update(wanted) -> None:
    kept = account(wanted.name)
    kept["account"]["contact"] = contacts(wanted.contact)
    keep_account(wanted.name, kept)
    print("Task OK")


def account_deactivate(wanted) -> None:
    account(wanted.name)
    free = next(number for number in range(101) if not account_path(f"_deactivated_{wanted.name}_{number}").exists())
    target = account_path(f"_deactivated_{wanted.name}_{free}")
    print(f"Renaming account file from '{account_path(wanted.name)}' to '{target}'")
    account_path(wanted.name).rename(target)
    print("Task OK")


# --- plugins ---

def shown(name: str, one: dict) -> dict:
    found = {**one, "plugin": name}
    if "data" in found:
        found["data"] = decoded(found["data"])
    if "validation-delay" in found:
        found["validation-delay"] = int(found["validation-delay"])
    return {**found, "digest": hashlib.sha1(PLUGINS.read_bytes()).hexdigest()} if PERL else found


def plugin_list(_wanted) -> None:
    print(json.dumps([shown(name, one) for name, one in sections().items()]))


def plugin_config(wanted) -> None:
    if wanted.id not in sections():
        refuse(f"ACME plugin '{wanted.id}' not defined")
    print(json.dumps(shown(wanted.id, sections()[wanted.id])))


def settings(wanted) -> dict:
    given = {"api": wanted.api, "validation-delay": wanted.validation_delay}
    if wanted.data is not None:
        # Backup Server and Datacenter Manager take a file for `add` only.
        by_argument = not PERL and wanted.act is plugin_set
        given["data"] = encoded(base64.b64decode(wanted.data) if by_argument else pathlib.Path(wanted.data).read_bytes())
    return {key: value for key, value in given.items() if value is not None}


def plugin_add(wanted) -> None:
    found = sections()
    if wanted.id in found:
        refuse(f"ACME plugin ID '{wanted.id}' already exists")
    keep_sections({**found, wanted.id: {"type": wanted.type, **settings(wanted)}})


def plugin_set(wanted) -> None:
    found = sections()
    if wanted.id not in found:
        refuse(f"ACME plugin ID '{wanted.id}' does not exist")
    found[wanted.id].update(settings(wanted))
    keep_sections(found)


def plugin_remove(wanted) -> None:
    found = sections()
    found.pop(wanted.id)
    keep_sections(found)


# --- the node ---

def node_get(_wanted) -> None:
    if PRODUCT == "pve":
        print(NODE.read_text() if NODE.exists() else "", end="")
    else:
        print(json.dumps(node_lines()))


def node_set(wanted) -> None:
    found = node_lines()
    head = [line for line in (NODE.read_text().splitlines() if NODE.exists() else []) if line.startswith("#")]
    given = {"acme": wanted.acme, **{f"acmedomain{number}": getattr(wanted, f"acmedomain{number}") for number in range(LIMIT)}}
    found.update({key: value for key, value in given.items() if value is not None})
    deleted = [one for word in wanted.delete or () for one in (word.split(",") if PRODUCT == "pve" else [word])]
    for key in deleted:
        found.pop(key)
    listed = domains(found)
    if len({name.lower() for name in listed}) != len(listed):
        refuse("duplicate domain")
    for name, one in listed.items():
        if "*" in name or (PRODUCT == "pve" and "." not in name):
            refuse(f"value '{name}' does not look like a valid DNS name")
        if one["plugin"] not in ("standalone", *sections()):
            refuse(f"plugin '{one['plugin']}' for domain '{name}' not found!")
    write(NODE, "\n".join([*head, *(f"{key}: {found[key]}" for key in sorted(found))]) + "\n", 0o640)


def domains(config: dict) -> dict:
    found = {}
    for name in dict(part.split("=", 1) for part in config.get("acme", "").split(",") if "=" in part).get("domains", "").split(";"):
        if name:
            found[name] = {"plugin": "standalone"}
    for key in sorted(config):
        if key.startswith("acmedomain"):
            parts = dict(part.split("=", 1) if "=" in part else ("domain", part) for part in config[key].split(","))
            if parts["domain"] in found:
                refuse("duplicate domain")
            found[parts["domain"]] = {"plugin": parts.get("plugin", "standalone"), "alias": parts.get("alias"), "usage": parts.get("usage")}
    return found


# --- certificates ---

def openssl(*words: str, given: str = "") -> str:
    return subprocess.run(["openssl", *words], input=given.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout.decode()


def pair(kind: str | None) -> tuple:
    if PRODUCT in ("pbs", "pdm"):
        return ROOT / "proxy.pem", ROOT / "proxy.key"
    return PAIRS["smtp" if kind == "smtp" else PRODUCT]


def near_its_end(path: pathlib.Path) -> bool:
    return subprocess.run(["openssl", "x509", "-in", str(path), "-noout", "-checkend", str(30 * DAY)], stdout=subprocess.DEVNULL, check=False).returncode != 0


def cert_order(wanted) -> None:
    certificate = pair(wanted.kind)[0]
    if PERL and certificate.exists() and not wanted.force:
        refuse("Parameter verification failed. (400)\nforce: Custom certificate exists but 'force' is not set.")
    if not PERL and wanted.force != "true" and not near_its_end(certificate):
        print("Certificate does not expire within the next 30 days, not renewing.")
        return
    issue(wanted.kind)


def cert_renew(wanted) -> None:
    certificate = pair(wanted.kind)[0]
    if not certificate.exists():
        refuse("No current (custom) certificate found, please order a new certificate!")
    if not near_its_end(certificate) and not wanted.force:
        refuse("Parameter verification failed. (400)\nforce: Certificate does not expire within the next 30 days, and 'force' is not set.")
    issue(wanted.kind)


def issue(kind: str | None) -> None:
    config = node_lines()
    used = dict(part.split("=", 1) for part in config.get("acme", "account=default").split(",")).get("account", "default")
    listed = {name: one for name, one in domains(config).items() if not kind or kind in (one.get("usage") or "").split(";")}
    if not listed:
        refuse("ACME domain list in node configuration is missing!")
    print("Loading ACME account details")
    kept = account(used)
    directory = kept.get("directory") or kept["directoryUrl"]
    print(f"Placing ACME order\nOrder URL: {directory}/order/1")
    for name, one in listed.items():
        prove(name, one, directory)
    print("All domains validated!\n\nCreating CSR\nChecking order status\nOrder is ready, finalizing order\nvalid!\n\nDownloading certificate")
    signed, key = sign(directory, list(listed))
    if PERL:
        print("Setting pveproxy certificate and key" if PRODUCT == "pve" else f"Setting custom certificate file {pair(kind)[0]}")
    target, key_target = pair(kind)
    write(target, key + signed if PRODUCT == "pmg" else signed, 0o640)
    if key_target != target:
        write(key_target, key, 0o640)
    print("Restarting pveproxy\nTask OK" if PRODUCT == "pve" else "Restarting pmgproxy\nTask OK" if PERL else "TASK OK")
    with open(ROOT / "orders", "a") as file:
        file.write(f"{directory}\n")


def prove(name: str, one: dict, directory: str) -> None:
    print(f"\nGetting authorization details from '{directory}/authz/1'\nThe validation for {name} is pending!")
    if one["plugin"] == "standalone":
        print("Setting up webserver")
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", int(os.environ.get("LAB_PORT", "80"))))
            except OSError as error:
                refuse(f"failed setting up webserver - Failed to initialize HTTP daemon: {error.strerror}\nTask failed")
        trigger()
        return
    plugin = sections()[one["plugin"]]
    record = f"_acme-challenge.{one.get('alias') or name}"
    if os.environ.get("LAB_REFUSES"):
        print(f"[Wed Apr 22 09:25:31 CEST 2020] {os.environ['LAB_REFUSES']}\n{decoded(plugin['data'])}", file=sys.stderr)
        refuse("command 'proxmox-acme setup' failed: exit code 1\nTask failed")
    with open(ROOT / "records", "a") as file:
        file.write(f"dns_{plugin['api']}_add {record} {decoded(plugin['data'])!r}\n")
    print(f"Add TXT record: {record}")
    delay = int(plugin.get("validation-delay", "30"))
    if delay:
        print(f"Sleeping {delay} seconds to wait for TXT record propagation")
        time.sleep(delay * float(os.environ.get("LAB_PACE", "0")))
    trigger()
    print(f"Remove TXT record: {record}")


def trigger() -> None:
    print("Triggering validation\nSleeping for 5 seconds\nStatus is 'valid'!")


def sign(directory: str, listed: list) -> tuple:
    """A certificate by the directory's own CA, and its key."""
    folder = ROOT / "ca" / hashlib.sha256(directory.encode()).hexdigest()[:12]
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    authority, signer = folder / "ca.pem", folder / "ca.key"
    if not authority.exists():
        folder.mkdir(parents=True)
        openssl("req", "-x509", *curve, "-subj", f"/CN=CA of {folder.name}", "-days", "3650", "-keyout", str(signer), "-out", str(authority))
    key = folder / "leaf.key"
    request = openssl("req", "-new", *curve, "-subj", f"/CN={listed[0]}", "-keyout", str(key))
    extensions = folder / "extensions"
    extensions.write_text(f"subjectAltName={','.join(f'DNS:{name}' for name in listed)}\n")
    signed = openssl("x509", "-req", "-CA", str(authority), "-CAkey", str(signer), "-set_serial", str(time.time_ns()),
                     "-days", os.environ.get("LAB_DAYS", "90"), "-extfile", str(extensions), given=request)
    return signed, key.read_text()


def cert_info(_wanted) -> None:
    """Mail Gateway's; the others have stand-ins of their own."""
    print(json.dumps([row(path) for path in (PAIRS["pmg"][0], PAIRS["smtp"][0]) if path.exists()]))


def row(path: pathlib.Path) -> dict:
    pem = path.read_text()
    text = openssl("x509", "-noout", "-fingerprint", "-sha256", "-subject", "-issuer", "-dates", "-ext", "subjectAltName", given=pem)
    said = dict(line.partition("=")[::2] for line in text.splitlines())
    sans = text.replace(",", "\n").split()
    when = {key.lower(): int(time.mktime(time.strptime(said[key], "%b %d %H:%M:%S %Y GMT")) - time.timezone) for key in ("notBefore", "notAfter")}
    fingerprint = next(value for key, value in said.items() if key.lower().startswith("sha256"))
    return {"filename": str(path), "fingerprint": fingerprint, "subject": said["subject"], "issuer": said["issuer"], **when,
            "san": [name[4:] for name in sans if name.startswith("DNS:")]}


# --- the command line ---

def command(commands, name: str, act, *positional: str, options: tuple = ()) -> None:
    parser = commands.add_parser(name, allow_abbrev=False)
    for one in positional:
        parser.add_argument(one)
    for one in options:
        parser.add_argument(one, action="append" if one == "--delete" else "store")
    parser.set_defaults(act=act, output_format=None)


def main() -> None:
    parser = argparse.ArgumentParser(prog=PRODUCT)
    words = parser.add_subparsers(required=True)
    acme = words.add_parser("acme").add_subparsers(required=True)
    shows, kinds = ("--output-format",), ("kind",) if PRODUCT == "pmg" else ()
    accounts = acme.add_parser("account").add_subparsers(required=True)
    command(accounts, "list", account_list, options=() if PERL else shows)
    command(accounts, "info", account_info, "name", options=shows)
    command(accounts, "register", account_register, "name", "contact", options=("--directory",))
    command(accounts, "deactivate", account_deactivate, "name")
    command(accounts, "update", account_update, "name", *(("contact",) if PRODUCT == "pdm" else ()), options=() if PRODUCT == "pdm" else ("--contact",))
    plugins, given = acme.add_parser("plugin").add_subparsers(required=True), ("--api", "--data", "--validation-delay")
    command(plugins, "list", plugin_list, options=shows)
    command(plugins, "config", plugin_config, "id", options=shows)
    command(plugins, "add", plugin_add, "type", "id", options=given)
    command(plugins, "set", plugin_set, "id", options=given)
    command(plugins, "remove", plugin_remove, "id")
    certificates = acme.add_parser("certificate" if PRODUCT == "pdm" else "cert").add_subparsers(required=True)
    command(certificates, "order", cert_order, *kinds, options=("--force",))
    if PERL:
        command(certificates, "renew", cert_renew, *kinds, options=("--force",))
    numbered = tuple(f"--acmedomain{number}" for number in range(LIMIT))
    if PRODUCT in ("pve", "pbs"):
        node = words.add_parser("config" if PRODUCT == "pve" else "node").add_subparsers(required=True)
        command(node, "get" if PRODUCT == "pve" else "show", node_get, options=() if PRODUCT == "pve" else shows)
        command(node, "set" if PRODUCT == "pve" else "update", node_set, options=("--acme", "--delete", *numbered))
    if PRODUCT == "pmg":
        command(words.add_parser("cert").add_subparsers(required=True), "info", cert_info, options=shows)
    wanted = parser.parse_args(sys.argv[2:])
    wanted.kind = getattr(wanted, "kind", None)
    wanted.act(wanted)


if __name__ == "__main__":
    main()
