"""Evidence of what a role really does, from AWS, from logs and from code: what `chalicelib.iam.narrowing` reads."""
