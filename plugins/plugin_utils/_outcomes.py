# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of each certificate of an order, in the shape in which all roles that renew keep it. Runs on the controller; pure."""

from __future__ import annotations


def outcomes(answer: dict, declared: list, refused: dict, foreseen: bool) -> list:
    """One outcome each certificate that was renewed, would be renewed (foreseen), or failed.

    answer: of acme_order with `certificates`; without `results`, all of them failed for the reason that it tells. declared: the certificates, in the
    same order. refused: path -> why a service did not take the new pair.
    """
    results = answer.get("results")
    if results is None:
        results = [{"failed": True, **{key: answer[key] for key in ("msg", "error_chain") if key in answer}} for _one in declared]
    found = [_outcome(result, one, refused, foreseen) for result, one in zip(results, declared)]
    return [one for one in found if one is not None]


def _outcome(result: dict, declared: dict, refused: dict, foreseen: bool) -> dict | None:
    common = {"name": result.get("name") or _name(declared), "path": result.get("path") or declared.get("path") or ""}
    if result.get("failed"):
        return _failure(common, result.get("error_chain") or result.get("msg") or "the order failed")
    if common["path"] in refused:
        return _failure(common, refused[common["path"]])
    if not result.get("changed") and not result.get("activation_pending"):
        return None
    before, after = result.get("before") or {}, result.get("after") or {}
    return {**common, "result": "foreseen" if foreseen else "renewed", "reason": result["reason"], "message": result["message"],
            "fingerprint": result.get("fingerprint") or "", "old_fingerprint": before.get("fingerprint") or "", "not_after": after.get("not_after") or "",
            "directory": result.get("directory") or ""}


def _failure(common: dict, message) -> dict:
    return {**common, "result": "failed", "reason": "failed", "message": str(message)}


def _name(declared: dict) -> str:
    """As a plan calls it."""
    product = declared.get("product") or "generic"
    return declared.get("name") or (product if product != "generic" else declared.get("path") or "")
