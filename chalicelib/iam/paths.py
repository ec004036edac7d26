"""The ways in which rights become more rights: our list, from what is published, each with its reason and source.

A path is data: the actions it needs (each any one of some), on which kind of resource, and what the caller does with
them. `escalation` decides who can walk it. Written after comparing the lists below with the AWS documentation; where
they differ in what is needed, the smaller set that AWS really asks for stands here.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

USER, OTHER_USER, GROUP, POLICY, ROLE = "user", "other-user", "group", "policy", "role"
PASSED, ASSUMED, OWN_DOCUMENT = "passed-role", "assumed-role", "own-document"
"""Resources of IAM that needs name: a user (perhaps oneself), a user who is not oneself, a group, a policy that is
not AWS's own, a role that can be changed, a role to be passed, a role to be assumed; a Systems Manager document that is
not AWS's own. Anything else is ARN patterns, several of them parted by `|`."""

RHINO = (
    "Rhino Security Labs, AWS IAM Privilege Escalation: Methods and Mitigation (2018), "
    "https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/"
)
RHINO_2 = (
    "Rhino Security Labs, AWS Privilege Escalation: Methods and Mitigation, part 2 (2019), "
    "https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation-part-2/"
)
RHINO_CODESTAR = (
    "Rhino Security Labs, Escalating AWS IAM Privileges with an Undocumented CodeStar API, "
    "https://rhinosecuritylabs.com/aws/escalating-aws-iam-privileges-undocumented-codestar-api/"
)
BISHOP_FOX = (
    "Bishop Fox, Privilege Escalation in AWS (IAM Vulnerable, 2021), https://github.com/BishopFox/iam-vulnerable"
)
DATADOG = "Datadog, pathfinding.cloud, https://pathfinding.cloud/"
PROWLER = (
    "Prowler, list of privilege escalation combinations, https://github.com/prowler-cloud/prowler/blob/master/"
    "prowler/providers/aws/services/iam/lib/privilege_escalation.py"
)
PASS_ROLE = (
    "AWS, IAM User Guide, Grant a user permissions to pass a role to an AWS service, "
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html"
)
ATTACH_ROLE = (
    "AWS, EC2 User Guide, Grant permissions to attach an IAM role to an instance, "
    "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/permission-to-pass-iam-roles.html"
)
BOUNDARIES = (
    "AWS, IAM User Guide, Permissions boundaries for IAM entities, "
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"
)
SAML = (
    "AWS, IAM API Reference, UpdateSAMLProvider, "
    "https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateSAMLProvider.html"
)


class Need(NamedTuple):
    """One of `any_of`, on a resource of the kind `on`; `does` says what for, as what the caller does."""

    any_of: tuple[str, ...]
    on: str
    does: str

    @property
    def folded(self) -> tuple[str, ...]:
        return tuple(a.lower() for a in self.any_of)


class Path(NamedTuple):
    """`category` is direct, credentials, pass-role or existing-compute; `services` are the service principals that
    the role on the way must trust (any of them), where there is one."""

    id: str
    category: str
    needs: tuple[Need, ...]
    reason: str
    source: str
    services: tuple[str, ...] = ()


def need(actions: str, on: str, does: str) -> Need:
    return Need(tuple(actions.split()), on, does)


@cache
def all_paths() -> tuple[Path, ...]:
    """Every path, those that need the least first."""
    from .paths_existing import EXISTING
    from .paths_passing import PASSING

    return DIRECT + CREDENTIALS + EXISTING + PASSING


@cache
def all_actions() -> frozenset[str]:
    """Every action that some path needs, folded: fewer than 200."""
    return frozenset(a for path in all_paths() for n in path.needs for a in n.folded)


