// What the step leans on: the tornado, re-simulated where the document has it, else for one spread of each constant.
'use strict';

const MOST_BARS = 15;

// rows: [{name, low, high}], relative changes of the step on both sides of 0.
const tornadoChart = (label, rows) =>
  charts.add({
    label,
    height: () => 60 + 28 * rows.length,
    option: (colors, width) => {
      const most =
        Math.max(...rows.flatMap(({low, high}) => [Math.abs(low || 0), Math.abs(high || 0)]), 1e-6) * 1.1;
      const side = (key, hue) => ({
        type: 'bar',
        stack: key,
        barWidth: 14,
        barGap: '-100%',
        data: rows.map((row) => row[key]),
        itemStyle: {color: colors.of(hue)},
      });
      return {
        ...charts.bars(colors, width, {
          format: 'signed_percent',
          names: rows.map(({name}) => name),
          wide: 36,
          signed: true,
          value: {
            min: -most,
            max: most,
            splitNumber: width < 520 ? 2 : 6,
            axisLabel: {
              formatter: (v) => numbers.show(v, 'signed_percent'),
              showMinLabel: false,
              showMaxLabel: false,
            },
          },
          tipOf: (i) => tip(rows[i].name, ...rows[i].tip),
        }),
        series: [side('low', 'blue'), side('high', 'orange')],
      };
    },
  });

const sideTip = (word, side) =>
  side &&
  word +
    ': ' +
    numbers.show(side.effect, 'signed_percent') +
    (side.feasible === false ? ', does not fit' : '');

// Constants are called by their own key, numbers of the plan with the section that they stand in.
const scalarName = (path) => path.split('.').slice(1).join('.');

const sideCell = (at, value) =>
  value && value.effect !== null
    ? [
        num(at + '/effect', 'signed_percent'),
        value.feasible === false && [' ', badge('bad', 'does not fit')],
      ]
    : '—';

const dialTable = (all, path) =>
  table(
    'Sensitivities',
    [
      {title: 'Quantity'},
      {title: 'Now', right: true},
      {title: 'Changed by', right: true},
      {title: 'Less of it', right: true},
      {title: 'More of it', right: true},
      {title: 'Elasticity', right: true},
      {title: 'Next kink'},
    ],
    all.flatMap((s, i) => {
      if (s.whole) return [];
      const at = path + pointer('sensitivities', i);
      return [
        [
          el('code', {}, str(at + '/path')),
          str(at + '/text'),
          num(at + '/step', 'percent'),
          sideCell(at + '/down', s.down),
          sideCell(at + '/up', s.up),
          [num(at + '/elasticity_down', 'three_digits'), ' / ', num(at + '/elasticity_up', 'three_digits')],
          s.kink ? str(at + '/kink/text') : '—',
        ],
      ];
    }),
  );

const countSide = (at, value) =>
  value && value.effect !== null
    ? [num(at + '/value', 'count'), ': ', sideCell(at, value), ', ', num(at + '/peak_memory_bytes', 'memory')]
    : '—';

const countTable = (all, path) =>
  table(
    'Counts',
    [{title: 'Count'}, {title: 'Now', right: true}, {title: 'Less of it'}, {title: 'More of it'}],
    all.flatMap((s, i) => {
      if (!s.whole) return [];
      const at = path + pointer('sensitivities', i);
      return [
        [
          el('code', {}, str(at + '/path')),
          num(at + '/value', 'count'),
          countSide(at + '/down', s.down),
          countSide(at + '/up', s.up),
        ],
      ];
    }),
  );

const simulatedTornado = (path) => {
  const all = report.explanation.sensitivities;
  const shown = all
    .filter((s) => !s.whole)
    .slice(0, MOST_BARS)
    .map((s) => ({
      name: scalarName(s.path),
      low: s.down && s.down.effect,
      high: s.up && s.up.effect,
      tip: [
        s.text && chartName(s.text),
        sideTip('less of it', s.down),
        sideTip('more of it', s.up),
        s.kink && chartName(s.kink.text, 80),
      ],
    }));
  return {
    id: 'sensitivities',
    title: 'What moves the step',
    lead: 'The time per token predicted again with a little less and a little more of each quantity.',
    content: [
      shown.length > 0 && [
        tornadoChart('Tornado: change of the time per token with less and with more of each quantity', shown),
        hueLegend([
          ['blue', 'less of it'],
          ['orange', 'more of it'],
        ]),
      ],
      disclosure('All quantities in numbers, and their kinks', dialTable(all, path)),
      el('h3', {}, 'Counts, to the next legal one'),
      countTable(all, path),
    ],
  };
};

const spreadTornado = (plan, path) => {
  const shown = plan.sensitivities.slice(0, MOST_BARS).map((s) => ({
    name: scalarName(s.path),
    low: Math.min(s.effect, -s.effect),
    high: Math.max(s.effect, -s.effect),
    tip: [
      'one spread of it moves the step by ' + numbers.show(s.effect, 'signed_percent'),
      s.kind + ', ± ' + numbers.show(s.spread, 'percent'),
    ],
  }));
  const rows = plan.sensitivities.map((s, i) => {
    const at = path + pointer('sensitivities', i);
    return [
      el('code', {}, str(at + '/path')),
      str(at + '/kind'),
      num(at + '/value', 'three_digits'),
      num(at + '/spread', 'percent'),
      num(at + '/effect', 'signed_percent'),
      str(at + '/source'),
    ];
  });
  return {
    id: 'sensitivities',
    title: 'What the numbers lean on',
    lead: 'How far the step moves when a constant of the model moves by its own spread, either way.',
    content: [
      tornadoChart('Tornado: change of the step for one spread of each constant', shown),
      disclosure(
        'All constants in numbers',
        table(
          'Constants',
          [
            {title: 'Constant'},
            {title: 'Kind'},
            {title: 'Value', right: true},
            {title: 'Spread', right: true},
            {title: 'Moves the step by', right: true},
            {title: 'Source'},
          ],
          rows,
        ),
      ),
    ],
  };
};

const tornadoSection = ({plan, path}) => {
  const explained = report.explanation && report.explanation.plan === plan.name;
  if (explained && report.explanation.sensitivities && report.explanation.sensitivities.length) {
    return simulatedTornado('/explanation');
  }
  return plan.sensitivities && plan.sensitivities.length ? spreadTornado(plan, path) : null;
};
