"""Who comes to a door of ours and what he may: certificates, tokens, roles, countries, rates. Knows the domain only."""
