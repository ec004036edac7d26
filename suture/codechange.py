"""The owner's code change, as text: how a function reads a secret by what the variable beside the old one names.

Lambda resolves no reference by itself, so the code, or the extension that it asks, has to. The text is made for the
very variable, and names where the secret lies, never a value. Sources, besides those of the code: the documentation of
AWS SAM, the CDK, Terraform and the Serverless Framework; Azure RBAC, "Key Vault Secrets User".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from chalicelib.stores import DEFAULT, STORES, secret_reference

from .codechange_code import Change, camel, code, pascal

__all__ = ["Change", "changes"]


@dataclass(frozen=True, slots=True)
class _Text:
    """What the templates say of one secret: the variable `name` goes, `variable` with `value` comes, and the function's
    `role` may do `action` on `resource` (empty: nothing at AWS), under `condition` (JSON text). `sam` and `cdk` say the
    same in the words that those have for it.
    """

    name: str
    variable: str
    value: str
    role: str
    action: str = ""
    resource: str = ""
    condition: str = ""
    sam: str = ""
    cdk: str = ""


def changes(
    runtime: str, name: str, reference: str, tool: str, role: str, store: str = DEFAULT, function: str = ""
) -> Sequence[Change]:
    """What the owner changes for the variable `name`: the code for this runtime, then the template of the tool.

    `reference` is what the code asks the `store` for, `function` the function's ARN. `tool` is cloudformation, cdk,
    serverless, terraform or empty, where nobody knows and every one is shown.
    """
    variable = f"{name}{STORES[store].suffix}"
    templates = {"cloudformation": _sam, "cdk": _cdk, "terraform": _terraform, "serverless": _serverless}
    chosen = [templates[tool]] if tool in templates else list(templates.values())
    text = _TEXTS[store](name, variable, reference, role, function)
    by_hand = [_at_azure(reference, role)] if store == "azure-key-vault" else []
    return (*by_hand, *code(runtime, name, variable, store), *(template(text) for template in chosen))


def _in_secrets_manager(name: str, variable: str, arn: str, role: str, function: str) -> _Text:
    return _Text(
        name,
        variable,
        arn,
        role,
        "secretsmanager:GetSecretValue",
        arn,
        sam=f"AWSSecretsManagerGetSecretValuePolicy:\n      SecretArn: {arn}",
        cdk=f'secretsmanager.Secret.fromSecretCompleteArn(this, "{pascal(name)}", "{arn}")',
    )


def _in_parameter_store(name: str, variable: str, parameter: str, role: str, function: str) -> _Text:
    """Terraform gets the ARN, since a data source would put the value into its state."""
    found = f'ssm.StringParameter.fromSecureStringParameterAttributes(this, "{pascal(name)}", {{'
    return _Text(
        name,
        variable,
        parameter,
        role,
        "ssm:GetParameter",
        secret_reference("ssm", parameter, function or "arn:aws:lambda:<region>:<account>"),
        sam=f"SSMParameterReadPolicy:\n      ParameterName: {parameter.removeprefix('/')}",
        cdk=f'{found} parameterName: "{parameter}" }})',
    )


_FOR_ENTRA = (
    '{"ForAllValues:StringEquals": {"sts:IdentityTokenAudience": "api://AzureADTokenExchange"}, '
    '"Null": {"sts:IdentityTokenAudience": "false"}}'
)


def _in_key_vault(name: str, variable: str, url: str, role: str, function: str) -> _Text:
    return _Text(name, variable, url, role, "sts:GetWebIdentityToken", "*", _FOR_ENTRA)


def _in_secret_manager(name: str, variable: str, resource: str, role: str, function: str) -> _Text:
    return _Text(name, variable, resource, role)


_TEXTS = {
    "secretsmanager": _in_secrets_manager,
    "ssm": _in_parameter_store,
    "azure-key-vault": _in_key_vault,
    "gcp-secret-manager": _in_secret_manager,
}


def _at_azure(url: str, role: str) -> Change:
    """What only a person can do: let the function's identity in, on this one secret."""
    split = urlsplit(url)
    vault, name = (split.hostname or "").partition(".")[0], split.path.rpartition("/")[2]
    text = f"""# once for the function: an application whose federated credential is the function's role, {role}
az ad app federated-credential create --id "$AZURE_CLIENT_ID" --parameters credential.json
# credential.json: issuer of the AWS account, subject the role's ARN, audience api://AzureADTokenExchange
az role assignment create --role "Key Vault Secrets User" --assignee "$AZURE_CLIENT_ID" \\
  --scope "$(az keyvault show --name {vault} --query id --output tsv)/secrets/{name}\""""
    return Change("Azure: let the function's identity read that one secret", "sh", text)


def _sam(t: _Text) -> Change:
    grant = f"\nPolicies:\n  - {t.sam or _statements(t)}" if t.action else ""
    text = f"""# under Properties of the function
Environment:
  Variables:
    {t.variable}: {t.value}
    # {t.name} goes, with Suture's stage "remove"{grant}"""
    return Change("AWS SAM or CloudFormation template", "yaml", text)


def _statements(t: _Text) -> str:
    lines = (f"Action: {t.action}", f'Resource: "{t.resource}"', f"Condition: {t.condition}")
    return "Statement:\n      - Effect: Allow" + "".join(f"\n        {line}" for line in lines)


def _cdk(t: _Text) -> Change:
    one = camel(t.name)
    if t.cdk:
        value = f"{one}.{'secretArn' if t.value.startswith('arn:') else 'parameterName'}"
        lines = [f"const {one} = {t.cdk};", f'fn.addEnvironment("{t.variable}", {value});', f"{one}.grantRead(fn);"]
    else:
        lines = [f'fn.addEnvironment("{t.variable}", "{t.value}");']
    if t.action and not t.cdk:
        rule = f'actions: ["{t.action}"], resources: ["{t.resource}"], conditions: {t.condition}'
        lines.append(f"fn.addToRolePolicy(new iam.PolicyStatement({{ {rule} }}));")
    text = "\n".join([*lines, f"// and take {t.name} out of the function's environment"])
    return Change("AWS CDK (TypeScript)", "typescript", text)


def _terraform(t: _Text) -> Change:
    where = f", Condition = {t.condition}" if t.condition else ""
    grant = f"""

resource "aws_iam_role_policy" "read_{t.name.lower()}" {{
  role = "{t.role}"
  policy = jsonencode({{
    Version   = "2012-10-17"
    Statement = [{{ Effect = "Allow", Action = "{t.action}", Resource = "{t.resource}"{where} }}]
  }})
}}"""
    text = f"""# in the aws_lambda_function's environment.variables; {t.name} goes
{t.variable} = "{t.value}\"""" + (grant if t.action else "")
    return Change("Terraform", "hcl", text)


def _serverless(t: _Text) -> Change:
    where = f"\n        Condition: {t.condition}" if t.condition else ""
    grant = f"""
# and under provider
iam:
  role:
    statements:
      - Effect: Allow
        Action: {t.action}
        Resource: "{t.resource}"{where}"""
    text = f"""# under the function in serverless.yml; {t.name} goes
environment:
  {t.variable}: {t.value}""" + (grant if t.action else "")
    return Change("Serverless Framework", "yaml", text)
