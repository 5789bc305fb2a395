import type { Migration } from '../migrate.ts'

const REQUEST_TRANSITIONS = [
  ['new', 'pending'],
  ['new', 'approved'],
  ['pending', 'approved'],
  ['pending', 'rejected'],
  ['pending', 'expired'],
  ['pending', 'cancelled'],
  ['approved', 'completed'],
  ['approved', 'expired'],
  ['approved', 'cancelled'],
]

const EXECUTION_TRANSITIONS = [
  ['new', 'queued'],
  ['queued', 'leased'],
  ['queued', 'cancelled'],
  ['leased', 'queued'],
  ['leased', 'running'],
  ['leased', 'cancelled'],
  ['running', 'succeeded'],
  ['running', 'failed'],
  ['running', 'cancelled'],
  ['running', 'lost'],
  ['lost', 'succeeded'],
  ['lost', 'failed'],
  ['lost', 'cancelled'],
]

/** What was submitted and approved is what runs. */
const FROZEN_REQUESTS = `create trigger requests_are_frozen
  before update of id, number, requester_id, database, environment, sql, reason, start, operations, statements, scope_id,
    work_order, work_order_digest, max_executions, replaces_id, created_at on requests
  begin select raise(abort, 'requests: what was submitted does not change'); end`

/** Also refuses REPLACE, which deletes without firing the triggers of a delete. */
const NO_GAPS = `create trigger audit_records_follow_each_other before insert on audit_records
  when new.seq <> (select coalesce(max(seq), 0) + 1 from audit_records)
    or new.prev_hash <> coalesce((select hash from audit_records where seq = new.seq - 1), new.prev_hash)
  begin select raise(abort, 'audit_records follow each other'); end`

const NO_SECOND_REVIEW_ROW = `create trigger reviews_are_not_replaced before insert on reviews
  when exists (select 1 from reviews where id = new.id or (request_id = new.request_id and reviewer_id = new.reviewer_id))
  begin select raise(abort, 'reviews are append-only'); end`

/** Who was removed stays removed and keeps the name; a token stays whose it was made, and revoked once it is. */
const PEOPLE_LAWS = [
  `create trigger users_stay_removed before update of status on users
     when old.status = 'removed' and new.status <> 'removed'
     begin select raise(abort, 'users: who was removed does not come back'); end`,
  `create trigger users_keep_their_names before update of id, name, created_at on users
     begin select raise(abort, 'users keep their names'); end`,
  `create trigger users_are_kept before delete on users
     begin select raise(abort, 'users are kept: a name is given once'); end`,
  `create trigger users_are_not_replaced before insert on users
     when exists (select 1 from users where id = new.id or name = new.name)
     begin select raise(abort, 'users are kept: a name is given once'); end`,
  `create trigger tokens_stay_revoked before update of revoked_at on tokens
     when old.revoked_at is not null and new.revoked_at is not old.revoked_at
     begin select raise(abort, 'tokens: what was revoked stays revoked'); end`,
  `create trigger tokens_stay_what_they_are
     before update of id, kind, user_id, secret_hash, targets, created_at, expires_at on tokens
     begin select raise(abort, 'tokens stay what they are'); end`,
  `create trigger tokens_are_not_replaced before insert on tokens
     when exists (select 1 from tokens where id = new.id or secret_hash = new.secret_hash)
     begin select raise(abort, 'tokens stay what they are'); end`,
]