DIRECT = (
    Path(
        "iam-create-policy-version",
        "direct",
        (need("iam:CreatePolicyVersion", POLICY, "writes a new default version of a policy, with any rights in it"),),
        "Whoever writes the policy that is attached to them decides what they may do.",
        RHINO,
    ),
    Path(
        "iam-set-default-policy-version",
        "direct",
        (need("iam:SetDefaultPolicyVersion", POLICY, "puts another version of a policy in force"),),
        "An older version of a policy often grants more than the one in force, and is still there.",
        RHINO,
    ),
    Path(
        "iam-attach-user-policy",
        "direct",
        (need("iam:AttachUserPolicy", USER, "attaches AdministratorAccess to a user"),),
        "Attaching a managed policy needs no right to what that policy grants.",
        RHINO,
    ),
    Path(
        "iam-attach-group-policy",
        "direct",
        (need("iam:AttachGroupPolicy", GROUP, "attaches AdministratorAccess to a group"),),
        "What a group is given, each of its members has.",
        RHINO,
    ),
    Path(
        "iam-attach-role-policy",
        "direct",
        (need("iam:AttachRolePolicy", ROLE, "attaches AdministratorAccess to {role}"),),
        "Attaching a managed policy needs no right to what that policy grants.",
        RHINO,
    ),
    Path(
        "iam-put-user-policy",
        "direct",
        (need("iam:PutUserPolicy", USER, "writes an inline policy with any rights onto a user"),),
        "An inline policy is written without a right to what it grants.",
        RHINO,
    ),
    Path(
        "iam-put-group-policy",
        "direct",
        (need("iam:PutGroupPolicy", GROUP, "writes an inline policy with any rights onto a group"),),
        "What a group is given, each of its members has.",
        RHINO,
    ),
    Path(
        "iam-put-role-policy",
        "direct",
        (need("iam:PutRolePolicy", ROLE, "writes an inline policy with any rights onto {role}"),),
        "An inline policy is written without a right to what it grants.",
        RHINO,
    ),
    Path(
        "iam-add-user-to-group",
        "direct",
        (need("iam:AddUserToGroup", GROUP, "adds a user to a group that has more rights"),),
        "Joining a group needs nobody's consent, and brings everything the group has.",
        RHINO,
    ),
    Path(
        "iam-update-assume-role-policy",
        "direct",
        (need("iam:UpdateAssumeRolePolicy", ASSUMED, "rewrites the trust policy of {role} to name itself"),),
        "A trust policy that names a principal of its account lets it in without any right of its own.",
        RHINO,
    ),
    Path(
        "iam-delete-user-boundary",
        "direct",
        (need("iam:DeleteUserPermissionsBoundary", USER, "takes a user's permissions boundary away"),),
        "Behind a boundary there are often wide policies, since the boundary was to hold them.",
        BOUNDARIES,
    ),
    Path(
        "iam-delete-role-boundary",
        "direct",
        (need("iam:DeleteRolePermissionsBoundary", ROLE, "takes the permissions boundary of {role} away"),),
        "Behind a boundary there are often wide policies, since the boundary was to hold them.",
        BOUNDARIES,
    ),
    Path(
        "sso-widen-permission-set",
        "direct",
        (
            need(
                "sso:AttachManagedPolicyToPermissionSet sso:PutInlinePolicyToPermissionSet "
                "sso:AttachCustomerManagedPolicyReferenceToPermissionSet",
                "arn:*:sso:::permissionSet/*",
                "adds rights to a permission set of IAM Identity Center",
            ),
        ),
        "A permission set is a role in every account it is assigned in; its rights come with the next provisioning.",
        PROWLER,
    ),
    Path(
        "sso-assign-permission-set",
        "direct",
        (
            need(
                "sso:CreateAccountAssignment",
                "arn:*:sso:::permissionSet/*",
                "assigns itself a permission set that is administrator",
            ),
        ),
        "An assignment is all that stands between a person of the directory and a permission set.",
        PROWLER,
    ),
)

CREDENTIALS = (
    Path(
        "iam-create-access-key",
        "credentials",
        (need("iam:CreateAccessKey", OTHER_USER, "creates an access key of another user and uses it"),),
        "The answer to the call is the key: the caller acts as that user from then on.",
        RHINO,
    ),
    Path(
        "iam-create-login-profile",
        "credentials",
        (need("iam:CreateLoginProfile", OTHER_USER, "gives another user a console password and signs in with it"),),
        "Who sets the first password of a user can sign in as that user.",
        RHINO,
    ),
    Path(
        "iam-update-login-profile",
        "credentials",
        (need("iam:UpdateLoginProfile", OTHER_USER, "changes another user's console password and signs in with it"),),
        "Who sets the password of a user can sign in as that user.",
        RHINO,
    ),
    Path(
        "iam-update-saml-provider",
        "credentials",
        (
            need(
                "iam:UpdateSAMLProvider",
                "arn:*:iam::*:saml-provider/*",
                "replaces an identity provider's certificate with its own and signs assertions for any role",
            ),
        ),
        "A SAML provider is the certificate that it holds: whoever replaces it speaks for the provider.",
        SAML,
    ),
    Path(
        "sts-assume-role",
        "credentials",
        (need("sts:AssumeRole", ASSUMED, "assumes {role}"),),
        "A right to assume any role takes in each role whose trust policy names the account.",
        DATADOG,
    ),
    Path(
        "rolesanywhere-create-profile",
        "credentials",
        (
            need("iam:PassRole", PASSED, "passes {role} to IAM Roles Anywhere"),
            need("rolesanywhere:CreateTrustAnchor", "*", "names a certificate authority of its own as trusted"),
            need("rolesanywhere:CreateProfile", "*", "makes a profile that hands out {role}"),
        ),
        "A trust anchor of one's own signs the certificates that Roles Anywhere changes into a role's credentials.",
        PASS_ROLE,
        ("rolesanywhere.amazonaws.com",),
    ),
    Path(
        "cognito-set-identity-pool-roles",
        "credentials",
        (
            need("iam:PassRole", PASSED, "passes {role} to Cognito"),
            need("cognito-identity:SetIdentityPoolRoles", "*", "makes {role} what an identity pool hands out"),
        ),
        "An identity pool gives its role's credentials to whoever it lets in, guests included.",
        PROWLER,
        ("cognito-identity.amazonaws.com",),
    ),
)
