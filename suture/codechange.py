"""The owner's code change, as text: how a function reads a secret by the ARN in its environment.

Lambda resolves no reference by itself, so the code, or the extension that it asks, has to. The text is made for the
very variable, and names its `<NAME>_SECRET_ARN`, never a value. Sources: Powertools for AWS Lambda (Python),
"Parameters"; AWS SDK for JavaScript v3, GetSecretValueCommand; AWS Secrets Manager User Guide, "Use AWS Parameters and
Secrets Lambda Extension"; the documentation of AWS SAM, the CDK, Terraform and the Serverless Framework.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SUFFIX = "_SECRET_ARN"


@dataclass(frozen=True, slots=True)
class Change:
    """One piece of text for the owner: what it is, the language it is in, and the text."""

    title: str
    language: str
    text: str


def changes(runtime: str, name: str, arn: str, tool: str, role: str) -> Sequence[Change]:
    """What the owner changes for the variable `name`: the code for this runtime, then the template of the tool.

    `tool` is cloudformation, cdk, serverless, terraform or empty, where nobody knows and every one is shown.
    """
    templates = {"cloudformation": _sam, "cdk": _cdk, "terraform": _terraform, "serverless": _serverless}
    chosen = [templates[tool]] if tool in templates else list(templates.values())
    return (*_code(runtime, name), *(template(name, arn, role) for template in chosen))


def _code(runtime: str, name: str) -> Sequence[Change]:
    if runtime.startswith("python"):
        return (_python(name), _extension(name))
    if runtime.startswith("nodejs"):
        return (_node(name), _extension(name))
    return (_extension(name),)


def _python(name: str) -> Change:
    text = f'''import os

from aws_lambda_powertools.utilities import parameters


def {name.lower()}() -> str:
    """Read when first needed, and kept for five minutes: a rotated value arrives without a deploy."""
    return parameters.get_secret(os.environ["{name}{SUFFIX}"], max_age=300)

# instead of os.environ["{name}"], call {name.lower()}() inside the handler, not at import'''
    return Change("Python, with Powertools parameters", "python", text)


def _node(name: str) -> Change:
    function = _camel(name)
    text = f"""import {{ GetSecretValueCommand, SecretsManagerClient }} from "@aws-sdk/client-secrets-manager";

const client = new SecretsManagerClient({{}});
let kept;

// Read when first needed, and kept for five minutes: a rotated value arrives without a deploy.
export async function {function}() {{
  if (!kept || kept.until < Date.now()) {{
    const answer = await client.send(new GetSecretValueCommand({{ SecretId: process.env.{name}{SUFFIX} }}));
    kept = {{ value: answer.SecretString, until: Date.now() + 300_000 }};
  }}
  return kept.value;
}}

// instead of process.env.{name}, await {function}() inside the handler"""
    return Change("Node.js, with the AWS SDK", "javascript", text)


def _extension(name: str) -> Change:
    text = f"""# Add the layer AWS-Parameters-and-Secrets-Lambda-Extension, then ask it over loopback, in any language:
GET http://localhost:2773/secretsmanager/get?secretId=<the value of {name}{SUFFIX}, URL-encoded>
X-Aws-Parameters-Secrets-Token: <the value of AWS_SESSION_TOKEN>
# the answer is JSON; the value is its SecretString"""
    return Change("Any runtime, with the Parameters and Secrets extension", "http", text)


def _sam(name: str, arn: str, role: str) -> Change:
    text = f"""# under Properties of the function
Environment:
  Variables:
    {name}{SUFFIX}: {arn}
    # {name} goes, with Suture's stage "remove"
Policies:
  - AWSSecretsManagerGetSecretValuePolicy:
      SecretArn: {arn}"""
    return Change("AWS SAM or CloudFormation template", "yaml", text)


def _cdk(name: str, arn: str, role: str) -> Change:
    text = f"""const {_camel(name)} = secretsmanager.Secret.fromSecretCompleteArn(this, "{_pascal(name)}", "{arn}");
fn.addEnvironment("{name}{SUFFIX}", {_camel(name)}.secretArn);
{_camel(name)}.grantRead(fn);
// and take {name} out of the function's environment"""
    return Change("AWS CDK (TypeScript)", "typescript", text)


def _terraform(name: str, arn: str, role: str) -> Change:
    text = f"""# in the aws_lambda_function's environment.variables; {name} goes
{name}{SUFFIX} = "{arn}"

resource "aws_iam_role_policy" "read_{name.lower()}" {{
  role = "{role}"
  policy = jsonencode({{
    Version   = "2012-10-17"
    Statement = [{{ Effect = "Allow", Action = "secretsmanager:GetSecretValue", Resource = "{arn}" }}]
  }})
}}"""
    return Change("Terraform", "hcl", text)


def _serverless(name: str, arn: str, role: str) -> Change:
    text = f"""# under the function in serverless.yml; {name} goes
environment:
  {name}{SUFFIX}: {arn}
# and under provider
iam:
  role:
    statements:
      - Effect: Allow
        Action: secretsmanager:GetSecretValue
        Resource: {arn}"""
    return Change("Serverless Framework", "yaml", text)


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_") if part) or "Secret"


def _camel(name: str) -> str:
    pascal = _pascal(name)
    return pascal[:1].lower() + pascal[1:]
