"""How each kind of secret is made worthless: the vendor's own way, as sentences, in the order in which to do it.

The order is the same everywhere: make a new one, put it into the store, see it used, then revoke the old one. Only the
last step cures the leak. Sources: each vendor's documentation of its keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from chalicelib.stores import DEFAULT

_STORE: Mapping[str, str] = {
    "secretsmanager": "aws secretsmanager put-secret-value --secret-id {at} --secret-string file://new",
    "ssm": "aws ssm put-parameter --overwrite --type SecureString --name {at} --value file://new "
    "(and --key-id, where it is encrypted under a key of yours)",
    "azure-key-vault": "az keyvault secret set {at} --file new",
    "gcp-secret-manager": "gcloud secrets versions add {at} --data-file=new",
}
_OLD = (
    "When the function works with it, and only then, revoke the old one. A deploy or five minutes' wait ends its cache."
)

_NATIVE = "Secrets Manager can do this regularly: its rotation for RDS, Aurora, Redshift and DocumentDB is native."

_WAYS: Mapping[str, tuple[str, ...]] = {
    "aws": (
        "Best: give the function's role what the key was for, and delete the key; a role needs no secret.",
        "Else: aws iam create-access-key for that user; aws iam update-access-key --status Inactive for the old one.",
        "After a quiet day: aws iam delete-access-key. Look through CloudTrail for uses of the old key by strangers.",
    ),
    "github": (
        "GitHub, Settings, Developer settings, Personal access tokens: make a fine-grained one with the same rights.",
        "Delete the old token there; of a GitHub App or OAuth token, reset it in the app's settings.",
        "Look through the organisation's audit log for what the old one did.",
    ),
    "gitlab": ("GitLab, Access tokens: rotate the token, which revokes the old one at once.",),
    "stripe": (
        "Stripe Dashboard, Developers, API keys: roll the key, with the old one's expiry set to a few hours.",
        "For a webhook secret: Developers, Webhooks, the endpoint, Roll secret.",
    ),
    "slack": (
        "api.slack.com/apps, the app, OAuth & Permissions: revoke all tokens, then install the app again for new ones.",
        "For an incoming webhook: delete it under Incoming Webhooks, and add a new one.",
    ),
    "npm": ("npm token create with the same rights, then npm token revoke the old one.",),
    "google": ("Google Cloud console, APIs & Services, Credentials: make a new key, then delete the old one.",),
    "twilio": (
        "Twilio Console, API keys: make a new one, then delete the old; for the auth token: promote a secondary.",
    ),
    "sendgrid": ("SendGrid, Settings, API Keys: create one with the same scopes, then delete the old one.",),
    "url-password": (
        "In the database: a second user with the same rights, or a new password (ALTER USER … WITH PASSWORD …).",
        _NATIVE,
        "Drop the old user, or end the sessions that still use the old password.",
    ),
    "password": (
        "Change the password where it is checked: for a database, a second user with the same rights, or ALTER USER.",
        _NATIVE,
        "End the sessions that were opened with the old one.",
    ),
    "private-key": (
        "Make a new key pair, and hand the new public key or certificate to everyone who checks it.",
        "Revoke the old certificate, and remove the old public key wherever it is trusted.",
    ),
    "jwt": ("Change the key that signs such tokens: that ends this one, and every other that it signed.",),
}
_ANY = (
    "Make a new one where this one was issued, with the same rights or fewer.",
    "Revoke the old one there, and look through that service's log for uses by strangers.",
)


def instructions(kind: str, reference: str, store: str = DEFAULT) -> Sequence[str]:
    """What to do for one kind of secret that lies in the store under `reference`, as sentences."""
    family = next((name for name in _WAYS if kind == name or kind.startswith(f"{name}-")), "")
    first, *rest = _WAYS.get(family, _ANY)
    put = f"Put the new value into the store: {_STORE[store].format(at=_place(reference, store))}"
    return (first, put, _OLD, *(step for step in rest if store == DEFAULT or step is not _NATIVE))


def _place(reference: str, store: str) -> str:
    """How the store's own command names a secret."""
    if not reference:
        return f"<its {'ARN' if store == DEFAULT else 'name'}>"
    if store == "gcp-secret-manager":
        _, project, _, name = reference.split("/")
        return f"{name} --project {project}"
    if store == "azure-key-vault":
        split = urlsplit(reference)
        return f"--vault-name {(split.hostname or '').partition('.')[0]} --name {split.path.rpartition('/')[2]}"
    return reference
