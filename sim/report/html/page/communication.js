// What is sent, and how much of it the step waits for.
'use strict';

const communicationChart = (uses) =>
  charts.add({
    label: 'Time of each collective, and the part of it that nothing hides',
    height: () => 54 + 30 * uses.length,
    option: (colors, width) => ({
      ...charts.bars(colors, width, {
        format: 'duration',
        names: uses.map((use) => use.name),
        wide: 40,
        tipOf: (i) =>
          tip(
            uses[i].name,
            'takes ' +
              numbers.show(uses[i].seconds, 'duration') +
              ', exposed ' +
              numbers.show(uses[i].exposed_seconds, 'duration'),
            uses[i].bottleneck && 'bottleneck: ' + chartName(uses[i].bottleneck),
          ),
      }),
      series: [
        {
          type: 'bar',
          barWidth: 14,
          data: uses.map((use) => use.seconds),
          itemStyle: {color: colors.of('grey'), opacity: 0.45, borderRadius: [0, 3, 3, 0]},
        },
        {
          type: 'bar',
          barWidth: 14,
          barGap: '-100%',
          data: uses.map((use) => use.exposed_seconds),
          itemStyle: {color: colors.of('orange'), borderRadius: [0, 3, 3, 0]},
        },
      ],
    }),
  });

const communicationSection = ({plan, path}) => {
  if (!plan.collectives || !plan.collectives.length) return null;
  const rows = plan.collectives.map((use, i) => {
    const at = path + pointer('collectives', i);
    return [
      str(at + '/name'),
      num(at + '/seconds', 'duration'),
      num(at + '/exposed_seconds', 'duration'),
      [num(at + '/ranks', 'count'), use.domains > 1 && [' in ', num(at + '/domains', 'count'), ' domains']],
      num(at + '/bytes', 'memory'),
      num(at + '/calls', 'count'),
      [str(at + '/algorithm'), use.protocol && [', ', str(at + '/protocol')]],
      str(at + '/bottleneck'),
    ];
  });
  return {
    id: 'communication',
    title: 'Communication',
    lead: 'The time that each collective takes, and in front the part that the step waits for.',
    content: [
      communicationChart(plan.collectives),
      hueLegend([
        ['grey', 'all of it'],
        ['orange', 'exposed: the step waits'],
      ]),
      table(
        'Collectives',
        [
          {title: 'Collective'},
          {title: 'Takes', right: true},
          {title: 'Exposed', right: true},
          {title: 'Ranks', right: true},
          {title: 'Bytes of a call', right: true},
          {title: 'Calls', right: true},
          {title: 'Algorithm'},
          {title: 'Bottleneck'},
        ],
        rows,
      ),
    ],
  };
};
