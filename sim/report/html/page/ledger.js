// Where the uncertainty comes from, and what is odd about the plan.
'use strict';

const MOST_LEDGER_BARS = 12;
const LEDGER_ROWS = 6;

const ledgerChart = (entries) => {
  const shown = entries.slice(0, MOST_LEDGER_BARS);
  return charts.add({
    label: 'Share of the variance of the step that each constant accounts for',
    height: () => 54 + 26 * shown.length,
    option: (colors, width) => ({
      ...charts.bars(colors, width, {
        format: 'percent',
        names: shown.map((entry) => entry.path.split('.').slice(-1)[0]),
        wide: 36,
        tipOf: (i) =>
          tip(
            shown[i].path,
            numbers.show(shown[i].share, 'percent') + ' of the variance',
            'within its own interval the step is ' +
              numbers.show(shown[i].interval.low, 'duration') +
              ' … ' +
              numbers.show(shown[i].interval.high, 'duration'),
          ),
      }),
      series: [
        {
          type: 'bar',
          barWidth: 13,
          data: shown.map((entry) => entry.share),
          itemStyle: {color: colors.of('teal'), borderRadius: [0, 3, 3, 0]},
        },
      ],
    }),
  });
};

const ledgerTable = (label, entries, first, withSource) =>
  table(
    label,
    [
      {title: 'Constant'},
      {title: 'Known to'},
      {title: 'Moves the step by', right: true},
      {title: 'Share', right: true},
      {title: 'Step at its ends', right: true},
      {title: withSource ? 'Source' : 'Measure it with'},
    ],
    entries.map((entry, i) => {
      const at = pointer('explanation', 'ledger', first + i);
      return [
        el('code', {}, str(at + '/path')),
        [num(at + '/spread', 'percent'), ', ', str(at + '/kind')],
        num(at + '/effect', 'signed_percent'),
        shareCell(at + '/share', entry.share),
        [num(at + '/interval/low', 'duration'), ' … ', num(at + '/interval/high', 'duration')],
        withSource ? str(at + '/source') : entry.measure ? el('code', {}, str(at + '/measure')) : '—',
      ];
    }),
  );

const ledgerSection = () => {
  const entries = explanation.ledger;
  if (!entries || !entries.length) return null;
  return {
    id: 'ledger',
    title: 'Certainty ledger',
    lead: 'What the interval of the step is made of, largest share of the variance first; the shares sum to the whole.',
    content: [
      ledgerChart(entries),
      ledgerTable('The largest entries', entries.slice(0, LEDGER_ROWS), 0, false),
      disclosure('Every constant with its source', ledgerTable('Ledger', entries, 0, true)),
    ],
  };
};

const lintSection = () => {
  const lints = explanation.lints;
  if (!lints || !lints.length) return null;
  return {
    id: 'lints',
    title: 'Remarks on the plan',
    lead: 'Choices that are legal and rarely meant.',
    content: lints.map((lint, i) => {
      const at = pointer('explanation', 'lints', i);
      return el(
        'div',
        {class: 'says bad'},
        el('strong', {}, str(at + '/name')),
        el('p', {}, str(at + '/message')),
        lint.cost_s !== null &&
          el(
            'p',
            {class: 'quiet'},
            'Costs ',
            num(at + '/cost_s', 'duration'),
            ', ',
            num(at + '/cost_share', 'percent'),
            ' of the step.',
          ),
        lint.instead && el('p', {}, 'Instead: ', str(at + '/instead')),
      );
    }),
  };
};
