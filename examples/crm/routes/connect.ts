import { type Request, Router } from 'express';
import { isVaultError, type SecretsVault } from 'provider-vault';
import { finishConnect, startConnect } from 'provider-vault/oauth';
import type { CrmConfig } from '../config.ts';
import { notFound } from '../http/http-error.ts';
import { emailOf } from '../http/input.ts';
import { limitTenant } from '../http/security.ts';
import { type Sessions, sessionOf } from '../http/sessions.ts';

export interface ConnectParts {
  readonly vault: SecretsVault;
  readonly sessions: Sessions;
  readonly config: CrmConfig;
}

const CONNECTS_PER_MINUTE = 10;

/** Connects a tenant's mailbox by OAuth. State and PKCE verifier stay in the session, sealed. */
export function connectRoutes({ vault, sessions, config }: ConnectParts): Router {
  const router = Router();
  router.use(limitTenant(CONNECTS_PER_MINUTE));

  const mailboxOf = ({ params: { mailbox } }: Request<{ mailbox: string }>) => {
    const found = config.mailboxes.find(({ definition }) => definition.name === mailbox);
    if (found === undefined) throw notFound('mailbox');
    return found.definition;
  };

  // { account }: the address of the mailbox. The page goes to the URL in the answer.
  router.post('/:mailbox', async (request, response) => {
    const mailbox = mailboxOf(request);
    const { url, transaction } = await startConnect(vault, mailbox, {
      tenantId: sessionOf(response).tenantId,
      redirectUri: `${config.publicUrl}/api/connect/${mailbox.name}/callback`,
      account: emailOf(request.body, 'account'),
    });
    await sessions.keepTransaction(request, transaction);
    response.json({ url });
  });

  // The provider sends the browser back to it.
  router.get('/:mailbox/callback', async (request, response) => {
    const { tenantId, email } = sessionOf(response);
    const mailbox = mailboxOf(request);
    const url = config.publicUrl + request.originalUrl;
    const transaction = await sessions.takeTransaction(request);
    try {
      await finishConnect(vault, mailbox, { tenantId, url, transaction, actor: email });
    } catch (error) {
      const isDeclined = isVaultError(error) && 'providerCode' in error;
      if (!(isDeclined && error.providerCode === 'access_denied')) throw error;
      // The user has changed their mind: nothing is stored, and nothing is wrong.
    }
    response.redirect(303, '/#/settings');
  });

  return router;
}
