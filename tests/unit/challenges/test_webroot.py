# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files below somebody else's web root: readable by the web server, never through a link, and gone again with the folders made for them."""

from __future__ import annotations

import os
import pathlib
import stat

import pytest

from ansible_collections.evergreen.pki.plugins.module_utils._core.errors import FileRefused, HostError, InputError
from ansible_collections.evergreen.pki.tests.unit.challenges.parts import THUMBPRINT, a_proof, a_webroot, edge, solver_of
from ansible_collections.evergreen.pki.tests.unit.challenges.parts import take_files as clean_up
from ansible_collections.evergreen.pki.tests.unit.challenges.parts import write_files as present
from ansible_collections.evergreen.pki.tests.unit.helpers import Child, kill_at, memory_disk, needs_root, small_disk, tree

A, B = a_proof("token-a"), a_proof("token-b", name="DNS:b.example")
FOLDERS = (".well-known", ".well-known/acme-challenge")


@pytest.fixture
def root(tmp_path):
    """A web root that others wrote into."""
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "index.html").write_text("hello")
    return tmp_path / "www"


def below(root) -> list:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def place(root) -> pathlib.Path:
    return root / ".well-known" / "acme-challenge"


def test_a_whole_life(root):
    """Written, readable whatever the umask, and nothing is left: not below the root, and no record of it."""
    one, before = a_webroot(root), os.umask(0o077)
    try:
        one.present([A, B])
    finally:
        os.umask(before)
    one.wait([A, B], {}, 5.0)
    assert below(root) == [*FOLDERS, ".well-known/acme-challenge/token-a", ".well-known/acme-challenge/token-b", "index.html"]
    assert (place(root) / "token-a").read_text() == A.content and (place(root) / "token-b").read_text() == B.content
    modes = [stat.S_IMODE(path.lstat().st_mode) for path in (place(root).parent, place(root), place(root) / "token-a")]
    assert modes == [0o755, 0o755, 0o644]
    clean_up(root, A)
    assert below(root)[2:] == [".well-known/acme-challenge/token-b", "index.html"]
    clean_up(root, B)
    assert below(root) == ["index.html"] and list((root.parent / "state" / "webroots").iterdir()) == []


@pytest.mark.parametrize("depth", [1, 2])
def test_folders_of_others_stay(root, depth):
    """With their modes, also when they are empty; ours below them go."""
    theirs = root.joinpath(*(".well-known", "acme-challenge")[:depth])
    theirs.mkdir(parents=True)
    theirs.chmod(0o750)
    present(root, A)
    clean_up(root, A)
    assert below(root) == [*FOLDERS[:depth], "index.html"] and stat.S_IMODE(theirs.stat().st_mode) == 0o750


def test_a_folder_in_use_stays(root):
    """Another client's token is in it; with the next clean-up after that one it goes."""
    present(root, A)
    (place(root) / "theirs").write_text("x")
    clean_up(root, A)
    assert below(root) == [*FOLDERS, ".well-known/acme-challenge/theirs", "index.html"]
    (place(root) / "theirs").unlink()
    clean_up(root, A)
    assert below(root) == ["index.html"]


def test_a_file_with_another_content_stays(root):
    """It is not ours."""
    present(root, A)
    (place(root) / "token-a").write_text("theirs")
    clean_up(root, A)
    assert (place(root) / "token-a").read_text() == "theirs"


def test_an_old_content_is_replaced(root):
    """As a file as a whole: one that is open elsewhere is not written into."""
    present(root, A._replace(content=f"token-a.{'x' * 43}"))
    with open(place(root) / "token-a", encoding="ascii") as old:
        present(root, A)
        assert old.read() == f"token-a.{'x' * 43}" and (place(root) / "token-a").read_text() == A.content


def test_nothing_presented(root):
    """Neither an empty order nor a clean-up alone writes anything."""
    present(root)
    clean_up(root, A)
    assert below(root) == ["index.html"] and not (root.parent / "state").exists()


def test_a_root_that_has_gone(root):
    """Has nothing to be cleaned up."""
    present(root, A)
    os.rename(root, root.parent / "elsewhere")
    clean_up(root, A)


@pytest.mark.parametrize("fold", ["root", "link"], ids=["a folder", "a link, which is the operator's word"])
def test_the_root_itself(root, fold):
    """May be a link."""
    (root.parent / "link").symlink_to("www")
    present(root.parent / "link" if fold == "link" else root, A)
    assert (place(root) / "token-a").read_text() == A.content


