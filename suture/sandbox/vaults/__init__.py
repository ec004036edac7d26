"""Two stores outside AWS on loopback, as far as their REST protocols are documented: Key Vault and Secret Manager.

They keep what they are told in memory, answer over TLS with a certificate of their own, and can be told to refuse.
They exist to rehearse and to test with the official clients, which come as extras.
"""
