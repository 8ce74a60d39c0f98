/**
 * WhatsApp's formatting as DOM nodes: *bold* _italic_ ~strike~ `code` ```block```, lists, quotes
 * and links. Whatever else is in a text stays text.
 */
import { el } from "./dom.js";

const MAX_NESTING = 4;
const TAGS = { "*": "strong", _: "em", "~": "s" };
const BLOCK = /```([\s\S]+?)```/g;
// A mark opens before a word and closes after one: `2 * 3 * 4` and `snake_case_name` stay as they are.
const INLINE =
  /(?<![\p{L}\p{N}*_~])([*_~])(?=[^\s*_~]|[*_~][^\s])(.+?)(?<=\S)\1(?![\p{L}\p{N}])|`([^`\n]+)`|(https?:\/\/[^\s<>"]+)/gu;
const LISTS = [
  { item: /^[-*•]\s+(.*)$/, tag: "ul" },
  { item: /^\d{1,3}[.)]\s+(.*)$/, tag: "ol" },
  { item: /^>\s?(.*)$/, tag: "blockquote" },
];

/** The nodes of one message. */
export function format(text) {
  const out = document.createDocumentFragment();
  let from = 0;
  for (const match of text.matchAll(BLOCK)) {
    lines(out, text.slice(from, match.index).replace(/\n$/, ""));
    out.append(el("pre", "", match[1].replace(/^\n|\n$/g, "")));
    from = match.index + match[0].length;
  }
  lines(out, from ? text.slice(from).replace(/^\n/, "") : text);
  return out;
}

/** One line without its marks, for lists and quotes. */
export function preview(text) {
  const plain = text.slice(0, 300).replaceAll("```", "").split("\n").map((line) => format(line).textContent);
  return plain.join(" ").replace(/\s+/g, " ").trim();
}

function lines(out, text) {
  if (!text) return;
  let group = null;
  let plain = null;
  for (const line of text.split("\n")) {
    const kind = LISTS.find(({ item }) => item.test(line));
    if (!kind) {
      if (plain) plain.append("\n");
      else out.append((plain = el("span", "plain")));
      plain.append(inline(line, 0));
      group = null;
      continue;
    }
    if (group?.kind !== kind) {
      group = { kind, node: el(kind.tag, "") };
      if (kind.tag === "ol") group.node.start = parseInt(line, 10);
      out.append(group.node);
      plain = null;
    }
    const content = inline(kind.item.exec(line)[1], 0);
    group.node.append(kind.tag === "blockquote" ? el("p", "", content) : el("li", "", content));
  }
}

function inline(text, depth) {
  const out = document.createDocumentFragment();
  if (depth > MAX_NESTING) {
    out.append(text);
    return out;
  }
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    out.append(text.slice(from, match.index));
    out.append(...marked(match, depth));
    from = match.index + match[0].length;
  }
  out.append(text.slice(from));
  return out;
}

function marked([whole, mark, content, code, url], depth) {
  if (mark) return [el(TAGS[mark], "", inline(content, depth + 1))];
  if (code) return [el("code", "", code)];
  const address = url.replace(/[.,;:!?)\]'*_~]+$/, "");
  return [link(address), whole.slice(address.length)];
}

function link(address) {
  const node = el("a", "", address);
  if (!URL.canParse(address)) return address;
  node.href = address;
  node.target = "_blank";
  node.rel = "noopener noreferrer nofollow";
  return node;
}
