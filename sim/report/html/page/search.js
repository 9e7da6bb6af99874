// What a search found: the best plans, the fronts, what was refused.
'use strict';

const searched = report.command === 'search';

const countsTable = () => {
  const reasons = (path) =>
    Object.keys(valueAt(path) || {})
      .sort((a, b) => valueAt(path)[b] - valueAt(path)[a])
      .map((key) => {
        const at = path + pointer(key);
        return [keyText(at), num(at, 'count')];
      });
  const row = (words, key) => [words, num('/counts/' + key, 'count')];
  return [
    table(
      'Counts',
      [{title: 'Combinations'}, {title: '', right: true}],
      [
        row('tried', 'enumerated'),
        row('break a rule', 'illegal'),
        row('legal', 'legal'),
        row('too slow to look at their memory', 'too_slow'),
        row('do not fit or break a limit', 'infeasible'),
        row('fit', 'feasible'),
      ],
    ),
    disclosure(
      'Why combinations were refused',
      table(
        'Rules',
        [{title: 'Rule'}, {title: 'Combinations', right: true}],
        reasons('/counts/illegal_by_reason'),
      ),
      table(
        'Limits',
        [{title: 'Limit'}, {title: 'Combinations', right: true}],
        reasons('/counts/infeasible_by_reason'),
      ),
    ),
  ];
};

const bestTable = () =>
  table(
    'Best plans',
    [
      {title: 'Plan'},
      {title: 'Group', right: true},
      {title: 'Step time', right: true},
      {title: 'Tokens/s per GPU', right: true},
      {title: 'MFU', right: true},
      {title: 'Peak memory', right: true},
      {title: 'Fits', right: true},
      {title: 'Differs from the first'},
    ],
    report.best.map((plan, i) => {
      const at = pointer('best', i);
      const differs = plan.differs_from_first.flatMap((_, d) => [
        d > 0 && ', ',
        str(at + pointer('differs_from_first', d, 'words')),
      ]);
      return {
        class: i === 0 ? 'best' : null,
        cells: [
          str(at + '/name'),
          num(at + '/group', 'count'),
          predicted(at + '/step_time_s', 'duration'),
          num(at + '/tokens_per_s_per_gpu/value', 'three_digits'),
          num(at + '/mfu/value', 'percent'),
          num(at + '/peak_memory_bytes/value', 'memory'),
          num(at + '/fit_probability', 'probability'),
          differs.length ? differs : '—',
        ],
      };
    }),
  );

const relaxationList = () =>
  (report.relaxations || []).map((relaxation, i) => {
    const at = pointer('relaxations', i);
    return el(
      'p',
      {class: 'says'},
      'Without the limit ',
      el('strong', {}, str(at + '/constraint')),
      ', ',
      str(at + '/plan/name'),
      ' would take ',
      num(at + '/plan/step_time_s/value', 'duration'),
      relaxation.gain !== null && [', ', num(at + '/gain', 'signed_percent'), ' better'],
      '.',
    );
  });

const searchSection = () => {
  if (!searched) return null;
  const plans = report.best.map((plan, i) => ({plan, path: pointer('best', i)}));
  const capacity = plans.length ? {value: plans[0].plan.usable_memory_bytes} : null;
  const relaxations = relaxationList();
  return {
    id: 'best',
    title: 'Best plans',
    lead: 'The best of every legal plan. Plans of one group are a tie: the model cannot tell them apart.',
    content: [
      !report.complete &&
        el(
          'p',
          {class: 'says bad'},
          'The search was interrupted: it looked at ',
          num('/looked_at', 'percent'),
          ' of the combinations.',
        ),
      plans.length > 0 && bestTable(),
      plans.length > 0 &&
        planBars({
          label: 'Step time of the best plans with their intervals',
          plans,
          format: 'duration',
          quantity: (plan) => plan.step_time_s,
        }),
      plans.length > 0 && el('h3', {}, 'Peak memory of a GPU'),
      plans.length > 0 &&
        planBars({
          label: 'Peak memory of the best plans with their intervals and the capacity',
          plans,
          format: 'memory',
          quantity: (plan) => plan.peak_memory_bytes,
          limit: capacity,
        }),
      report.nearest &&
        el(
          'p',
          {class: 'says bad'},
          'The plan that needs the least memory is ',
          str('/nearest/name'),
          ': ',
          num('/nearest/peak_memory_bytes/value', 'memory'),
          ' of ',
          num('/nearest/usable_memory_bytes', 'memory'),
          '.',
        ),
      relaxations.length > 0 && el('h3', {}, 'Limits that are worth relaxing'),
      relaxations,
      el('h3', {}, 'What was looked at'),
      countsTable(),
    ],
  };
};

