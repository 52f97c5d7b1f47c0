# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for the part of Proxmox Backup Server's HTTP API that keeps encryption keys, as its published description has it.

TLS, API tokens, privileges on paths, the envelope of answers, the digest, and what seed 003 and the shipped product refuse. The store
is a folder as the product keeps one (owners and modes left out), written from proxmox-formats 2 alone: it shares no code with what it tests.

    pbs_api.py --cert CERT --key KEY --store FOLDER --tokens TOKENS --log LOG [--trouble TROUBLE] [--port 8007]

TOKENS, JSON: token id -> {"secret": …, "acl": {path: [privilege, …]}}; a privilege holds for all below its path.
LOG, JSON lines: `connected` (a handshake was done) or `no_handshake`, `request` (answered or not), `closed` with the bytes received; never a secret.
TROUBLE, JSON, a list of [method, how], read for each request; the first that fits is used once and taken out:
    cut_before, cut_after   the connection ends, the work not done, or done
    fall_after              as cut_after, and the next request is cut as well
    hang_after, drip_after  the work is done; then silence, or a byte now and then
    half, huge, echo        half an answer; one of 16 MiB; a refusal that repeats all that was sent
    ignore                  says that it is done, and does nothing
    {"status": 500, "body": "…"} or {"status": 200, …}   just this answer, nothing done
    {"first": {…}}          the list is changed by others right before, as Store.meddle has it
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import datetime
import hashlib
import http.server
import json
import os
import pathlib
import re
import ssl
import threading
import time
import urllib.parse

PATIENCE = 10           # seconds for a client that says nothing
KEYS, ACL = "/config/encryption-keys", "/system/encryption-keys"
ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._\-]{2,31}")
IDENTITY = hashlib.sha256(b"Proxmox Backup Encryption Key Fingerprint").digest()


class Refused(Exception):
    """status, and the sentence that is the body."""

    def __init__(self, text: str, status: int = 400):
        super().__init__(text)
        self.status = status


def fingerprint(key: bytes) -> str:
    found = hashlib.sha256(IDENTITY + hashlib.pbkdf2_hmac("sha256", key, b"_id_key", 10)).hexdigest()
    return ":".join(found[at:at + 2] for at in range(0, 64, 2))


def seconds(text: str) -> int:
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


class Store:
    """encryption-keys.cfg, encryption-keys/ID.enc and sync.cfg in a folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.config = self.folder / "encryption-keys.cfg"
        (self.folder / "encryption-keys").mkdir(parents=True, exist_ok=True)

    @staticmethod
    def sections(path: pathlib.Path) -> list:
        """[(type, id, {property: [value, …]}), …]"""
        found = []
        for line in (path.read_text() if path.exists() else "").splitlines():
            if line.startswith("\t"):
                name, value = line[1:].split(" ", 1)
                found[-1][2].setdefault(name, []).append(value)
            elif line:
                found.append((*line.split(": ", 1), {}))
        return found

    def keys(self) -> dict:
        """id -> {property: text}, in the file's order."""
        return {identity: {name: values[0] for name, values in one.items()} for word, identity, one in self.sections(self.config) if word == "sync-key"}

    def digest(self) -> str:
        return hashlib.sha256(self.config.read_bytes() if self.config.exists() else b"").hexdigest()

    def write(self, keys: dict) -> None:
        text = "\n".join(f"sync-key: {identity}\n" + "".join(f"\t{name} {one[name]}\n" for name in sorted(one)) for identity, one in keys.items())
        fresh = self.config.with_suffix(".tmp")
        fresh.write_text(text)
        fresh.replace(self.config)

    def meddle(self, changes: dict) -> None:
        """Somebody else changes keys: {id: {property: value or null}}; of one that is not there it makes one, and null takes it away."""
        keys = self.keys()
        for identity, change in changes.items():
            one = {**keys.pop(identity, {"kdf": "none", "created": 1, "modified": 1}), **(change or {})}
            if change is not None:
                keys[identity] = {name: value for name, value in one.items() if value is not None}
        self.write(keys)

    def in_use(self, identity: str, associated: bool) -> None:
        named = ("active-encryption-key", "associated-key")[:2 if associated else 1]
        jobs = [job for _word, job, one in self.sections(self.folder / "sync.cfg") if any(identity in one.get(name, ()) for name in named)]
        if jobs:
            raise Refused(f"encryption key in use by sync job{'s' if len(jobs) > 1 else ''}: '{', '.join(jobs)}'")


