"""The Slack door and the Slack channel: requests in through `door`, messages out through `channel`."""
