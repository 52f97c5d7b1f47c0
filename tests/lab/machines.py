# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of systemd containers on a network of their own, reached by ssh over loopback; the fleet and molecule use them.

    machines.py up GROUP [--cluster] HOST=SUITE...      # prints how each host is reached, as molecule's instance config
    machines.py down GROUP

With --cluster the hosts are nodes of one: each has the lab's cluster file system at /etc/pve, over one tree. The word `lost` in the file
.cache/lab/clusters/GROUP/control takes their quorum away.

A group's containers carry the run's prefix (EVERGREEN_RUN, else one of this checkout) and a label, so `up` first removes what
an earlier run left, and nothing of anybody else.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import io
import json
import pathlib
import random
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import engine as lab
import images
import pmxcfs
from engine import CACHE, RUN, SUITES, Engine, Failed, Unusable
from hosts import DOMAIN

SSH = CACHE / "lab" / "ssh"
FILES = pathlib.Path(__file__).resolve().parent / "files"
PACKAGES = "usr/lib/python3/dist-packages"
CLUSTERS = CACHE / "lab" / "clusters"
START_TIMEOUT = 90
PORT_RANGE = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")


class Machine(NamedTuple):
    """A host of a group; ports are published on loopback besides ssh's."""

    host: str
    suite: str
    ports: tuple = ()


def up(engine: Engine, group: str, machines: Iterable[Machine], cluster: bool = False) -> dict[str, dict[int, int]]:
    """Starts a group afresh; when systemd is up on every host and ssh answers, the loopback port of each published one, by host."""
    machines = list(machines)
    made = images.ensure(engine, dict.fromkeys(machine.suite for machine in machines))
    public_key = _ssh_key()
    down(engine, group)
    volumes = {machine.host: _cluster_files(group, machine.host) for machine in machines} if cluster else {}
    engine.output("network", "create", _full(group))
    try:
        with concurrent.futures.ThreadPoolExecutor(max_workers=3) as pool:
            ports = pool.map(lambda machine: _start(engine, group, machine, made[machine.suite], public_key, volumes.get(machine.host, ())), machines)
            return dict(zip((machine.host for machine in machines), ports))
    except Unusable:
        down(engine, group)
        raise


def down(engine: Engine, group: str) -> None:
    """Removes a group's containers and network; nothing to remove is fine."""
    containers = engine.output("ps", "--all", "--quiet", "--filter", f"label=evergreen.group={_full(group)}").split()
    if containers:
        at_once = ["--time", "0"] if engine.name == "podman" else []
        engine.output("rm", "--force", "--volumes", *at_once, *containers, timeout=120)
    if engine.call("network", "inspect", _full(group)).returncode == 0:
        engine.output("network", "rm", _full(group))
    for mountpoint in (CLUSTERS / group).glob("at-*"):
        pmxcfs.unmount(mountpoint)
    shutil.rmtree(CLUSTERS / group, ignore_errors=True)


def _cluster_files(group: str, host: str) -> list[str]:
    """The options by which a container has its node's view of the group's cluster file system."""
    why = pmxcfs.unusable()
    if why:
        raise Unusable(why)
    folder = CLUSTERS / group
    try:
        pmxcfs.mount(host, folder / "tree", folder / f"at-{host}", folder / "control")
    except OSError as error:
        raise Unusable(str(error)) from None
    return ["--volume", f"{folder / f'at-{host}'}:/etc/pve"]


def container(group: str, host: str) -> str:
    return f"{_full(group)}-{host}"


def ssh_variables(ports: dict[int, int]) -> dict:
    """How Ansible reaches a host."""
    return {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": ports[22], "ansible_user": "root",
            "ansible_ssh_private_key_file": str(SSH / "id"), "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ConnectTimeout=10"}


def _full(group: str) -> str:
    return f"{RUN}-{group}"


def _start(engine: Engine, group: str, machine: Machine, image: str, public_key: str, volumes: Iterable[str]) -> dict[int, int]:
    name = container(group, machine.host)
    fqdn = f"{machine.host}.{DOMAIN}"
    published = [option for port, free in zip((22, *machine.ports), _free_ports(engine)) for option in ("--publish", f"127.0.0.1:{free}:{port}")]
    try:
        engine.output("run", "--detach", "--name", name, "--hostname", machine.host, "--label", f"evergreen.group={_full(group)}",
                      "--network", _full(group), "--network-alias", machine.host, "--network-alias", fqdn, "--dns-search", DOMAIN,
                      *published, *volumes, *engine.systemd, image, "/sbin/init")
    except Failed as error:
        raise Unusable(str(error)) from None
    _wait_for_systemd(engine, name)
    engine.output("exec", "--interactive", name, "sh", "-c", "tar -x -C / && systemctl start ssh", stdin=_brought(public_key))
    return {port: _published(engine, name, port) for port in (22, *machine.ports)}


