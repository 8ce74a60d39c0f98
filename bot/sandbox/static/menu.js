/** The popup menu: one at a time, at the button that opened it. */
import { byId, el } from "./dom.js";

const GAP_PX = 6;
const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

const menu = byId("menu");
let anchor = null;
/** The button whose open menu a press has just closed. */
let pressed = null;

export function startMenu() {
  menu.addEventListener("toggle", (event) => {
    anchor?.setAttribute("aria-expanded", String(event.newState === "open"));
  });
  document.addEventListener("pointerdown", (event) => {
    pressed = menu.matches(":popover-open") && anchor.contains(event.target) ? anchor : null;
  }, true);
  menu.addEventListener("keydown", step);
}

/** Show these nodes at a button; those of the role `menuitem…` are reached with the arrow keys. */
export function openMenu(button, label, nodes) {
  const stayClosed = button === pressed;
  pressed = null;
  if (stayClosed) return;
  anchor = button;
  menu.setAttribute("aria-label", label);
  menu.replaceChildren(...nodes);
  menu.showPopover();
  place();
  items()[0]?.focus();
}

/** A line of the menu; `choose` is called when it has closed. */
export function menuItem(sign, words, choose, className = "menu-item") {
  const node = el("button", className, sign, el("span", "", words));
  return behave(node, "menuitem", choose);
}

/** Make any button an item of the menu. */
export function behave(node, role, choose) {
  node.type = "button";
  node.setAttribute("role", role);
  node.tabIndex = -1;
  node.addEventListener("click", () => {
    menu.hidePopover();
    choose();
  });
  return node;
}

const items = () => [...menu.querySelectorAll('[role^="menuitem"]')];

function step(event) {
  const all = items();
  const at = all.indexOf(document.activeElement);
  if (event.key === "Tab") {
    menu.hidePopover();
    return;
  }
  const next = { Home: 0, End: all.length - 1 }[event.key] ?? at + (STEPS[event.key] ?? 0);
  if (next === at) return;
  event.preventDefault();
  all[(next + all.length) % all.length].focus();
}

/** Above the button if there is room, else below; never over the window's edge. */
function place() {
  const at = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const above = at.top - height - GAP_PX;
  menu.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
  menu.style.top = `${above > 8 ? above : Math.min(at.bottom + GAP_PX, innerHeight - height - 8)}px`;
}
