import type { ProviderView } from '../contract.ts';
import { button, fill, h, list } from './dom.ts';
import { readyFor, type Wording } from './words.ts';

/**
 * Asks whether a provider shall be removed. The button that does it names what stops working.
 *
 * @internal
 */
export function confirmRemoval(
  parent: HTMLElement,
  view: ProviderView,
  { words, language }: Wording,
): Promise<boolean> {
  const { label } = view;
  const stops = list(readyFor(view, words), language);
  const filled = { label, list: stops };
  return new Promise((resolve) => {
    const keep = button(words.keep, '', () => dialog.close());
    keep.autofocus = true;
    const confirm = button(
      fill(stops ? words.removeConfirmStops : words.removeConfirm, filled),
      'primary danger',
      () => dialog.close('yes'),
    );
    const title = h('h2', { id: `${parent.id}-remove` }, fill(words.removeTitle, filled));
    const dialog = h(
      'dialog',
      { 'aria-labelledby': title.id, part: 'dialog' },
      h(
        'div',
        {},
        title,
        h('p', {}, stops ? fill(words.removeStops, filled) : words.removeNothing),
        h('p', { class: 'meta' }, words.removeProvider),
        h('div', { class: 'row end' }, keep, confirm),
      ),
    );
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
    parent.append(dialog);
    dialog.showModal();
  });
}