def _brought(public_key: str) -> bytes:
    """An archive of what a host gets: who may log in; and what spares it to compile Ansible's archive of modules anew for each task, half of its work."""
    contents = {"root/.ssh/authorized_keys": public_key.encode(), f"{PACKAGES}/lab_compiled.py": (FILES / "lab_compiled.py").read_bytes(),
                f"{PACKAGES}/lab_compiled.pth": b"import lab_compiled\n"}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        folder = tarfile.TarInfo("root/.ssh")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o700
        archive.addfile(folder)
        for path, content in contents.items():
            file = tarfile.TarInfo(path)
            file.size, file.mode = len(content), 0o644
            archive.addfile(file, io.BytesIO(content))
    return packed.getvalue()


def _wait_for_systemd(engine: Engine, name: str) -> None:
    """`--wait` alone is not enough: until D-Bus is up, it fails at once."""
    end = time.monotonic() + START_TIMEOUT
    while time.monotonic() < end:
        state = engine.call("exec", name, "systemctl", "is-system-running", "--wait").stdout.decode().strip()
        if state in ("running", "degraded"):
            return
        if "true" not in engine.output("inspect", "--format", "{{.State.Running}}", name):
            break
        time.sleep(0.3)
    said = engine.call("logs", "--tail", "1", name)
    raise Unusable(f"systemd does not start in {name}: {(said.stderr + said.stdout).decode(errors='replace').strip()}")


def _published(engine: Engine, name: str, port: int) -> int:
    return int(engine.output("port", name, f"{port}/tcp").split()[0].rpartition(":")[2])


def _free_ports(engine: Engine) -> Iterator[int]:
    """Ports of loopback for containers, where that leaves any none of those that the kernel gives to whoever asks for one.

    The firewall's rule for a published port outlives a container that was killed with all its processes. A server of a test that
    were given such a port could not be reached.
    """
    taken = {int(port) for port in re.findall(r":(\d+)->", engine.output("ps", "--all", "--format", "{{.Ports}}"))}
    # Where the kernel does not tell, RFC 6335, section 6.
    lowest, highest = map(int, PORT_RANGE.read_text().split()) if PORT_RANGE.exists() else (49152, 65535)
    ports = {port for port in range(20000, 65536) if not lowest <= port <= highest} or set(range(20000, 65536))
    for port in random.sample(sorted(ports - taken), len(ports - taken)):
        with contextlib.suppress(OSError):
            socket.create_server(("127.0.0.1", port)).close()
            yield port


def _ssh_key() -> str:
    """The public half of a key pair of the lab's own."""
    private = SSH / "id"
    if not private.with_suffix(".pub").exists():
        SSH.mkdir(parents=True, exist_ok=True)
        private.unlink(missing_ok=True)
        try:
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "evergreen lab", "-f", str(private)], check=True,
                           stdin=subprocess.DEVNULL, timeout=30)
        except FileNotFoundError:
            raise Unusable("ssh-keygen is not installed (Debian: openssh-client)") from None
    return pathlib.Path(f"{private}.pub").read_text()


def main(argv: list[str]) -> int:
    cluster, argv = "--cluster" in argv, [word for word in argv if word != "--cluster"]
    command, group, pairs = (argv + ["", ""])[0], (argv + ["", ""])[1], [pair.partition("=") for pair in argv[2:]]
    if command not in ("up", "down") or not group or any(suite not in SUITES for _host, _equals, suite in pairs):
        print("usage: machines.py up GROUP [--cluster] HOST=SUITE... | down GROUP", file=sys.stderr)
        return 2
    try:
        engine = lab.find()
        if command == "down":
            down(engine, group)
        else:
            reached = up(engine, group, [Machine(host, suite) for host, _equals, suite in pairs], cluster)
            print(json.dumps([{"instance": host, "address": "127.0.0.1", "port": ports[22], "user": "root", "identity_file": str(SSH / "id"),
                               "connection": "ssh"} for host, ports in reached.items()], indent=2))
    except (Unusable, Failed) as error:
        print(f"machines.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
