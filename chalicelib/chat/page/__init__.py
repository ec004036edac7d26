"""The page: cases, posture, suppressions and runbooks, rendered here and deciding through `decide` alone.

It needs no script, loads nothing from anywhere else, and a GET never decides.
"""
