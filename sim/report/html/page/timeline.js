// The step on every stage and stream, to zoom into.
'use strict';

const sliceHues = ['blue', 'green', 'yellow', 'sky', 'orange', 'vermillion', 'purple', 'grey'];

const sliceInk = ['#fff', '#fff', '#1c2024', '#1c2024', '#1c2024', '#fff', '#1c2024', '#1c2024'];

// Lanes of a stage's row: where they begin and how high they are, as shares of it. Work is what counts.
const laneOf = [
  [0.04, 0.6],
  [0.66, 0.09],
  [0.76, 0.09],
  [0.86, 0.1],
];

const sliceData = (timeline) => {
  const s = timeline.slices;
  const alone = !s.stream.some((stream) => stream > 0);
  return s.stage.map((stage, i) => ({
    alone,
    value: [stage, s.start_s[i], s.start_s[i] + s.seconds[i], s.kind[i], i],
  }));
};

const drawSlice = (colors, timeline, rowHeight) => (params, api) => {
  const i = api.value(4);
  const s = timeline.slices;
  const [start, place] = api.coord([api.value(1), api.value(0)]);
  const end = api.coord([api.value(2), api.value(0)])[0];
  const area = params.coordSys;
  const left = Math.max(start, area.x);
  const right = Math.min(end, area.x + area.width);
  if (right <= left) return null;
  const [from, share] = laneOf[s.stream[i]];
  const gap = right - left > 3 ? 0.5 : 0;
  const shape = {
    x: left,
    y: place - rowHeight / 2 + from * rowHeight,
    width: Math.max(right - left - gap, 0.4),
    height: Math.max(share * rowHeight, 1),
  };
  const rect = {type: 'rect', shape, style: {fill: colors.of(sliceHues[s.kind[i]])}};
  const number =
    s.micro_batch[i] >= 0 && s.stream[i] === 0 ? numbers.show(s.micro_batch[i], 'ordinal') : '';
  if (!number || shape.height < 11 || shape.width < 6 * number.length + 3) return rect;
  return {
    type: 'group',
    children: [
      rect,
      {
        type: 'text',
        silent: true,
        style: {
          text: number,
          x: shape.x + shape.width / 2,
          y: shape.y + shape.height / 2,
          align: 'center',
          verticalAlign: 'middle',
          fontSize: 9.5,
          fill: sliceInk[s.kind[i]],
        },
      },
    ],
  };
};

const sliceTip =
  (timeline) =>
  ({value}) => {
    const s = timeline.slices;
    const i = value[4];
    const mb =
      s.micro_batch[i] >= 0 &&
      'micro-batch ' +
        numbers.show(s.micro_batch[i], 'ordinal') +
        ' of ' +
        numbers.show(timeline.micro_batches, 'count');
    const chunk =
      timeline.interleave > 1 && s.chunk[i] >= 0 && 'model chunk ' + numbers.show(s.chunk[i], 'ordinal');
    return tip(
      timeline.kinds[s.kind[i]],
      [mb, chunk].filter(Boolean).join(', '),
      'stage ' + numbers.show(s.stage[i], 'ordinal') + ', ' + timeline.streams[s.stream[i]],
      'starts at ' +
        numbers.show(s.start_s[i], 'duration') +
        ', takes ' +
        numbers.show(s.seconds[i], 'duration'),
    );
  };

const timelineOption = (timeline, rowHeight) => (colors, width) => {
  const stages = timeline.stages;
  const gap = timeline.left_out;
  return {
    grid: {left: width < 520 ? 30 : 44, right: 12, top: 8, bottom: 64},
    xAxis: charts.axis(colors, {
      type: 'value',
      min: 0,
      max: timeline.end_s,
      splitNumber: width < 520 ? 4 : 8,
      axisLabel: {formatter: (v) => numbers.show(v, 'duration'), showMaxLabel: false},
    }),
    yAxis: charts.axis(colors, {
      type: 'category',
      inverse: true,
      splitLine: {show: false},
      data: Array.from({length: stages}, (_, i) => numbers.show(i, 'ordinal')),
      axisLabel: {interval: stages > 24 ? 7 : 0},
    }),
    dataZoom: [
      {type: 'inside', filterMode: 'weakFilter', zoomOnMouseWheel: 'ctrl', moveOnMouseWheel: false},
      {type: 'slider', filterMode: 'weakFilter', bottom: 10, height: 22, ...charts.slider(colors)},
    ],
    tooltip: {trigger: 'item', formatter: sliceTip(timeline)},
    series: [
      {
        type: 'custom',
        renderItem: drawSlice(colors, timeline, rowHeight),
        data: sliceData(timeline),
        encode: {x: [1, 2], y: 0},
        clip: true,
        progressive: 0,
        markArea: gap && {
          silent: true,
          itemStyle: {color: colors.line, opacity: 0.55},
          label: {color: colors.quiet, position: 'inside', formatter: () => 'left out'},
          data: [[{xAxis: gap.from_s}, {xAxis: gap.to_s}]],
        },
      },
    ],
  };
};

