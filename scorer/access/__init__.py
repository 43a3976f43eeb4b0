"""Who may ask the scorer what: certificates, tokens, roles, rates."""
