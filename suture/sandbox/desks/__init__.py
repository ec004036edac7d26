"""Desks: PagerDuty, Opsgenie, Jira and GitHub on loopback, behaving as their documentation says where Suture speaks.

Each is a `Service` of `vaults.loopback`, which keeps what was asked and plays faults.
"""
