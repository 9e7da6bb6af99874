// What a GPU holds over the step, by class, against what it can give.
'use strict';

const memoryHues = {
  weights: 'blue',
  gradients: 'orange',
  'optimizer state': 'purple',
  activations: 'green',
  'main weights': 'sky',
  'master weights': 'sky',
};
const otherMemoryHues = ['teal', 'yellow', 'vermillion', 'brown', 'grey'];

const classHues = (classes) => {
  let next = 0;
  return classes.map(({name}) => memoryHues[name] || otherMemoryHues[next++ % otherMemoryHues.length]);
};

const bytesAt = (one, i) => (Array.isArray(one.bytes) ? one.bytes[i] : one.bytes);

const memoryOption = (memory, stage) => (colors, width) => {
  const hues = classHues(stage.classes);
  const capacity = memory.capacity_bytes;
  const times = [...stage.time_s];
  const last = times.length - 1;
  const beyond = memory.end_s > times[last];
  // Each area is drawn from its top down to nothing; those below lie in front of it.
  const top = (c, i) => stage.classes.slice(0, c + 1).reduce((sum, one) => sum + bytesAt(one, i), 0);
  const points = (value) => [
    ...times.map((t, i) => [t, value(i)]),
    ...(beyond ? [[memory.end_s, value(last)]] : []),
  ];
  const most = Math.max(capacity || 0, stage.peak.bytes);
  return {
    grid: {left: 8, right: 16, top: 26, bottom: 64, containLabel: true},
    xAxis: charts.axis(colors, {
      type: 'value',
      min: 0,
      max: memory.end_s,
      splitNumber: width < 520 ? 4 : 8,
      splitLine: {show: false},
      axisLabel: {formatter: (v) => numbers.show(v, 'duration'), showMaxLabel: false},
    }),
    yAxis: charts.axis(colors, {
      type: 'value',
      min: 0,
      ...charts.memorySteps(most * 1.03, 5),
      axisLabel: {formatter: (v) => numbers.show(v, 'memory')},
    }),
    dataZoom: [
      {type: 'inside', zoomOnMouseWheel: 'ctrl', moveOnMouseWheel: false, filterMode: 'none'},
      {type: 'slider', bottom: 10, height: 22, filterMode: 'none', ...charts.slider(colors)},
    ],
    tooltip: {
      trigger: 'axis',
      axisPointer: {type: 'line', lineStyle: {color: colors.quiet}},
      formatter: (items) => {
        const i = Math.min(items[0].dataIndex, last);
        return tip(
          'from ' +
            numbers.show(stage.time_s[i], 'duration') +
            ': ' +
            numbers.show(stage.bytes[i], 'memory'),
          ...[...stage.classes]
            .reverse()
            .filter((one) => bytesAt(one, i) > 0)
            .map((one) => [one.name, numbers.show(bytesAt(one, i), 'memory')]),
        );
      },
    },
    series: stage.classes.map((one, c) => ({
      type: 'line',
      step: 'end',
      symbol: 'none',
      name: chartName(one.name),
      z: 2 + stage.classes.length - c,
      lineStyle: {width: 0},
      areaStyle: {color: colors.of(hues[c]), opacity: 1},
      itemStyle: {color: colors.of(hues[c])},
      emphasis: {disabled: true},
      data: points((i) => top(c, i)),
      markLine:
        c === 0 && capacity
          ? {...limitLine(colors, 'yAxis', capacity, 'what may be allocated'), z: 30}
          : undefined,
      markPoint:
        c === 0
          ? {
              symbol: 'circle',
              symbolSize: 7,
              z: 30,
              itemStyle: {color: colors.text},
              label: {
                show: true,
                position: 'top',
                align: stage.peak.time_s > memory.end_s / 2 ? 'right' : 'left',
                color: colors.text,
                formatter: () => 'peak ' + numbers.show(stage.peak.bytes, 'memory'),
              },
              data: [{coord: [stage.peak.time_s, stage.peak.bytes]}],
            }
          : undefined,
    })),
  };
};

