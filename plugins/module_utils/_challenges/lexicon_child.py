# Copyright (c) 2026 The evergreen.pki authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of Lexicon, in a process of its own: its providers know no time-outs. Room `lexicon` starts it from this source.

    python3 -c SOURCE < JSON

JSON: action (create, delete), provider, options, zone, name, value, ttl. The last line of output that begins with MARK holds JSON: error, missing.
"""

from __future__ import annotations

import json
import sys
import types

MARK = "evergreen-lexicon "


def act(asked: dict) -> None:
    """Does it, with the Lexicon of Debian 12 (3.11) as well as with current ones. Raises whatever a provider raises."""
    import tldextract
    first, _dot, rest = asked["zone"].partition(".")
    # The zone is known: the list of public suffixes, fetched from the network, would only guess at it.
    tldextract.TLDExtract = lambda *args, **kwargs: lambda domain: types.SimpleNamespace(domain=first, suffix=rest)
    from lexicon.client import Client
    from lexicon.config import ConfigResolver
    config = {"provider_name": asked["provider"], "domain": asked["zone"], "ttl": asked["ttl"], asked["provider"]: asked["options"]}
    if hasattr(Client, "__enter__"):
        with Client(ConfigResolver().with_dict(config)) as operations:
            if asked["action"] == "create":
                done = operations.create_record("TXT", asked["name"], asked["value"])
            else:
                done = operations.delete_record(rtype="TXT", name=asked["name"], content=asked["value"])
    else:
        config.update(action=asked["action"], type="TXT", name=asked["name"], content=asked["value"])
        done = Client(ConfigResolver().with_dict(config)).execute()
    if done is False and asked["action"] == "create":
        raise RuntimeError("the provider made no record")


def main() -> None:
    answer = {}
    try:
        act(json.load(sys.stdin))
    except ImportError as error:
        answer = {"error": str(error), "missing": True}
    except BaseException as error:  # pylint: disable=broad-exception-caught  # providers raise anything, SystemExit too
        answer = {"error": f"{type(error).__name__}: {error}", "missing": False}
    sys.stdout.write(f"\n{MARK}{json.dumps(answer)}\n")


if __name__ == "__main__":
    main()
