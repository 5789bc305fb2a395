/** A small shop: enough to look around in, the same at every start. */
export const SHOP_SQL = `
create table customers (id int primary key, name text not null, email text not null unique, city text not null);
create table products (id int primary key, name text not null, price numeric(10,2) not null);
create table orders (
  id int primary key,
  customer_id int not null references customers,
  status text not null check (status in ('open', 'paid', 'shipped', 'cancelled')),
  total numeric(10,2) not null,
  placed_at timestamptz not null
);
create index orders_by_customer on orders (customer_id);

insert into customers values
  (1, 'Harbour Books', 'desk@harbour-books.example', 'Hamburg'),
  (2, 'Northside Bakery', 'orders@northside.example', 'Leeds'),
  (3, 'Casa Verde', 'compras@casaverde.example', 'Valencia'),
  (4, 'Yuki Stationery', 'shop@yuki.example', '札幌'),
  (5, 'Café Étoile', 'bonjour@etoile.example', 'Lyon');
insert into products values
  (1, 'Ledger, hardback', 24.90), (2, 'Fountain pen', 39.00), (3, 'Blotting paper', 4.50), (4, 'Ink, 50 ml', 12.75);
insert into orders
select n, 1 + n % 5, (array['paid', 'shipped', 'open'])[1 + n % 3], (n % 90) + 9.95, timestamptz '2026-11-19 08:00' + (n - 4600) * interval '17 minutes'
from generate_series(4601, 4720) n;
update orders set customer_id = 2, total = 63.90, status = 'paid', placed_at = '2026-11-20 09:14:03+00' where id = 4710;
update orders set customer_id = 2, total = 63.90, status = 'paid', placed_at = '2026-11-20 09:14:05+00' where id = 4711;

grant select, insert, update, delete on all tables in schema public to shop_agent;
`

/** The account the agent works with: it reads and writes rows, and can do nothing else. */
export function agentRoleSql(password: string): string {
  return `create role shop_agent login password '${password}' nosuperuser nocreatedb nocreaterole`
}

/** Reads run by themselves in development; in production everything waits for an approver, and nobody changes the schema. */
export const SERVER_RULES = `
[[databases]]
name = "shop"
environments = ["development", "production"]
dialect = "postgresql"

[[workflows]]
database = "shop"
environment = "development"
auto_approve = "always"

[[workflows]]
database = "shop"
environment = "production"
operations = ["select", "dml"]
require_reason = true
[[workflows.steps]]
approvers = [{ role = "approver" }]
`
