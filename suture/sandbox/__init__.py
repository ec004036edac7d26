"""The sandbox: an AWS account on a laptop."""

from suture.sandbox import lighter

# Before anything here imports moto's API Gateway.
lighter.install()
