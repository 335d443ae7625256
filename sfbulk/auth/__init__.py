"""All sign-in flows; `sign_in_for` chooses the one for the credentials.

`flows` lists the settings of each flow, and `parse` makes `credentials` of them. `sign_in`
chooses the flow: `oauth` with `jwt_bearer`, `refresh_token`, `soap_login`, `salesforce_cli`, or
`token` for an access token of the settings. Each returns a checked `SessionToken`.
`sfbulk.session` keeps the token for the whole run.
"""
