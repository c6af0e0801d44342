// npm run demo [-- --headless | --real] [--port N]
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { MongoClient } from 'mongodb';
import { pino } from 'pino';
import { startMongo } from '../../test/support/mongo-server.ts';
import { type DemoCrm, startDemoCrm, startRealCrm } from './demo-crm.ts';
import { tellStory } from './story.ts';

const { values } = parseArgs({
  options: {
    headless: { type: 'boolean', default: false },
    real: { type: 'boolean', default: false },
    port: { type: 'string', default: '0' },
  },
});
// Without a terminal nobody clicks: the story is told, and the demo ends.
const interactive = values.real || (!values.headless && process.stdout.isTTY === true);
const say = (line: string) => console.log(line);

const mongo = await startMongo();
const client = await MongoClient.connect(mongo.uri, { serverSelectionTimeoutMS: 2000 });
const db = client.db(`provider_vault_demo_${randomBytes(6).toString('hex')}`);
say(`Database: ${mongo.describe}`);

const password = randomBytes(6).toString('base64url');
const log = pino({ level: 'silent' });
const options = { db, log, password, port: Number(values.port) };
let close = async () => {};
try {
  if (values.real) {
    const crm = await startRealCrm(options);
    close = crm.close;
    say(`\nThe CRM is at ${crm.url}, and sends to the real Twilio and SendGrid.`);
    say(`Log in as ${crm.email} with password ${password}, and enter your credentials.`);
    say('They are sealed with a key that is gone when the demo ends, as is the database.');
  } else {
    const crm = await startDemoCrm(options);
    close = crm.close;
    await tellStory(crm, password, say);
    if (interactive) invite(crm);
  }
  if (interactive) {
    say('\nCtrl-C ends it.');
    await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  }
} finally {
  await close();
  // Ctrl-C in a terminal ends the embedded database too, maybe before us.
  await db.dropDatabase().catch(() => {});
  await client.close();
  await mongo.stop();
}

function invite({ url, tenants }: DemoCrm): void {
  const { northwind, globex, acme, initech } = tenants;
  say(`\nThe CRM is at ${url}`);
  say(`Everybody's password is ${password}`);
  say(`   ${northwind.email}  sealed by the old system, resealed when it is saved`);
  say(`   ${globex.email}     migrated from plaintext settings`);
  say(`   ${acme.email}       entered on the page`);
  say(`   ${initech.email}    has nothing yet`);
  say('Try: log in as Initech and enter what the stand-ins of Twilio and SendGrid know:');
  say(`   Account SID ${initech.twilio.accountSid}, auth token ${initech.twilio.authToken}`);
  say(`   Phone number ${initech.phoneNumber}`);
  say(`   API key ${initech.sendgridKey}, sender ${initech.senderEmail}`);
  say(
    'Then test the connection, text a lead, change the auth token to a wrong one and test again.',
  );
}
