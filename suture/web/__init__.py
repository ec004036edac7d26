"""`suture web`: the page on loopback, for whoever has AWS credentials, or for the people of a sandbox."""
