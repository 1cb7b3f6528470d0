"""What an API needs to start: its secrets, and the settings that lead to them."""

import base64
import json
from pathlib import Path

TOKEN = "an-operator-token-of-the-tests"
KEYS = json.dumps({"current": "k1", "keys": {"k1": base64.b64encode(b"s" * 32).decode()}}).encode()


def secrets(folder: Path, token: str = TOKEN) -> dict[str, str]:
    """Write the secrets and return the settings that lead to them; whoever is not known may look."""
    (folder / "keys.json").write_bytes(KEYS)
    (folder / "token").write_text(token + "\n")
    return {
        "SIGNING_KEYS_FILE": str(folder / "keys.json"),
        "OPERATOR_TOKEN_FILE": str(folder / "token"),
        "ANONYMOUS": "viewer",
        "PUBLIC_URL": "http://platform.test",
    }
