/** Small helpers that make HTML and SVG elements; text is always set as text, never parsed as markup. */

const SVG = "http://www.w3.org/2000/svg";

function fill(node, props, children) {
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "dataset") Object.assign(node.dataset, value);
    else node.setAttribute(key === "className" ? "class" : key, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    node.append(child instanceof Node ? child : String(child));
  }
  return node;
}

/** h("button", {type: "button", onclick: f}, "text", node, [more]) */
export const h = (tag, props, ...children) => fill(document.createElement(tag), props, children);

/** The same for SVG elements. */
export const s = (tag, props, ...children) => fill(document.createElementNS(SVG, tag), props, children);

export const byId = (id) => document.getElementById(id);

/** Replace what a node holds. */
export function put(node, ...children) {
  node.replaceChildren();
  return fill(node, null, children);
}

/** Set text only where it differs, so that screen readers and selections are left alone. */
export function text(node, value) {
  if (node && node.textContent !== value) node.textContent = value;
}

/** 16 random bytes in hex; works without a secure context, unlike crypto.randomUUID. */
export function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

/** Storage that may be switched off by the browser. */
export const remember = {
  get(name) {
    try { return localStorage.getItem("cityops." + name); } catch { return null; }
  },
  set(name, value) {
    try { localStorage.setItem("cityops." + name, value); } catch { /* private window: forget */ }
  },
};
