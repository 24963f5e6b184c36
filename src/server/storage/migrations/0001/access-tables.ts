import { type Kysely, sql } from 'kysely';
import type { Database } from '../../../database.ts';
import type { DialectName } from '../../dialect.ts';
import { flag, notNull, withIdentity } from './identity-column.ts';

/** Who may do what, which machines there are, and what people keep on the server. */
export async function createAccessTables(db: Kysely<Database>, dialect: DialectName): Promise<void> {
  const { schema } = db;
  await schema
    .createTable('setting')
    .addColumn('name', 'text', (column) => column.primaryKey().notNull())
    .addColumn('value', 'text', notNull)
    .execute();
  await withIdentity(schema.createTable('repo'), dialect)
    .addColumn('name', 'text', (column) => column.notNull().unique())
    .addColumn('clone_url', 'text')
    .addColumn('default_branch', 'text')
    .addColumn('created_at', 'bigint', notNull)
    .execute();
  await withIdentity(schema.createTable('token'), dialect)
    .addColumn('kind', 'text', (column) => column.notNull().check(sql`kind in ('user', 'registration')`))
    .addColumn('name', 'text', notNull)
    .addColumn('hash', 'text', (column) => column.notNull().unique())
    .addColumn('scopes', 'text', notNull)
    .addColumn('uses_left', 'integer', (column) => column.check(sql`uses_left >= 0`))
    .addColumn('created_by', 'text', notNull)
    .addColumn('created_at', 'bigint', notNull)
    .addColumn('expires_at', 'bigint')
    .addColumn('last_used_at', 'bigint')
    .addColumn('revoked_at', 'bigint')
    .execute();
  await schema
    .createTable('nonce')
    .addColumn('value', 'text', (column) => column.primaryKey().notNull())
    .addColumn('expires_at', 'bigint', notNull)
    .execute();
  await schema.createIndex('nonce_expiry').on('nonce').column('expires_at').execute();
  await schema
    .createTable('idempotency')
    .addColumn('key', 'text', notNull)
    .addColumn('actor', 'text', notNull)
    .addColumn('response', 'text', notNull)
    .addColumn('expires_at', 'bigint', notNull)
    .addPrimaryKeyConstraint('idempotency_key', ['key', 'actor'])
    .execute();
  await schema.createIndex('idempotency_expiry').on('idempotency').column('expires_at').execute();
  await schema
    .createTable('secret')
    .addColumn('scope', 'text', notNull)
    .addColumn('name', 'text', notNull)
    .addColumn('ciphertext', 'text', notNull)
    .addColumn('version', 'integer', notNull)
    .addColumn('updated_at', 'bigint', notNull)
    .addPrimaryKeyConstraint('secret_name', ['scope', 'name'])
    .execute();
  await schema
    .createTable('variable')
    .addColumn('scope', 'text', notNull)
    .addColumn('name', 'text', notNull)
    .addColumn('value', 'text', notNull)
    .addColumn('updated_at', 'bigint', notNull)
    .addPrimaryKeyConstraint('variable_name', ['scope', 'name'])
    .execute();
  await withIdentity(schema.createTable('audit'), dialect)
    .addColumn('at', 'bigint', notNull)
    .addColumn('actor', 'text', notNull)
    .addColumn('action', 'text', notNull)
    .addColumn('target', 'text', notNull)
    .addColumn('detail', 'text', notNull)
    .execute();
  await schema.createIndex('audit_time').on('audit').column('at').execute();
  await createMachineTables(db, dialect);
}

async function createMachineTables({ schema }: Kysely<Database>, dialect: DialectName): Promise<void> {
  await withIdentity(schema.createTable('label_set'), dialect)
    .addColumn('labels', 'text', (column) => column.notNull().unique())
    .execute();
  await schema
    .createTable('runner')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('name', 'text', notNull)
    .addColumn('public_key', 'text', notNull)
    .addColumn('seal_key', 'text', notNull)
    .addColumn('labels', 'text', notNull)
    .addColumn('ephemeral', 'integer', flag)
    .addColumn('consumed', 'integer', flag)
    .addColumn('paused', 'integer', flag)
    .addColumn('created_at', 'bigint', notNull)
    .addColumn('last_seen', 'bigint')
    .addColumn('removed_at', 'bigint')
    .execute();
  await schema
    .createIndex('runner_name')
    .unique()
    .on('runner')
    .column('name')
    .where(sql.ref('removed_at'), 'is', null)
    .execute();
  await schema
    .createTable('session')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('runner_id', 'text', (column) => column.notNull().references('runner.id').onDelete('cascade'))
    .addColumn('epoch', 'integer', notNull)
    .addColumn('token_hash', 'text', (column) => column.notNull().unique())
    .addColumn('machine_id', 'text', notNull)
    .addColumn('boot_id', 'text', notNull)
    .addColumn('version', 'text', notNull)
    .addColumn('protocol', 'integer', notNull)
    .addColumn('features', 'text', notNull)
    .addColumn('labels', 'text', notNull)
    .addColumn('slots', 'integer', notNull)
    .addColumn('state', 'text', (column) => column.notNull().check(sql`state in ('live', 'draining', 'ended')`))
    .addColumn('opened_at', 'bigint', notNull)
    .addColumn('last_seen', 'bigint', notNull)
    .addColumn('expires_at', 'bigint', notNull)
    .addUniqueConstraint('session_epoch', ['runner_id', 'epoch'])
    .execute();
  await schema
    .createIndex('session_open')
    .unique()
    .on('session')
    .column('runner_id')
    .where(sql.ref('state'), '!=', sql.lit('ended'))
    .execute();
}
