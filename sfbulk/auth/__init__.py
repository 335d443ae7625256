"""All sign-in flows; `sign_in_for` chooses the one for the credentials.

`flows` says which settings a flow takes, `parse` makes `credentials` of them, and `sign_in`
chooses the flow: `oauth` with `jwt_bearer`, `refresh_token`, `soap_login`, `salesforce_cli`, or
`token` for an access token of the settings. Each returns a checked `SessionToken`. Keeping the
token for the whole run is the task of `sfbulk.session`.
"""
