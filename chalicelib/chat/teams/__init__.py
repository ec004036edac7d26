"""Microsoft Teams: one card a case, decided by those whom approvers.yaml lists by Entra tenant and object."""
