import { type ChangeStreamInsertDocument, type Document, MongoClient } from 'mongodb';
import { afterAll, describe, expect, it } from 'vitest';
import { startMongo } from '../../examples/mongo-server/mongo-server.ts';
import { testDatabase } from './database.ts';

/** What the store and the migration ask of a server, tried on the one that the tests run on. */
describe('the MongoDB server of the tests', async () => {
  const { db } = await testDatabase();

  it('keeps a document', async () => {
    const documents = db.collection('keeps');
    await documents.insertOne({ tenantId: 'acme', rev: 1 });
    expect(await documents.findOne({ tenantId: 'acme' })).toMatchObject({ rev: 1 });
  });

  describe('with a unique index over those documents that have a tenantId', async () => {
    const documents = db.collection('partial');

    it('takes many documents without one', async () => {
      await documents.createIndex(
        { tenantId: 1, provider: 1 },
        { unique: true, partialFilterExpression: { tenantId: { $exists: true } } },
      );
      await documents.insertMany([{ name: 'a' }, { name: 'b' }, { name: 'c' }]);
      expect(await documents.countDocuments({ tenantId: { $exists: false } })).toBe(3);
    });

    it('takes one with it and refuses the second', async () => {
      await documents.insertOne({ tenantId: 'acme', provider: 'twilio' });
      await expect(documents.insertOne({ tenantId: 'acme', provider: 'twilio' })).rejects.toThrow(
        expect.objectContaining({ code: 11000 }),
      );
    });
  });

  it('updates by an aggregation pipeline', async () => {
    const documents = db.collection<Document & { _id: string }>('pipeline');
    await documents.insertOne({ _id: 'x', rev: 1, history: [1, 2, 3], fields: { a: 'old' } });
    const now = new Date(1_700_000_000_000);
    await documents.updateOne({ _id: 'x' }, [
      {
        $set: {
          fields: { $mergeObjects: ['$fields', { b: { $literal: '$not.a.path' } }] },
          history: { $slice: [{ $concatArrays: ['$history', [4]] }, -3] },
          rev: { $add: [{ $ifNull: ['$rev', 0] }, 1] },
          missing: { $ifNull: ['$absent', 'none'] },
          size: { $cond: [{ $eq: [{ $type: '$history' }, 'array'] }, 'list', 'other'] },
          absentType: { $type: '$absent' },
          now,
        },
      },
      { $unset: 'absentType' },
    ]);
    expect(await documents.findOne({ _id: 'x' })).toEqual({
      _id: 'x',
      rev: 2,
      history: [2, 3, 4],
      fields: { a: 'old', b: '$not.a.path' },
      missing: 'none',
      size: 'list',
      now,
    });
  });

  it('compares and sets by findOneAndUpdate', async () => {
    const documents = db.collection('compare');
    await documents.insertOne({ tenantId: 'acme', rev: 1 });
    const next = { $set: { rev: 2 } };
    const options = { returnDocument: 'after' } as const;
    const filter = { tenantId: 'acme', rev: 1 };
    expect(await documents.findOneAndUpdate(filter, next, options)).toMatchObject({ rev: 2 });
    expect(await documents.findOneAndUpdate(filter, next, options)).toBeNull();
  });

  it('sets the _id of an upsert whose filter has none', async () => {
    const documents = db.collection<Document & { _id: string }>('upsert');
    await documents.updateOne(
      { tenantId: 'acme' },
      { $set: { rev: 1 }, $setOnInsert: { _id: 'acme.twilio' } },
      { upsert: true },
    );
    expect(await documents.findOne({ tenantId: 'acme' })).toEqual({
      _id: 'acme.twilio',
      tenantId: 'acme',
      rev: 1,
    });
  });

  it('goes on after a failed write of an unordered bulk', async () => {
    const documents = db.collection<Document & { _id: string }>('bulk');
    await documents.insertOne({ _id: 'b' });
    const bulk = documents.bulkWrite(
      ['a', 'b', 'c'].map((_id) => ({ insertOne: { document: { _id } } })),
      { ordered: false },
    );
    await expect(bulk).rejects.toMatchObject({ code: 11000, insertedCount: 2 });
    expect(await documents.countDocuments()).toBe(3);
  });

  it('pages by a compound range', async () => {
    const documents = db.collection('pages');
    await documents.createIndex({ tenantId: 1, provider: 1 });
    const all = ['a', 'b', 'c'].flatMap((tenantId) =>
      ['sendgrid', 'twilio'].map((provider) => ({ tenantId, provider })),
    );
    await documents.insertMany(all.map((document) => ({ ...document })).reverse());
    const after = { tenantId: 'a', provider: 'sendgrid' };
    const page = await documents
      .find(
        {
          $or: [
            { tenantId: { $gt: after.tenantId } },
            { tenantId: after.tenantId, provider: { $gt: after.provider } },
          ],
        },
        { projection: { _id: 0 } },
      )
      .sort({ tenantId: 1, provider: 1 })
      .limit(3)
      .toArray();
    expect(page).toEqual(all.slice(1, 4));
  });
});

describe('a replica set', async () => {
  const server = await startMongo({ replSet: true });
  const client = new MongoClient(server.uri);
  afterAll(async () => {
    await client.close();
    await server.stop();
  });

  it('tells of changes', async () => {
    const documents = client.db('changes').collection('documents');
    await documents.insertOne({ before: true });
    const changes = documents.watch();
    const first = changes.next();
    await documents.insertOne({ tenantId: 'acme' });
    const change = (await first) as ChangeStreamInsertDocument;
    expect(change.operationType).toBe('insert');
    expect(change.fullDocument).toMatchObject({ tenantId: 'acme' });
    await changes.close();
  });

  it('has transactions', async () => {
    const documents = client.db('transactions').collection('documents');
    await client.withSession((session) =>
      session.withTransaction(() => documents.insertOne({ tenantId: 'acme' }, { session })),
    );
    expect(await documents.countDocuments()).toBe(1);
  });
});
