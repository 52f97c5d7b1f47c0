# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file system with the rules of Proxmox VE's cluster file system, as one node mounts it at /etc/pve.

    pmxcfs.py --node NAME --tree FOLDER [--control FILE] [--attached] MOUNTPOINT

Several nodes are several of these processes over one tree. What a program can stumble over is here (proxmox-formats 3.4): owners and
modes are computed and never stored, chmod and chown are refused unless they ask for just these, there are no links but `local`, a file
has at most 1 MiB, a lock is a folder below priv/lock, and without quorum all is read-only. The word `lost` in the control file takes
the quorum away. It ends when it is unmounted, with --attached also when its standard input does.

Needs mfusepy (PyPI), libfuse (Debian: fuse3), /dev/fuse and a user who may mount.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import grp
import json
import os
import pathlib
import stat
import subprocess
import sys
import threading
import time

WHY_NOT = ""
try:
    import mfusepy
except (ImportError, OSError, AttributeError) as error:     # the library is there, but libfuse is not
    mfusepy, WHY_NOT = None, f"mfusepy cannot be used: {error}"

MAX_BYTES = 1 << 20
WRITING = os.O_WRONLY | os.O_RDWR | os.O_TRUNC | os.O_APPEND
MEMBERS, LOCAL, LOCKS = "/.members", "/local", "/priv/lock/"
EXPIRY = 120        # seconds after which somebody else may break a lock


def unusable() -> str | None:
    """Why no such file system can be mounted here, or None."""
    if mfusepy is None:
        return WHY_NOT
    if os.geteuid() != 0:
        return "only root may mount a file system for others"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"/dev/fuse cannot be opened: {error.strerror}"
    return None


def group() -> int:
    """The gid of www-data, on a host without it Debian's number."""
    try:
        return grp.getgrnam("www-data").gr_gid
    except KeyError:
        return 33


def is_private(path: str) -> bool:
    """Whether a path lies below priv/ or nodes/NODE/priv/."""
    parts = path.strip("/").split("/")
    return parts[0] == "priv" or (parts[0] == "nodes" and parts[2:3] == ["priv"])


def mount(node: str, tree, mountpoint, control, *more: str) -> subprocess.Popen:
    """Starts a node's file system and waits until it is there. Raises OSError."""
    os.makedirs(mountpoint, exist_ok=True)
    argv = [sys.executable, __file__, "--node", node, "--tree", str(tree), "--control", str(control), *more, str(mountpoint)]
    # One that outlives its starter must hold none of the pipes that somebody reads to their end.
    stdin, stderr = (subprocess.PIPE, None) if "--attached" in more else (subprocess.DEVNULL, subprocess.DEVNULL)
    process = subprocess.Popen(argv, stdin=stdin, stdout=subprocess.DEVNULL, stderr=stderr, start_new_session=True)
    end = time.monotonic() + 20
    while not os.path.ismount(mountpoint):
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise OSError(f"{mountpoint} was not mounted")
        time.sleep(0.02)
    return process


def unmount(mountpoint) -> None:
    """Takes a mounted file system away, whoever still looks at it; its process ends by that."""
    if os.path.ismount(mountpoint):
        subprocess.run(["umount", "--lazy", str(mountpoint)], check=True)


