"""The shop of the story: functions, an API and their roles, all made by its deploy role, which makes mistakes too."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from .stage import TERRAFORM, Stage

DEPLOY_ROLE = "shop-deploy"
FUNCTIONS = ("shop-orders", "shop-payments", "shop-site", "shop-uploads", "shop-reports")
DEBUGGED = "shop-payments"
"""The function whose role its team may assume, to see what it sees."""
ACCOUNT_OF_PARTNER = "444455556666"
PASSWORD = "-".join(("shop", "Tr0ub4dor", "and", "3"))
"""Made up here; it must be found in no table, queue, log, message or report afterwards."""

_CODE = "def handler(event, context):\n    return {'statusCode': 200}\n"


class Shop:
    """Everything here is done with the deploy role's own credentials, as a pipeline would."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.account = stage.ready["account"]
        self.region = stage.ready["region"]
        self.api_id = ""
        self.site_url = ""

    def build(self) -> None:
        """Make the shop as it should be, and wait until Suture has seen it so."""
        self._make_deploy_role()
        for name in FUNCTIONS:
            self._make_function(name)
        self._make_api()
        self.stage.settle()
        self.stage.telling.built(FUNCTIONS, self.api_id)

    def aws(self, service: str, user_agent: str = "") -> Any:
        return self.stage.client(DEPLOY_ROLE, service, user_agent)

    def open_orders_to_everyone(self) -> None:
        self._grant("shop-orders", "anyone")

    def make_site_public(self) -> None:
        self.aws("lambda").add_permission(
            FunctionName="shop-site",
            StatementId="FunctionURLAllowPublicAccess",
            Action="lambda:InvokeFunctionUrl",
            Principal="*",
            FunctionUrlAuthType="NONE",
        )
        self.aws("lambda").update_function_url_config(FunctionName="shop-site", AuthType="NONE")

    def put_password_into_environment(self) -> None:
        variables = {"TABLE": "payments", "DB_PASSWORD": PASSWORD}
        self.aws("lambda").update_function_configuration(
            FunctionName="shop-payments", Environment={"Variables": variables}
        )

    def give_payments_everything(self) -> None:
        self._inline("shop-payments-role", "everything", {"Effect": "Allow", "Action": "*", "Resource": "*"})

    def let_anyone_be_reports(self) -> None:
        principal = {"Service": "lambda.amazonaws.com", "AWS": "*"}
        self.aws("iam").update_assume_role_policy(
            RoleName="shop-reports-role", PolicyDocument=json.dumps(_trust(principal))
        )

    def deploy_stage_unguarded(self) -> None:
        gateway = self.aws("apigateway")
        deployment = gateway.create_deployment(restApiId=self.api_id)["id"]
        gateway.create_stage(restApiId=self.api_id, stageName="live", deploymentId=deployment)

    def let_terraform_open_uploads(self) -> None:
        self._grant("shop-uploads", "public-upload", TERRAFORM)

    def make_a_last_mistake(self) -> None:
        """Another password in plain sight: its fix takes one person, a reason and four digits."""
        self.aws("lambda").update_function_configuration(
            FunctionName="shop-orders", Environment={"Variables": {"API_PASSWORD": PASSWORD}}
        )

    def _grant(self, function: str, sid: str, user_agent: str = "") -> None:
        self.aws("lambda", user_agent).add_permission(
            FunctionName=function, StatementId=sid, Action="lambda:InvokeFunction", Principal="*"
        )

    def _make_deploy_role(self) -> None:
        iam = self.stage.client("deployer", "iam")
        trust = _trust({"AWS": f"arn:aws:iam::{self.account}:root"})
        iam.create_role(RoleName=DEPLOY_ROLE, AssumeRolePolicyDocument=json.dumps(trust))
        services = ["lambda:*", "iam:*", "apigateway:*", "logs:*", "execute-api:Invoke"]
        document = _policy({"Effect": "Allow", "Action": services, "Resource": "*"})
        iam.put_role_policy(RoleName=DEPLOY_ROLE, PolicyName="deploy", PolicyDocument=json.dumps(document))

    def _make_function(self, name: str) -> None:
        root = {"AWS": f"arn:aws:iam::{self.account}:root"} if name == DEBUGGED else {}
        trust = _trust({"Service": "lambda.amazonaws.com", **root})
        role = self.aws("iam").create_role(RoleName=f"{name}-role", AssumeRolePolicyDocument=json.dumps(trust))
        logs = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
        self._inline(f"{name}-role", "logs", logs)
        self.aws("lambda").create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=role["Role"]["Arn"],
            Handler="app.handler",
            Code={"ZipFile": _zipped(_CODE)},
            Environment={"Variables": {"TABLE": name.removeprefix("shop-")}},
        )
        self.aws("lambda").add_permission(
            FunctionName=name,
            StatementId="from-bucket",
            Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com",
            SourceArn="arn:aws:s3:::shop-incoming",
            SourceAccount=self.account,
        )
        if name == "shop-site":
            made = self.aws("lambda").create_function_url_config(FunctionName=name, AuthType="AWS_IAM")
            self.site_url = made["FunctionUrl"]

    def _make_api(self) -> None:
        gateway = self.aws("apigateway")
        self.api_id = gateway.create_rest_api(name="shop")["id"]
        root = gateway.get_resources(restApiId=self.api_id)["items"][0]["id"]
        method = {"restApiId": self.api_id, "resourceId": root, "httpMethod": "GET"}
        gateway.put_method(**method, authorizationType="AWS_IAM")
        gateway.put_integration(**method, type="MOCK")

    def _inline(self, role: str, name: str, statement: Mapping[str, Any]) -> None:
        document = json.dumps(_policy(statement))
        self.aws("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)


def _policy(statement: Mapping[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [statement]}


def _trust(principal: Mapping[str, Any]) -> dict[str, Any]:
    return _policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


def _zipped(code: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", code)
    return buffer.getvalue()