def listed(store: Store, asked: dict, may) -> tuple:
    rows = []
    for identity, one in store.keys().items():
        if may(f"{ACL}/{identity}", "Sys.Audit") and (asked.get("include-archived") in ("true", "1") or "archived-at" not in one):
            rows.append({"id": identity, **{name: int(value) if name in ("created", "modified", "archived-at") else value for name, value in one.items()}})
    # The product keeps its sections in a hash: their order is no promise.
    return sorted(rows, key=lambda row: hashlib.sha256(row["id"].encode()).digest()), {"digest": store.digest()}


def made(store: Store, asked: dict) -> tuple:
    keys, identity = store.keys(), asked["id"]
    config = given(asked["key"]) if "key" in asked else generated()
    if identity in keys:
        raise Refused(f"key with id '{identity}' already exists.")
    path = store.folder / "encryption-keys" / f"{identity}.enc"
    if path.exists() and path.stat().st_size:
        raise Refused("detected pre-existing key file, refusing to overwrite.")
    path.write_text(json.dumps(config, separators=(",", ":"), ensure_ascii=False))
    info = {"kdf": "none", "created": seconds(config["created"]), "modified": seconds(config["modified"]), "path": str(path),
            **{name: config[name] for name in ("fingerprint", "hint") if config.get(name) is not None}}
    store.write({**keys, identity: info})
    return config, {}


def given(text: str) -> dict:
    try:
        config = json.loads(text)
        key = base64.b64decode(config["data"], validate=True)
        seconds(config["created"]), seconds(config["modified"])
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"failed to parse provided key: {error}") from None
    if config.get("kdf") is not None:
        raise Refused("protected keys not supported")
    if len(key) != 32 or config.get("fingerprint", fingerprint(key)) != fingerprint(key):
        raise Refused("failed to load provided key: KeyConfig contains wrong fingerprint, contained key does not match")
    return config


def generated() -> dict:
    key, now = os.urandom(32), datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    return {"kdf": None, "created": now, "modified": now, "data": base64.b64encode(key).decode(), "fingerprint": fingerprint(key)}


def unchanged(store: Store, asked: dict) -> None:
    if asked.get("digest", store.digest()) != store.digest():
        raise Refused("detected modified configuration - file changed by other user? Try again.")


def toggled(store: Store, asked: dict) -> tuple:
    unchanged(store, asked)
    keys, identity = store.keys(), asked["id"]
    if identity not in keys:
        raise Refused(f"no such sync-key '{identity}'")
    if keys[identity].pop("archived-at", None) is None:
        store.in_use(identity, associated=False)
        keys[identity]["archived-at"] = int(time.time())
    store.write(keys)
    return None, {}


def deleted(store: Store, asked: dict) -> tuple:
    unchanged(store, asked)
    keys, identity = store.keys(), asked["id"]
    store.in_use(identity, associated=True)
    gone = keys.pop(identity, None)
    if gone is None:
        return None, {}
    if "archived-at" not in gone:
        raise Refused("key still active, deleting is only possible for archived keys")
    if "path" not in gone:
        raise Refused(f"missing key file path for key '{identity}'")
    try:
        there = json.loads(pathlib.Path(gone["path"]).read_text())
    except (OSError, ValueError) as error:
        raise Refused(f"unable to load key: {error}") from None
    if there.get("fingerprint") != gone.get("fingerprint"):
        raise Refused("unexpected key detected in key file, refuse to delete")
    store.write(keys)
    os.unlink(gone["path"])
    return None, {}