@pytest.mark.parametrize("depth", [0, 1])
@pytest.mark.parametrize("kind", ["link", "file"])
def test_what_is_no_folder_is_not_followed(root, depth, kind):
    """Whoever may write below the root would else have root write where he likes."""
    target, hole = root.parent / "etc", root.joinpath(*(".well-known", "acme-challenge")[:depth + 1])
    target.mkdir()
    hole.parent.mkdir(exist_ok=True)
    if kind == "link":
        hole.symlink_to(target)
    else:
        hole.write_text("x")
    with pytest.raises(FileRefused, match="is a symbolic link, or no folder, and is not followed"):
        present(root, A)
    assert list(target.iterdir()) == [] and os.path.lexists(hole)


def test_a_link_in_place_of_a_token(root):
    """Is replaced when we write, its target left alone; and left alone when we clean up."""
    present(root, B)
    target = root.parent / "target"
    target.write_text(A.content)
    (place(root) / "token-a").symlink_to(target)
    clean_up(root, A)
    assert (place(root) / "token-a").is_symlink()
    present(root, A)
    assert not (place(root) / "token-a").is_symlink() and target.read_text() == A.content


def test_a_pipe_in_place_of_a_token(root):
    """Does not hold up the clean-up."""
    present(root, B)
    os.mkfifo(place(root) / "token-a")
    clean_up(root, A)
    assert stat.S_ISFIFO((place(root) / "token-a").lstat().st_mode)


@pytest.mark.parametrize("token", ["../index.html", "/etc/passwd", ".evergreen", "", "a\0b"], ids=["up", "absolute", "a dot", "none", "a null byte"])
def test_a_token_that_is_a_path(root, token):
    """Is refused by both, with nothing written or removed."""
    before = tree(root)
    for call in (present, clean_up) if (root.parent / "state").exists() else (present,):
        with pytest.raises(InputError):
            call(root, A._replace(token=token, content=f"{token}.{THUMBPRINT}"))
    assert tree(root) == before


def test_a_root_that_is_none(root):
    """Is named with its setting."""
    with pytest.raises(FileRefused, match=r"www2: there is no such folder. Set the path of the solver"):
        present(root.parent / "www2", A)
    assert not (root.parent / "www2").exists()


@needs_root
def test_a_full_disk(root):
    """Leaves nothing half written."""
    with small_disk(root.parent / "disk") as disk:
        (disk / "fill").write_bytes(b"x" * 4096 * 8)
        present(disk, B)
        with open(disk / "fill", "ab", buffering=0) as file, pytest.raises(OSError, match="No space"):
            while file.write(b"x" * 4096):
                pass
        with pytest.raises(HostError, match="No space left"):
            present(disk, A)
        assert os.listdir(place(disk)) == ["token-b"]


def test_runs_at_once(root):
    """Each finds the folders there, also while another removes them."""
    proofs = [a_proof(f"token-{number}") for number in range(6)]

    def both(proof):
        for _round in range(10):
            present(root, proof)
            assert (place(root) / proof.token).read_text() == proof.content
            clean_up(root, proof)
    assert [child.result() for child in [Child(both, proof) for proof in proofs]] == [("returned", None)] * 6
    assert below(root) == ["index.html"]


def test_hosts_that_share_a_root(root):
    """On a file server: each has a state of its own, so that no lock keeps them apart."""
    proofs = [a_proof(f"token-{number}") for number in range(4)]

    def both(proof):
        mine = solver_of("webroot", {"path": str(root)}, edge(root.parent / proof.token))
        for _round in range(100):
            mine.present([proof])
            assert (place(root) / proof.token).read_text() == proof.content
            mine.clean_up([proof])
    assert [child.result() for child in [Child(both, proof) for proof in proofs]] == [("returned", None)] * 4
    assert [path for path in below(root) if "token" in path] == []


def test_killed_at_every_step(root):
    """Whatever a killed run left, the clean-up of a later one removes, from the proofs alone; a file is whole or not there."""
    with memory_disk(root) as disk:
        number, killed = 0, True
        while killed:
            www = disk / f"www{number}"
            www.mkdir()
            killed = kill_at(number, present, www, A, B)
            assert all((place(www) / one.token).read_text() == one.content for one in (A, B) if (place(www) / one.token).exists())
            clean_up(www, A, B)
            assert below(www) == []
            number += 1
        assert number > 10
