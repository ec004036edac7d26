// What an accessibility checker asks of a page, as far as it can be computed: answers with sentences about what is
// wrong. Sources: WCAG 2.2, 1.3.1, 1.4.3, 1.4.11, 2.4.x, 2.5.8, 4.1.2; the contrast formula is WCAG's own.
() => {
  const wrong = [];
  const say = (what, el) => wrong.push(`${what}: ${el ? el.outerHTML.slice(0, 120) : ''}`);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const seen = (el) => el.getClientRects().length > 0 && getComputedStyle(el).visibility === 'visible';

  if (!document.documentElement.lang) say('no language');
  if (!document.title.trim()) say('no title');
  if (all('main').length !== 1) say('not one main landmark');
  if (all('h1').length !== 1) say('not one h1');
  let last = 0;
  for (const h of all('h1,h2,h3,h4')) {
    const level = Number(h.tagName[1]);
    if (level > last + 1) say('a heading level is left out', h);
    last = level;
  }
  const ids = all('[id]').map((el) => el.id);
  if (new Set(ids).size !== ids.length) say(`an id stands twice: ${ids.filter((id, i) => ids.indexOf(id) !== i)}`);
  for (const name of ['aria-labelledby', 'aria-describedby']) {
    for (const el of all(`[${name}]`)) {
      for (const id of el.getAttribute(name).split(/\s+/)) if (!document.getElementById(id)) say(`${name} of nothing`, el);
    }
  }
  for (const el of all('input:not([type=hidden]),select,textarea')) if (!el.labels.length) say('a field without label', el);
  for (const el of all('a,button,summary')) if (!el.textContent.trim()) say('nothing to read on it', el);
  for (const el of all('nav,aside,section,form[role]')) {
    if (!el.getAttribute('aria-label') && !el.getAttribute('aria-labelledby')) say('a landmark without a name', el);
  }
  for (const el of all('svg')) if (!(el.getAttribute('role') === 'img' && el.querySelector('title')?.textContent)) say('a picture without words', el);
  for (const el of all('table')) if (!el.caption || !el.querySelector('th[scope]')) say('a table without caption or heads', el);
  for (const el of all('[tabindex]')) if (el.tabIndex > 0) say('an order of its own', el);
  for (const el of all('a,button,input,select,textarea,summary').filter(seen)) {
    const box = el.getBoundingClientRect();
    const inline = el.tagName === 'A' && getComputedStyle(el).display === 'inline';
    if (!inline && el.type !== 'hidden' && !el.classList.contains('skip') && (box.height < 24 || box.width < 24)) say('too small to hit', el);
  }
  if (document.scrollingElement.scrollWidth > innerWidth + 1) say(`wider than the window: ${document.scrollingElement.scrollWidth} > ${innerWidth}`);

  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const contrast = (one, other) => {
    const [a, b] = [light(one), light(other)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  };
  const behind = (el) => {
    for (let at = el; at; at = at.parentElement) {
      const found = rgba(getComputedStyle(at).backgroundColor);
      if (found[3] === 255) return found;
    }
    return [255, 255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const el = node.parentElement;
    if (!node.textContent.trim() || !seen(el) || el.closest('.unseen,option,title,desc,.skip')) continue;
    const style = getComputedStyle(el);
    const ink = rgba(el.closest('svg') ? style.fill : style.color);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    const ratio = contrast(ink, behind(el));
    if (ratio < (large ? 3 : 4.5)) say(`contrast ${ratio.toFixed(2)} of “${node.textContent.trim().slice(0, 30)}”`, el);
  }
  for (const el of all('svg rect')) {
    const ratio = contrast(rgba(getComputedStyle(el).fill), behind(el.closest('figure')));
    if (ratio < 3) say(`contrast ${ratio.toFixed(2)} of a bar`, el);
  }
  return wrong;
}
