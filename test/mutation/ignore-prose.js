// Leaves out the texts of messages: another wording is no defect. A text is taken for prose when it
// has two words; codes, names and formats have one, and stay mutated.
const PROSE = /\p{L}[\p{L}\p{P}]*\s+\p{L}/u;

/** @param {{ node: import('@babel/types').Node }} path */
function shouldIgnore({ node }) {
  const text =
    node.type === 'StringLiteral'
      ? node.value
      : node.type === 'TemplateLiteral'
        ? node.quasis.map(({ value }) => value.raw).join('x')
        : '';
  return PROSE.test(text) ? 'the text of a message' : undefined;
}

export const strykerPlugins = [{ kind: 'Ignore', name: 'prose', value: { shouldIgnore } }];
