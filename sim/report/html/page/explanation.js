// What would change the step: other hardware, other settings, the point at which another plan wins.
'use strict';

const explanation = report.explanation || {};

// Changes below it are in the table alone.
const LEAST_GAIN = 0.005;

const counterfactualChart = (all) => {
  const shown = all.filter((one) => one.gain !== null && Math.abs(one.gain) >= LEAST_GAIN);
  return (
    shown.length > 0 &&
    charts.add({
      label: 'Gain of each counterfactual; grey ones do not fit or are not legal',
      height: () => 56 + 28 * shown.length,
      option: (colors, width) => ({
        ...charts.bars(colors, width, {
          format: 'signed_percent',
          names: shown.map((one) => one.name),
          wide: 44,
          signed: true,
          tipOf: (i) =>
            tip(
              shown[i].name,
              chartName(shown[i].setting, 60),
              numbers.show(shown[i].gain, 'signed_percent') +
                ', a step of ' +
                numbers.show(shown[i].step_time_s, 'duration'),
              shown[i].infeasible_reason && chartName(shown[i].infeasible_reason, 80),
            ),
        }),
        series: [
          {
            type: 'bar',
            barWidth: 14,
            data: shown.map((one) => ({
              value: one.gain,
              itemStyle: {
                color:
                  !one.legal || !one.feasible
                    ? colors.of('grey')
                    : one.gain >= 0
                      ? colors.of('green')
                      : colors.of('vermillion'),
                opacity: one.legal && one.feasible ? 1 : 0.6,
              },
            })),
          },
        ],
      }),
    })
  );
};

const counterfactualSection = () => {
  const all = explanation.counterfactuals;
  if (!all || !all.length) return null;
  const rows = all.map((one, i) => {
    const at = pointer('explanation', 'counterfactuals', i);
    const verdict = !one.legal
      ? badge('bad', 'not legal')
      : !one.feasible
        ? badge('bad', 'does not fit')
        : badge('good', 'fits');
    return {
      class: one.legal && one.feasible ? null : 'faint',
      cells: [
        str(at + '/name'),
        num(at + '/gain', 'signed_percent'),
        num(at + '/step_time_s', 'duration'),
        num(at + '/peak_memory_bytes', 'memory'),
        one.bound ? str(at + '/bound') : '—',
        el('code', {class: 'quiet'}, str(at + '/setting')),
        [verdict, one.infeasible_reason && [' ', str(at + '/infeasible_reason')]],
      ],
    };
  });
  return {
    id: 'counterfactuals',
    title: 'What if',
    lead: 'Tokens per second and GPU with one thing changed and predicted again; grey ones do not fit.',
    content: [
      counterfactualChart(all),
      disclosure(
        'All changes in numbers',
        table(
          'Counterfactuals',
          [
            {title: 'What if'},
            {title: 'Gain', right: true},
            {title: 'Step time', right: true},
            {title: 'Peak memory', right: true},
            {title: 'Bound by'},
            {title: 'Setting'},
            {title: ''},
          ],
          rows,
        ),
      ),
    ],
  };
};

