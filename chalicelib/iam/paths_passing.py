"""Paths through a role that one may pass: to something new that runs as that role."""

from __future__ import annotations

from .paths import ATTACH_ROLE, BISHOP_FOX, DATADOG, PASSED, PROWLER, RHINO, RHINO_2, RHINO_CODESTAR, Need, Path, need

_FUNCTION = "arn:*:lambda:*:*:function:*"
_INSTANCE = "arn:*:ec2:*:*:instance/*"
_STACK = "arn:*:cloudformation:*:*:stack/*"
_PROJECT = "arn:*:codebuild:*:*:project/*"
_NOTEBOOK = "arn:*:sagemaker:*:*:notebook-instance/*"
_AGENT = "bedrock-agentcore.amazonaws.com"
_NEW_ROLE = "A service that runs one's code or orders runs them with the rights of the role that was passed to it."


def _passing(id_: str, what: str, service: str, source: str, *needs: Need) -> Path:
    first = Need(("iam:PassRole",), PASSED, f"passes {{role}} to {what}")
    return Path(id_, "pass-role", (first, *needs), _NEW_ROLE, source, tuple(service.split()))


PASSING = (
    _passing(
        "lambda-create-function",
        "Lambda",
        "lambda.amazonaws.com",
        RHINO,
        need("lambda:CreateFunction", _FUNCTION, "creates a function with {role} and code of its own"),
        need(
            "lambda:InvokeFunction lambda:InvokeAsync lambda:AddPermission lambda:CreateEventSourceMapping "
            "lambda:UpdateEventSourceMapping",
            "*",
            "has it run, by invoking it, by an event source or by letting somebody else invoke it",
        ),
    ),
    _passing(
        "ec2-run-instances",
        "EC2",
        "ec2.amazonaws.com",
        RHINO,
        need(
            "ec2:RunInstances ec2:RequestSpotInstances",
            f"{_INSTANCE}|arn:*:ec2:*:*:spot-instances-request/*",
            "starts an instance with {role} and a script of its own",
        ),
    ),
    _passing(
        "ec2-associate-instance-profile",
        "EC2",
        "ec2.amazonaws.com",
        ATTACH_ROLE,
        need(
            "ec2:AssociateIamInstanceProfile ec2:ReplaceIamInstanceProfileAssociation",
            _INSTANCE,
            "gives an instance that it is on the instance profile of {role}",
        ),
    ),
    _passing(
        "autoscaling-launch-configuration",
        "EC2 Auto Scaling",
        "ec2.amazonaws.com",
        PROWLER,
        need("autoscaling:CreateLaunchConfiguration", "*", "writes a launch configuration with {role} and a script"),
        need(
            "autoscaling:CreateAutoScalingGroup autoscaling:UpdateAutoScalingGroup",
            "*",
            "has a group start an instance of it",
        ),
    ),
    _passing(
        "ecs-register-task-definition",
        "ECS",
        "ecs-tasks.amazonaws.com",
        DATADOG,
        need("ecs:RegisterTaskDefinition", "*", "registers a task definition with {role} and an image of its own"),
        need("ecs:RunTask ecs:StartTask ecs:CreateService ecs:UpdateService", "*", "has ECS run it"),
    ),
    _passing(
        "ecs-override-task-role",
        "ECS",
        "ecs-tasks.amazonaws.com",
        PROWLER,
        need("ecs:RunTask ecs:StartTask", "*", "runs a task with {role} and another command than its definition says"),
    ),
    _passing(
        "glue-dev-endpoint",
        "Glue",
        "glue.amazonaws.com",
        RHINO,
        need("glue:CreateDevEndpoint", "*", "creates a development endpoint with {role} and an SSH key of its own"),
    ),
    _passing(
        "glue-job",
        "Glue",
        "glue.amazonaws.com",
        DATADOG,
        need("glue:CreateJob glue:UpdateJob", "*", "writes a job with {role} and a script of its own"),
        need("glue:StartJobRun glue:CreateTrigger", "*", "has it run"),
    ),
    _passing(
        "glue-session",
        "Glue",
        "glue.amazonaws.com",
        PROWLER,
        need("glue:CreateSession", "*", "opens an interactive session with {role}"),
        need("glue:RunStatement", "*", "runs code in it"),
    ),
    _passing(
        "cloudformation-create-stack",
        "CloudFormation",
        "cloudformation.amazonaws.com",
        RHINO,
        need("cloudformation:CreateStack", _STACK, "deploys a template of its own with the rights of {role}"),
    ),
    _passing(
        "cloudformation-stack-set",
        "CloudFormation",
        "cloudformation.amazonaws.com",
        DATADOG,
        need("cloudformation:CreateStackSet", "*", "makes a stack set of a template of its own"),
        need("cloudformation:CreateStackInstances", "*", "deploys it with the rights of {role}"),
    ),
    _passing(
        "cloudformation-update-stack-set",
        "CloudFormation",
        "cloudformation.amazonaws.com",
        DATADOG,
        need("cloudformation:UpdateStackSet", "*", "gives a stack set {role} and a template of its own"),
    ),
    _passing(
        "datapipeline-pipeline",
        "Data Pipeline",
        "datapipeline.amazonaws.com elasticmapreduce.amazonaws.com ec2.amazonaws.com",
        RHINO,
        need("datapipeline:CreatePipeline", "*", "creates a pipeline"),
        need("datapipeline:PutPipelineDefinition", "*", "writes a shell command into it, to be run as {role}"),
    ),
    _passing(
        "codebuild-create-project",
        "CodeBuild",
        "codebuild.amazonaws.com",
        BISHOP_FOX,
        need("codebuild:CreateProject codebuild:UpdateProject", _PROJECT, "makes a project that builds as {role}"),
        need("codebuild:StartBuild codebuild:StartBuildBatch", _PROJECT, "starts a build with commands of its own"),
    ),
    _passing(
        "codestar-create-project",
        "CodeStar",
        "codestar.amazonaws.com",
        RHINO_CODESTAR,
        need("codestar:CreateProject", "*", "has CodeStar deploy a template of its own with the rights of {role}"),
    ),
    _passing(
        "sagemaker-notebook",
        "SageMaker",
        "sagemaker.amazonaws.com",
        RHINO_2,
        need("sagemaker:CreateNotebookInstance", _NOTEBOOK, "creates a notebook that runs as {role}"),
    ),
    _passing(
        "sagemaker-job",
        "SageMaker",
        "sagemaker.amazonaws.com",
        DATADOG,
        need(
            "sagemaker:CreateTrainingJob sagemaker:CreateProcessingJob",
            "arn:*:sagemaker:*:*:training-job/*|arn:*:sagemaker:*:*:processing-job/*",
            "starts a job with {role} and an image of its own",
        ),
    ),
    _passing(
        "apprunner-create-service",
        "App Runner",
        "tasks.apprunner.amazonaws.com build.apprunner.amazonaws.com",
        DATADOG,
        need("apprunner:CreateService", "*", "creates a service with {role} and an image of its own"),
    ),
    _passing(
        "agentcore-create-code-interpreter",
        "Bedrock AgentCore",
        _AGENT,
        DATADOG,
        need("bedrock-agentcore:CreateCodeInterpreter", "*", "creates a code interpreter with {role}"),
        need("bedrock-agentcore:StartCodeInterpreterSession", "*", "opens a session of it"),
        need("bedrock-agentcore:InvokeCodeInterpreter", "*", "runs code in it and reads the role's credentials"),
    ),
    _passing(
        "agentcore-create-runtime",
        "Bedrock AgentCore",
        _AGENT,
        PROWLER,
        need("bedrock-agentcore:CreateAgentRuntime", "*", "creates an agent with {role}"),
        need(
            "bedrock-agentcore:InvokeAgentRuntimeCommand bedrock-agentcore:InvokeAgentRuntime",
            "*",
            "runs a command in it",
        ),
    ),
    _passing(
        "agentcore-create-browser",
        "Bedrock AgentCore",
        _AGENT,
        PROWLER,
        need("bedrock-agentcore:CreateBrowser", "*", "creates a browser with {role}"),
        need("bedrock-agentcore:StartBrowserSession", "*", "opens a session of it"),
        need("bedrock-agentcore:ConnectBrowserAutomationStream", "*", "steers it to the role's credentials"),
    ),
    _passing(
        "batch-register-job",
        "Batch",
        "ecs-tasks.amazonaws.com",
        PROWLER,
        need("batch:RegisterJobDefinition", "*", "defines a job with {role} and an image of its own"),
        need("batch:SubmitJob", "*", "submits it"),
    ),
    _passing(
        "braket-create-job",
        "Braket",
        "braket.amazonaws.com",
        PROWLER,
        need("braket:CreateJob", "*", "runs a hybrid job with {role} and code of its own"),
    ),
    _passing(
        "emr-run-job-flow",
        "EMR",
        "elasticmapreduce.amazonaws.com ec2.amazonaws.com",
        PROWLER,
        need("elasticmapreduce:RunJobFlow", "*", "starts a cluster with {role} and steps of its own"),
    ),
    _passing(
        "emr-serverless-job",
        "EMR Serverless",
        "emr-serverless.amazonaws.com",
        PROWLER,
        need("emr-serverless:StartJobRun", "*", "runs a job with {role} and code of its own"),
    ),
    _passing(
        "gamelift-fleet",
        "GameLift",
        "gamelift.amazonaws.com",
        PROWLER,
        need("gamelift:CreateBuild gamelift:CreateScript", "*", "uploads a server of its own"),
        need("gamelift:CreateFleet", "*", "has a fleet run it with {role}"),
    ),
    _passing(
        "imagebuilder-image",
        "Image Builder",
        "ec2.amazonaws.com imagebuilder.amazonaws.com",
        PROWLER,
        need("imagebuilder:CreateComponent", "*", "writes a component with commands of its own"),
        need("imagebuilder:CreateImageRecipe", "*", "makes a recipe of it"),
        need("imagebuilder:CreateInfrastructureConfiguration", "*", "has it built on an instance with {role}"),
        need("imagebuilder:CreateImage", "*", "starts the build"),
    ),
    _passing(
        "kinesisanalytics-application",
        "Managed Flink",
        "kinesisanalytics.amazonaws.com",
        PROWLER,
        need("kinesisanalytics:CreateApplication", "*", "creates an application with {role} and code of its own"),
        need("kinesisanalytics:StartApplication", "*", "starts it"),
    ),
    _passing(
        "omics-run",
        "HealthOmics",
        "omics.amazonaws.com",
        PROWLER,
        need("omics:CreateWorkflow", "*", "writes a workflow of its own"),
        need("omics:StartRun", "*", "runs it with {role}"),
    ),
    _passing(
        "scheduler-schedule",
        "EventBridge Scheduler",
        "scheduler.amazonaws.com",
        PROWLER,
        need(
            "scheduler:CreateSchedule scheduler:UpdateSchedule",
            "*",
            "schedules any AWS call, to be made with the rights of {role}",
        ),
    ),
    _passing(
        "ssm-automation",
        "Systems Manager",
        "ssm.amazonaws.com",
        PROWLER,
        need("ssm:CreateDocument ssm:UpdateDocument", "*", "writes an automation of its own"),
        need("ssm:StartAutomationExecution", "*", "runs it with the rights of {role}"),
    ),
    _passing(
        "states-create-state-machine",
        "Step Functions",
        "states.amazonaws.com",
        PROWLER,
        need("states:CreateStateMachine", "*", "writes a workflow of any AWS calls with {role}"),
        need("states:StartExecution states:StartSyncExecution", "*", "starts it"),
    ),
)
