import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

/** A mail server that takes the passwords and tokens in `accepted`, and what it was sent. */
export async function startMailServer() {
  const accepted = new Set(['right-password', 'right-token']);
  const seen = { logins: [] as string[], mails: [] as string[] };
  const server = new SMTPServer({
    authMethods: ['PLAIN', 'XOAUTH2'],
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth({ method, username, password, accessToken }, _session, done) {
      seen.logins.push(`${method} ${username}`);
      if (accepted.has(password ?? accessToken ?? '')) done(null, { user: 1 });
      else done(Object.assign(new Error('Invalid login'), { responseCode: 535 }));
    },
    onData(stream, _session, done) {
      let mail = '';
      stream.on('data', (chunk) => {
        mail += chunk;
      });
      stream.on('end', () => {
        seen.mails.push(mail);
        done();
      });
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const { port } = server.server.address() as AddressInfo;
  return { port, seen, accepted, close: () => void server.close() };
}
