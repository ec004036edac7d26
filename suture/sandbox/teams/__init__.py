"""Microsoft Teams on loopback: the keys that sign, the login, the connector, and people who press buttons."""
