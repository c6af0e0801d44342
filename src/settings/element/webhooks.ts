import type { WebhookView } from '../contract.ts';
import { button, h, setText } from './dom.ts';
import type { ElementStrings } from './strings.ts';

/** Addresses to enter at the provider, each with a button that copies it. @internal */
export function webhookList(
  webhooks: readonly WebhookView[],
  words: ElementStrings,
  announce: (text: string) => void,
): HTMLElement {
  const lines = webhooks.map(({ label, url }) => {
    const address = h('code', {}, url);
    const copy = button(words.copy, '', async () => {
      try {
        await navigator.clipboard.writeText(url);
        setText(copy, words.copied);
        announce(words.copied);
        setTimeout(() => setText(copy, words.copy), 3000);
      } catch {
        getSelection()?.selectAllChildren(address); // not allowed: the user copies it himself
      }
    });
    copy.setAttribute('aria-label', `${words.copy}: ${label}`);
    return h(
      'li',
      { class: 'field', part: 'webhook' },
      h('span', { class: 'label' }, label),
      h('div', { class: 'entry' }, address, copy),
    );
  });
  return h('ul', { class: 'group' }, ...lines);
}
