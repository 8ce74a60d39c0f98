/** Small ways to build and find elements. Text is always text: nothing here parses HTML. */

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** An element with a class, and children that are nodes or plain strings. */
export function el(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

/** An element of a drawing. */
export function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** One of the page's signs; without a label it is hidden from screen readers. */
export function icon(name, label) {
  const sign = svg("use", { href: `#i-${name}` });
  const about = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
  const title = label ? [svg("title", {}, label)] : [];
  return svg("svg", { class: `icon icon-${name}`, ...about }, ...title, sign);
}

let toastTimer = 0;

/** Say shortly what went wrong. */
export function toast(text) {
  const box = byId("toast");
  box.textContent = text;
  box.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { box.hidden = true; }, 6000);
}
