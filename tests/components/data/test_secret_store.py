"""A store of secrets serves the namespaces that it names, and no other."""

from typing import Any, cast

import pytest

from components.data.secret_store import ClusterSecretStoreArgs


def test_a_store_without_a_namespace_is_refused() -> None:
    anything = cast("Any", None)
    with pytest.raises(ValueError, match="would serve every one"):
        ClusterSecretStoreArgs("eu-west-1", anything, anything, anything, namespaces=())