const breakEvenChart = (one) =>
  charts.add({
    label: 'Step time of both plans over the quantity that decides between them',
    height: 300,
    option: (colors, width) => {
      const format = numbers.ofDimension(one.dimension);
      const line = (name, key, hue) => ({
        type: 'line',
        name: chartName(name, 24),
        showSymbol: false,
        lineStyle: {color: colors.of(hue), width: 2.5},
        itemStyle: {color: colors.of(hue)},
        data: one.curve.map((point) => [point.value, point[key]]),
      });
      const first = line(explanation.plan, 'step_time_s', 'blue');
      const mark = (value, text, color) => ({
        xAxis: value,
        lineStyle: {color, type: 'dashed'},
        label: {formatter: () => text, color},
      });
      first.markLine = {
        silent: true,
        symbol: 'none',
        data: [
          mark(one.value_now, 'now', colors.quiet),
          ...(one.value === null ? [] : [mark(one.value, 'break-even', colors.warn)]),
        ],
      };
      const times = one.curve.flatMap((point) => [point.step_time_s, point.against_step_time_s]);
      const steep = Math.max(...times) > 5 * Math.min(...times);
      const spans =
        one.curve.length > 1 &&
        one.curve[0].value > 0 &&
        one.curve[one.curve.length - 1].value / one.curve[0].value > 20;
      return {
        grid: {left: 8, right: 28, top: 44, bottom: 8, containLabel: true},
        legend: {top: 0, left: 0, textStyle: {color: colors.text}, itemWidth: 18},
        xAxis: charts.axis(colors, {
          type: spans ? 'log' : 'value',
          min: 'dataMin',
          max: 'dataMax',
          splitLine: {show: false},
          splitNumber: width < 520 ? 3 : 6,
          axisLabel: {formatter: (v) => numbers.show(v, format)},
        }),
        yAxis: charts.axis(colors, {
          type: steep ? 'log' : 'value',
          scale: true,
          min: steep ? 'dataMin' : null,
          axisLabel: {formatter: (v) => numbers.show(v, 'duration')},
        }),
        tooltip: {
          trigger: 'axis',
          formatter: (items) => {
            const point = one.curve[items[0].dataIndex];
            return tip(
              numbers.show(point.value, format),
              [explanation.plan, numbers.show(point.step_time_s, 'duration')],
              [one.against, numbers.show(point.against_step_time_s, 'duration')],
            );
          },
        },
        series: [first, line(one.against, 'against_step_time_s', 'orange')],
      };
    },
  });

const breakEven = (one, at) => {
  const format = numbers.ofDimension(one.dimension);
  return [
    el('h3', {}, 'Against ', str(at + '/against')),
    el('p', {}, str(at + '/statement')),
    el(
      'p',
      {class: 'quiet'},
      el('code', {}, str(at + '/path')),
      ': now ',
      num(at + '/value_now', format),
      ', even at ',
      num(at + '/value', format),
      ', ',
      num(at + '/factor', 'factor'),
      ' of it; looked at from ',
      num(at + '/range/0', format),
      ' to ',
      num(at + '/range/1', format),
      '.',
    ),
    one.curve.length > 1 && breakEvenChart(one),
  ];
};

const breakEvenSection = () => {
  const all = explanation.break_evens;
  if (!all || !all.length) return null;
  const path = (i) => pointer('explanation', 'break_evens', i);
  const never = all.flatMap((one, i) => (one.value === null ? [str(path(i) + '/statement')] : []));
  return {
    id: 'break-even',
    title: 'Break-even',
    lead: 'Where the order of two plans turns, over the one quantity that decides between them.',
    content: [
      ...all.flatMap((one, i) => (one.value === null ? [] : breakEven(one, path(i)))),
      never.length > 0 && disclosure('Where no value turns the order', list(never)),
    ],
  };
};

const hidingSection = () => {
  const all = explanation.hiding;
  if (!all || !all.length) return null;
  return {
    id: 'hiding',
    title: 'What hides behind compute',
    lead: 'From so many tokens of a micro-batch on a GPU on, the compute beside a collective takes longer than it.',
    content: [
      table(
        'Hiding thresholds',
        [
          {title: 'Communication'},
          {title: 'Tokens now', right: true},
          {title: 'Hidden from', right: true},
          {title: 'Bandwidth', right: true},
          {title: ''},
          {title: 'In words'},
        ],
        all.map((one, i) => {
          const at = pointer('explanation', 'hiding', i);
          return [
            str(at + '/what'),
            num(at + '/tokens_now', 'count'),
            num(at + '/tokens_threshold', 'three_digits'),
            num(at + '/bandwidth_bytes_per_s', 'bytes_rate'),
            one.hidden ? badge('good', 'hidden') : el('span', {class: 'quiet'}, 'exposed'),
            el('span', {class: 'sentence quiet'}, str(at + '/statement')),
          ];
        }),
      ),
    ],
  };
};

