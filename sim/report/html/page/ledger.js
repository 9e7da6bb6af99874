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
      grid: {left: 8, right: 20, top: 24, bottom: 4, containLabel: true},
      xAxis: charts.axis(colors, {
        type: 'value',
        position: 'top',
        splitNumber: width < 520 ? 3 : 6,
        axisLabel: {formatter: (v) => numbers.show(v, 'percent')},
      }),
      yAxis: charts.axis(colors, {
        type: 'category',
        inverse: true,
        splitLine: {show: false},
        data: shown.map((entry) => chartName(entry.path.split('.').slice(-1)[0], width < 520 ? 18 : 36)),
        axisLabel: {color: colors.text, interval: 0},
      }),
      tooltip: {
        trigger: 'axis',
        axisPointer: {type: 'shadow'},
        formatter: ([item]) => {
          const entry = shown[item.dataIndex];
          return tip(
            entry.path,
            numbers.show(entry.share, 'percent') + ' of the variance',
            'with it known the step is within ' +
              numbers.show(entry.interval.low, 'duration') +
              ' … ' +
              numbers.show(entry.interval.high, 'duration'),
          );
        },
      },
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
