-- Two roles for Holdfast. Run once, as a superuser, in the database that Holdfast has to itself:
--   psql "$ADMIN_URL" -v ON_ERROR_STOP=1 -f deploy/sql/roles.sql
-- then give them passwords (psql's \password), and:
--   DATABASE_URL=postgres://holdfast_owner:…@host/holdfast holdfast migrate
--   psql postgres://holdfast_owner:…@host/holdfast -v ON_ERROR_STOP=1 -f deploy/sql/gateway-rights.sql
--
-- holdfast_owner makes and changes the schema; nobody but whoever upgrades uses it. holdfast_gateway is what DATABASE_URL
-- of the running gateway names.
do $$
begin
  if not exists (select from pg_roles where rolname = 'holdfast_owner') then
    create role holdfast_owner login nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
  end if;
  if not exists (select from pg_roles where rolname = 'holdfast_gateway') then
    create role holdfast_gateway login nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
  end if;
  execute format('revoke create, temporary on database %I from public', current_database());
  execute format('grant connect, create on database %I to holdfast_owner', current_database());
  execute format('revoke create, temporary on database %I from holdfast_gateway', current_database());
  execute format('grant connect on database %I to holdfast_gateway', current_database());
end
$$;
revoke create on schema public from public;