if mfusepy is not None:
    class ClusterFiles(mfusepy.Operations):
        """One node's view. What is stored lies in the tree with whatever owner and mode; the rules are applied on the way out."""

        use_ns = True

        def __init__(self, node: str, tree: str, control: str | None):
            self.node, self.tree, self.control, self.gid = node, tree, control, group()
            for folder in (f"nodes/{node}/priv", "priv/lock"):
                os.makedirs(os.path.join(tree, folder), exist_ok=True)

        def _place(self, path: str) -> str:
            return self.tree + path

        def _quorate(self) -> bool:
            with contextlib.suppress(OSError, TypeError):
                return "lost" not in pathlib.Path(self.control).read_text().split()
            return True

        def _change(self, *paths: str) -> None:
            """Refuses a change where there is no quorum, or where the file is none of the tree's."""
            if not self._quorate() or {MEMBERS, LOCAL} & set(paths):
                raise mfusepy.FuseOSError(errno.EACCES)

        def _members(self) -> bytes:
            nodes = sorted(os.listdir(self._place("/nodes")))
            listed = {name: {"id": number, "online": 1, "ip": f"192.0.2.{number}"} for number, name in enumerate(nodes, 1)}
            cluster = {"name": "lab", "version": len(nodes), "nodes": len(nodes), "quorate": int(self._quorate())}
            return json.dumps({"nodename": self.node, "version": 1, "cluster": cluster, "nodelist": listed}, indent=1).encode()

        def getattr(self, path: str, fh=None) -> dict:
            if path == LOCAL:
                return {"st_mode": stat.S_IFLNK | 0o777, "st_nlink": 1, "st_size": len(self.readlink(path)), "st_uid": 0, "st_gid": self.gid}
            if path == MEMBERS:
                return {"st_mode": stat.S_IFREG | 0o440, "st_nlink": 1, "st_size": len(self._members()), "st_uid": 0, "st_gid": self.gid}
            there = os.lstat(self._place(path))
            folder = stat.S_ISDIR(there.st_mode)
            mode = (0o700 if folder else 0o600) if is_private(path) else (0o755 if folder else 0o640)
            kind = stat.S_IFDIR if folder else stat.S_IFREG
            return {"st_mode": kind | (mode if self._quorate() else mode & ~0o222), "st_nlink": 2 if folder else 1, "st_uid": 0, "st_gid": self.gid,
                    "st_size": 0 if folder else there.st_size, **dict.fromkeys(("st_atime", "st_mtime", "st_ctime"), there.st_mtime_ns)}

        def readdir(self, path: str, fh):
            special = [MEMBERS[1:], LOCAL[1:]] if path == "/" else []
            return [".", "..", *special, *os.listdir(self._place(path))]

        def readlink(self, path: str) -> str:
            return f"nodes/{self.node}"

        def chmod(self, path: str, mode: int) -> int:
            if stat.S_IMODE(mode) != (0o600 if is_private(path) else 0o640):
                raise mfusepy.FuseOSError(errno.EPERM)
            return 0

        def chown(self, path: str, uid: int, gid: int) -> int:
            if uid not in (0, -1) or gid not in (self.gid, -1):
                raise mfusepy.FuseOSError(errno.EPERM)
            return 0

        def link(self, target: str, source: str) -> int:
            raise mfusepy.FuseOSError(errno.EPERM)

        def symlink(self, target: str, source: str) -> int:
            raise mfusepy.FuseOSError(errno.EPERM)

        def mkdir(self, path: str, mode: int) -> int:
            self._change(path)
            os.mkdir(self._place(path), 0o700)
            return 0

        def rmdir(self, path: str) -> int:
            self._change(path)
            os.rmdir(self._place(path))
            return 0

        def unlink(self, path: str) -> int:
            self._change(path)
            os.unlink(self._place(path))
            return 0

        def rename(self, old: str, new: str) -> int:
            self._change(old, new)
            os.rename(self._place(old), self._place(new))
            return 0

        def utimens(self, path: str, times=None) -> int:
            """The time 0 on a lock asks for it to be broken; that is done once it is older than its expiry, and the caller finds it gone."""
            self._change(path)
            place = self._place(path)
            if not path.startswith(LOCKS):
                os.utime(place, ns=times)
            elif times and times[1] == 0 and time.time() - os.stat(place).st_mtime > EXPIRY:
                os.rmdir(place)
            return 0

        def open(self, path: str, flags: int) -> int:
            if path == MEMBERS:
                return os.open(os.devnull, os.O_RDONLY)
            if flags & WRITING:
                self._change(path)
            return os.open(self._place(path), flags & ~(os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_APPEND))

        def create(self, path: str, mode: int, fi=None) -> int:
            self._change(path)
            return os.open(self._place(path), os.O_RDWR | os.O_CREAT, 0o600)

        def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
            return self._members()[offset:offset + size] if path == MEMBERS else os.pread(fh, size, offset)

        def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
            self._change(path)
            if offset + len(data) > MAX_BYTES:
                raise mfusepy.FuseOSError(errno.EFBIG)
            return os.pwrite(fh, data, offset)

        def truncate(self, path: str, length: int, fh=None) -> int:
            self._change(path)
            if length > MAX_BYTES:
                raise mfusepy.FuseOSError(errno.EFBIG)
            os.truncate(self._place(path), length)
            return 0

        def release(self, path: str, fh: int) -> int:
            os.close(fh)
            return 0


def _end_with_input(mountpoint: str) -> None:
    while os.read(0, 4096):
        pass
    unmount(mountpoint)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--node", required=True)
    parser.add_argument("--tree", required=True)
    parser.add_argument("--control", help="file whose word `lost` takes the quorum away")
    parser.add_argument("--attached", action="store_true", help="end with standard input, and so with whoever started this")
    parser.add_argument("mountpoint")
    wanted = parser.parse_args()
    why = unusable()
    if why:
        print(f"pmxcfs.py: {why}", file=sys.stderr)
        return 1
    if wanted.attached:
        threading.Thread(target=_end_with_input, args=(wanted.mountpoint,), daemon=True).start()
    files = ClusterFiles(wanted.node, wanted.tree, wanted.control)
    # Nothing is remembered by the kernel: another node may have changed it.
    mfusepy.FUSE(files, wanted.mountpoint, foreground=True, nothreads=True, allow_other=True, default_permissions=True, fsname="/dev/fuse",
                 attr_timeout=0, entry_timeout=0, negative_timeout=0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