const memoryLinesTable = (plan, path, extra) => {
  const rounded = valueAt(extra + '/memory_lines');
  const rows = plan.memory.map((line, i) => ({
    line,
    cells: [
      str(path + pointer('memory', i, 'name')),
      rounded
        ? num(extra + pointer('memory_lines', 'lines', i), 'part')
        : num(path + pointer('memory', i, 'bytes'), 'memory'),
      bar(line.bytes / plan.usable_memory_bytes),
    ],
  }));
  return table(
    'Memory at the peak of the stage that holds most',
    [
      {title: 'At the peak of the stage that holds most'},
      {title: 'Bytes', right: true},
      {title: 'Of the capacity'},
    ],
    [
      ...rows.filter(({line}) => line.bytes > 0),
      {
        class: 'sum',
        cells: [
          'Peak memory',
          rounded
            ? num(extra + '/memory_lines/sum', 'part')
            : num(path + '/peak_memory_bytes/value', 'memory'),
          null,
        ],
      },
      ['What a GPU can give', num(path + '/usable_memory_bytes', 'memory'), null],
    ],
  );
};

// What must fit, at the highest instant and at the next highest of another name.
const momentsText = () => {
  const moment = (key) => {
    const at = pointer('explanation', 'memory', key);
    return [
      num(at + '/bytes', 'memory'),
      ' at the ',
      str(at + '/instant'),
      ' on stage ',
      num(at + '/stage', 'ordinal'),
    ];
  };
  return el('p', {}, 'What must fit peaks with ', moment('peak'), '; next highest: ', moment('second'), '.');
};

const memorySection = ({plan, path, extra}) => {
  if (!plan.memory || !plan.memory.length) return null;
  const memory = valueAt(extra + '/memory');
  const holder = el('div', {});
  const at = extra + '/memory';
  const show = (i) => {
    charts.drop(holder);
    const stage = memory.stages[i];
    const here = at + pointer('stages', i);
    holder.replaceChildren(
      el(
        'p',
        {},
        'Stage ',
        num(here + '/stage', 'ordinal'),
        ' holds most ',
        str(here + '/peak/instant'),
        ': ',
        num(here + '/peak/bytes', 'memory'),
        ' allocated',
        memory.capacity_bytes !== null && [' of ', num(at + '/capacity_bytes', 'memory')],
        '.',
      ),
      charts.add({
        label: 'Allocated memory of the stage over the step, stacked by class, with the capacity',
        height: 340,
        option: memoryOption(memory, stage),
      }),
      hueLegend(
        classHues(stage.classes)
          .map((hue, c) => [hue, str(here + pointer('classes', c, 'name'))])
          .reverse(),
      ),
    );
  };
  const content = [];
  const moments = report.explanation && report.explanation.plan === plan.name && report.explanation.memory;
  if (moments && moments.second) content.push(momentsText());
  if (memory) {
    const worst = memory.stages.findIndex((stage) => stage.stage === memory.worst_stage);
    if (memory.stages.length > 1) {
      content.push(
        el(
          'div',
          {class: 'tools'},
          el('label', {for: 'memory-stage'}, 'Stage'),
          el(
            'select',
            {id: 'memory-stage', onchange: (event) => show(Number(event.target.value))},
            memory.stages.map((stage, i) =>
              el(
                'option',
                {
                  value: i,
                  selected: i === worst,
                  'data-path': at + pointer('stages', i, 'stage'),
                  'data-format': 'ordinal',
                },
                numbers.show(stage.stage, 'ordinal'),
              ),
            ),
          ),
          memory.stages_left_out > 0 &&
            el(
              'span',
              {class: 'quiet'},
              'The first, the last and the one that holds most; ',
              num(at + '/stages_left_out', 'count'),
              ' others are left out.',
            ),
        ),
      );
    }
    show(Math.max(worst, 0));
    content.push(holder);
  }
  content.push(memoryLinesTable(plan, path, extra));
  return {
    id: 'memory',
    title: 'Memory over time',
    lead:
      'What is allocated on a GPU of a stage while the step runs. The peak that must fit also has what the driver, ' +
      'libraries and the allocator take.',
    content,
  };
};
