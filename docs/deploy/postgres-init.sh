#!/bin/sh
# Run once by the PostgreSQL image, when its volume is empty: the database, that of the keys, and an owner that is no superuser.
set -eu
psql --set=ON_ERROR_STOP=1 --set=password="$OWNER_PASSWORD" --username postgres --dbname postgres <<'SQL'
CREATE ROLE steward_owner LOGIN CREATEROLE PASSWORD :'password';
CREATE DATABASE steward OWNER steward_owner;
CREATE DATABASE steward_keys OWNER steward_owner;
SQL
