import { type Request, Router } from 'express';
import type { Logger } from 'pino';
import { isVaultError, type ProviderStatus, type SecretsVault } from 'provider-vault';
import { finishConnect, startConnect } from 'provider-vault/oauth';
import type { CrmConfig } from '../config.ts';
import { healthText } from '../health.ts';
import { loggable } from '../http/errors.ts';
import { notFound } from '../http/http-error.ts';
import { emailOf, textOf } from '../http/input.ts';
import { limitTenant } from '../http/security.ts';
import { requireAdmin, type Sessions, sessionOf } from '../http/sessions.ts';
import type { Mailbox } from '../providers.ts';

export interface ConnectParts {
  readonly vault: SecretsVault;
  readonly sessions: Sessions;
  readonly config: CrmConfig;
  readonly log: Logger;
}

const CONNECTS_PER_MINUTE = 10;
const DECLINED = 'access_denied';

/** Connects a tenant's mailbox by OAuth. State and PKCE verifier stay in the session, sealed. */
export function connectRoutes({ vault, sessions, config, log }: ConnectParts): Router {
  const router = Router();
  const limited = limitTenant(CONNECTS_PER_MINUTE);

  const mailboxOf = ({ params: { mailbox } }: Request<{ mailbox: string }>) => {
    const found = config.mailboxes.find(({ definition }) => definition.name === mailbox);
    if (found === undefined) throw notFound('mailbox');
    return found.definition;
  };

  router.get('/', async (_request, response) => {
    const { tenantId, email: actor } = sessionOf(response);
    const shown = config.mailboxes.map(async (mailbox) =>
      shownMailbox(mailbox, await vault.status(tenantId, mailbox.definition, { actor })),
    );
    response.json({ mailboxes: await Promise.all(shown) });
  });

  // { account }: the address of the mailbox. The page goes to the URL in the answer.
  router.post('/:mailbox', limited, requireAdmin, async (request, response) => {
    const mailbox = mailboxOf(request as Request<{ mailbox: string }>);
    const { url, transaction } = await startConnect(vault, mailbox, {
      tenantId: sessionOf(response).tenantId,
      redirectUri: `${config.publicUrl}/api/connect/${mailbox.name}/callback`,
      account: emailOf(request.body, 'account'),
    });
    await sessions.keepTransaction(request, transaction);
    response.json({ url });
  });

  // The provider sends the browser back to it.
  router.get('/:mailbox/callback', limited, async (request, response) => {
    const { tenantId, email } = sessionOf(response);
    const mailbox = mailboxOf(request as Request<{ mailbox: string }>);
    const url = config.publicUrl + request.originalUrl;
    const transaction = await sessions.takeTransaction(request);
    try {
      await finishConnect(vault, mailbox, { tenantId, url, transaction, actor: email });
    } catch (error) {
      const isDeclined = isVaultError(error, 'ERR_PROVIDER') && error.providerCode === DECLINED;
      if (!isDeclined) {
        log.warn(loggable(error));
        return response.redirect(303, '/#/settings/not-connected');
      }
      // The user has changed their mind: nothing is stored, and nothing is wrong.
    }
    response.redirect(303, '/#/settings');
  });

  // { etag }: of the connection that the page has shown.
  router.delete('/:mailbox', requireAdmin, async (request, response) => {
    const { tenantId, email: actor } = sessionOf(response);
    const ifMatch = textOf(request.body, 'etag');
    await vault.delete(tenantId, mailboxOf(request as Request<{ mailbox: string }>), {
      actor,
      ifMatch,
    });
    response.json({});
  });

  return router;
}

function shownMailbox({ title, definition }: Mailbox, status: ProviderStatus) {
  const { state, etag, fields, health, updatedAt, updatedBy } = status;
  return {
    name: definition.name,
    title,
    state,
    etag,
    account: fields.account?.masked ?? '',
    updatedAt,
    updatedBy,
    health: health && {
      ok: health.state === 'ok',
      since: health.since,
      text: healthText(title, health),
    },
  };
}
