import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { MongoClient } from 'mongodb';
import { pino } from 'pino';
import { startMongo } from '../mongo-server/mongo-server.ts';
import { type DemoCrm, startDemoCrm, startRealCrm } from './demo-crm.ts';
import { tellStory } from './story.ts';

interface DemoCommand {
  readonly headless?: boolean;
  readonly real?: boolean;
  readonly port?: number;
}

const say = (line: string) => console.log(line);

/** The demo from its start to Ctrl-C, or to the end of its story. */
export async function runDemo({
  headless = false,
  real = false,
  port = 0,
}: DemoCommand): Promise<void> {
  process.stdout.on('error', () => {}); // nobody reads on, as with | head: clean up all the same
  const end = reasonToEnd(headless);
  if (end && real) throw new Error(end);
  const mongo = await startMongo();
  const client = await MongoClient.connect(mongo.uri, { serverSelectionTimeoutMS: 2000 });
  const db = client.db(`provider_vault_demo_${randomBytes(6).toString('hex')}`);
  let close = async () => {};
  try {
    say(`Database: ${mongo.describe}`);
    const password = randomBytes(6).toString('base64url');
    const options = { db, log: pino({ level: 'silent' }), password, port };
    if (real) {
      const crm = await startRealCrm(options);
      close = crm.close;
      say(`\nThe CRM is at ${crm.url}, and sends to the real Twilio and SendGrid.`);
      say(`Log in as ${crm.email} with password ${password}, and enter your credentials.`);
      say('They are sealed with a key that is gone when the demo ends, as is the database.');
    } else {
      const crm = await startDemoCrm(options);
      close = crm.close;
      await tellStory(crm, password, say);
      if (!end) invite(crm, password);
    }
    if (end) return say(`\n${end}`);
    const ended = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
    say('\nCtrl-C ends it.');
    await ended;
  } finally {
    await close();
    // Ctrl-C in a terminal ends the embedded database too, maybe before us.
    await db.dropDatabase().catch(() => {});
    await client.close();
    await mongo.stop();
  }
}

/** Why nobody will click, if so. */
function reasonToEnd(headless: boolean): string | undefined {
  if (headless) return 'This was the story (--headless).';
  const piped = process.stdout.isTTY ? 'input' : 'output';
  if (process.stdout.isTTY && process.stdin.isTTY) return undefined;
  return `The demo ends here, because its ${piped} is not a terminal. Run it in one to click through the CRM.`;
}

function invite({ url, tenants }: DemoCrm, password: string): void {
  const { northwind, globex, acme, initech } = tenants;
  say(`\nThe CRM is at ${url}`);
  say(`Everybody's password is ${password}`);
  say(`   ${northwind.email}  sealed by the old system, resealed when it is saved`);
  say(`   ${globex.email}     migrated from plaintext settings`);
  say(`   ${acme.email}       entered on the page`);
  say(`   ${initech.email}    has nothing yet`);
  say('Log in as Initech and enter what the stand-ins of Twilio and SendGrid know:');
  say(`   Twilio, "Auth token": account SID ${initech.twilio.accountSid}`);
  say(`   auth token ${initech.twilio.authToken}, phone number ${initech.phoneNumber}`);
  say(`   SendGrid: API key ${initech.sendgridKey}`);
  say(`   sender ${initech.senderEmail}`);
  say('Click "Test connection" and "Save"; then "Leads", and "Text" or "E-mail" beside a lead.');
  say('At the bottom of the page, let Twilio or SendGrid fail: wrong key, suspended, slow, down,');
  say('too many requests. Test the connection again, or send, and look at what the CRM says.');
}
