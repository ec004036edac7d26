"""Paths through something that runs as a role already: one decides what it runs."""

from __future__ import annotations

from .paths import BISHOP_FOX, DATADOG, OWN_DOCUMENT, PROWLER, RHINO, RHINO_2, RHINO_CODESTAR, Need, Path, need

_FUNCTION = "arn:*:lambda:*:*:function:*"
_INSTANCE = "arn:*:ec2:*:*:instance/*"
_TEMPLATE = "arn:*:ec2:*:*:launch-template/*"
_STACK = "arn:*:cloudformation:*:*:stack/*"
_PROJECT = "arn:*:codebuild:*:*:project/*"
_NOTEBOOK = "arn:*:sagemaker:*:*:notebook-instance/*"
_ANY_NODE = f"{_INSTANCE}|arn:*:ssm:*:*:managed-instance/*"
_SCRIPTS = "|".join(
    f"arn:*:ssm:*:*:document/AWS-{name}"
    for name in (
        "ApplyAnsiblePlaybooks",
        "ApplyChefRecipes",
        "ConfigureAWSPackage",
        "InstallApplication",
        "InstallPowerShellModule",
        "RunAnsiblePlaybook",
        "RunDocument",
        "RunPowerShellScript",
        "RunRemoteScript",
        "RunSaltState",
        "RunShellScript",
    )
)
"""Documents of AWS's own that run what the caller names. Its others do one thing each."""
_AGENT = "bedrock-agentcore.amazonaws.com"
_ITS_ROLE = "What runs with a role's rights gives them to whoever decides what it runs."


def _existing(id_: str, service: str, source: str, *needs: Need, reason: str = _ITS_ROLE) -> Path:
    return Path(id_, "existing-compute", needs, reason, source, tuple(service.split()))


