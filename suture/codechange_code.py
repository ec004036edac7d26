"""How code reads a secret out of each store, as text in the function's language: kept for five minutes, nothing stored.

Sources: Powertools for AWS Lambda (Python), "Parameters"; AWS SDK for JavaScript v3, GetSecretValueCommand and
GetParameterCommand; AWS Secrets Manager User Guide, "Use AWS Parameters and Secrets Lambda Extension"; Microsoft Learn,
azure-identity and azure-keyvault-secrets; Google Cloud, "Access a secret version"; STS API Reference,
GetWebIdentityToken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """One piece of text for the owner: what it is, the language it is in, and the text."""

    title: str
    language: str
    text: str


def code(runtime: str, name: str, variable: str, store: str) -> Sequence[Change]:
    """What reads the secret that `variable` names, in the place of the variable `name`, for one runtime."""
    made = _WRITERS[store]
    family = "python" if runtime.startswith("python") else "nodejs" if runtime.startswith("nodejs") else ""
    return tuple(write(name, variable) for language, write in made if language in ("", family))


def _python(title: str, imports: str, before: str, getting: str) -> Callable[[str, str], Change]:
    """A function that keeps what it got; `getting` is an expression with {variable} in it."""

    def write(name: str, variable: str) -> Change:
        text = f"""import os
import time

{imports}

kept = (0.0, "")

{before}
def {name.lower()}() -> str:
    \"\"\"Read when first needed, and kept for five minutes: a rotated value arrives without a deploy.\"\"\"
    global kept
    if kept[0] < time.monotonic():
        value = {getting.format(variable=variable)}
        kept = (time.monotonic() + 300, value)
    return kept[1]

{_INSTEAD.format(name=name, function=name.lower())}"""
        return Change(title, "python", text)

    return write


def _powertools(call: str) -> Callable[[str, str], Change]:
    def write(name: str, variable: str) -> Change:
        text = f"""import os

from aws_lambda_powertools.utilities import parameters


def {name.lower()}() -> str:
    \"\"\"Read when first needed, and kept for five minutes: a rotated value arrives without a deploy.\"\"\"
    return parameters.{call.format(variable=variable)}

{_INSTEAD.format(name=name, function=name.lower())}"""
        return Change("Python, with Powertools parameters", "python", text)

    return write


_INSTEAD = '# instead of os.environ["{name}"], call {function}() inside the handler, not at import'


def _node(title: str, imports: str, before: str, getting: str) -> Callable[[str, str], Change]:
    """The same in JavaScript; `getting` is statements that end in an expression for the value."""

    def write(name: str, variable: str) -> Change:
        function = camel(name)
        *lines, value = getting.replace("VARIABLE", variable).splitlines()
        steps = "".join(f"    {line}\n" for line in lines)
        text = f"""{imports}

{before}let kept;

// Read when first needed, and kept for five minutes: a rotated value arrives without a deploy.
export async function {function}() {{
  if (!kept || kept.until < Date.now()) {{
{steps}    kept = {{ value: {value}, until: Date.now() + 300_000 }};
  }}
  return kept.value;
}}

// instead of process.env.{name}, await {function}() inside the handler"""
        return Change(title, "javascript", text)

    return write


def _http(title: str, lines: str) -> Callable[[str, str], Change]:
    return lambda name, variable: Change(title, "http", lines.replace("VARIABLE", variable))


_ASSERTION = """
def _assertion() -> str:
    \"\"\"AWS's word for this function, which Entra ID exchanges for a token: no credential is stored.\"\"\"
    wanted = {"Audience": ["api://AzureADTokenExchange"], "SigningAlgorithm": "RS256", "DurationSeconds": 300}
    return boto3.client("sts").get_web_identity_token(**wanted)["WebIdentityToken"]


def _read(url: str) -> str:
    vault, _, name = url.partition("/secrets/")
    tenant, client = os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"]
    return SecretClient(vault, ClientAssertionCredential(tenant, client, _assertion)).get_secret(name).value

"""
_EXTENSION = "Any runtime, with the Parameters and Secrets extension"
_LAYER = "# Add the layer AWS-Parameters-and-Secrets-Lambda-Extension, then ask it over loopback, in any language:\n"
_SESSION = "X-Aws-Parameters-Secrets-Token: <the value of AWS_SESSION_TOKEN>\n"

