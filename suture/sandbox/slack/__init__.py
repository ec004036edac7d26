"""A Slack workspace on loopback: it takes what the Web API takes, refuses what it refuses, and shows the channel."""