def jobs(store: Store, asked: dict, may) -> tuple:
    rows = [{"id": identity, **{name: values if name == "associated-key" else values[0] for name, values in one.items()}}
            for _word, identity, one in store.sections(store.folder / "sync.cfg")]
    wanted = asked.get("sync-direction", "pull")
    return [row for row in rows if wanted in ("all", row.get("sync-direction", "pull")) and may(f"/datastore/{row['store']}", "Datastore.Audit")], {}


# Method, path, whether an id follows, and (parameters that may be, those that must be, privilege that is asked first).
ROUTES = {("GET", KEYS, False): ({"include-archived"}, set(), None), ("POST", KEYS, False): ({"id", "key"}, {"id"}, "Sys.Modify"),
          ("POST", KEYS, True): ({"id", "digest"}, {"id"}, "Sys.Modify"), ("DELETE", KEYS, True): ({"id", "digest"}, {"id"}, "Sys.Modify"),
          ("GET", "/config/sync", False): ({"sync-direction"}, set(), None), ("GET", "/access/permissions", False): ({"path"}, set(), None)}


class Server(http.server.ThreadingHTTPServer):
    """A thread a connection; a client that goes away, or refuses what it is shown, is the ordinary case."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        self.api.log("no_handshake")


class Api:
    """One server."""

    def __init__(self, options):
        self.store, self.log_path, self.tokens_path = Store(options.store), pathlib.Path(options.log), pathlib.Path(options.tokens)
        self.trouble_path = pathlib.Path(options.trouble or os.devnull)
        self.lock, self.log_lock = threading.Lock(), threading.Lock()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(options.cert, options.key)
        self.server = Server((options.host, options.port), type("Handler", (Handler,), {"api": self}))
        self.server.api = self

    def log(self, event: str, **facts) -> None:
        with self.log_lock, open(self.log_path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"event": event, **facts}) + "\n")

    def trouble_for(self, method: str):
        waiting = json.loads(self.trouble_path.read_text() or "[]") if self.trouble_path.exists() else []
        for number, (word, how) in enumerate(waiting):
            if word == method:
                next_one = [["GET", "cut_before"]] if how == "fall_after" else []
                self.trouble_path.write_text(json.dumps(waiting[:number] + next_one + waiting[number + 1:]))
                return how
        return None

    def token_of(self, header: str | None) -> str:
        """The id of the token. Raises Refused as the product does, but at once instead of after three seconds."""
        if header is None or not header.startswith(("PBSAPIToken=", "PBSAPIToken ")):
            raise Refused("authentication failed - no authentication credentials provided.", 401)
        identity, _colon, secret = header[len("PBSAPIToken="):].partition(":")
        known = json.loads(self.tokens_path.read_text()).get(identity)
        if known is None or known["secret"] != urllib.parse.unquote(secret):
            raise Refused("authentication failed - invalid API token secret", 401)
        return identity

    def privileges(self, token: str, path: str) -> dict:
        acl = json.loads(self.tokens_path.read_text())[token]["acl"]
        return {name: True for place, names in acl.items() if f"{path}/".startswith(f"{place.rstrip('/')}/") for name in names}

    def answer(self, method: str, path: str, token: str, asked: dict) -> tuple:
        """(data, what stands beside it). Raises Refused."""
        known = [place for place in (KEYS, "/config/sync", "/access/permissions") if path == place or (place == KEYS and path.startswith(f"{KEYS}/"))]
        route = ROUTES.get((method, known[0], path != known[0])) if known else None
        if route is None or path.count("/") > 3:
            raise Refused(f"Path '/api2/json{path}' not found.", 404)
        allowed, needed, privilege = route
        if path != known[0]:
            asked = {**asked, "id": urllib.parse.unquote(path[len(KEYS) + 1:])}
        place = f"{ACL}/{asked['id']}" if path != known[0] else ACL
        if privilege and privilege not in self.privileges(token, place):
            raise Refused("permission check failed", 403)
        if not set(asked) <= allowed or not needed <= set(asked):
            raise Refused(f"parameter verification failed: {', '.join(sorted(set(asked) ^ needed))}")
        if "id" in asked and not ID.fullmatch(asked["id"]) or not re.fullmatch("[0-9a-f]{64}", asked.get("digest", "0" * 64)):
            raise Refused("parameter verification failed: value does not match the regex pattern")
        return self._called(method, known[0], path, asked, token)

    def _called(self, method: str, route: str, path: str, asked: dict, token: str) -> tuple:
        def may(place: str, name: str) -> bool:
            return name in self.privileges(token, place)
        with self.lock:
            if route == "/access/permissions":
                granted = self.privileges(token, asked["path"])
                return {asked["path"]: granted} if granted else {}, {}
            if method == "GET":
                return (listed if route == KEYS else jobs)(self.store, asked, may)
            return (deleted if method == "DELETE" else toggled if path != route else made)(self.store, asked)


class Counted:
    """A stream that counts what was read from it."""

    def __init__(self, stream):
        self.stream, self.count = stream, 0

    def readline(self, limit):
        return self._counted(self.stream.readline(limit))

    def read(self, size):
        return self._counted(self.stream.read(size))

    def _counted(self, data):
        self.count += len(data)
        return data

    def close(self):
        self.stream.close()


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    api: Api
    protocol_version = "HTTP/1.1"

    def setup(self):
        self.request.settimeout(PATIENCE)
        self.request = self.api.context.wrap_socket(self.request, server_side=True)
        super().setup()
        self.rfile = Counted(self.rfile)
        self.api.log("connected")

    def handle(self):
        with contextlib.suppress(OSError, ValueError):
            super().handle()

    def finish(self):
        self.api.log("closed", received=self.rfile.count)
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def do_GET(self):
        parts = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        how, token = self.api.trouble_for(self.command), None
        if isinstance(how, dict) and "first" in how:
            with self.api.lock:
                self.api.store.meddle(how.pop("first"))
        try:
            token = self.api.token_of(self.headers.get("Authorization"))
            status, answer = self._done(parts, body, token, how)
        except Refused as error:
            status, answer = error.status, str(error).encode()
        self.api.log("request", method=self.command, path=parts.path, token=token, status=status, trouble=how)
        self._say(status, answer, how, body)

    do_POST = do_DELETE = do_PUT = do_GET

    def _done(self, parts, body: bytes, token: str, how) -> tuple:
        if how in ("cut_before", "echo"):
            return 400, b""
        if how == "ignore":
            return 200, b'{"data":null}'
        if isinstance(how, dict) and "status" in how:
            return how["status"], how.get("body", "").encode("utf-8", "surrogatepass")
        kind = self.headers.get("Content-Type")
        if kind not in (None, "application/x-www-form-urlencoded") or not parts.path.startswith("/api2/json/"):
            raise Refused(f"unsupported content type or path {kind!r}")
        asked = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True) + urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        data, beside = self.api.answer(self.command, parts.path[len("/api2/json"):], token, asked)
        return 200, json.dumps({"data": data, **beside}).encode()

    def _say(self, status: int, answer: bytes, how, body: bytes):
        if how in ("cut_before", "cut_after", "fall_after", "hang_after"):
            if how == "hang_after":
                time.sleep(PATIENCE)
            self.close_connection = True
            return
        if how == "echo":
            status, answer = 400, f"what is this? {self.headers} {urllib.parse.unquote_plus(body.decode())}".encode()
        whole = b" " * (16 << 20) if how == "huge" else answer
        self.send_response(status)
        self.send_header("Content-Type", "application/json;charset=UTF-8")
        self.send_header("Content-Length", str(len(whole)))
        self.end_headers()
        if how == "drip_after":
            for number in range(len(whole)):
                self.wfile.write(whole[number:number + 1])
                time.sleep(0.05)
        else:
            self.wfile.write(whole[:len(whole) // 2] if how == "half" else whole)
        self.close_connection = self.close_connection or how in ("half", "drip_after")

    def log_message(self, *unused):
        """The log of ours has all."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("cert", "key", "store", "tokens", "log"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--trouble")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8007)
    options = parser.parse_args()
    api = Api(options)
    print(api.server.server_address[1], flush=True)
    api.server.serve_forever()


if __name__ == "__main__":
    main()