_Written = tuple[tuple[str, Callable[[str, str], Change]], ...]
_WRITERS: Mapping[str, _Written] = {
    "secretsmanager": (
        ("python", _powertools('get_secret(os.environ["{variable}"], max_age=300)')),
        (
            "nodejs",
            _node(
                "Node.js, with the AWS SDK",
                'import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";',
                "const client = new SecretsManagerClient({});\n",
                "const asked = new GetSecretValueCommand({ SecretId: process.env.VARIABLE });\n"
                "(await client.send(asked)).SecretString",
            ),
        ),
        (
            "",
            _http(
                _EXTENSION,
                f"{_LAYER}GET http://localhost:2773/secretsmanager/get?secretId=<the value of VARIABLE, URL-encoded>\n"
                f"{_SESSION}# the answer is JSON; the value is its SecretString",
            ),
        ),
    ),
    "ssm": (
        ("python", _powertools('get_parameter(os.environ["{variable}"], decrypt=True, max_age=300)')),
        (
            "python",
            _python(
                "Python, with boto3 alone",
                "import boto3",
                'client = boto3.client("ssm")\n\n',
                'client.get_parameter(Name=os.environ["{variable}"], WithDecryption=True)["Parameter"]["Value"]',
            ),
        ),
        (
            "nodejs",
            _node(
                "Node.js, with the AWS SDK",
                'import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";',
                "const client = new SSMClient({});\n",
                "const asked = new GetParameterCommand({ Name: process.env.VARIABLE, WithDecryption: true });\n"
                "(await client.send(asked)).Parameter.Value",
            ),
        ),
        (
            "",
            _http(
                _EXTENSION,
                f"{_LAYER}GET http://localhost:2773/systemsmanager/parameters/get?withDecryption=true"
                f"&name=<the value of VARIABLE, URL-encoded>\n{_SESSION}"
                "# the answer is JSON; the value is its Parameter.Value",
            ),
        ),
    ),
    "azure-key-vault": (
        (
            "python",
            _python(
                "Python, with Azure's clients",
                "import boto3\nfrom azure.identity import ClientAssertionCredential\n"
                "from azure.keyvault.secrets import SecretClient",
                _ASSERTION,
                '_read(os.environ["{variable}"])',
            ),
        ),
        (
            "nodejs",
            _node(
                "Node.js, with Azure's clients",
                'import { GetWebIdentityTokenCommand, STSClient } from "@aws-sdk/client-sts";\n'
                'import { ClientAssertionCredential } from "@azure/identity";\n'
                'import { SecretClient } from "@azure/keyvault-secrets";',
                'const wanted = { Audience: ["api://AzureADTokenExchange"], SigningAlgorithm: "RS256" };\n'
                "const { AZURE_TENANT_ID, AZURE_CLIENT_ID } = process.env;\n"
                "// AWS's word for this function, which Entra ID exchanges for a token: no credential is stored.\n"
                "const assertion = async () =>\n"
                "  (await new STSClient({}).send(new GetWebIdentityTokenCommand(wanted))).WebIdentityToken;\n"
                "const credential = new ClientAssertionCredential(AZURE_TENANT_ID, AZURE_CLIENT_ID, assertion);\n",
                'const [vault, name] = process.env.VARIABLE.split("/secrets/");\n'
                "(await new SecretClient(vault, credential).getSecret(name)).value",
            ),
        ),
        (
            "",
            _http(
                "Any runtime, over HTTPS",
                "GET <the value of VARIABLE>?api-version=7.4\n"
                "Authorization: Bearer <a token of Entra ID for https://vault.azure.net/.default>\n"
                "# the answer is JSON; the value is its value",
            ),
        ),
    ),
    "gcp-secret-manager": (
        (
            "python",
            _python(
                "Python, with Google's client",
                "from google.cloud import secretmanager",
                "\ndef _read(name: str) -> str:\n"
                "    client = secretmanager.SecretManagerServiceClient()\n"
                '    return client.access_secret_version(name=f"{name}/versions/latest").payload.data.decode()\n\n',
                '_read(os.environ["{variable}"])',
            ),
        ),
        (
            "nodejs",
            _node(
                "Node.js, with Google's client",
                'import { SecretManagerServiceClient } from "@google-cloud/secret-manager";',
                "const client = new SecretManagerServiceClient();\n",
                "const name = `${process.env.VARIABLE}/versions/latest`;\n"
                "const [version] = await client.accessSecretVersion({ name });\n"
                'version.payload.data.toString("utf8")',
            ),
        ),
        (
            "",
            _http(
                "Any runtime, over HTTPS",
                "GET https://secretmanager.googleapis.com/v1/<the value of VARIABLE>/versions/latest:access\n"
                "Authorization: Bearer <a token by workload identity federation>\n"
                "# the answer is JSON; the value is its payload.data, in base64",
            ),
        ),
    ),
}


def pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_") if part) or "Secret"


def camel(name: str) -> str:
    made = pascal(name)
    return made[:1].lower() + made[1:]
