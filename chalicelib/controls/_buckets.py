"""What the controls on buckets share: which of the blocks on public access hold."""

from __future__ import annotations

from ..model import Resource

_BLOCKS = ("PublicAccessBlock", "AccountPublicAccessBlock")


def holds(resource: Resource, setting: str) -> bool:
    """Is a setting on for a bucket? The bucket's block and the account's count together: S3 takes the stricter of them.

    Source: S3 User Guide, "Blocking public access to your Amazon S3 storage".
    """
    return any((resource.config.get(block) or {}).get(setting) is True for block in _BLOCKS)
