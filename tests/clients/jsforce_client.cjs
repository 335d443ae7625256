// Drives the sandbox with jsforce and compares what comes back.
//
// Run by node with NODE_PATH on a folder that holds jsforce or @jsforce/jsforce-node; arguments are
// the package's name, the sandbox's ready line, the file of rows and the name of a part. The parts
// that move rows leave them in the org.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const { Readable } = require('node:stream');
const { text } = require('node:stream/consumers');
// jsforce's own reader splits at tabs, carets and pipes too, even where its writer put commas.
const { parse } = require('csv-parse/sync');

const [edition, line, file, part] = process.argv.slice(2);
const jsforce = require(edition);

const SOQL = "SELECT Ext_Id__c, Name, Phone, NumberOfEmployees, Description FROM Account WHERE Ext_Id__c LIKE 'C-%'";

function connection(ready, more = {}) {
  const given = { instanceUrl: ready.url, accessToken: ready.access_token, version: '62.0' };
  const conn = new jsforce.Connection({ ...given, ...more });
  // The defaults wait for seconds between polls.
  for (const bulk of [conn.bulk, conn.bulk2]) Object.assign(bulk, { pollInterval: 100, pollTimeout: 60000 });
  return conn;
}

function byKey(records) {
  const found = {};
  for (const { attributes, ...record } of records) {
    for (const name of Object.keys(record)) record[name] = String(record[name]);
    found[record.Ext_Id__c] = record;
  }
  return found;
}

async function rest(ready, rows) {
  const conn = connection(ready);
  const described = await conn.describe('Account');
  assert.equal(described.fields.find((field) => field.name === 'Ext_Id__c').externalId, true);
  assert.ok((await conn.describeGlobal()).sobjects.some((one) => one.name === 'Account'));
  for (const row of rows) assert.equal((await conn.sobject('Account').create(row)).success, true);
  const page = await conn.query(SOQL, { autoFetch: true, maxFetch: 100 });
  assert.deepEqual(byKey(page.records), byKey(rows));
  const one = await conn.sobject('Account').findOne({ Ext_Id__c: 'C-3' });
  assert.equal(one.Name, rows[2].Name);
  await conn.sobject('Account').update({ Id: one.Id, Name: 'New' });
  assert.equal((await conn.sobject('Account').retrieve(one.Id)).Name, 'New');
  await conn.sobject('Account').upsert({ Ext_Id__c: 'C-3', Name: rows[2].Name }, 'Ext_Id__c');
  const other = await conn.sobject('Account').create({ Name: 'Gone' });
  assert.equal((await conn.sobject('Account').destroy(other.id)).success, true);
  await assert.rejects(conn.sobject('Account').retrieve(other.id), { errorCode: 'ENTITY_IS_DELETED' });
  await assert.rejects(conn.query('SELECT Nope FROM Account'), { errorCode: 'INVALID_FIELD' });
  assert.ok((await conn.limits()).DailyApiRequests.Max > 0);
}

async function collect(stream) {
  const records = [];
  for await (const record of stream) records.push(record);
  return records;
}

async function bulk2(ready, rows) {
  const conn = connection(ready);
  const load = (operation, input, more = {}) =>
    conn.bulk2.loadAndWaitForResults({ object: 'Account', operation, input, ...more });
  const inserted = await load('insert', rows);
  assert.equal(inserted.successfulResults.length, rows.length);
  assert.deepEqual(inserted.unprocessedRecords, []);
  const read = await collect(await conn.bulk2.query(SOQL));
  assert.deepEqual(byKey(read), byKey(rows));
  const again = [{ Ext_Id__c: 'C-1', Name: 'Changed' }, { Ext_Id__c: '', Name: 'No key' }];
  const upserted = await load('upsert', again, { externalIdFieldName: 'Ext_Id__c' });
  assert.deepEqual(upserted.failedResults.map((row) => row.Name), ['No key']);
  assert.match(upserted.failedResults[0].sf__Error, /^MISSING_ARGUMENT:/);
  const id = upserted.successfulResults[0].sf__Id;
  await load('update', [{ Id: id, Name: rows[0].Name }]);
  const other = await conn.sobject('Account').create({ Name: 'Gone', Ext_Id__c: 'C-9' });
  assert.equal((await load('delete', [{ Id: other.id }])).successfulResults.length, 1);
  assert.deepEqual(byKey(await collect(await conn.bulk2.query(SOQL))), byKey(rows));
}

