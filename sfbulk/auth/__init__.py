"""Every way to sign in, each in a module of its own; `ways` picks the one the settings mean.

`flows` and `private_key` judge settings, `grant` the answers; `oauth`, `jwt_bearer`,
`refresh_token`, `soap_login` and `salesforce_cli` ask. None of them keeps a token: that
is `sfbulk.session`'s part.
"""