const fronts = {
  memory: {
    title: 'Step time against memory',
    across: (plan) => plan.peak_memory_bytes,
    format: 'memory',
    along: (plan) => plan.step_time_s,
    words: 'peak memory of a GPU',
  },
  gpus: {
    title: 'Step time against GPUs',
    across: (plan) => ({value: plan.cluster.gpus}),
    format: 'count',
    along: (plan) => plan.step_time_s,
    words: 'GPUs',
  },
  cost: {
    title: 'Time of the run against its cost',
    across: (plan) => plan.run && plan.run.cost,
    format: 'scaled',
    along: (plan) => plan.run && plan.run.time_s,
    words: 'cost of the run',
  },
};

const frontChart = (front, points) =>
  charts.add({
    label: front.title + ', with intervals',
    height: (width) => (width < 520 ? 300 : 360),
    option: (colors, width) => ({
      grid: {left: 8, right: 28, top: 20, bottom: 30, containLabel: true},
      xAxis: charts.axis(colors, {
        type: 'value',
        scale: true,
        name: front.words,
        nameLocation: 'middle',
        nameGap: 28,
        splitNumber: width < 520 ? 3 : 6,
        axisLabel: {formatter: (v) => numbers.show(v, front.format)},
        ...(front.format === 'memory' &&
          charts.memorySteps(
            Math.max(...points.map(({x}) => x)),
            width < 520 ? 3 : 6,
            Math.min(...points.map(({x}) => x)),
          )),
      }),
      yAxis: charts.axis(colors, {
        type: 'value',
        scale: true,
        axisLabel: {formatter: (v) => numbers.show(v, 'duration')},
      }),
      tooltip: {
        trigger: 'item',
        formatter: ({data}) =>
          data.point
            ? tip(
                data.point.plan.name,
                numbers.show(front.along(data.point.plan).value, 'duration') +
                  ' ' +
                  numbers.show(front.along(data.point.plan), 'interval_duration'),
                front.words + ': ' + numbers.show(front.across(data.point.plan).value, front.format),
              )
            : '',
      },
      series: [
        {
          type: 'line',
          step: 'end',
          silent: true,
          symbol: 'none',
          lineStyle: {color: colors.of('grey'), type: 'dashed'},
          data: points.map(({x, y}) => [x, y.value]).sort((a, b) => a[0] - b[0]),
        },
        whiskers(
          colors,
          points.map(({x, y}) => [x, y.low, y.high]),
          'y',
        ),
        {
          type: 'scatter',
          symbolSize: 13,
          z: 6,
          itemStyle: {color: colors.of('blue'), borderColor: colors.raised, borderWidth: 1.5},
          data: points.map((point) => ({point, value: [point.x, point.y.value]})),
        },
      ],
    }),
  });

const paretoSection = () => {
  if (!searched || !report.pareto || !report.pareto.length) return null;
  const content = [];
  for (const [kind, front] of Object.entries(fronts)) {
    const points = report.pareto
      .map((plan, i) => ({
        plan,
        path: pointer('pareto', i),
        x: (front.across(plan) || {}).value,
        y: front.along(plan),
      }))
      .filter(({plan, x, y}) => plan.front.includes(kind) && x !== undefined && y);
    if (points.length < 2) continue;
    points.sort((a, b) => a.x - b.x);
    const priced = points.some(({plan}) => plan.run && plan.run.cost);
    content.push(
      el('h3', {}, front.title),
      frontChart(front, points),
      table(
        front.title,
        [
          {title: 'Plan'},
          {title: 'GPUs', right: true},
          {title: 'Step time', right: true},
          {title: 'Peak memory', right: true},
          ...(priced ? [{title: 'Cost of the run', right: true}] : []),
        ],
        points.map(({plan, path}) => [
          str(path + '/name'),
          num(path + '/cluster/gpus', 'count'),
          predicted(path + '/step_time_s', 'duration'),
          num(path + '/peak_memory_bytes/value', 'memory'),
          plan.run && plan.run.cost ? num(path + '/run/cost/value', 'scaled') : '—',
        ]),
      ),
    );
  }
  if (!content.length) return null;
  return {
    id: 'pareto',
    title: 'Pareto fronts',
    lead: 'Plans that nothing beats in both: less of one costs more of the other.',
    content,
  };
};
