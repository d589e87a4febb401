"""Who may sign in, when there is no Keycloak? A real OpenID issuer with accounts, pages and keys of its own."""
