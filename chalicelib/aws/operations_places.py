"""The part of the operation catalogue for secrets outside functions: parameters, state machines, tasks, stacks.

No entry decrypts: `ssm:GetParameters` is called for its plain values, and whoever has that right is denied the
decryption through SSM (suture/policies.py). `ssm:PutParameter#Overwrite` is PutParameter for a parameter that is
there; its proof holds it to the encryption of the value that stands there. Tags cannot be set so, and stay as they
are; a `text` data type is what every encrypted parameter has. Sources: Service Authorization Reference; Systems
Manager API Reference, PutParameter.
"""

from __future__ import annotations

from collections.abc import Mapping

from .entries import Operation, read

_PARAMETER = "arn:{partition}:ssm:{region}:{account}:parameter/{Name}"
_MACHINE = "arn:{partition}:states:{region}:{account}:stateMachine:{stateMachineArn}"

PLACE_OPERATIONS: Mapping[str, Operation] = {
    "ssm:GetParameters": read("ssm:GetParameters", "arn:{partition}:ssm:{region}:{account}:parameter/{Names}"),
    "ssm:PutParameter#Overwrite": Operation(
        "write",
        (("ssm:PutParameter", _PARAMETER),),
        repeat="none",
        needs=("Overwrite", "Type"),
        never=("Tags", "DataType"),
        shown=("Name", "Description", "Type", "KeyId", "Overwrite", "Tier", "AllowedPattern", "Policies"),
        hushed=True,
    ),
    "stepfunctions:ListStateMachines": read("states:ListStateMachines", "*"),
    "stepfunctions:DescribeStateMachine": read("states:DescribeStateMachine", _MACHINE),
    "stepfunctions:ListTagsForResource": read("states:ListTagsForResource", "{resourceArn}"),
    "ecs:ListTaskDefinitionFamilies": read("ecs:ListTaskDefinitionFamilies", "*"),
    "ecs:DescribeTaskDefinition": read("ecs:DescribeTaskDefinition", "*"),
    "cloudformation:DescribeStacks": read("cloudformation:DescribeStacks", "*"),
}
