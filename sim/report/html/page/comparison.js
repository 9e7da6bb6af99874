// All plans side by side: step time and memory with their intervals.
'use strict';

const compared = () => {
  if (!report.plans) return [];
  return report.ranking.map((name) => {
    const i = report.plans.findIndex((plan) => plan.name === name);
    return {plan: report.plans[i], path: pointer('plans', i)};
  });
};

// Plans as bars of one quantity, with whiskers. quantity(plan) gives {value, low, high} or null.
const planBars = ({label, plans, quantity, format, limit}) =>
  charts.add({
    label,
    height: () => 70 + 34 * plans.length,
    option: (colors, width) => {
      const narrow = width < 520;
      const values = plans.map(({plan}) => quantity(plan));
      return {
        grid: {left: 8, right: narrow ? 16 : 28, top: 26, bottom: 8, containLabel: true},
        xAxis: charts.axis(colors, {
          type: 'value',
          position: 'top',
          min: 0,
          splitNumber: narrow ? 3 : 6,
          ...(format === 'memory' &&
            charts.memorySteps(Math.max(...values.map((q) => (q ? q.high : 0))), narrow ? 3 : 6)),
          axisLabel: {formatter: (v) => numbers.show(v, format)},
        }),
        yAxis: charts.axis(colors, {
          type: 'category',
          inverse: true,
          splitLine: {show: false},
          data: plans.map(({plan}) => chartName(plan.name, narrow ? 16 : 30)),
          axisLabel: {color: colors.text},
        }),
        tooltip: {
          trigger: 'item',
          formatter: ({dataIndex}) => {
            const q = values[dataIndex];
            return tip(
              plans[dataIndex].plan.name,
              q && numbers.show(q.value, format) + ' ' + numbers.show(q, 'interval_' + format),
            );
          },
        },
        series: [
          {
            type: 'bar',
            barWidth: 16,
            data: values.map((q, i) => ({
              value: q ? q.value : null,
              itemStyle: {
                borderRadius: [0, 3, 3, 0],
                color: plans[i].plan.feasible ? colors.of('blue') : colors.of('grey'),
                opacity: plans[i].plan.feasible ? 1 : 0.6,
              },
            })),
            markLine: limit && limitLine(colors, 'xAxis', limit.value, ''),
          },
          whiskers(
            colors,
            values.flatMap((q, i) => (q ? [[i, q.low, q.high]] : [])),
          ),
        ],
      };
    },
  });

const comparisonTable = (plans) =>
  table(
    'All plans',
    [
      {title: 'Plan'},
      {title: 'Step time', right: true},
      {title: 'Tokens/s per GPU', right: true},
      {title: 'MFU', right: true},
      {title: 'Peak memory', right: true},
      {title: 'Fits', right: true},
      {title: 'Bound by'},
    ],
    plans.map(({plan, path}, i) => ({
      class: i === 0 && plan.feasible ? 'best' : plan.feasible ? null : 'faint',
      cells: [
        [str(path + '/name'), ' ', plan.feasible ? null : fitsBadge(plan)],
        plan.legal ? predicted(path + '/step_time_s', 'duration') : '—',
        plan.legal ? num(path + '/tokens_per_s_per_gpu/value', 'three_digits') : '—',
        plan.legal ? num(path + '/mfu/value', 'percent') : '—',
        plan.legal ? num(path + '/peak_memory_bytes/value', 'memory') : '—',
        plan.legal ? num(path + '/fit_probability', 'probability') : '—',
        plan.legal ? str(path + '/bound') : str(path + '/infeasible_reason'),
      ],
    })),
  );

const comparisonSection = () => {
  const plans = compared();
  if (plans.length < 2) return null;
  const legal = plans.filter(({plan}) => plan.legal);
  const capacity = legal.length ? {value: legal[0].plan.usable_memory_bytes} : null;
  const timed = legal.filter(({plan}) => plan.step_time_s.value !== null);
  const refused = plans.filter(({plan}) => !plan.feasible);
  return {
    id: 'plans',
    title: 'Plans compared',
    lead: 'Bars are predictions, whiskers their intervals; grey plans do not fit. Best plans come first.',
    content: [
      comparisonTable(plans),
      timed.length > 0 && el('h3', {}, 'Step time'),
      timed.length > 0 &&
        planBars({
          label: 'Step time of each plan with its interval',
          plans: timed,
          format: 'duration',
          quantity: (plan) => plan.step_time_s,
        }),
      el('h3', {}, 'Peak memory of a GPU'),
      planBars({
        label: 'Peak memory of each plan with its interval and the capacity',
        plans: legal,
        format: 'memory',
        quantity: (plan) => plan.peak_memory_bytes,
        limit: capacity,
      }),
      capacity &&
        el(
          'p',
          {class: 'quiet'},
          'The dashed line is what a GPU can give: ',
          num(legal[0].path + '/usable_memory_bytes', 'memory'),
          '.',
        ),
      refused.length > 0 && el('h3', {}, 'Why the others do not count'),
      refused.map(({path}) =>
        el(
          'p',
          {class: 'says bad'},
          el('strong', {}, str(path + '/name')),
          ' ',
          str(path + '/infeasible_reason'),
        ),
      ),
    ],
  };
};
