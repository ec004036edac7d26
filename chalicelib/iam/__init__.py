"""Reasoning about IAM policies: pure, exact where it says yes, and never `safe` on doubt. Import the submodules."""