const againstSection = () => {
  const against = explanation.against;
  if (!against) return null;
  const terms = against.terms;
  return {
    id: 'against',
    title: 'Against another plan',
    lead: 'The difference of the two steps, term by term; the terms sum to it.',
    content: [
      el(
        'p',
        {},
        str('/explanation/plan'),
        ' takes ',
        num('/explanation/against/step_time_s', 'duration'),
        ', ',
        str('/explanation/against/plan'),
        ' takes ',
        num('/explanation/against/against_step_time_s', 'duration'),
        '.',
      ),
      terms.length > 0 &&
        charts.add({
          label: 'Seconds that each term adds or saves against the other plan',
          height: () => 56 + 28 * terms.length,
          option: (colors, width) => ({
            ...charts.bars(colors, width, {
              format: 'signed_duration',
              names: terms.map((term) => term.name),
              wide: 44,
              signed: true,
              tipOf: (i) => tip(terms[i].name, numbers.show(terms[i].seconds, 'signed_duration')),
            }),
            series: [
              {
                type: 'bar',
                barWidth: 14,
                data: terms.map((term) => ({
                  value: term.seconds,
                  itemStyle: {color: term.seconds > 0 ? colors.of('vermillion') : colors.of('green')},
                })),
              },
            ],
          }),
        }),
      table(
        'Terms',
        [
          {title: 'Term'},
          {title: 'Longer by', right: true},
          {title: 'Of the step', right: true},
          {title: 'Here', right: true},
          {title: 'There', right: true},
        ],
        terms.map((_, i) => {
          const at = pointer('explanation', 'against', 'terms', i);
          return [
            str(at + '/name'),
            num(at + '/seconds', 'signed_duration'),
            num(at + '/share', 'signed_percent'),
            num(at + '/plan_seconds', 'duration'),
            num(at + '/against_seconds', 'duration'),
          ];
        }),
      ),
      against.changes && against.changes.length > 0 && [
        el('h3', {}, 'Each difference alone, made in the plan'),
        table(
          'Single changes',
          [{title: 'Change'}, {title: 'The step', right: true}, {title: 'Peak memory', right: true}, {title: ''}],
          against.changes.map((one, i) => {
            const at = pointer('explanation', 'against', 'changes', i);
            return [
              str(at + '/words'),
              one.legal ? num(at + '/seconds', 'signed_duration') : '—',
              one.legal ? num(at + '/peak_memory_bytes', 'memory') : '—',
              one.infeasible_reason ? str(at + '/infeasible_reason') : badge('good', 'fits'),
            ];
          }),
        ),
      ],
    ],
  };
};

const measuredSection = () => {
  const measured = explanation.measured;
  if (!measured) return null;
  const at = '/explanation/measured';
  const format = {step_time: 'duration', peak_memory: 'memory', mfu: 'percent'}[measured.quantity] || 'three_digits';
  const interval = {
    step_time: 'interval_duration',
    peak_memory: 'interval_memory',
    mfu: 'interval_percent',
  }[measured.quantity] || 'interval_plain';
  return {
    id: 'measured',
    title: 'Your measurement',
    lead: 'What was measured against what was predicted, and what could explain the difference.',
    content: [
      el(
        'div',
        {class: 'tiles'},
        tile('Measured', num(at + '/value', format)),
        tile(
          'Predicted',
          num(at + '/predicted/value', format),
          num(at + '/predicted', interval),
        ),
        tile('Predicted against measured', num(at + '/error', 'signed_percent')),
        tile('Probability of one as far off', num(at + '/probability', 'probability')),
      ),
      measured.hypotheses.length > 0 &&
        table(
          'Hypotheses',
          [
            {title: 'Hypothesis'},
            {title: 'Plausibility', right: true},
            {title: 'Spreads away', right: true},
            {title: 'How to tell'},
          ],
          measured.hypotheses.map((one, i) => {
            const here = at + pointer('hypotheses', i);
            return [
              [str(here + '/name'), el('span', {class: 'sentence quiet'}, str(here + '/statement'))],
              shareCell(here + '/plausibility', one.plausibility),
              num(here + '/sigmas', 'three_digits'),
              one.measure ? el('code', {}, str(here + '/measure')) : '—',
            ];
          }),
        ),
      measured.next && el('p', {class: 'says'}, 'Next: ', str(at + '/next')),
    ],
  };
};
