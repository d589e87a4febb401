"""The production profile's components, started as they are on loopback. (PostgreSQL, Redis, Keycloak)"""
