// Light and dark: the style sheet has the colours, charts read them from it.
'use strict';

const theme = (() => {
  const listeners = [];
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  const root = document.documentElement;
  let printing = false;

  const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : dark.matches);
  const changed = () => listeners.forEach((listener) => listener());
  dark.addEventListener('change', changed);

  const color = (name) =>
    getComputedStyle(root)
      .getPropertyValue('--' + name)
      .trim();

  // Okabe and Ito's palette, which colour-blind readers tell apart; lighter on dark ground.
  const hues = [
    'blue',
    'orange',
    'green',
    'purple',
    'sky',
    'vermillion',
    'yellow',
    'grey',
    'teal',
    'brown',
  ];

  const colors = () => ({
    text: color('text'),
    quiet: color('quiet'),
    line: color('line'),
    ground: color('ground'),
    raised: color('raised'),
    accent: color('accent'),
    warn: color('warn'),
    good: color('good'),
    hues: hues.map((hue) => color('hue-' + hue)),
    of: (hue) => color('hue-' + hue),
  });

  const toggle = () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    changed();
  };

  // Paper is white.
  const print = (on) => {
    if (on === printing) return;
    printing = on;
    if (on) {
      root.dataset.before = root.dataset.theme || '';
      root.dataset.theme = 'light';
    } else {
      if (root.dataset.before) root.dataset.theme = root.dataset.before;
      else delete root.dataset.theme;
      delete root.dataset.before;
    }
    changed();
  };

  return {colors, toggle, print, isDark, onChange: (listener) => listeners.push(listener)};
})();