/** The schema repeats the law of the state machines and of the log, for whoever writes past the code. */
export const initial: Migration = {
  name: '001-initial',
  statements: [
    `create table meta (key text primary key, value text not null)`,
    `create table users (
       id text primary key,
       name text not null constraint user_names_are_unique unique,
       roles text not null,
       status text not null default 'active' check (status in ('active', 'suspended', 'removed')),
       suspended_by text,
       suspended_at bigint,
       suspend_reason text,
       created_at bigint not null,
       constraint a_suspension_is_somebodys
         check ((status = 'suspended') = (suspended_by is not null) and (suspended_by is null) = (suspended_at is null))
     )`,
    `create table tokens (
       id text primary key,
       kind text not null check (kind in ('user', 'agent')),
       user_id text references users,
       secret_hash text not null unique,
       targets text,
       label text,
       created_at bigint not null,
       expires_at bigint,
       revoked_at bigint,
       last_used_at bigint,
       constraint a_token_is_a_persons_or_an_agents check ((kind = 'user') = (user_id is not null))
     )`,
    `create index tokens_by_user on tokens (user_id)`,
    `create table agents (
       id text primary key,
       token_id text not null references tokens,
       journal_id text not null,
       version text not null,
       features text not null,
       targets text not null,
       created_at bigint not null
     )`,
    transitionTable('request_transitions'),
    insertTransitions('request_transitions', REQUEST_TRANSITIONS),
    transitionTable('execution_transitions'),
    insertTransitions('execution_transitions', EXECUTION_TRANSITIONS),
    `create table request_scopes (
       id text primary key,
       database text not null,
       environment text not null,
       workflow text not null
     )`,
    `create table requests (
       id text primary key,
       number bigint not null unique,
       requester_id text not null references users,
       scope_id text not null references request_scopes,
       database text not null,
       environment text not null,
       sql text not null,
       reason text,
       start text not null check (start in ('manual', 'on_approval')),
       operations text not null,
       statements text not null,
       work_order text not null,
       work_order_digest text not null,
       status text not null,
       previous_status text not null,
       approved_via text check (approved_via in ('workflow', 'auto')),
       max_executions integer not null check (max_executions > 0),
       slots_used integer not null default 0,
       created_at bigint not null,
       decided_at bigint,
       approved_at bigint,
       first_started_at bigint,
       expires_at bigint not null,
       replaces_id text references requests constraint a_request_is_replaced_once unique,
       cancelled_by text,
       cancel_reason text,
       constraint request_moves_are_legal foreign key (previous_status, status)
         references request_transitions (from_status, to_status),
       constraint slots_are_not_overdrawn check (slots_used between 0 and max_executions),
       constraint an_approval_has_a_time check ((approved_at is null) = (approved_via is null))
     )`,
    // With all that tells who sees a request: a list looks at thousands of them without reading their texts.
    `create index requests_by_number on requests (number, requester_id, scope_id, id)`,
    `create index requests_by_requester on requests (requester_id, number, scope_id, id)`,
    `create index requests_by_status_and_number on requests (status, number, requester_id, scope_id, id)`,
    `create index requests_by_status on requests (status, expires_at)`,
    `create table reviews (
       id text primary key,
       request_id text not null references requests,
       step integer not null check (step > 0),
       decision text not null check (decision in ('approve', 'reject')),
       reviewer_id text not null references users,
       comment text,
       created_at bigint not null,
       constraint one_review_per_person_and_request unique (request_id, reviewer_id)
     )`,
    `create table comments (
       id text primary key,
       request_id text not null references requests,
       author_id text not null references users,
       text text not null,
       created_at bigint not null
     )`,
    `create index comments_by_request on comments (request_id, id)`,
    `create table target_pauses (
       database text not null,
       environment text not null,
       paused_by text not null,
       reason text,
       created_at bigint not null,
       primary key (database, environment)
     )`,
    `create table executions (
       id text primary key,
       request_id text not null references requests,
       requester_id text not null references users,
       database text not null,
       environment text not null,
       status text not null,
       previous_status text not null,
       effect text check (effect in ('none', 'rolled_back', 'committed', 'partial', 'unknown')),
       agent_id text references agents,
       journal_id text,
       lease_id text,
       lease_expires_at bigint,
       error text,
       statements text not null,
       duration_ms bigint,
       server_version text,
       result text not null default 'none' check (result in ('none', 'partial', 'complete', 'discarded', 'expired')),
       result_reason text check (result_reason in ('quota', 'storage_full', 'retention')),
       cancel_requested_at bigint,
       cancel_requested_by text,
       cancel_reason text,
       created_at bigint not null,
       started_at bigint,
       lost_at bigint,
       finished_at bigint,
       constraint execution_moves_are_legal foreign key (previous_status, status)
         references execution_transitions (from_status, to_status),
       constraint an_ended_execution_has_an_effect
         check ((status in ('succeeded', 'failed', 'cancelled')) = (effect is not null)),
       constraint a_lease_has_a_holder
         check (status not in ('leased', 'running') or (agent_id is not null and lease_id is not null and journal_id is not null)),
       constraint a_lost_result_has_a_reason check ((result in ('discarded', 'expired')) = (result_reason is not null))
     )`,
    `create index executions_by_request on executions (request_id, created_at)`,
    `create index executions_by_queue on executions (status, database, environment, created_at)`,
    `create index executions_with_results on executions (finished_at) where result in ('partial', 'complete')`,
    `create index executions_by_requester on executions (requester_id, status)`,
    `create unique index one_open_execution_per_request on executions (request_id)
       where status in ('queued', 'leased', 'running', 'lost')`,
    `create table idempotency_keys (
       actor text not null,
       endpoint text not null,
       key text not null,
       fingerprint text not null,
       resource_id text not null,
       created_at bigint not null,
       primary key (actor, endpoint, key)
     )`,
    `create index idempotency_keys_by_age on idempotency_keys (created_at)`,
    // That each continues the one before is for the trigger to see: an index of hashes would cost every change two pages.
    `create table audit_records (
       seq integer primary key,
       prev_hash text not null,
       body_hash text not null,
       hash text not null,
       time bigint,
       type text,
       actor_id text,
       subject_id text,
       request_id text,
       salt text,
       body text
     )`,
    `create index audit_records_by_time on audit_records (time, seq)`,
    `create index audit_records_by_type on audit_records (type, seq)`,
    `create index audit_records_by_actor on audit_records (actor_id, seq)`,
    `create index audit_records_by_subject on audit_records (subject_id, seq)`,
    `create index audit_records_by_request on audit_records (request_id, seq)`,
    movesFromWhereItStood('requests'),
    movesFromWhereItStood('executions'),
    onlyFromNew('requests'),
    onlyFromNew('executions'),
    FROZEN_REQUESTS,
    NO_GAPS,
    NO_SECOND_REVIEW_ROW,
    ...PEOPLE_LAWS,
    appendOnly('request_scopes', 'update'),
    appendOnly('request_scopes', 'delete'),
    appendOnly('reviews', 'update'),
    appendOnly('reviews', 'delete'),
    appendOnly('comments', 'update'),
    appendOnly('comments', 'delete'),
    appendOnly('audit_records', 'update'),
    appendOnly('audit_records', 'delete'),
  ],
}

function transitionTable(name: string): string {
  return `create table ${name} (from_status text not null, to_status text not null, primary key (from_status, to_status))`
}

function insertTransitions(name: string, pairs: readonly string[][]): string {
  return `insert into ${name} values ${pairs.map(([from, to]) => `('${from}', '${to}')`).join(', ')}`
}

function movesFromWhereItStood(table: string): string {
  return `create trigger ${table}_move_from_where_they_stood before update of status on ${table}
    when new.status <> old.status and new.previous_status <> old.status
    begin select raise(abort, '${table}: previous_status is not the status it moved from'); end`
}

function onlyFromNew(table: string): string {
  return `create trigger ${table}_begin_as_new before insert on ${table}
    when new.previous_status <> 'new'
    begin select raise(abort, '${table} begin as new'); end`
}

function appendOnly(table: string, verb: 'update' | 'delete'): string {
  return `create trigger ${table}_are_append_only_${verb} before ${verb} on ${table}
    begin select raise(abort, '${table} are append-only'); end`
}
