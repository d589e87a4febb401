-- Two accounts with a database each, made when PostgreSQL's data folder is new. Run by psql; the passwords are in files.
\set ON_ERROR_STOP on
\set city `cat /run/secrets/database-password`
\set issuer `cat /run/secrets/keycloak-database-password`
SET log_statement = 'none';
CREATE ROLE citygate LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'city';
CREATE ROLE keycloak LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'issuer';
CREATE DATABASE citygate OWNER citygate;
CREATE DATABASE keycloak OWNER keycloak;
REVOKE ALL ON DATABASE citygate, keycloak, postgres FROM PUBLIC;