// Buttons and keys that do what the wheel and the slider do.
const zoomTools = (instanceOf, box) => {
  const range = () => {
    const zoom = instanceOf().getOption().dataZoom[0];
    return [zoom.start, zoom.end];
  };
  const set = (start, end) => {
    const size = Math.min(Math.max(end - start, 0.02), 100);
    const from = Math.min(Math.max(start, 0), 100 - size);
    instanceOf().dispatchAction({type: 'dataZoom', start: from, end: from + size});
  };
  const zoom = (factor) => {
    const [start, end] = range();
    const middle = (start + end) / 2;
    set(middle - ((end - start) * factor) / 2, middle + ((end - start) * factor) / 2);
  };
  const move = (share) => {
    const [start, end] = range();
    set(start + (end - start) * share, end + (end - start) * share);
  };
  const actions = {
    'Zoom in': ['+', '+', () => zoom(0.5)],
    'Zoom out': ['−', '-', () => zoom(2)],
    Earlier: ['←', 'ArrowLeft', () => move(-0.3)],
    Later: ['→', 'ArrowRight', () => move(0.3)],
    'The start': ['start', 'Home', () => set(0, 10)],
    'The end': ['end', 'End', () => set(90, 100)],
    'The whole step': ['whole step', 'Escape', () => set(0, 100)],
  };
  const keys = new Map(Object.values(actions).map(([, key, act]) => [key, act]));
  box.setAttribute('tabindex', '0');
  box.classList.add('focusable');
  box.addEventListener('keydown', (event) => {
    const act = keys.get(event.key === '=' ? '+' : event.key);
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
  return el(
    'div',
    {class: 'tools', role: 'group', 'aria-label': 'Zoom'},
    Object.entries(actions).map(([name, [text, , act]]) =>
      el('button', {type: 'button', title: name, 'aria-label': name, onclick: act}, text),
    ),
  );
};

const hueLegend = (entries, heading) =>
  el(
    'ul',
    {class: 'legend'},
    heading && el('li', {}, heading),
    entries.map(([hue, name]) => {
      const swatch = el('span', {class: 'swatch', 'aria-hidden': 'true'});
      swatch.style.background = 'var(--hue-' + hue + ')';
      return el('li', {}, swatch, name);
    }),
  );

const stageTable = (path, stages) =>
  table(
    'Stages',
    [
      {title: 'Stage'},
      {title: 'Busy', right: true},
      {title: 'Bubble', right: true},
      {title: 'Share', right: true},
      {title: 'Micro-batches held', right: true},
      {title: 'Allocated at most', right: true},
    ],
    stages.map((stage, i) => {
      const at = path + pointer('timeline', 'stages', i);
      return [
        num(at + '/stage', 'ordinal'),
        num(at + '/busy_s', 'duration'),
        num(at + '/bubble_s', 'duration'),
        num(at + '/bubble_fraction', 'percent'),
        num(at + '/most_in_flight', 'three_digits'),
        num(at + '/peak_allocated_bytes', 'memory'),
      ];
    }),
  );

const leftOutWords = (timeline, at) => {
  const words = [];
  if (!timeline.transfers_shown && !timeline.left_out)
    words.push('Transfers between stages are left out. ');
  if (timeline.left_out) {
    words.push(
      'The grey part, from ',
      num(at + '/left_out/from_s', 'duration'),
      ' to ',
      num(at + '/left_out/to_s', 'duration'),
      ', is left out, and so are transfers. ',
    );
  }
  if (!words.length) return null;
  return el(
    'p',
    {class: 'says'},
    words,
    'Of ',
    num(at + '/slices_of_the_step', 'count'),
    ' slices of the step ',
    num(at + '/slices_shown', 'count'),
    ' are drawn; simulate --trace writes all of them.',
  );
};

const timelineSection = ({plan, path, extra}) => {
  const timeline = valueAt(extra + '/timeline');
  if (!timeline) return null;
  const at = extra + '/timeline';
  const rowHeight =
    timeline.stages <= 4
      ? 44
      : timeline.stages <= 16
        ? 30
        : Math.max(11, Math.min(30, 800 / timeline.stages));
  let instance = null;
  const box = charts.add({
    label: 'The schedule of the step: a row for each stage, a bar for each pass and transfer',
    height: () => 72 + rowHeight * timeline.stages,
    option: timelineOption(timeline, rowHeight),
    ready: (made) => {
      instance = made;
    },
  });
  const used = [...new Set(timeline.slices.kind)].sort();
  const parts = plan.timeline.critical_path.map((part, i) => {
    const here = path + pointer('timeline', 'critical_path', i);
    return [
      str(here + '/kind'),
      num(here + '/seconds', 'duration'),
      bar(part.seconds / plan.timeline.step_s),
    ];
  });
  const formula = plan.timeline.closed_form_bubble;
  return {
    id: 'timeline',
    title: 'Timeline',
    lead:
      'A row is a pipeline stage: work above, transfers and data parallelism in the thin lanes below. Zoom with the ' +
      'buttons, the slider, or the arrow, plus and minus keys.',
    content: [
      el(
        'p',
        {},
        'Schedule ',
        el('strong', {}, str(at + '/schedule')),
        ', ',
        num(at + '/stages', 'count'),
        ' stages, ',
        num(at + '/micro_batches', 'count'),
        ' micro-batches',
        timeline.interleave > 1 && [', ', num(at + '/interleave', 'count'), ' model chunks on each stage'],
        '.',
      ),
      leftOutWords(timeline, at),
      zoomTools(() => instance, box),
      box,
      hueLegend(used.map((kind) => [sliceHues[kind], str(at + pointer('kinds', kind))])),
      disclosure(
        'What the step waits for, and the stages in numbers',
        table(
          'Along the critical path',
          [{title: 'Along the critical path'}, {title: 'Time', right: true}, {title: ''}],
          parts,
        ),
        formula &&
          el(
            'p',
            {},
            'The bubble by the formula of the paper, ',
            el('code', {}, str(path + '/timeline/closed_form_bubble/equation')),
            ', is ',
            num(path + '/timeline/closed_form_bubble/seconds', 'duration'),
            ' for equal stages.',
          ),
        stageTable(path, plan.timeline.stages),
      ),
    ],
  };
};