async function bulk(ready, rows) {
  const conn = connection(ready);
  const inserted = await conn.bulk.load('Account', 'insert', rows);
  assert.deepEqual(inserted.map((one) => one.success), rows.map(() => true));
  const read = await collect(await conn.bulk.query(SOQL));
  assert.deepEqual(byKey(read), byKey(rows));
  const again = [{ Ext_Id__c: 'C-1', Name: 'Changed' }, { Ext_Id__c: '', Name: 'No key' }];
  const upserted = await conn.bulk.load('Account', 'upsert', { extIdField: 'Ext_Id__c' }, again);
  assert.deepEqual(upserted.map((one) => one.success), [true, false]);
  assert.match(upserted[1].errors[0], /MISSING_ARGUMENT/);
  const back = [{ Id: upserted[0].id, Name: rows[0].Name }];
  assert.equal((await conn.bulk.load('Account', 'update', back))[0].success, true);
  const other = await conn.sobject('Account').create({ Name: 'Gone', Ext_Id__c: 'C-9' });
  assert.equal((await conn.bulk.load('Account', 'delete', [{ Id: other.id }]))[0].success, true);
}

// Rows go in and come out as streams, over more pages of a query than one.
async function streams(ready, rows) {
  const conn = connection(ready);
  const batch = conn.bulk.createJob('Account', 'insert').createBatch();
  Readable.from(rows).pipe(batch);
  const results = await new Promise((resolve, reject) => {
    batch.on('response', resolve).on('error', reject);
    batch.on('queue', () => batch.poll(100, 60000));
  });
  assert.deepEqual(results.map((one) => one.success), rows.map(() => true));
  const more = Array.from({ length: 450 }, (_, n) => ({ Name: `Zeile "${n}"`, Ext_Id__c: `S-${n}` }));
  const job = conn.bulk2.createJob({ object: 'Account', operation: 'insert' });
  await job.open();
  await job.uploadData(Readable.from(['Name,Ext_Id__c\n', ...more.map((row) => `"Zeile ""${row.Ext_Id__c.slice(2)}""",${row.Ext_Id__c}\n`)]));
  await job.close();
  await job.poll(100, 60000);
  assert.equal((await job.getSuccessfulResults()).length, more.length);

  const soql = "SELECT Name, Ext_Id__c FROM Account WHERE Ext_Id__c LIKE 'S-%'";
  const headers = { 'Sforce-Query-Options': 'batchSize=200' };
  const paged = conn.query(soql, { autoFetch: true, maxFetch: 1000, headers });
  assert.deepEqual(byKey(await collect(paged.stream('record'))), byKey(more));
  for (const query of [conn.query(SOQL), await conn.bulk.query(SOQL), await conn.bulk2.query(SOQL)]) {
    assert.deepEqual(byKey(parse(await text(query.stream('csv')), { columns: true })), byKey(rows));
  }
}

async function signIn(ready) {
  const conn = new jsforce.Connection({ loginUrl: ready.url, version: '62.0' });
  await conn.login(ready.username, ready.password + ready.security_token);
  assert.equal((await conn.query('SELECT Id FROM Account')).totalSize, 0);
  await assert.rejects(
    new jsforce.Connection({ loginUrl: ready.url, version: '62.0' }).login(ready.username, 'wrong'),
    /INVALID_LOGIN/,
  );
  const oauth2 = { loginUrl: ready.url, clientId: ready.client_id, clientSecret: ready.client_secret };
  // A token that has ended is renewed, and the call made again.
  const renewed = connection(ready, { oauth2, accessToken: 'ended', refreshToken: ready.refresh_token });
  assert.equal((await renewed.query('SELECT Id FROM Account')).totalSize, 0);
  assert.notEqual(renewed.accessToken, 'ended');
}

const parts = { rest, bulk2, bulk, streams, signIn };
parts[part](JSON.parse(line), JSON.parse(fs.readFileSync(file, 'utf8'))).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