EXISTING = (
    _existing(
        "lambda-update-code",
        "lambda.amazonaws.com",
        RHINO,
        need("lambda:UpdateFunctionCode", _FUNCTION, "replaces the code of a function that runs as {role}"),
    ),
    _existing(
        "lambda-update-configuration",
        "lambda.amazonaws.com",
        RHINO_2,
        need(
            "lambda:UpdateFunctionConfiguration",
            _FUNCTION,
            "puts a layer or a wrapper of its own before the code of a function that runs as {role}",
        ),
        reason="A layer, a runtime wrapper or a variable such as NODE_OPTIONS is code that a function runs first.",
    ),
    _existing(
        "apprunner-update-service",
        "tasks.apprunner.amazonaws.com build.apprunner.amazonaws.com",
        DATADOG,
        need(
            "apprunner:UpdateService",
            "arn:*:apprunner:*:*:service/*",
            "points a service that runs as {role} at an image of its own",
        ),
    ),
    _existing(
        "agentcore-code-interpreter",
        _AGENT,
        DATADOG,
        need("bedrock-agentcore:StartCodeInterpreterSession", "*", "opens a code interpreter that runs as {role}"),
        need("bedrock-agentcore:InvokeCodeInterpreter", "*", "runs code in it and reads the role's credentials"),
    ),
    _existing(
        "agentcore-runtime-command",
        _AGENT,
        PROWLER,
        need("bedrock-agentcore:InvokeAgentRuntimeCommand", "*", "runs a command in an agent that runs as {role}"),
    ),
    _existing(
        "agentcore-browser",
        _AGENT,
        PROWLER,
        need("bedrock-agentcore:StartBrowserSession", "*", "opens a browser that runs as {role}"),
        need("bedrock-agentcore:ConnectBrowserAutomationStream", "*", "steers it to the role's credentials"),
    ),
    _existing(
        "batch-submit-job",
        "ecs-tasks.amazonaws.com ec2.amazonaws.com",
        PROWLER,
        need("batch:SubmitJob", "*", "submits a job with a command of its own to a definition that runs as {role}"),
    ),
    _existing(
        "cloudformation-update-stack",
        "cloudformation.amazonaws.com",
        BISHOP_FOX,
        need("cloudformation:UpdateStack", _STACK, "gives a stack that deploys as {role} a template of its own"),
    ),
    _existing(
        "cloudformation-change-set",
        "cloudformation.amazonaws.com",
        DATADOG,
        need(
            "cloudformation:CreateChangeSet", "*", "proposes a template of its own for a stack that deploys as {role}"
        ),
        need("cloudformation:ExecuteChangeSet", "*", "carries the change set out"),
    ),
    _existing(
        "codebuild-start-build",
        "codebuild.amazonaws.com",
        DATADOG,
        need(
            "codebuild:StartBuild codebuild:StartBuildBatch",
            _PROJECT,
            "starts a build that runs as {role}, with a build specification of its own",
        ),
        reason="A build can be started with another build specification than the project's: code, in other words.",
    ),
    _existing(
        "codedeploy-create-deployment",
        "ec2.amazonaws.com codedeploy.amazonaws.com lambda.amazonaws.com",
        PROWLER,
        need("codedeploy:RegisterApplicationRevision", "*", "registers a revision of its own"),
        need("codedeploy:CreateDeployment", "*", "deploys it to machines that run as {role}"),
    ),
    _existing(
        "codestar-create-project-from-template",
        "codestar.amazonaws.com",
        RHINO_CODESTAR,
        need("codestar:CreateProjectFromTemplate", "*", "has CodeStar deploy a template, with the rights of {role}"),
    ),
    _existing(
        "codestar-associate-team-member",
        "codestar.amazonaws.com",
        RHINO_CODESTAR,
        need("codestar:CreateProject", "*", "creates a CodeStar project"),
        need("codestar:AssociateTeamMember", "*", "names itself its owner, which attaches an owner's policy"),
    ),
    _existing(
        "ec2-instance-connect",
        "ec2.amazonaws.com",
        BISHOP_FOX,
        need("ec2:DescribeInstances", "*", "finds an instance that runs as {role}, and its address"),
        need(
            "ec2-instance-connect:SendSSHPublicKey",
            _INSTANCE,
            "puts an SSH key on it and reads the role's credentials there",
        ),
    ),
    _existing(
        "ec2-replace-user-data",
        "ec2.amazonaws.com",
        DATADOG,
        need("ec2:StopInstances", _INSTANCE, "stops an instance that runs as {role}"),
        need("ec2:ModifyInstanceAttribute", _INSTANCE, "replaces the script that it runs when it starts"),
        need("ec2:StartInstances", _INSTANCE, "starts it again"),
    ),
    _existing(
        "ec2-launch-template-version",
        "ec2.amazonaws.com",
        DATADOG,
        need("ec2:CreateLaunchTemplateVersion", _TEMPLATE, "writes a launch template version with a script of its own"),
        need("ec2:ModifyLaunchTemplate", _TEMPLATE, "makes it the default for instances that run as {role}"),
    ),
    _existing(
        "ecs-execute-command",
        "ecs-tasks.amazonaws.com",
        PROWLER,
        need(
            "ecs:ExecuteCommand",
            "arn:*:ecs:*:*:task/*|arn:*:ecs:*:*:cluster/*",
            "opens a shell in a task that runs as {role}",
        ),
    ),
    _existing(
        "glue-update-dev-endpoint",
        "glue.amazonaws.com",
        RHINO,
        need("glue:UpdateDevEndpoint", "*", "puts an SSH key on a development endpoint that runs as {role}"),
    ),
    _existing(
        "sagemaker-presigned-notebook-url",
        "sagemaker.amazonaws.com",
        RHINO_2,
        need("sagemaker:CreatePresignedNotebookInstanceUrl", _NOTEBOOK, "signs in to a notebook that runs as {role}"),
    ),
    _existing(
        "sagemaker-notebook-lifecycle",
        "sagemaker.amazonaws.com",
        DATADOG,
        need("sagemaker:CreateNotebookInstanceLifecycleConfig", "*", "writes a start script"),
        need("sagemaker:StopNotebookInstance", _NOTEBOOK, "stops a notebook that runs as {role}"),
        need("sagemaker:UpdateNotebookInstance", _NOTEBOOK, "gives it the start script"),
        need("sagemaker:StartNotebookInstance", _NOTEBOOK, "starts it again"),
    ),
    _existing(
        "ssm-start-session",
        "ec2.amazonaws.com ssm.amazonaws.com ecs-tasks.amazonaws.com",
        BISHOP_FOX,
        need("ssm:StartSession", f"{_ANY_NODE}|arn:*:ecs:*:*:task/*", "opens a shell on a machine that runs as {role}"),
    ),
    _existing(
        "ssm-send-command",
        "ec2.amazonaws.com ssm.amazonaws.com",
        BISHOP_FOX,
        need("ssm:SendCommand", _SCRIPTS, "chooses a document that runs any script"),
        need("ssm:SendCommand", _ANY_NODE, "runs a script on a machine that runs as {role}"),
    ),
    _existing(
        "ssm-send-own-command",
        "ec2.amazonaws.com ssm.amazonaws.com",
        BISHOP_FOX,
        need("ssm:SendCommand", OWN_DOCUMENT, "chooses a document of the account's own, which may run any script"),
        need("ssm:SendCommand", _ANY_NODE, "runs it on a machine that runs as {role}"),
    ),
    _existing(
        "states-update-state-machine",
        "states.amazonaws.com",
        PROWLER,
        need("states:UpdateStateMachine", "*", "rewrites a workflow that runs as {role}"),
        need("states:StartExecution states:StartSyncExecution", "*", "starts it"),
    ),
)
